//! The training set of a question: observations, the features that production would have had, and the outcome.
//!
//! It is a replay: the features come from the same engine that serves, asked at each observation's instant for what was
//! known then. What is left out is counted, with the reason. Not here: who trains on it (`train.rs`).

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow_select::take::take;
use serde::{Deserialize, Serialize};
use tandem_data::caps;
use tandem_data::replay::{self, Asks, Known, LogSummary, Progress};
use tandem_data::training_set::Writer;
use tandem_definitions::{Arrival, Diagnostic, Micros, Project, Question, Type, time};
use tandem_engine::Plan;

use crate::error::Error;
use crate::load::Loaded;
use crate::observe::{Observations, observations};

/// A training set in memory, in order of the instant.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Key columns, `at`, the features, the outcome.
    pub table: Table,
    /// For each row the part of the split it falls to.
    pub parts: Vec<Part>,
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
    /// From the split's instant on: what a model is measured on.
    Test,
}

impl Part {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Gap => "gap",
            Self::Test => "test",
        }
    }
}

/// What a training set is made of: its metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The question.
    pub question: String,
    /// The hash of the definitions.
    pub definitions: String,
    /// The version of Tandem.
    pub tandem: String,
    /// What of the log it rests on.
    pub logs: Vec<LogFacts>,
    /// The interval rule, in words.
    pub bounds: String,
    /// The features, in order.
    pub features: Vec<String>,
    /// The outcome's column.
    pub outcome: String,
    /// How many records the observation rule looked at.
    pub records_observed: u64,
    /// How many rows it has.
    pub rows: u64,
    /// How many rows each part has.
    pub parts: Vec<(Part, u64)>,
    /// How many observations are not in it, and why.
    pub left_out: Vec<(String, u64)>,
    /// The split.
    pub split: String,
    /// What is odd about its values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Diagnostic>,
}

/// What of one source's log a training set rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogFacts {
    /// The source.
    pub source: String,
    /// How many records its log had.
    pub records: u64,
    /// The first and the last arrival.
    pub arrivals: Option<(String, String)>,
    /// Whether the arrival time is observed, declared or assumed.
    pub arrival_time: String,
    /// How many records repeated an identity and were ignored.
    pub duplicates: u64,
    /// For each entity, how many records named none.
    pub without_entity: Vec<(String, u64)>,
    /// What else was odd, in words.
    pub findings: Vec<String>,
}

/// The bounds of every value, in words.
pub const BOUNDS: &str =
    "a record counts at an instant t if and only if it arrived before t and t - window <= event time < t";

/// Makes the training set of a question with these features (indices; usually the question's own).
///
/// # Errors
/// What reading the sources can say.
pub fn training_set(
    loaded: &Loaded,
    question: &Question,
    features: &[usize],
    progress: &dyn Fn(Progress),
) -> Result<TrainingSet, Error> {
    let project = &loaded.project;
    let observed = observations(loaded, question)?;
    let outcome_plan = Plan::compile_outcome(project, question);
    let asks = Asks {
        keys: observed.keys_for(&outcome_plan),
        at: observed.at.clone(),
        request: Vec::new(),
        known: Known::Everything,
    };
    let outcome = replay::replay(project, &outcome_plan, &loaded.origin, &asks, &loaded.options, &|p| {
        progress(Progress { share: p.share * 0.3, ..p });
    })?;
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
    let observed = observed.take(&kept);
    let replayed = features_of(loaded, question, features, &observed, Known::Arrived, &|p| {
        progress(Progress { share: 0.3 + p.share * 0.7, ..p });
    })?;
    let parts: Vec<Part> = observed.at.iter().map(|&at| part_of(question, at)).collect();
    let table = table(project, question, features, &observed, &replayed.columns, &label);
    let findings = caps::findings(project, &replayed.over_the_cap);
    let facts = facts(loaded, question, features, &observed, &parts, left_out, &[replayed.logs, outcome.logs].concat());
    let facts = Facts { findings, ..facts };
    Ok(TrainingSet { table, parts, facts })
}

/// The values of features for some observations of a question.
///
/// # Errors
/// What reading the sources can say.
pub fn features_of(
    loaded: &Loaded,
    question: &Question,
    features: &[usize],
    observed: &Observations,
    known: Known,
    progress: &dyn Fn(Progress),
) -> Result<replay::Replayed, Error> {
    let plan = Plan::compile(&loaded.project, features);
    let asks = Asks {
        keys: observed.keys_for(&plan),
        at: observed.at.clone(),
        request: observed.request_for(question, &plan),
        known,
    };
    Ok(replay::replay(&loaded.project, &plan, &loaded.origin, &asks, &loaded.options, progress)?)
}

/// The last instant whose outcome must have been reported: the end of the log less horizon and reporting delay.
pub(crate) fn complete_until(logs: &[LogSummary], question: &Question) -> Micros {
    let end = logs.iter().filter_map(|log| log.arrivals.map(|(_, last)| last)).max().unwrap_or(Micros::MIN);
    end.saturating_sub(question.outcome.horizon).saturating_sub(question.outcome.reporting_delay)
}

fn part_of(question: &Question, at: Micros) -> Part {
    let split = &question.split;
    if at >= split.test_from {
        Part::Test
    } else if at >= split.test_from.saturating_sub(split.gap) {
        Part::Gap
    } else {
        Part::Train
    }
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

fn facts(
    loaded: &Loaded,
    question: &Question,
    features: &[usize],
    observed: &Observations,
    parts: &[Part],
    left_out: Vec<(String, u64)>,
    summaries: &[LogSummary],
) -> Facts {
    let project = &loaded.project;
    let mut logs: Vec<LogFacts> = Vec::new();
    for log in summaries {
        if !logs.iter().any(|l| l.source == project.sources[log.source].name) {
            logs.push(log_facts(project, log));
        }
    }
    let count = |part| (part, parts.iter().filter(|p| **p == part).count() as u64);
    let split = &question.split;
    Facts {
        question: question.name.clone(),
        definitions: loaded.hash.clone(),
        tandem: env!("CARGO_PKG_VERSION").to_owned(),
        logs,
        bounds: BOUNDS.to_owned(),
        features: features.iter().map(|&f| project.features[f].name.clone()).collect(),
        outcome: question.outcome.name.clone(),
        records_observed: observed.records,
        rows: parts.len() as u64,
        parts: vec![count(Part::Train), count(Part::Gap), count(Part::Test)],
        left_out,
        split: format!(
            "train before {}, test from {}",
            time::format_instant(split.test_from.saturating_sub(split.gap)),
            time::format_instant(split.test_from)
        ),
        findings: Vec::new(),
    }
}

fn log_facts(project: &Project, log: &LogSummary) -> LogFacts {
    let source = &project.sources[log.source];
    let arrival_time = match &source.arrival {
        Arrival::Observed => "observed: our own log stamped it".to_owned(),
        Arrival::Declared { field } => format!("declared: the field {}", source.fields[*field].name),
        Arrival::Assumed { delay } => format!("assumed: {} after the event", time::format_duration(*delay)),
    };
    let to_come = (log.to_come > 0).then(|| format!("{} records claim to arrive in the future", log.to_come));
    LogFacts {
        source: source.name.clone(),
        records: log.records,
        arrivals: log.arrivals.map(|(first, last)| (time::format_instant(first), time::format_instant(last))),
        arrival_time,
        duplicates: log.duplicates,
        without_entity: log
            .without_entity
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(entity, count)| (project.entities[*entity].name.clone(), *count))
            .collect(),
        findings: log.findings.diagnostics(source).into_iter().map(|d| d.message).chain(to_come).collect(),
    }
}

impl TrainingSet {
    /// The rows of one part.
    pub fn part(&self, part: Part) -> Table {
        let rows = self.parts.iter().enumerate().filter(|(_, p)| **p == part).map(|(row, _)| row as u32);
        self.table.take(&rows.collect::<Vec<_>>())
    }

    /// All rows, with a last column `part`.
    pub fn with_parts(&self) -> Table {
        let mut table = self.table.clone();
        let parts: StringArray = self.parts.iter().map(|part| Some(part.word())).collect();
        table.push("part", Type::Text, Arc::new(parts));
        table
    }

    /// Writes one part, or all with a column `part`, to a Parquet file with the facts as metadata.
    ///
    /// # Errors
    /// [`Error::Table`] when the file cannot be written.
    pub fn write(&self, part: Option<Part>, path: &Path) -> Result<(), Error> {
        let table = part.map_or_else(|| self.with_parts(), |part| self.part(part));
        table.write(path, &self.facts.json())
    }
}

impl Facts {
    /// As JSON: a training set's metadata, and the file `training-set.json` of a run.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("facts are plain data")
    }
}
