//! What a run records beside its outputs: the variables after each top-level statement, what is fitted, predicted, split,
//! read and written. `probe/probe.py` writes it from within the kernel; here it is read.
//! Not here: what the records say about a notebook (tandem-audit).

mod column;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use column::{Column, Values};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Seeds that are the same in each run, and a clock that stands still.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// What the clock shows: seconds since 1970.
    pub instant: f64,
    /// What is added to every seed: runs with another one tell chance from data.
    pub seeds: u32,
}

/// What to record, and where.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The log.
    pub out: PathBuf,
    /// The folder of column contents; runs may share one.
    pub store: PathBuf,
    /// Names of columns that say whose row it is.
    pub entities: Vec<String>,
    /// Names of columns that say when.
    pub times: Vec<String>,
    /// What the notebook's parameter `as_of` becomes, as `2024-03-01T13:00:00`; `None` leaves it.
    pub as_of: Option<String>,
    /// Frames with more cells are recorded without their content.
    pub cells: usize,
    /// Only this; `None`: everything, after each statement.
    pub only: Option<Only>,
}

/// What a run that need not be told in full records, so that it is as quick as the notebook itself, or quicker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Only {
    /// After which statements the values of which variables, of frames only some columns or all (`None`).
    pub values: BTreeMap<i64, BTreeMap<String, Option<BTreeSet<String>>>>,
    /// The statements whose fits, questions, splits and writes are recorded.
    pub calls: BTreeSet<i64>,
    /// The statement after which the run ends.
    pub stop: Option<i64>,
    /// Whether the first model that is fitted there ends it: what the fit would take is saved.
    pub at_fit: bool,
}

impl Fixed {
    pub(crate) fn to_json(self) -> Value {
        json!({"instant": self.instant, "seeds": self.seeds})
    }
}

impl Probe {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "out": self.out, "store": self.store, "entities": self.entities, "times": self.times, "as_of": self.as_of,
            "cells": self.cells, "only": self.only,
        })
    }
}

/// Something that was recorded.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// Which of the cells that were run, from 0; -1 before the first.
    pub cell: i64,
    /// Which top-level statement of the whole notebook, from 0.
    pub step: i64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[allow(missing_docs)] // the fields are named after what Python calls them
pub enum What {
    /// A statement is about to run.
    Statement { line: usize, end: usize, reads: Vec<String>, writes: Vec<String>, texts: Vec<String>, defines: bool },
    /// A variable has a new value.
    Value {
        name: String,
        #[serde(flatten)]
        value: Described,
    },
    /// A model or transformer is fitted; `predicts` tells which.
    Fit { model: String, predicts: bool, variable: Option<String>, data: Described, label: Option<Described> },
    /// A model is asked.
    Predict { model: String, predicts: bool, variable: Option<String>, data: Described, label: Option<Described> },
    /// Rows are split into training and test.
    Split { random: bool, data: Vec<Described> },
    /// A frame is written to a file.
    Written { path: PathBuf, variable: Option<String>, data: Described },
    /// A file is opened, to read (`r`) or write (`w`).
    Opened { path: PathBuf, mode: String },
    /// All that was wanted has been recorded, and the run was ended.
    Enough,
    /// Our own recording failed.
    Trouble { text: String },
}

/// A column's name, the name of its content in the store, and its kind.
pub type Stored = (String, String, String);

/// A value, described.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Described {
    /// Too large to keep.
    Large { rows: usize },
    /// Anything with rows; `keys` are columns of the frame that it came from.
    Frame { rows: usize, columns: Vec<Stored>, index: Vec<Stored>, keys: Vec<Stored> },
    /// Anything else, by its text.
    Scalar { text: String, hash: String },
    /// A fitted model or transformer: its attributes that end in `_`, by hash.
    Fitted { class: String, state: BTreeMap<String, String> },
}

/// Reads a log; lines that were cut off are left out.
pub fn read(log: &Path) -> std::io::Result<Vec<Record>> {
    let text = std::fs::read_to_string(log)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
