//! Which columns of a flat table production could not have had: for each, at how many observations its value had arrived.
//!
//! A flat table holds what was learned at several moments in one row. The contracts say when each field's record arrives,
//! and the engine counts. Not here: running a notebook to see what it uses (the audit).

use serde::{Deserialize, Serialize};
use tandem_data::replay::{self, Asks, Known};
use tandem_definitions::{
    Aggregate, Binary, Computation, Expr, Feature, Function, Input, Place, Project, Question, Type, Window,
};
use tandem_engine::Plan;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use crate::error::Error;
use crate::load::Loaded;
use crate::observe::{Observations, observations};

/// What production had of one column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Foresight {
    /// The column.
    pub column: String,
    /// The source that brings it first; `None` when no source declares a field of that name.
    pub source: Option<String>,
    /// At how many observations its value had arrived.
    pub known: u64,
    /// At how many it ever arrived.
    pub ever: u64,
}

impl Foresight {
    /// Whether production had it whenever it exists at all.
    pub fn is_known(&self) -> bool {
        self.source.is_some() && self.ever > 0 && self.known == self.ever
    }

    /// In plain words.
    pub fn words(&self) -> String {
        let share = 100.0 * self.known as f64 / self.ever.max(1) as f64;
        match &self.source {
            None => format!("{}: no source declares it, so nobody can say when it is known", self.column),
            Some(source) if self.ever == 0 => format!("{}: never has a value in {source}", self.column),
            Some(source) if self.is_known() => format!("{}: known in time, from {source}", self.column),
            Some(source) if self.known == 0 => {
                format!("{}: never known in time; it comes with {source}, after the question is asked", self.column)
            }
            Some(source) => {
                format!("{}: known in time for {share:.1} % only; it comes with {source}", self.column)
            }
        }
    }
}

/// For each column, at how many of the question's observations production had its value, about the outcome's entity.
///
/// # Errors
/// What reading the sources can say.
pub fn columns(loaded: &Loaded, question: &Question, columns: &[String]) -> Result<Vec<Foresight>, Error> {
    let observed = observations(loaded, question)?;
    // All fields in one pass over the log: a flat table easily has a hundred columns.
    let fields: Vec<Vec<(usize, usize)>> = columns.iter().map(|column| fields(loaded, question, column)).collect();
    let all: Vec<(usize, usize)> = fields.iter().flatten().copied().collect();
    let mut ever = counts(loaded, question, &observed, &all, Known::Everything)?.into_iter();
    let mut known = counts(loaded, question, &observed, &all, Known::Arrived)?.into_iter();
    let mut found = Vec::new();
    for (column, fields) in columns.iter().zip(&fields) {
        let mut best = Foresight { column: column.clone(), source: None, known: 0, ever: 0 };
        for ((source, _), (known, ever)) in fields.iter().zip(known.by_ref().zip(ever.by_ref())) {
            if best.source.is_none() || known > best.known {
                best.source = Some(loaded.project.sources[*source].name.clone());
                (best.known, best.ever) = (known, ever);
            }
        }
        found.push(best);
    }
    Ok(found)
}

/// The sources about the outcome's entity that declare a field of this name.
fn fields(loaded: &Loaded, question: &Question, column: &str) -> Vec<(usize, usize)> {
    let about = |s: &&(usize, &tandem_definitions::Source)| {
        s.1.touches.iter().any(|touch| touch.entity == question.outcome.entity)
    };
    let sources: Vec<_> = loaded.project.sources.iter().enumerate().collect();
    sources.iter().filter(about).filter_map(|(i, source)| Some((*i, source.field(column)?))).collect()
}

/// For each of these fields, at how many observations it has a value.
fn counts(
    loaded: &Loaded,
    question: &Question,
    observed: &Observations,
    fields: &[(usize, usize)],
    known: Known,
) -> Result<Vec<u64>, Error> {
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let mut project = loaded.project.clone();
    let first = project.features.len();
    for (index, &field) in fields.iter().enumerate() {
        let feature = counting(&project, question, field, index);
        project.features.push(feature);
    }
    let plan = Plan::compile(&project, &(first..project.features.len()).collect::<Vec<_>>());
    let asks = Asks { keys: observed.keys_for(&plan), at: observed.at.clone(), request: Vec::new(), known };
    let replayed = replay::replay(&project, &plan, &loaded.origin, &asks, &loaded.options, &|_| {})?;
    let with_value = |column: &ArrayRef| {
        column.as_primitive::<Int64Type>().values().iter().filter(|count| **count > 0).count() as u64
    };
    Ok(replayed.columns.iter().map(with_value).collect())
}

/// The feature that counts a field's values, of the past and of what was still to come.
fn counting(project: &Project, question: &Question, (source, field): (usize, usize), index: usize) -> Feature {
    let field_of = &project.sources[source].fields[field];
    let aggregate = |window| Aggregate {
        role: None,
        source,
        entity: question.outcome.entity,
        function: Function::Count,
        input: Some(Expr::Column(field)),
        input_type: field_of.ty,
        filter: None,
        by: None,
        window,
        ty: Type::Int,
    };
    Feature {
        name: format!("values {index}"),
        meaning: String::new(),
        owner: String::new(),
        entity: question.outcome.entity,
        value: Computation {
            text: format!("count({})", field_of.name),
            aggregates: vec![aggregate(Window::AllTime), aggregate(Window::Ahead(i64::MAX / 2))],
            inputs: vec![Input::Aggregate(0), Input::Aggregate(1)],
            expr: Expr::Binary(Binary::Add, Box::new(Expr::Column(0)), Box::new(Expr::Column(1))),
        },
        ty: Type::Int,
        default: None,
        place: Place::default(),
    }
}
