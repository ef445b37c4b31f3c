//! The training set of a question: observations, the features that production would have had, and the outcome.
//!
//! It is a replay: the features come from the same engine that serves, asked at each observation's instant for what was
//! known then. What is left out is counted, with the reason. Not here: who trains on it (`train.rs`).

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow_select::take::take;
use serde::{Deserialize, Serialize};
use tandem_data::caps;
use tandem_data::replay::{self, Asks, Known, LogSummary, Progress};
use tandem_data::training_set::Writer;
use tandem_definitions::{Fold, Micros, Project, Question, Split, Type};
use tandem_engine::Plan;

use crate::error::Error;
use crate::load::Loaded;
use crate::observe::{Observations, observations};

mod facts;

pub use facts::{BOUNDS, Facts, FoldFacts, LogFacts};

/// A training set in memory, in the order of the observations.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Key columns, `at`, the features, the outcome.
    pub table: Table,
    /// The instants of its rows.
    pub at: Vec<Micros>,
    /// How it is split in time.
    pub split: Split,
    /// What it is made of, and what was left out.
    pub facts: Facts,
}

/// Named columns of one length.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The names and types.
    pub columns: Vec<(String, Type)>,
    /// The columns.
    pub arrays: Vec<ArrayRef>,
}

impl Table {
    pub(crate) fn push(&mut self, name: impl Into<String>, ty: Type, array: ArrayRef) {
        self.columns.push((name.into(), ty));
        self.arrays.push(array);
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.arrays.first().map_or(0, Array::len)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.columns.iter().position(|(n, _)| n == name).map(|i| &self.arrays[i])
    }

    /// Only these rows, in this order.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let index = UInt32Array::from(rows.to_vec());
        let arrays = self.arrays.iter().map(|array| take(array, &index, None).expect("rows of this very table"));
        Self { columns: self.columns.clone(), arrays: arrays.collect() }
    }

    /// Writes it as Parquet, with metadata.
    ///
    /// # Errors
    /// [`Error::Table`] when the file cannot be written.
    pub fn write(&self, path: &Path, metadata: &serde_json::Value) -> Result<(), Error> {
        let mut writer = Writer::create(path, &self.columns)?;
        writer.write(&self.arrays)?;
        writer.finish(metadata)?;
        Ok(())
    }
}

/// A part of a training set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Before the gap: what a model is fitted on.
    Train,
    /// Between the two: in neither, so that no outcome of training reaches into the test.
    Gap,
    /// In the test window: what a model is measured on.
    Test,
    /// After the test window, where it has an end: in neither.
    Later,
}

impl Part {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Gap => "gap",
            Self::Test => "test",
            Self::Later => "later",
        }
    }

    /// The part of a fold that an instant falls to.
    pub fn of(fold: &Fold, at: Micros) -> Self {
        if at < fold.train_before {
            Self::Train
        } else if at < fold.test_from {
            Self::Gap
        } else if fold.test_until.is_none_or(|until| at < until) {
            Self::Test
        } else {
            Self::Later
        }
    }
}

/// What the values of a training set rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Knowledge {
    /// What production knew at each instant: the only values that it will ever have.
    #[default]
    #[serde(rename = "as known")]
    AsKnown,
    /// All that is known today, late and corrected records included: production never had these values.
    #[serde(rename = "as corrected")]
    AsCorrected,
}

impl Knowledge {
    /// Which records a replay sees.
    pub(crate) fn records(self) -> Known {
        match self {
            Self::AsKnown => Known::Arrived,
            Self::AsCorrected => Known::Everything,
        }
    }
}

/// Makes the training set of a question with these features (indices; usually the question's own).
///
/// # Errors
/// What reading the sources can say.
pub fn training_set(
    loaded: &Loaded,
    question: &Question,
    features: &[usize],
    knowledge: Knowledge,
    progress: &dyn Fn(Progress),
) -> Result<TrainingSet, Error> {
    let project = &loaded.project;
    let Labelled { observed, label, left_out, logs } = labelled(loaded, question, &|p| {
        progress(Progress { share: p.share * 0.3, ..p });
    })?;
    let replayed = features_of(loaded, features, &observed, knowledge.records(), &|p| {
        progress(Progress { share: 0.3 + p.share * 0.7, ..p });
    })?;
    let table = table(project, question, features, &observed, &replayed.columns, &label);
    let mut facts = facts::facts(loaded, question, features, &observed, left_out, &[replayed.logs, logs].concat());
    facts.known = knowledge;
    facts.findings = caps::findings(project, &replayed.over_the_cap);
    Ok(TrainingSet { table, at: observed.at, split: question.split.clone(), facts })
}

/// The observations whose outcome is known, with it.
pub(crate) struct Labelled {
    /// The observations.
    pub observed: Observations,
    /// Their outcomes.
    pub label: ArrayRef,
    /// How many are not among them, and why.
    pub left_out: Vec<(String, u64)>,
    /// What of the log the outcomes rest on.
    pub logs: Vec<LogSummary>,
}

/// The observations of a question whose outcome is known, in their order.
pub(crate) fn labelled(loaded: &Loaded, question: &Question, progress: &dyn Fn(Progress)) -> Result<Labelled, Error> {
    let project = &loaded.project;
    let observed = observations(loaded, question)?;
    let outcome_plan = Plan::compile_outcome(project, question);
    let asks = Asks {
        keys: observed.keys_for(&outcome_plan),
        at: observed.at.clone(),
        request: Vec::new(),
        known: Known::Everything,
    };
    let outcome = replay::replay(project, &outcome_plan, &loaded.origin, &asks, &loaded.options, progress)?;
    let complete_until = complete_until(&outcome.logs, question);
    let label = &outcome.columns[0];
    let mut left_out = observed.left_out.clone();
    let (mut nobody, mut incomplete, mut missing) = (0, 0, 0);
    let mut kept: Vec<u32> = Vec::new();
    let about = asks.keys.first().map_or(&[] as &[ArrayRef], Vec::as_slice);
    for (row, &at) in observed.at.iter().enumerate() {
        if about.iter().any(|part| part.is_null(row)) {
            nobody += 1;
        } else if at > complete_until {
            incomplete += 1;
        } else if label.is_null(row) {
            missing += 1;
        } else {
            kept.push(row as u32);
        }
    }
    left_out.push((format!("it names no {}", project.entities[question.outcome.entity].name), nobody));
    left_out.push(("the outcome cannot be known yet".to_owned(), incomplete));
    left_out.push((question.outcome.when_missing.clone(), missing));
    left_out.retain(|(_, count)| *count > 0);
    let label = take(label, &UInt32Array::from(kept.clone()), None).expect("rows of this very column");
    Ok(Labelled { observed: observed.take(&kept), label, left_out, logs: outcome.logs })
}

/// The values of features for some observations.
///
/// # Errors
/// What reading the sources can say.
pub fn features_of(
    loaded: &Loaded,
    features: &[usize],
    observed: &Observations,
    known: Known,
    progress: &dyn Fn(Progress),
) -> Result<replay::Replayed, Error> {
    let plan = Plan::compile(&loaded.project, features);
    let asks =
        Asks { keys: observed.keys_for(&plan), at: observed.at.clone(), request: observed.request_for(&plan), known };
    Ok(replay::replay(&loaded.project, &plan, &loaded.origin, &asks, &loaded.options, progress)?)
}

/// The last instant whose outcome must have been reported: the end of the log less horizon and reporting delay.
pub(crate) fn complete_until(logs: &[LogSummary], question: &Question) -> Micros {
    let end = logs.iter().filter_map(|log| log.arrivals.map(|(_, last)| last)).max().unwrap_or(Micros::MIN);
    end.saturating_sub(question.outcome.horizon).saturating_sub(question.outcome.reporting_delay)
}

/// The names of an entity's key columns: its own name, or `entity.part` for a key of several parts.
pub fn key_columns(project: &Project, entity: usize) -> Vec<String> {
    let entity = &project.entities[entity];
    match entity.keys.as_slice() {
        [_] => vec![entity.name.clone()],
        parts => parts.iter().map(|part| format!("{}.{}", entity.name, part.name)).collect(),
    }
}

fn table(
    project: &Project,
    question: &Question,
    features: &[usize],
    observed: &Observations,
    values: &[ArrayRef],
    label: &ArrayRef,
) -> Table {
    let mut table = Table::default();
    for (&entity, parts) in observed.entities.iter().zip(&observed.keys) {
        let types = project.entities[entity].keys.iter().map(|part| part.ty);
        for ((name, ty), column) in key_columns(project, entity).into_iter().zip(types).zip(parts) {
            table.push(name, ty, column.clone());
        }
    }
    table.push("at", Type::Time, Arc::new(TimestampMicrosecondArray::from(observed.at.clone())));
    for (&f, column) in features.iter().zip(values) {
        let feature = &project.features[f];
        table.push(feature.name.clone(), feature.ty, column.clone());
    }
    table.push(question.outcome.name.clone(), question.outcome.ty, label.clone());
    table
}

impl TrainingSet {
    /// The fold of this number, from 1; the last without one.
    ///
    /// # Errors
    /// [`Error::Unusable`] when there is none of this number.
    pub fn fold(&self, number: Option<u32>) -> Result<Fold, Error> {
        let Some(number) = number else { return Ok(self.split.last()) };
        self.split.folds().find(|fold| fold.number == number).ok_or_else(|| {
            let what = format!("the question `{}` has no fold {number}", self.facts.question);
            let there = match self.split.folds {
                0 | 1 => "it is split once; `split: {folds: 4, each: 30 days, …}` makes several folds".to_owned(),
                folds => format!("its folds are 1 to {folds}"),
            };
            Error::unusable(what, there)
        })
    }

    /// For each row the part of a fold that it falls to.
    pub fn parts(&self, fold: &Fold) -> Vec<Part> {
        self.at.iter().map(|&at| Part::of(fold, at)).collect()
    }

    /// The rows of one part of a fold.
    pub fn part(&self, fold: &Fold, part: Part) -> Table {
        let rows = self.at.iter().enumerate().filter(|(_, at)| Part::of(fold, **at) == part).map(|(row, _)| row as u32);
        self.table.take(&rows.collect::<Vec<_>>())
    }

    /// All rows, with a last column `part`; where there are several folds, before it `fold`: the number of the one in whose
    /// test window the row lies.
    pub fn with_parts(&self, fold: &Fold) -> Table {
        let mut table = self.table.clone();
        if self.split.folds > 1 {
            let tests = |at: &Micros| self.split.folds().find(|fold| Part::of(fold, *at) == Part::Test);
            let folds: Int64Array = self.at.iter().map(|at| tests(at).map(|fold| i64::from(fold.number))).collect();
            table.push("fold", Type::Int, Arc::new(folds));
        }
        let parts: StringArray = self.parts(fold).into_iter().map(|part| Some(part.word())).collect();
        table.push("part", Type::Text, Arc::new(parts));
        table
    }

    /// Writes one part of a fold, or all rows with a column `part`, to a Parquet file with the facts as metadata.
    ///
    /// # Errors
    /// [`Error::Table`] when the file cannot be written.
    pub fn write(&self, fold: &Fold, part: Option<Part>, path: &Path) -> Result<(), Error> {
        let table = part.map_or_else(|| self.with_parts(fold), |part| self.part(fold, part));
        table.write(path, &self.facts.json())
    }
}
