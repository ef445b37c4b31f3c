//! The values of features for observations from a file, as production would have answered at each instant.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, TimestampMicrosecondArray};
use tandem_data::caps;
use tandem_data::replay::{self, Asks, Known, Progress};
use tandem_data::table::{batch, schema, write_table};
use tandem_definitions::Diagnostic;
use tandem_engine::Plan;

use crate::error::Error;
use crate::load::Loaded;
use crate::observe::file;

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
    let (entities, told) = (plan.entities(), plan.request_fields());
    let observed = file::read(project, observations, (entities, told))?;
    let mut columns = file::columns(project, entities, told);
    let asks = Asks { keys: observed.keys, at: observed.at, request: observed.request, known: Known::Arrived };
    let replayed = replay::replay(project, &plan, &loaded.origin, &asks, &loaded.options, progress)?;
    columns.extend(plan.outputs().iter().map(|output| (output.name.clone(), output.ty)));
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(asks.at.clone()));
    let mut arrays: Vec<ArrayRef> = asks.keys.concat();
    arrays.push(at);
    arrays.extend(asks.request.iter().cloned());
    arrays.extend(replayed.columns);
    let rows = asks.at.len();
    let table = batch(&schema(&columns), &arrays).map_err(tandem_data::table::TableError::from)?;
    write_table(out, &table)?;
    Ok(Answered { rows, features: features.len(), findings: caps::findings(project, &replayed.over_the_cap) })
}
