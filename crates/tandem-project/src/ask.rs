//! The values of features for observations from a file, as production would have answered at each instant.

use std::path::Path;

use tandem_data::caps;
use tandem_data::replay::{self, Asks, Known, Progress};
use tandem_data::table::{batch, format_of, read_table, schema, write_table};
use tandem_definitions::{Diagnostic, Type};
use tandem_engine::Plan;

use crate::error::Error;
use crate::load::Loaded;
use crate::training::key_columns;

/// Which features.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// These, by name.
    Features(&'a [String]),
    /// Those of a question.
    Question(&'a str),
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// How many rows.
    pub rows: usize,
    /// How many values in each.
    pub features: usize,
    /// What is odd about them.
    pub findings: Vec<Diagnostic>,
}

/// Reads observations (a column for each part of the entities' keys, `at`, and `request.NAME` where a feature reads it)
/// from a Parquet, CSV or JSON lines file, and writes them with the features to another one: the same rows in order.
///
/// # Errors
/// [`Error::NoSuch`] for an unknown name; what reading and writing can say.
pub fn features(
    loaded: &Loaded,
    wanted: Wanted<'_>,
    observations: &Path,
    out: &Path,
    progress: &dyn Fn(Progress),
) -> Result<Answered, Error> {
    let project = &loaded.project;
    let features = match wanted {
        Wanted::Features(names) => names.iter().map(|name| loaded.feature(name)).collect::<Result<Vec<_>, _>>()?,
        Wanted::Question(name) => loaded.question(name)?.features.clone(),
    };
    let plan = Plan::compile(project, &features);
    let mut columns: Vec<(String, Type)> = Vec::new();
    for &entity in plan.entities() {
        let types = project.entities[entity].keys.iter().map(|part| part.ty);
        columns.extend(key_columns(project, entity).into_iter().zip(types));
    }
    columns.push(("at".to_owned(), Type::Time));
    for &field in plan.request_fields() {
        columns.push((format!("request.{}", project.request[field].name), project.request[field].ty));
    }
    let (mut arrays, _) = read_table(observations, format_of(observations)?, &columns, None)?;
    let mut given = arrays.iter().cloned();
    let keys = plan.entities().iter().map(|&entity| given.by_ref().take(project.entities[entity].keys.len()).collect());
    let keys: Vec<Vec<_>> = keys.collect();
    let at = given.next().expect("as many columns as were wanted");
    let request = given.collect();
    let at = tandem_data::table::Column::new(&at)
        .map_or(Vec::new(), |at| (0..arrays[0].len()).map(|row| at.get(row).to_value()).collect::<Vec<_>>());
    let at: Option<Vec<i64>> =
        at.iter().map(|value| if let tandem_definitions::Value::Time(at) = value { Some(*at) } else { None }).collect();
    let at = at.ok_or_else(|| {
        Error::unusable(
            format!("{} has a row without an instant in the column `at`", observations.display()),
            "every observation says when it asks",
        )
    })?;
    let asks = Asks { keys, at, request, known: Known::Arrived };
    let replayed = replay::replay(project, &plan, &loaded.origin, &asks, &loaded.options, progress)?;
    columns.extend(plan.outputs().iter().map(|output| (output.name.clone(), output.ty)));
    arrays.extend(replayed.columns);
    let rows = asks.at.len();
    let table = batch(&schema(&columns), &arrays).map_err(tandem_data::table::TableError::from)?;
    write_table(out, &table)?;
    Ok(Answered { rows, features: features.len(), findings: caps::findings(project, &replayed.over_the_cap) })
}
