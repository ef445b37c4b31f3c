//! What late and corrected records cost: a question's features as production knew them, beside the same features as all that
//! is known today would have them. Not here: which of the two a model is trained on (always the first).

use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use serde::Serialize;
use tandem_data::replay::{Known, Progress};
use tandem_data::table::{columns, value};
use tandem_definitions::{Question, time};

use crate::error::Error;
use crate::load::Loaded;
use crate::observe::Observations;
use crate::training::{Labelled, features_of, key_columns, labelled};

/// How many observations of each feature are shown.
const SHOWN: usize = 3;

/// The features of a question, as known and as corrected.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The question.
    pub question: String,
    /// How many observations were compared: those of the training set.
    pub observations: u64,
    /// At how many of them any feature differs.
    pub changed: u64,
    /// The features, in the question's order.
    pub features: Vec<Difference>,
}

/// One feature, as known and as corrected.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The feature.
    pub feature: String,
    /// At how many observations it differs.
    pub differ: u64,
    /// At how many of them it was null, and has a value as corrected.
    pub only_corrected: u64,
    /// At how many of them it had a value, and is null as corrected.
    pub only_known: u64,
    /// Of numbers that differ: the mean absolute difference. Without an infinity or NaN.
    pub mean: Option<f64>,
    /// The greatest absolute difference.
    pub greatest: Option<f64>,
    /// Some of them: those that differ most, else the first.
    pub examples: Vec<Example>,
}

/// An observation at which a feature differs.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// Whom it is about, by key column.
    pub entity: BTreeMap<String, String>,
    /// When.
    pub at: String,
    /// The value that production had.
    pub as_known: String,
    /// The value by all that is known today.
    pub as_corrected: String,
}

impl Comparison {
    /// The share of the observations that later records changed, in percent.
    pub fn percent(&self) -> f64 {
        100.0 * self.changed as f64 / self.observations.max(1) as f64
    }

    /// In a sentence for everybody.
    pub fn in_words(&self) -> String {
        match (self.observations, self.changed) {
            (0, _) => "there is no observation to compare".to_owned(),
            (_, 0) => "no observation had a value that later records changed".to_owned(),
            _ => format!("{:.1} % of the observations had a value that later records changed", self.percent()),
        }
    }
}

/// Compares the features of a question's training set, as known and as corrected.
///
/// # Errors
/// What reading the sources can say.
pub fn compare(loaded: &Loaded, question: &Question, progress: &dyn Fn(Progress)) -> Result<Comparison, Error> {
    let part = |from: f64, share: f64| move |p: Progress| progress(Progress { share: from + p.share * share, ..p });
    let Labelled { observed, .. } = labelled(loaded, question, &part(0.0, 0.2))?;
    let features = &question.features;
    let known = features_of(loaded, features, &observed, Known::Arrived, &part(0.2, 0.4))?;
    let corrected = features_of(loaded, features, &observed, Known::Everything, &part(0.6, 0.4))?;
    let mut changed = vec![false; observed.len()];
    let mut differences = Vec::new();
    for ((&feature, known), corrected) in features.iter().zip(&known.columns).zip(&corrected.columns) {
        let name = &loaded.project.features[feature].name;
        differences.push(difference(loaded, name, &observed, (known, corrected), &mut changed));
    }
    Ok(Comparison {
        question: question.name.clone(),
        observations: observed.len() as u64,
        changed: changed.iter().filter(|changed| **changed).count() as u64,
        features: differences,
    })
}

fn difference(
    loaded: &Loaded,
    feature: &str,
    observed: &Observations,
    (known, corrected): (&ArrayRef, &ArrayRef),
    changed: &mut [bool],
) -> Difference {
    let (mut rows, mut only_corrected, mut only_known) = (Vec::new(), 0, 0);
    let mut distances: Vec<f64> = Vec::new();
    for (row, changed) in changed.iter_mut().enumerate() {
        let (was, is) = (value(known, row), value(corrected, row));
        if was.same_bits(&is) {
            continue;
        }
        *changed = true;
        only_corrected += u64::from(was.is_null());
        only_known += u64::from(is.is_null());
        let distance = was
            .as_datum()
            .as_f64()
            .zip(is.as_datum().as_f64())
            .map(|(was, is)| (was - is).abs())
            .filter(|d| d.is_finite());
        distances.extend(distance);
        rows.push((row, distance.unwrap_or(-1.0)));
    }
    let differ = rows.len() as u64;
    rows.sort_by(|(a, near), (b, far)| far.total_cmp(near).then(a.cmp(b)));
    let example = |&(row, _): &(usize, f64)| Example {
        entity: names(loaded, observed, row),
        at: time::format_instant(observed.at[row]),
        as_known: value(known, row).to_string(),
        as_corrected: value(corrected, row).to_string(),
    };
    Difference {
        feature: feature.to_owned(),
        differ,
        only_corrected,
        only_known,
        mean: (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64),
        greatest: distances.iter().copied().reduce(f64::max),
        examples: rows.iter().take(SHOWN).map(example).collect(),
    }
}

/// Whom an observation names, by key column.
fn names(loaded: &Loaded, observed: &Observations, row: usize) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (&entity, parts) in observed.entities.iter().zip(&observed.keys) {
        let parts = columns(parts).expect("keys are of the five types");
        let values = parts.iter().map(|part| part.get(row).to_value().to_string());
        names.extend(key_columns(&loaded.project, entity).into_iter().zip(values));
    }
    names
}
