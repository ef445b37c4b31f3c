//! Where in the notebook a difference begins: from the audited column back through the statements that made it, as long as
//! something that they read has changed, too.
//! Not here: which columns are audited.

use std::collections::{BTreeMap, BTreeSet};

use tandem_notebook::probe::{Described, Record, What};

use crate::diff::Diff;
use crate::frame::Frames;
use crate::runs::Replay;

/// A top-level statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub cell: usize,
    /// Its first and its last line in the cell, from 1.
    pub line: usize,
    pub end: usize,
    pub reads: Vec<String>,
    pub writes: Vec<String>,
    pub texts: Vec<String>,
    pub defines: bool,
}

/// Two runs of one notebook, statement by statement.
pub(crate) struct Trace<'a> {
    frames: &'a Frames,
    first: &'a Replay,
    second: &'a Replay,
    until: Option<i64>,
    pub steps: BTreeMap<i64, Step>,
}

/// Where a difference begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    pub step: i64,
    pub variable: String,
    pub column: String,
}

/// The statements of a run.
pub(crate) fn steps(replay: &Replay) -> BTreeMap<i64, Step> {
    let step = |record: &Record| match &record.what {
        What::Statement { line, end, reads, writes, texts, defines } => Some((
            record.step,
            Step {
                cell: usize::try_from(record.cell).unwrap_or_default(),
                line: *line,
                end: *end,
                reads: reads.clone(),
                writes: writes.clone(),
                texts: texts.clone(),
                defines: *defines,
            },
        )),
        _ => None,
    };
    replay.records.iter().filter_map(step).collect()
}

impl<'a> Trace<'a> {
    pub fn new(frames: &'a Frames, first: &'a Replay, second: &'a Replay, until: Option<i64>) -> Self {
        Self { frames, first, second, until, steps: steps(first) }
    }

    /// Where the difference of a column begins; `fallback` is the statement at which it was seen.
    pub fn begin(&self, column: &str, fallback: i64, variable: Option<&str>) -> Begin {
        let by_name = self.changed_values(fallback).find(|(_, _, diff)| is_changed(diff, column));
        let of_variable = || {
            let mut values = self.changed_values(fallback);
            values.find(|(_, name, diff)| Some(*name) == variable && any_changed(diff))
        };
        let start = match by_name.or_else(of_variable) {
            Some((step, name, _)) => Begin { step, variable: name.to_owned(), column: column.to_owned() },
            None => {
                Begin { step: fallback, variable: variable.unwrap_or_default().to_owned(), column: column.to_owned() }
            }
        };
        self.back(start, 12)
    }

    /// Where rows come and go first.
    pub fn rows_begin(&self, fallback: i64) -> Begin {
        match self.changed_values(fallback).find(|(_, _, diff)| !diff.rows.is_whole()) {
            Some((step, name, _)) => {
                let begin = Begin { step, variable: name.to_owned(), column: String::new() };
                // A function or expression may only pass on a number that changed before.
                self.back(begin, 12)
            }
            None => Begin { step: fallback, variable: String::new(), column: String::new() },
        }
    }

    /// Later statements in which the same column differs: the consequences.
    pub fn consequences(&self, begin: &Begin, fallback: i64) -> Vec<i64> {
        let later = self
            .changed_values(fallback)
            .filter(|(step, _, diff)| *step > begin.step && is_changed(diff, &begin.column));
        let steps: BTreeSet<i64> = later.map(|(step, _, _)| step).collect();
        steps.into_iter().collect()
    }

    /// Variables with rows that differ, in the order of the run.
    fn changed_values(&self, until: i64) -> impl Iterator<Item = (i64, &'a str, Diff)> {
        let values = self.first.records.iter().filter(move |record| record.step <= until);
        values.filter_map(|record| {
            let What::Value { name, value: value @ Described::Frame { .. } } = &record.what else { return None };
            let other = Self::state(self.second, name, record.step + 1)?;
            if other.1 == value {
                return None;
            }
            let diff = self.frames.diff(value, other.1, self.until)?;
            Some((record.step, name.as_str(), diff))
        })
    }

    /// What a variable holds before a statement, and since which.
    fn state<'b>(replay: &'b Replay, variable: &str, before: i64) -> Option<(i64, &'b Described)> {
        replay.records.iter().rev().find_map(|record| match &record.what {
            What::Value { name, value } if name == variable && record.step < before => Some((record.step, value)),
            _ => None,
        })
    }

    fn back(&self, begin: Begin, depth: usize) -> Begin {
        if depth == 0 {
            return begin;
        }
        let (reads, texts) = self.sees(begin.step);
        let mut earlier: Vec<Begin> = Vec::new();
        for name in &reads {
            let Some((step, value)) = Self::state(self.first, name, begin.step) else { continue };
            let Some((_, other)) = Self::state(self.second, name, begin.step) else { continue };
            if value == other {
                continue;
            }
            match self.frames.diff(value, other, self.until) {
                Some(diff) => {
                    let mentioned = |column: &&String| {
                        texts.contains(*column) || **column == begin.column || diff.columns.len() == 1
                    };
                    // Groups are the same ones under other numbers.
                    let regrouped = |column: &&String| {
                        texts.contains("groupby") && diff.columns.get(*column).is_some_and(|changed| changed.renamed)
                    };
                    let changed = diff.columns.keys().filter(|column| is_changed(&diff, column));
                    let changed: Vec<&String> = changed.filter(mentioned).filter(|column| !regrouped(column)).collect();
                    for column in changed {
                        let first = self
                            .changed_values(begin.step - 1)
                            .find(|(_, other, diff)| other == name && is_changed(diff, column));
                        let step = first.map_or(step, |(step, _, _)| step);
                        earlier.push(Begin { step, variable: name.clone(), column: column.clone() });
                    }
                }
                // Without a time all that can be said is that it is not the same.
                None if matters(value, other) => {
                    earlier.push(Begin { step, variable: name.clone(), column: begin.column.clone() });
                }
                None => {}
            }
        }
        let next = earlier.into_iter().filter(|other| other.step < begin.step).min_by_key(|other| other.step);
        next.map_or(begin, |next| self.back(next, depth - 1))
    }

    /// What a statement reads and mentions, with the functions of the notebook that it calls.
    fn sees(&self, step: i64) -> (BTreeSet<String>, BTreeSet<String>) {
        let Some(own) = self.steps.get(&step) else { return Default::default() };
        let mut reads: BTreeSet<String> = own.reads.iter().cloned().collect();
        let mut texts: BTreeSet<String> = own.texts.iter().cloned().collect();
        for other in self.steps.range(..step).map(|(_, other)| other).filter(|other| other.defines) {
            if other.writes.iter().any(|name| own.reads.contains(name)) {
                reads.extend(other.reads.iter().cloned());
                texts.extend(other.texts.iter().cloned());
            }
        }
        (reads, texts)
    }

    /// The files that a column is made of: those opened by the statements that lead to it.
    pub fn files(&self, column: &str, until: i64) -> BTreeSet<std::path::PathBuf> {
        let mut opened: BTreeMap<i64, BTreeSet<std::path::PathBuf>> = BTreeMap::new();
        for record in &self.first.records {
            if let What::Opened { path, mode } = &record.what
                && mode == "r"
                && let Some(path) = self.first.relative(path)
            {
                opened.entry(record.step).or_default().insert(path.to_path_buf());
            }
        }
        // A column comes from the first statement after which some frame has it, and from what that statement reads.
        let has = |record: &&Record| match &record.what {
            What::Value { value: Described::Frame { columns, .. }, .. } => {
                columns.iter().any(|(name, _, _)| name == column)
            }
            _ => false,
        };
        let start = self.first.records.iter().find(has).map_or(until, |record| record.step).min(until);
        let (mut todo, mut done, mut files) = (vec![start], BTreeSet::new(), BTreeSet::new());
        while let Some(step) = todo.pop() {
            if !done.insert(step) {
                continue;
            }
            files.extend(opened.get(&step).into_iter().flatten().cloned());
            let reads = self.sees(step).0;
            todo.extend(reads.iter().filter_map(|name| Some(Self::state(self.first, name, step)?.0)));
        }
        files
    }
}

/// Whether a value without a time may be what carries the difference.
fn matters(value: &Described, other: &Described) -> bool {
    !matches!((value, other), (Described::Large { .. }, _) | (_, Described::Large { .. }))
}

fn is_changed(diff: &Diff, column: &str) -> bool {
    diff.columns.get(column).is_some_and(|changed| changed.rows > 0) || diff.gone.iter().any(|gone| gone == column)
}

fn any_changed(diff: &Diff) -> bool {
    diff.columns.values().any(|changed| changed.rows > 0) || !diff.gone.is_empty() || !diff.new.is_empty()
}
