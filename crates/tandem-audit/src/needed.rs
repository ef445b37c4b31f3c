//! What a run has to record for the audited frames to be compared: only this, and only until the last of them. A model's fit is
//! mostly what takes the longest, and says nothing about the rows that it was given.
//! Not here: the runs that are told in full, to see where a difference begins (`localise.rs`).

use std::collections::{BTreeMap, BTreeSet};

use tandem_notebook::probe::{Described, Only, What};

use crate::runs::Replay;
use crate::target::{Place, Targets};

/// What runs record, told from the full one.
pub(crate) fn needed(full: &Replay, targets: &Targets) -> Only {
    let mut only = Only::default();
    let mut last: Vec<(i64, bool)> = Vec::new();
    for target in &targets.all {
        match &target.place {
            Place::Variable(name, until) => {
                let step = value_step(full, name, *until).unwrap_or(target.step);
                only.values.entry(step).or_default().insert(name.clone(), target.columns.clone());
                last.push((step, false));
            }
            place => {
                only.calls.insert(target.step);
                last.push((target.step, *place == Place::Fitted));
            }
        }
    }
    if targets.random_split.is_some()
        && let Some(step) = fits(full).last()
    {
        only.calls.insert(step);
        last.push((step, true));
    }
    labels(full, targets, &mut only);
    only.stop = last.iter().map(|(step, _)| *step).max();
    // Where one statement fits several models, the last of them counts.
    let is_one = |step: i64| fits(full).filter(|other| *other == step).count() == 1;
    only.at_fit = only
        .stop
        .is_some_and(|stop| is_one(stop) && last.iter().filter(|(step, _)| *step == stop).all(|(_, is_fit)| *is_fit));
    only
}

/// What is needed to see the rows that the last model is fitted on.
pub(crate) fn until_fit(full: &Replay) -> Only {
    let step = fits(full).last();
    let is_one = step.is_some_and(|step| is_one(full, step));
    Only { calls: step.into_iter().collect(), stop: step, at_fit: is_one, ..Only::default() }
}

/// Whether a statement fits one model only: where it fits several, the last of them counts.
fn is_one(full: &Replay, step: i64) -> bool {
    fits(full).filter(|other| *other == step).count() == 1
}

/// The statements at which models are fitted.
fn fits(full: &Replay) -> impl Iterator<Item = i64> {
    let models = full.records.iter().filter(|record| matches!(record.what, What::Fit { predicts: true, .. }));
    models.map(|record| record.step)
}

fn value_step(full: &Replay, variable: &str, until: i64) -> Option<i64> {
    full.records.iter().rev().find_map(|record| match &record.what {
        What::Value { name, .. } if name == variable && record.step <= until => Some(record.step),
        _ => None,
    })
}

/// Frames that hold a label, as often as they get or lose rows: rows whose label is not known yet may be dropped later.
fn labels(full: &Replay, targets: &Targets, only: &mut Only) {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let last = targets.all.iter().map(|target| target.step).max().unwrap_or(0);
    for record in full.records.iter().filter(|record| record.step <= last) {
        let What::Value { name, value: Described::Frame { columns, rows, .. } } = &record.what else { continue };
        let holds = columns.iter().any(|(column, _, _)| targets.labels.contains(column));
        if holds && known.insert(name, *rows) != Some(*rows) {
            let wanted = only.values.entry(record.step).or_default();
            let columns = wanted.entry(name.clone()).or_insert_with(|| Some(BTreeSet::new()));
            columns.iter_mut().for_each(|columns| columns.extend(targets.labels.iter().cloned()));
        }
    }
}
