//! Which columns of a flat table production could not have had: for each, at how many observations its value had arrived.
//!
//! A flat table holds what was learned at several moments in one row. The contracts say when each field's record arrives,
//! and the engine counts. Not here: running a notebook to see what it uses (the audit).

use serde::{Deserialize, Serialize};
use tandem_data::replay::{self, Asks, Known};
use tandem_definitions::{
    Aggregate, Binary, Computation, Expr, Feature, Function, Input, Place, Question, Type, Window,
};
use tandem_engine::Plan;

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
        self.source.is_some() && self.known == self.ever
    }

    /// In plain words.
    pub fn words(&self) -> String {
        let share = 100.0 * self.known as f64 / self.ever.max(1) as f64;
        match &self.source {
            None => format!("{}: no source declares it, so nobody can say when it is known", self.column),
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
    let mut found = Vec::new();
    for column in columns {
        let mut best = Foresight { column: column.clone(), source: None, known: 0, ever: 0 };
        for (source, field) in fields(loaded, question, column) {
            let ever = count(loaded, question, &observed, (source, field), Known::Everything)?;
            let known = count(loaded, question, &observed, (source, field), Known::Arrived)?;
            if best.source.is_none() || known > best.known {
                best.source = Some(loaded.project.sources[source].name.clone());
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

/// At how many observations the field has a value.
fn count(
    loaded: &Loaded,
    question: &Question,
    observed: &Observations,
    (source, field): (usize, usize),
    known: Known,
) -> Result<u64, Error> {
    let mut project = loaded.project.clone();
    let aggregate = |window| Aggregate {
        source,
        entity: question.outcome.entity,
        function: Function::Count,
        input: Some(Expr::Column(field)),
        input_type: project.sources[source].fields[field].ty,
        filter: None,
        window,
        ty: Type::Int,
    };
    // What had happened, and, when everything is known, what was still to happen.
    let computation = Computation {
        text: format!("count({})", project.sources[source].fields[field].name),
        aggregates: vec![aggregate(Window::AllTime), aggregate(Window::Ahead(i64::MAX / 2))],
        inputs: vec![Input::Aggregate(0), Input::Aggregate(1)],
        expr: Expr::Binary(Binary::Add, Box::new(Expr::Column(0)), Box::new(Expr::Column(1))),
    };
    project.features.push(Feature {
        name: "values".to_owned(),
        meaning: String::new(),
        owner: String::new(),
        entity: question.outcome.entity,
        value: computation,
        ty: Type::Int,
        default: None,
        place: Place::default(),
    });
    let plan = Plan::compile(&project, &[project.features.len() - 1]);
    let asks = Asks { keys: observed.keys_for(&plan), at: observed.at.clone(), request: Vec::new(), known };
    let replayed = replay::replay(&project, &plan, &loaded.origin, &asks, &loaded.options, &|_| {})?;
    let counts = replayed.columns[0].as_primitive::<Int64Type>();
    Ok(counts.values().iter().filter(|count| **count > 0).count() as u64)
}
