//! A product question as the team declared it: who asked, what is decided, when production would ask, and what it wants to
//! know. Not here: how it is read from YAML (`read/`, `calendar.rs`), and the observations themselves (tandem-project).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Place;
use crate::expression::Expr;
use crate::project::{Computation, Window};
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

/// When production would ask, and about whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observe {
    /// The rule that says when.
    pub rule: Rule,
    /// The entities that an observation names, by index in the project.
    pub entities: Vec<usize>,
    /// The fields of the request that an observation tells, by index in the project: those that a feature reads.
    pub request: Vec<usize>,
    /// Where it is declared.
    pub place: Place,
}

/// What says when production would ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// `on:` every record of a source.
    Record(OnRecord),
    /// `every:` so often on a calendar, for the entities that were active.
    Calendar(OnCalendar),
    /// `from:` a file whose rows are the observations: its path, relative to the project's folder.
    File(String),
}

/// On every record of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OnRecord {
    /// The source.
    pub source: usize,
    /// The time field that the instant is reckoned from.
    pub field: usize,
    /// What is added to it; negative for `1 hour before`.
    pub offset: Micros,
    /// Which of its records, over the source's fields; null counts as no.
    pub filter: Option<Expr>,
    /// For each entity that an observation names, the source's fields with the parts of its key.
    pub keys: Vec<Vec<usize>>,
    /// As what the record touches it, where it touches several of one kind.
    #[serde(default)]
    pub role: Option<String>,
    /// For each field of the request that is told, the source's field of the same name.
    pub request: Vec<usize>,
}

/// On a calendar, for each entity that was active: a record of the source touched it that was known at the instant and had
/// happened in the window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OnCalendar {
    /// How often.
    pub every: Calendar,
    /// Whom it is about.
    pub entity: usize,
    /// The source whose records are its activity.
    pub source: usize,
    /// For each key of the entity that a record holds (in the role), the source's fields with its parts.
    pub keys: Vec<Vec<usize>>,
    /// Only records that touch the entity as this.
    #[serde(default)]
    pub role: Option<String>,
    /// Which of them, over the source's fields; null counts as no.
    pub filter: Option<Expr>,
    /// The span of event time in which one must lie.
    pub window: Window,
}

/// Instants that come again: a time of the day on the wall clock of a zone, on some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// On which days.
    pub days: Days,
    /// What the clock shows, in microseconds since midnight.
    pub time: Micros,
    /// Whose wall clock: an IANA name, or `UTC`.
    pub zone: Arc<str>,
}

/// Days that come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Days {
    /// Every day.
    All,
    /// One day of the week: 1 is Monday.
    Weekday(u8),
    /// One day of the month, from 1 to 28, which every month has.
    OfMonth(u8),
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

/// How observations are split in time: folds whose test windows follow each other. What is before a fold's window, less the
/// gap, is for training. The last fold is the one that models are measured on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Split {
    /// Where the first fold's test window begins.
    pub test_from: Micros,
    /// Observations in [start of the test window − gap, start) are in neither part.
    pub gap: Micros,
    /// How many folds there are; at least 1.
    pub folds: u32,
    /// How long each test window is; `None`: one fold, whose window has no end.
    pub each: Option<Micros>,
}

/// One fold: a training part, a gap, and a test window. All intervals are half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Its number, from 1.
    pub number: u32,
    /// Observations before this instant are for training.
    pub train_before: Micros,
    /// Observations at or after this instant are for testing …
    pub test_from: Micros,
    /// … and before this one; `None`: all.
    pub test_until: Option<Micros>,
}

impl Split {
    /// The folds, in order of time; at least one.
    pub fn folds(&self) -> impl Iterator<Item = Fold> {
        (1..=self.folds.max(1)).map(|number| self.fold(number))
    }

    /// The fold that models are measured on.
    pub fn last(&self) -> Fold {
        self.fold(self.folds.max(1))
    }

    fn fold(&self, number: u32) -> Fold {
        let each = self.each.unwrap_or(0);
        let start = |number: u32| self.test_from.saturating_add(each.saturating_mul(i64::from(number - 1)));
        let test_from = start(number);
        Fold {
            number,
            train_before: test_from.saturating_sub(self.gap),
            test_from,
            test_until: self.each.map(|_| start(number + 1)),
        }
    }
}
