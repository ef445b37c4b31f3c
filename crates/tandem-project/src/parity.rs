//! Parity: what was served equals what the replay gives, bit for bit; and what was predicted equals what the notebook's
//! own estimator says. Also how good the served predictions were, now that outcomes are known.
//!
//! Each row is replayed by the definitions that it was answered by, up to the positions of the log that it rested on.

use std::collections::BTreeMap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tandem_data::json::to_json;
use tandem_data::replay::{self, Progress};
use tandem_data::table::{columns, read_table};
use tandem_definitions::{Code, Format, Model, Type};
use tandem_engine::Plan;

use crate::error::Error;
use crate::load::Loaded;
use crate::measure::Measures;
use crate::python;
use crate::release::{Bundle, open_bundle};
use crate::served::{ServedRow, asks, served_rows};
use crate::training::{Table, complete_until};

/// How many differences are kept to be shown.
const SHOWN: usize = 10;

/// What a comparison found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many served rows were replayed.
    pub rows: u64,
    /// How many feature values were compared, bit for bit.
    pub values_compared: u64,
    /// How many differ.
    pub values_differing: u64,
    /// How many predictions were compared with the estimator's.
    pub predictions_compared: u64,
    /// How many differ by more than the tolerance.
    pub predictions_differing: u64,
    /// The largest difference of a prediction.
    pub largest_difference: f64,
    /// The tolerance.
    pub tolerance: f64,
    /// The first differences.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Whether nothing differs. A comparison of nothing is no parity.
    pub fn holds(&self) -> bool {
        self.rows > 0 && self.values_differing == 0 && self.predictions_differing == 0
    }
}

/// A served value that the replay does not give.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// `T501` for a value, `T502` for a prediction.
    pub code: Code,
    /// The row's number in the served log.
    pub seq: u64,
    /// The feature, or `prediction`.
    pub name: String,
    /// What was served.
    pub served: Json,
    /// What the replay or the estimator gives.
    pub replayed: Json,
}

/// Compares the served rows (of one model, or all) with the replay.
///
/// # Errors
/// What reading the logs can say, or a release whose bundle is not here.
pub fn parity(
    loaded: &Loaded,
    model: Option<&str>,
    tolerance: f64,
    progress: &dyn Fn(Progress),
) -> Result<Report, Error> {
    let rows = served_rows(loaded)?;
    let mut groups: BTreeMap<(Option<&str>, &str, &str), Vec<&ServedRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| model.is_none() || row.model.as_deref() == model) {
        groups.entry((row.release.as_deref(), &row.question, &row.project_hash)).or_default().push(row);
    }
    let mut report = Report { tolerance, ..Report::default() };
    for ((release, _, hash), rows) in &groups {
        let bundle = release.map(|id| open_bundle(loaded, id)).transpose()?;
        let by = bundle.as_ref().map_or(loaded, |bundle| &bundle.loaded);
        if by.hash != **hash {
            return Err(Error::unusable(
                format!("{} served rows were answered by other definitions than these", rows.len()),
                "check out the definitions of that time (their hash is in the served log) and compare again",
            ));
        }
        compare(by, bundle.as_ref(), rows, &mut report, progress)?;
    }
    Ok(report)
}

fn compare(
    loaded: &Loaded,
    bundle: Option<&Bundle>,
    rows: &[&ServedRow],
    report: &mut Report,
    progress: &dyn Fn(Progress),
) -> Result<(), Error> {
    let project = &loaded.project;
    let Some(first) = rows.first() else { return Ok(()) };
    let features = first.values.keys().map(|name| loaded.feature(name)).collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::compile(project, &features);
    let asks = asks(project, &plan, rows, false)?;
    let replayed = replay::replay(project, &plan, &loaded.origin, &asks, &loaded.options, progress)?;
    report.rows += rows.len() as u64;
    let read = columns(&replayed.columns).expect("a replay gives only the five types");
    for (output, column) in plan.outputs().iter().zip(&read) {
        for (i, row) in rows.iter().enumerate() {
            let value = to_json(&column.get(i).to_value());
            let served = row.values.get(&output.name).cloned().unwrap_or(Json::Null);
            report.values_compared += 1;
            if served != value {
                report.values_differing += 1;
                report.keep(Code::ServedValueDiffers, row.seq, &output.name, served, value);
            }
        }
    }
    if let Some(bundle) = bundle {
        let mut table = Table::default();
        for &f in &bundle.model().features {
            let name = &project.features[f].name;
            let at = plan.outputs().iter().position(|output| output.name == *name).ok_or_else(|| {
                Error::unusable(
                    format!("the served log lacks `{name}`, an input of the release {}", bundle.id),
                    "was the log written by another version? serve again",
                )
            })?;
            table.push(name.clone(), plan.outputs()[at].ty, replayed.columns[at].clone());
        }
        compare_predictions(bundle, &table, rows, report)?;
    }
    Ok(())
}

/// Asks the notebook's own estimator about the replayed rows.
fn compare_predictions(bundle: &Bundle, table: &Table, rows: &[&ServedRow], report: &mut Report) -> Result<(), Error> {
    let state = bundle.loaded.state_dir();
    let folder = tempfile::tempdir_in(&state).map_err(Error::file("write in", &state))?;
    let (given, out) = (folder.path().join("rows.parquet"), folder.path().join("predictions.parquet"));
    table.write(&given, &Json::Null)?;
    let environment = bundle.environment(&mut |_| {})?;
    let estimator = bundle.folder.join("estimator.joblib");
    python::predict(&bundle.loaded, &environment.python, &estimator, &given, &out)?;
    let wanted = [("prediction".to_owned(), Type::Float)];
    let (predicted, _) = read_table(&out, Format::Parquet, &wanted, None)?;
    let predicted = predicted[0].as_primitive::<Float64Type>();
    for (i, row) in rows.iter().enumerate() {
        let Some(served) = row.prediction else { continue };
        let own = predicted.value(i);
        let difference = (served - own).abs();
        report.predictions_compared += 1;
        report.largest_difference = report.largest_difference.max(difference);
        if difference.is_nan() || difference > report.tolerance {
            report.predictions_differing += 1;
            report.keep(Code::PredictionDiffers, row.seq, "prediction", Json::from(served), Json::from(own));
        }
    }
    Ok(())
}

impl Report {
    fn keep(&mut self, code: Code, seq: u64, name: &str, served: Json, replayed: Json) {
        if self.differences.len() < SHOWN {
            self.differences.push(Difference { code, seq, name: name.to_owned(), served, replayed });
        }
    }
}

/// How good served predictions were.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Served {
    /// How many predictions were served.
    pub predictions: u64,
    /// Of how many the outcome cannot be known yet.
    pub unknown: u64,
    /// How many have none, for the reason that the question states.
    pub without: u64,
    /// The measures of the others.
    pub measures: Measures,
}

/// Measures the served predictions of a model against the outcomes that have become known.
///
/// # Errors
/// What reading the logs can say.
pub fn measure_served(loaded: &Loaded, model: &Model, progress: &dyn Fn(Progress)) -> Result<Served, Error> {
    let rows = served_rows(loaded)?;
    let rows: Vec<&ServedRow> =
        rows.iter().filter(|row| row.model.as_ref() == Some(&model.name) && row.prediction.is_some()).collect();
    let question = &loaded.project.questions[model.question];
    let plan = Plan::compile_outcome(&loaded.project, question);
    let asks = asks(&loaded.project, &plan, &rows, true)?;
    let outcome = replay::replay(&loaded.project, &plan, &loaded.origin, &asks, &loaded.options, progress)?;
    let until = complete_until(&outcome.logs, question);
    let known = outcome.columns[0].as_boolean_opt().ok_or_else(|| {
        Error::unusable(
            format!("the outcome `{}` is no yes or no", question.outcome.name),
            "make it a comparison, such as `max(arr_delay) > 30`",
        )
    })?;
    let (mut unknown, mut without) = (0, 0);
    let (mut predictions, mut outcomes) = (Vec::new(), Vec::new());
    for (i, row) in rows.iter().enumerate() {
        if asks.at[i] > until {
            unknown += 1;
        } else if known.is_null(i) {
            without += 1;
        } else if let Some(prediction) = row.prediction {
            predictions.push(prediction);
            outcomes.push(known.value(i));
        }
    }
    let measures = Measures::new(&predictions, &outcomes);
    Ok(Served { predictions: rows.len() as u64, unknown, without, measures })
}
