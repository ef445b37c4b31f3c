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
use tandem_data::caps;
use tandem_data::json::to_json;
use tandem_data::replay::{self, Progress};
use tandem_data::table::{read_table, value};
use tandem_definitions::{Code, Diagnostic, Format, Type};
use tandem_engine::Plan;

use crate::bundle::{Bundle, open_bundle};
use crate::error::Error;
use crate::load::Loaded;
use crate::measure::Measures;
use crate::python;
use crate::served::{ServedRow, asks, served_rows};
use crate::training::{Table, complete_until};

/// How many differences are kept to be shown.
const SHOWN: usize = 10;

/// What a comparison found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many served rows were replayed.
    pub rows: u64,
    /// Rows that were answered by definitions that are neither here nor a release's: their hash, and how many.
    pub not_comparable: Vec<(String, u64)>,
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
    /// What is odd about the values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Diagnostic>,
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
        if by.hash == **hash {
            compare(by, bundle.as_ref(), rows, &mut report, progress)?;
        } else {
            report.not_comparable.push(((*hash).to_owned(), rows.len() as u64));
        }
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
    report.findings.extend(caps::findings(project, &replayed.over_the_cap));
    for (output, column) in plan.outputs().iter().zip(&replayed.columns) {
        for (i, row) in rows.iter().enumerate() {
            let replayed = to_json(&value(column, i));
            let served = row.values.get(&output.name).cloned().unwrap_or(Json::Null);
            report.values_compared += 1;
            if served != replayed {
                report.values_differing += 1;
                report.keep(Code::ServedValueDiffers, row.seq, &output.name, served, replayed);
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
        let Some(served) = row.prediction() else { continue };
        report.compare_prediction(row.seq, served, predicted.value(i));
    }
    Ok(())
}

impl Report {
    /// Compares a served prediction with the estimator's own. No number on either side is a difference.
    fn compare_prediction(&mut self, seq: u64, served: f64, own: f64) {
        let difference = (served - own).abs();
        self.predictions_compared += 1;
        self.largest_difference = self.largest_difference.max(difference);
        if difference.is_nan() || difference > self.tolerance {
            self.predictions_differing += 1;
            self.keep(Code::PredictionDiffers, seq, "prediction", Json::from(served), Json::from(own));
        }
    }

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

/// Measures the predictions that a release served against the outcomes that have become known.
///
/// # Errors
/// What reading the logs can say.
pub fn measure_served(bundle: &Bundle, progress: &dyn Fn(Progress)) -> Result<Served, Error> {
    let (loaded, model) = (&bundle.loaded, bundle.model());
    let rows = served_rows(loaded)?;
    let of_release = |row: &&ServedRow| row.release.as_ref() == Some(&bundle.id) && row.prediction().is_some();
    let rows: Vec<&ServedRow> = rows.iter().filter(of_release).collect();
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
        } else if let Some(prediction) = row.prediction() {
            predictions.push(prediction);
            outcomes.push(known.value(i));
        }
    }
    let measures = Measures::new(&predictions, &outcomes);
    Ok(Served { predictions: rows.len() as u64, unknown, without, measures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_differs_beyond_the_tolerance_or_without_a_number() {
        let mut report = Report { rows: 3, tolerance: 1e-6, ..Report::default() };
        report.compare_prediction(1, 0.25, 0.250_000_9);
        assert!(report.holds());
        report.compare_prediction(2, 0.25, 0.250_002);
        report.compare_prediction(3, f64::NAN, 0.5);
        assert_eq!((report.predictions_compared, report.predictions_differing), (3, 2));
        assert_eq!(
            report.differences.iter().map(|d| (d.code, d.seq)).collect::<Vec<_>>(),
            [(Code::PredictionDiffers, 2), (Code::PredictionDiffers, 3)]
        );
        assert!(!report.holds() && !Report::default().holds(), "a comparison of nothing is no parity");
    }
}
