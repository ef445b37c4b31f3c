//! Which frames are audited: what was declared; else what the last model was fitted on and asked about, with the frame
//! that this came from; else what was written to disk; else the last frame with a time.
//! Not here: comparing them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tandem_notebook::probe::{Described, What};

use crate::AuditRequest;
use crate::frame::Frames;
use crate::runs::Replay;

/// A frame that is audited, such that it is found again in another run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub place: Place,
    /// In words.
    pub label: String,
    /// The statement at which it is taken.
    pub step: i64,
    /// The variable that holds it.
    pub variable: Option<String>,
    /// Only these columns are judged; none: all.
    pub columns: Option<BTreeSet<String>>,
}

/// Where a frame is found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// What the last model was fitted on.
    Fitted,
    /// What the last model was asked about.
    Asked,
    /// What was split into training and test.
    Split,
    /// A variable, as it is until a statement.
    Variable(String, i64),
    /// A file.
    Written(PathBuf),
}

/// What is audited, and what is known of labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    pub all: Vec<Target>,
    /// Names of label columns, and their contents in the full run.
    pub labels: BTreeSet<String>,
    pub label_hashes: BTreeSet<String>,
    /// The statement of a random split before the last fit.
    pub random_split: Option<i64>,
}

impl Place {
    /// The frame in a run.
    pub fn find<'a>(&self, replay: &'a Replay) -> Option<&'a Described> {
        replay.records.iter().rev().find_map(|record| match (self, &record.what) {
            (Self::Fitted, What::Fit { predicts: true, data, .. }) | (Self::Asked, What::Predict { data, .. }) => {
                Some(data)
            }
            (Self::Split, What::Split { data, .. }) => data.first(),
            (Self::Variable(name, until), What::Value { name: other, value }) => {
                (name == other && record.step <= *until).then_some(value)
            }
            (Self::Written(path), What::Written { path: other, data, .. }) => {
                (replay.relative(other) == Some(path)).then_some(data)
            }
            _ => None,
        })
    }
}

/// Chooses the frames; none: why nothing can be judged.
pub(crate) fn choose(full: &Replay, frames: &Frames, request: &AuditRequest) -> Targets {
    let mut targets = Targets::default();
    learn_labels(full, &mut targets);
    targets.labels.extend(request.labels.iter().map(|label| label.column.clone()));
    if !request.outputs.is_empty() {
        targets.all = request.outputs.iter().filter_map(|output| declared(full, output)).collect();
        return targets;
    }
    fitted(full, frames, &mut targets);
    let usable = |target: &Target| {
        target
            .place
            .find(full)
            .and_then(|data| frames.frame(data))
            .is_some_and(|frame| frame.rows.time.is_some() || frame.rows.named)
    };
    targets.all.retain(usable);
    if targets.all.is_empty() {
        targets.all = written(full);
        targets.all.retain(usable);
    }
    if targets.all.is_empty() {
        targets.all = last_with_time(full, frames).into_iter().collect();
    }
    targets
}

fn variable(name: &str, step: i64) -> Target {
    let place = Place::Variable(name.to_owned(), i64::MAX);
    Target { place, label: format!("the variable {name}"), step, variable: Some(name.to_owned()), columns: None }
}

fn declared(full: &Replay, output: &str) -> Option<Target> {
    let of_variable = full.records.iter().rev().find_map(|record| match &record.what {
        What::Value { name, value: Described::Frame { .. } } if name == output => Some(variable(name, record.step)),
        _ => None,
    });
    let is_file = |target: &Target| matches!(&target.place, Place::Written(path) if path.ends_with(output));
    of_variable.or_else(|| written(full).into_iter().find(is_file))
}

fn written(full: &Replay) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    for record in &full.records {
        let What::Written { path, variable, .. } = &record.what else { continue };
        let Some(path) = full.relative(path) else { continue };
        let place = Place::Written(path.to_path_buf());
        found.retain(|other| other.place != place);
        let label = format!("the file {}", path.display());
        found.push(Target { place, label, step: record.step, variable: variable.clone(), columns: None });
    }
    found
}

fn last_with_time(full: &Replay, frames: &Frames) -> Option<Target> {
    // With a parameter `as_of` the result has one row for each entity.
    let takes = |record: &tandem_notebook::probe::Record| matches!(&record.what, What::Statement { writes, .. } if writes.iter().any(|name| name == "as_of"));
    let as_of = full.records.iter().any(takes);
    let mut named = None;
    for record in full.records.iter().rev() {
        let What::Value { name, value: value @ Described::Frame { keys, .. } } = &record.what else { continue };
        if !keys.is_empty() {
            continue;
        }
        let Some(frame) = frames.frame(value) else { continue };
        // What it is then: the name may stand for something else later.
        let place = Place::Variable(name.clone(), record.step);
        let found = Target { place, ..variable(name, record.step) };
        if frame.rows.time.is_some() || as_of && frame.rows.named {
            return Some(found);
        }
        if frame.rows.named && named.is_none() {
            named = Some(found);
        }
    }
    named
}

fn learn_labels(full: &Replay, targets: &mut Targets) {
    for record in &full.records {
        let What::Fit { label: Some(Described::Frame { columns, .. }), predicts: true, .. } = &record.what else {
            continue;
        };
        for (name, hash, _) in columns {
            targets.label_hashes.insert(hash.clone());
            if name != "y" && name.parse::<usize>().is_err() {
                targets.labels.insert(name.clone());
            }
        }
    }
    for record in &full.records {
        if let What::Split { data, .. } = &record.what {
            for (name, hash, _) in data.iter().skip(1).filter_map(single).flatten() {
                targets.label_hashes.insert(hash.clone());
                if !name.starts_with("part") {
                    targets.labels.insert(name.clone());
                }
            }
        }
    }
}

fn single(described: &Described) -> Option<&Vec<tandem_notebook::probe::Stored>> {
    match described {
        Described::Frame { columns, .. } if columns.len() == 1 => Some(columns),
        _ => None,
    }
}

/// The model's rows, and the frame that they came from.
fn fitted(full: &Replay, frames: &Frames, targets: &mut Targets) {
    let fit = full.records.iter().rev().find_map(|record| match &record.what {
        What::Fit { predicts: true, model, variable, data: Described::Frame { columns, .. }, .. } => {
            Some((record.step, model, variable, columns))
        }
        _ => None,
    });
    let Some((step, model, variable, columns)) = fit else { return };
    let target =
        |place, label: String, step, variable: Option<String>| Target { place, label, step, variable, columns: None };
    let split =
        full.records.iter().rev().find(|record| record.step <= step && matches!(record.what, What::Split { .. }));
    let mut wanted: BTreeSet<String> = columns.iter().map(|column| column.0.clone()).collect();
    let mut hashes: BTreeSet<String> = columns.iter().map(|column| column.1.clone()).collect();
    match split.map(|record| (&record.what, record.step)) {
        Some((What::Split { random, data }, split_step)) => {
            if *random {
                targets.random_split = Some(split_step);
            }
            if let Some(Described::Frame { columns, .. }) = data.first() {
                wanted.extend(columns.iter().map(|column| column.0.clone()));
                hashes.extend(columns.iter().map(|column| column.1.clone()));
            }
            targets.all.push(target(
                Place::Split,
                "the rows that were split into training and test".into(),
                split_step,
                None,
            ));
            if !*random {
                targets.all.push(target(Place::Fitted, format!("what {model} was fitted on"), step, variable.clone()));
            }
        }
        _ => {
            targets.all.push(target(Place::Fitted, format!("what {model} was fitted on"), step, variable.clone()));
            let asked = full.records.iter().rev().find_map(|record| match &record.what {
                What::Predict { variable, .. } => Some((record.step, variable.clone())),
                _ => None,
            });
            if let Some((step, variable)) = asked {
                targets.all.push(target(Place::Asked, format!("what {model} was asked about"), step, variable));
            }
        }
    }
    if let Some(mut parent) = feature_frame(full, frames, step, &wanted, &hashes) {
        // What the model learns is told, too, where it stands beside what it learns from.
        parent.columns.iter_mut().for_each(|columns| columns.extend(targets.labels.iter().cloned()));
        parent.label =
            format!("the frame {} that the model's rows came from", parent.variable.clone().unwrap_or_default());
        targets.all.push(parent);
    }
}

/// The last frame with its own time that holds columns of the model's, by name or content.
fn feature_frame(
    full: &Replay,
    frames: &Frames,
    step: i64,
    names: &BTreeSet<String>,
    hashes: &BTreeSet<String>,
) -> Option<Target> {
    full.records.iter().rev().filter(|record| record.step <= step).find_map(|record| {
        let What::Value { name, value: value @ Described::Frame { columns, keys, rows, .. } } = &record.what else {
            return None;
        };
        let held: BTreeSet<String> = columns
            .iter()
            .filter(|column| names.contains(&column.0) || hashes.contains(&column.1))
            .map(|column| column.0.clone())
            .collect();
        if !keys.is_empty() || held.is_empty() || *rows == 0 || frames.frame(value)?.rows.time.is_none() {
            return None;
        }
        Some(Target {
            place: Place::Variable(name.clone(), record.step),
            columns: Some(held),
            ..variable(name, record.step)
        })
    })
}
