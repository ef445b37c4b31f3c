//! How far ahead a finding sees, and of which columns it is made: a few runs at one cut, shared by all findings.
//! Not here: whether there is a finding.

use std::collections::BTreeSet;

use crate::audit::Course;
use crate::instant::{self, DAY, HOUR};
use crate::localise::name_of;
use crate::report::{Report, Verdict};
use crate::runs::{Job, Replay};
use crate::variant::{self, Kind};
use crate::{AuditError, words};

/// How far ahead, and of what: a few runs shared by all findings.
pub(crate) fn measure(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let wanted = report
        .verdicts
        .iter()
        .any(|judgement| judgement.verdict == Verdict::Lookahead || judgement.verdict == Verdict::Label);
    let (true, Some(number), true) = (wanted, best_cut(course), course.request.reach && !course.request.quick) else {
        return Ok(());
    };
    course.step("measuring how far ahead it sees, and of what it is made");
    let at = course.cuts[number].at;
    let events = course.stage.tables.iter().flat_map(|table| table.event.iter().flatten().copied());
    let next = events.filter(|time| *time > at).min().unwrap_or(at);
    let mut spans = [
        (next - at, "the next event".to_owned()),
        (HOUR, "1 hour".into()),
        (DAY, "1 day".into()),
        (7 * DAY, "7 days".into()),
        (30 * DAY, "30 days".into()),
    ];
    spans.sort_by_key(|(span, _)| *span);
    let mut jobs: Vec<Job> = spans.iter().map(|(span, _)| Job::new(Kind::Truncate, at + span)).collect();
    let sources = course.stage.tables.iter().enumerate().filter(|(_, table)| !table.event.is_empty());
    let columns: Vec<(usize, usize)> = sources
        .flat_map(|(source, table)| variant::changeable(table).into_iter().map(move |column| (source, column)))
        .take(5)
        .collect();
    jobs.extend(columns.iter().map(|only| Job { only: Some(*only), ..Job::new(Kind::Perturb, at) }));
    let replays = course.run(&jobs)?;
    let changed: Vec<BTreeSet<String>> = replays.iter().map(|replay| changed_columns(course, replay, at)).collect();
    let cut_now: BTreeSet<String> = course.cuts[number]
        .probes
        .iter()
        .filter(|(kind, _)| *kind == Kind::Truncate)
        .flat_map(|(_, replay)| changed_columns(course, replay, at))
        .collect();
    for judgement in &mut report.verdicts {
        let sees = matches!(judgement.verdict, Verdict::Lookahead | Verdict::Label);
        if !sees || judgement.column == words::ROWS {
            continue;
        }
        if cut_now.contains(&judgement.column) {
            judgement.reach = Some(reach(&spans, &changed, &judgement.column));
        }
        for ((source, column), changed) in columns.iter().zip(&changed[spans.len()..]) {
            if changed.contains(&judgement.column) {
                judgement.inputs.push(course.stage.tables[*source].columns[*column].clone());
            }
        }
        if judgement.verdict == Verdict::Label {
            judgement.words = words::label(judgement);
        } else {
            words::finish(judgement, course);
        }
    }
    report.notes.push(format!("How far ahead was measured at {}.", instant::shown(at)));
    Ok(())
}

/// Not monotone: the last span at which it still differs decides.
fn reach(spans: &[(i64, String)], changed: &[BTreeSet<String>], column: &str) -> String {
    match (0..spans.len()).rev().find(|place| changed[*place].contains(column)) {
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
fn changed_columns(course: &Course<'_>, replay: &Replay, at: i64) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for target in &course.targets.all {
        let (Some(first), Some(second)) = (target.place.find(&course.full), target.place.find(replay)) else {
            continue;
        };
        let diff = course.frames.diff(first, second, Some(at));
        for (name, _) in diff.into_iter().flat_map(|diff| diff.columns).filter(|(_, changed)| changed.rows > 0) {
            found.insert(name_of(course, target, &name));
        }
    }
    found
}
