//! A product question as the team declared it: who asked, what is decided, when production would ask, and what it wants to
//! know. Not here: how it is read from YAML (`read/`), and the observations themselves (tandem-project).

use serde::{Deserialize, Serialize};

use crate::diagnostic::Place;
use crate::expression::Expr;
use crate::project::Computation;
use crate::value::{Micros, Type};

/// A product question: who asked, what will be decided, what success looks like.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// The question in the words of who asked it.
    pub question: String,
    /// Who asked.
    pub asked_by: String,
    /// What will be decided with the answer.
    pub decides: String,
    /// By when the answer is wanted: a date, as written.
    pub by: Option<String>,
    /// When production would ask, and about whom.
    pub observe: Observe,
    /// What the question wants to know.
    pub outcome: Outcome,
    /// The features that may answer it, by index, in the order stated.
    pub features: Vec<usize>,
    /// What success looks like.
    pub success: Success,
    /// How the observations are split in time.
    pub split: Split,
    /// Where it is declared.
    pub place: Place,
}

/// When production would ask: on every record of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observe {
    /// The source whose every record is an observation.
    pub source: usize,
    /// The time field that the instant is reckoned from.
    pub field: usize,
    /// What is added to it; negative for `1 hour before`.
    pub offset: Micros,
    /// Which of its records, over the source's fields; null counts as no.
    pub filter: Option<Expr>,
    /// For each field of the request that a feature reads: (request index, the source's field of the same name).
    pub request: Vec<(usize, usize)>,
    /// Where it is declared.
    pub place: Place,
}

/// What a question wants to know, seen after the observation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The outcome's name: the label column of the training set.
    pub name: String,
    /// Whom it is about.
    pub entity: usize,
    /// How it is computed; every aggregation looks [`Window::Ahead`].
    pub value: Computation,
    /// Its type.
    pub ty: Type,
    /// How far ahead it looks.
    pub horizon: Micros,
    /// How long after the horizon the last record may still arrive.
    pub reporting_delay: Micros,
    /// Why an observation without an outcome is left out, in the team's words ("cancelled or diverted").
    pub when_missing: String,
    /// Where it is declared.
    pub place: Place,
}

/// What success looks like.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Success {
    /// The metric.
    pub metric: Metric,
    /// The least value that counts as success.
    pub at_least: f64,
}

/// How a model is measured against the outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Area under the ROC curve: how often a true case is ranked above a false one.
    RocAuc,
    /// Average precision: the area under the precision-recall curve, by steps.
    AveragePrecision,
    /// One minus the model's Brier score over the base rate's: 0 is no better than the base rate, 1 is perfect.
    BrierSkill,
}

/// How observations are split in time; between the parts lies a gap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Split {
    /// Observations at or after this instant are for testing.
    pub test_from: Micros,
    /// Observations in [`test_from` − gap, `test_from`) are in neither part.
    pub gap: Micros,
}
