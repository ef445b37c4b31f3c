//! How far ahead a finding sees, and of which columns it is made: a few runs at one cut, shared by all findings.
//! Not here: whether there is a finding.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::Course;
use crate::diff::Changed;
use crate::instant::{self, DAY, HOUR};
use crate::localise::name_of;
use crate::report::{Judgement, ROWS, Report, Sample, Verdict};
use crate::runs::{Job, Replay};
use crate::variant::{self, Kind};
use crate::{AuditError, words};

/// How far ahead, and of what: a few runs shared by all findings.
pub(crate) fn measure(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let wanted = report.verdicts.iter().any(|judgement| is_measured(course, judgement));
    let (true, Some(number), true) = (wanted, best_cut(course), course.request.reach && !course.request.quick) else {
        return Ok(());
    };
    course.step("measuring how far ahead it sees, and of what it is made");
    let at = course.cuts[number].at;
    let spans = spans(course, at);
    let mut jobs: Vec<Job> = spans.iter().map(|(span, _)| Job::new(Kind::Truncate, at.saturating_add(*span))).collect();
    let sources = course.stage.tables.iter().enumerate().filter(|(_, table)| !table.event.is_empty());
    let columns: Vec<(usize, usize)> = sources
        .flat_map(|(source, table)| variant::changeable(table).into_iter().map(move |column| (source, column)))
        .take(5)
        .collect();
    jobs.extend(columns.iter().map(|only| Job { only: Some(*only), ..Job::new(Kind::Perturb, at) }));
    let replays = course.run(&jobs)?;
    let changed: Vec<Columns> = replays.iter().map(|replay| changed_columns(course, replay, at)).collect();
    let cut_now: BTreeSet<String> = course.cuts[number]
        .probes
        .iter()
        .filter(|(kind, _)| *kind == Kind::Truncate)
        .flat_map(|(_, replay)| changed_columns(course, replay, at).into_keys())
        .collect();
    for judgement in &mut report.verdicts {
        if !is_measured(course, judgement) {
            continue;
        }
        if cut_now.contains(&judgement.column) {
            judgement.reach = Some(reach(&spans, &changed, &judgement.column));
        }
        for ((source, column), changed) in columns.iter().zip(&changed[spans.len()..]) {
            if changed.contains_key(&judgement.column) {
                judgement.inputs.push(course.stage.tables[*source].columns[*column].clone());
            }
        }
        if judgement.verdict == Verdict::Label {
            hold_to_horizon(course, judgement, &spans, &changed);
        } else {
            words::finish(judgement, course);
        }
    }
    report.notes.push(format!("How far ahead was measured at {}.", instant::shown(at)));
    Ok(())
}

/// Columns that changed, with how.
type Columns = BTreeMap<String, Changed>;

/// Whether it is measured how far ahead a column sees: what saw the future, and labels that depend on it.
fn is_measured(course: &Course<'_>, judgement: &Judgement) -> bool {
    let label = judgement.verdict == Verdict::Label;
    judgement.column != ROWS
        && (judgement.verdict == Verdict::Lookahead
            || label && (judgement.changed > 0 || declared(course, judgement).is_some()))
}

/// The horizon that is declared for a label.
fn declared(course: &Course<'_>, judgement: &Judgement) -> Option<i64> {
    course.request.labels.iter().find(|label| label.column == judgement.column)?.horizon
}

/// How far after the cut the data goes in each run: usual spans, and the horizons that are declared.
fn spans(course: &Course<'_>, at: i64) -> Vec<(i64, String)> {
    let events = course.stage.tables.iter().flat_map(|table| table.event.iter().flatten().copied());
    let next = events.filter(|time| *time > at).min().unwrap_or(at);
    let mut spans = vec![
        (next - at, "the next event".to_owned()),
        (HOUR, "1 hour".into()),
        (DAY, "1 day".into()),
        (7 * DAY, "7 days".into()),
        (30 * DAY, "30 days".into()),
    ];
    let horizons = course.request.labels.iter().filter_map(|label| label.horizon);
    spans.extend(horizons.map(|span| (span, words::span(span))));
    spans.sort();
    spans.dedup_by_key(|(span, _)| *span);
    spans
}

/// A label may see as far as its declared horizon, and no further.
fn hold_to_horizon(course: &Course<'_>, judgement: &mut Judgement, spans: &[(i64, String)], changed: &[Columns]) {
    let horizon = declared(course, judgement);
    let beyond = horizon.and_then(|horizon| {
        let place = spans.iter().position(|(span, _)| *span == horizon)?;
        changed[place].get(&judgement.column)
    });
    let Some(beyond) = beyond else {
        judgement.words = words::label(judgement, horizon);
        return;
    };
    judgement.verdict = Verdict::LabelBeyondHorizon;
    judgement.samples = Sample::of(beyond);
    words::beyond(judgement, horizon.unwrap_or_default(), beyond.rows);
}

/// Not monotone: the last span at which it still differs decides.
fn reach(spans: &[(i64, String)], changed: &[Columns], column: &str) -> String {
    match (0..spans.len()).rev().find(|place| changed[*place].contains_key(column)) {
        None => format!("{} ahead", spans[0].1),
        Some(place) if place + 1 < spans.len() => format!("up to {} ahead", spans[place + 1].1),
        Some(_) => "all that is to come".to_owned(),
    }
}

/// The cut at which most columns change.
fn best_cut(course: &Course<'_>) -> Option<usize> {
    let cuts = course.cuts.iter().enumerate().filter(|(_, cut)| {
        cut.at != i64::MAX
            && cut.until.is_some()
            && !cut.in_training
            && cut.probes.iter().all(|(_, replay)| replay.failure.is_none())
    });
    cuts.min_by_key(|(number, cut)| (usize::MAX - changed_at(course, *number), cut.at)).map(|(number, _)| number)
}

fn changed_at(course: &Course<'_>, number: usize) -> usize {
    let cut = &course.cuts[number];
    cut.probes
        .iter()
        .filter(|(kind, _)| *kind == Kind::Truncate)
        .map(|(_, replay)| changed_columns(course, replay, cut.at).len())
        .sum()
}

/// The audited columns that differ from the full run in rows until an instant.
fn changed_columns(course: &Course<'_>, replay: &Replay, at: i64) -> Columns {
    let mut found = Columns::new();
    for target in &course.targets.all {
        let (Some(first), Some(second)) = (target.place.find(&course.full), target.place.find(replay)) else {
            continue;
        };
        let diff = course.frames.diff(first, second, Some(at));
        let changed = diff.into_iter().flat_map(|diff| diff.columns).filter(|(_, changed)| changed.rows > 0);
        found.extend(changed.map(|(name, changed)| (name_of(course, target, &name), changed)));
    }
    found
}
