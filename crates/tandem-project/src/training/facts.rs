//! What a training set is made of: the metadata in its file. Not here: making it.

use serde::{Deserialize, Serialize};
use tandem_data::replay::LogSummary;
use tandem_definitions::{Arrival, Diagnostic, Fold, Micros, Project, Question, time};

use super::{Knowledge, Part};
use crate::load::Loaded;
use crate::observe::Observations;

/// What a training set is made of: its metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The question.
    pub question: String,
    /// The hash of the definitions.
    pub definitions: String,
    /// The version of Tandem.
    pub tandem: String,
    /// Whether the features are as production knew them, or as corrected since.
    #[serde(default)]
    pub known: Knowledge,
    /// The rule that says when production would ask, in words.
    #[serde(default)]
    pub observed: String,
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
    /// How many rows each part has; of several folds, those of the last.
    pub parts: Vec<(Part, u64)>,
    /// The folds, where there are several.
    #[serde(default)]
    pub folds: Vec<FoldFacts>,
    /// How many observations are not in it, and why.
    pub left_out: Vec<(String, u64)>,
    /// The split.
    pub split: String,
    /// What is odd about its values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Diagnostic>,
}

/// One fold of a training set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldFacts {
    /// Its number, from 1.
    pub fold: u32,
    /// The training part is before this instant.
    pub train_before: String,
    /// The test window begins here …
    pub test_from: String,
    /// … and ends before this.
    pub test_until: Option<String>,
    /// How many rows each part has.
    pub parts: Vec<(Part, u64)>,
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

/// The facts of a training set.
pub(super) fn facts(
    loaded: &Loaded,
    question: &Question,
    features: &[usize],
    observed: &Observations,
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
    let split = &question.split;
    let fold = |fold: Fold| FoldFacts {
        fold: fold.number,
        train_before: time::format_instant(fold.train_before),
        test_from: time::format_instant(fold.test_from),
        test_until: fold.test_until.map(time::format_instant),
        parts: counts(&fold, &observed.at),
    };
    Facts {
        question: question.name.clone(),
        definitions: loaded.hash.clone(),
        tandem: env!("CARGO_PKG_VERSION").to_owned(),
        known: Knowledge::AsKnown,
        observed: observed.rule.clone(),
        logs,
        bounds: BOUNDS.to_owned(),
        features: features.iter().map(|&f| project.features[f].name.clone()).collect(),
        outcome: question.outcome.name.clone(),
        records_observed: observed.records,
        rows: observed.len() as u64,
        parts: counts(&split.last(), &observed.at),
        folds: if split.folds > 1 { split.folds().map(fold).collect() } else { Vec::new() },
        left_out,
        split: bounds_of(&split.last()),
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

/// How many of these instants fall to each part of a fold.
fn counts(fold: &Fold, at: &[Micros]) -> Vec<(Part, u64)> {
    let mut counts = vec![(Part::Train, 0), (Part::Gap, 0), (Part::Test, 0)];
    counts.extend(fold.test_until.map(|_| (Part::Later, 0)));
    for &at in at {
        let part = Part::of(fold, at);
        counts.iter_mut().filter(|(p, _)| *p == part).for_each(|(_, count)| *count += 1);
    }
    counts
}

/// A fold's bounds in words.
fn bounds_of(fold: &Fold) -> String {
    let until = fold.test_until.map_or(String::new(), |until| format!(" and before {}", time::format_instant(until)));
    let (train, test) = (time::format_instant(fold.train_before), time::format_instant(fold.test_from));
    format!("train before {train}, test from {test}{until}")
}

impl Facts {
    /// As JSON: a training set's metadata, and the file `training-set.json` of a run.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("facts are plain data")
    }
}
