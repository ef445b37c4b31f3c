//! From evidence to judgements: the verdict of each column, where it begins, what it is made of, and how far ahead it sees.
//! Not here: the words (`words.rs`).

use std::collections::{BTreeMap, BTreeSet};

use tandem_notebook::probe::{Described, What};

use crate::audit::Course;
use crate::instant::{self, DAY, HOUR};
use crate::report::{Judgement, Origin, Report, Sample, Verdict};
use crate::runs::{Job, Replay};
use crate::target::{Place, Target};
use crate::trace::{Begin, Trace};
use crate::variant::{self, Kind};
use crate::verdict::{self, Evidence, FrameEvidence, RowsMoved};
use crate::{AuditError, words};

/// Judges all columns of all audited frames.
pub(crate) fn judge(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let random = random_columns(course)?;
    let gathered: Vec<(Target, FrameEvidence)> = (course.targets.all.iter())
        .map(|target| (target.clone(), verdict::gather(&course.frames, target, &course.targets, &course.full, &course.cuts[..course.cuts.len() - 1])))
        .collect();
    let mut found: BTreeMap<String, Judgement> = BTreeMap::new();
    for (target, evidence) in &gathered {
        for (name, column) in &evidence.columns {
            if target.columns.as_ref().is_some_and(|columns| !columns.contains(name)) || is_key(course, target, name) {
                continue;
            }
            let judgement = one(course, report, target, name, column, &random);
            let name = judgement.column.clone();
            let stronger = found.get(&name).is_none_or(|other| better(&judgement, other));
            if stronger {
                found.insert(name, judgement);
            }
        }
    }
    report.verdicts = found.into_values().collect();
    if let Some(rows) = membership(course, &gathered) {
        report.verdicts.push(rows);
    }
    seeds(course, report)?;
    extra_runs(course, report)?;
    report.verdicts.sort_by(|a, b| (a.verdict, &a.column).cmp(&(b.verdict, &b.column)));
    report.miss = words::miss(report.cuts.iter().filter(|cut| cut.failed.is_none()).count());
    Ok(())
}

fn better(new: &Judgement, old: &Judgement) -> bool {
    let weight = |judgement: &Judgement| match judgement.verdict {
        Verdict::Lookahead => 0,
        Verdict::Vocabulary => 1,
        Verdict::LateData => 2,
        Verdict::InSampleFit => 3,
        Verdict::NotJudged => 6,
        Verdict::NoChange => 5,
        _ => 4,
    };
    weight(new) < weight(old)
}

fn is_key(course: &Course<'_>, target: &Target, name: &str) -> bool {
    let frame = target.place.find(&course.full).and_then(|data| course.frames.frame(data));
    frame.is_some_and(|frame| frame.keys.contains(name))
}

/// Columns that differ between two runs on the same data.
fn random_columns(course: &Course<'_>) -> Result<BTreeSet<String>, AuditError> {
    let Some((again, _)) = course.cuts.last().map(|cut| (&cut.probes, cut.until)) else { return Ok(BTreeSet::new()) };
    Ok(again.iter().flat_map(|(_, replay)| differing(course, replay)).collect())
}

fn differing(course: &Course<'_>, replay: &Replay) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for target in &course.targets.all {
        let (Some(first), Some(second)) = (target.place.find(&course.full), target.place.find(replay)) else { continue };
        let until = course.cuts.first().and_then(|cut| cut.until).map(|_| i64::MAX);
        let diff = course.frames.diff(first, second, until);
        let changed = diff.into_iter().flat_map(|diff| diff.columns).filter(|(_, changed)| changed.rows > 0);
        found.extend(changed.map(|(name, _)| name));
    }
    found
}

/// The same content under its name in the frame that the model's rows came from.
fn name_of(course: &Course<'_>, target: &Target, name: &str) -> String {
    let hash = match target.place.find(&course.full) {
        Some(Described::Frame { columns, .. }) if name.parse::<usize>().is_ok() => columns.iter().find(|column| column.0 == name).map(|column| column.1.clone()),
        _ => None,
    };
    let Some(hash) = hash else { return name.to_owned() };
    let known = course.full.records.iter().rev().find_map(|record| match &record.what {
        What::Value { value: Described::Frame { columns, .. }, .. } => columns.iter().find(|column| column.1 == hash && column.0.parse::<usize>().is_err()).map(|column| column.0.clone()),
        _ => None,
    });
    known.unwrap_or_else(|| format!("column {name} of the model's array"))
}

fn one(course: &Course<'_>, report: &Report, target: &Target, name: &str, evidence: &Evidence, random: &BTreeSet<String>) -> Judgement {
    let mut verdict = evidence.verdict(&course.cuts);
    let hash = match target.place.find(&course.full) {
        Some(Described::Frame { columns, .. }) => columns.iter().find(|column| column.0 == name).map(|column| column.1.clone()),
        _ => None,
    };
    let is_label = course.targets.labels.contains(name) || hash.is_some_and(|hash| course.targets.label_hashes.contains(&hash));
    let mut judgement = Judgement {
        column: name_of(course, target, name),
        verdict,
        frame: target.label.clone(),
        words: String::new(),
        changed: evidence.changed_cuts().len(),
        cuts: evidence.judged.len().max(evidence.changed_cuts().len()),
        rows: (evidence.hits.iter().map(|(_, _, changed)| changed.rows).max().unwrap_or(0), evidence.shared),
        origin: None,
        consequences: Vec::new(),
        inputs: Vec::new(),
        reach: None,
        samples: Vec::new(),
        remedy: String::new(),
        feature: String::new(),
    };
    if is_label {
        judgement.verdict = Verdict::Label;
        judgement.words = words::label(&judgement);
        return judgement;
    }
    if random.contains(name) {
        judgement.verdict = Verdict::NotJudged;
        judgement.words = "It differs between two runs on the same data: give its randomness a seed.".to_owned();
        return judgement;
    }
    if matches!(verdict, Verdict::NoChange | Verdict::NumericNoise) {
        let files = undeclared_on_path(course, report, target, name);
        if !files.is_empty() {
            verdict = Verdict::NotJudged;
            judgement.words = format!("It is made of {}, which is no source that can be cut: what that file knows of the future cannot be seen here. Declare it, or make it within the notebook.", files.join(", "));
        }
    }
    judgement.verdict = verdict;
    let shown = evidence.best().map(|(cut, kind, changed)| (*cut, *kind, Some(changed)));
    let shown = shown.or_else(|| evidence.gone.first().map(|(cut, kind)| (*cut, *kind, None)));
    if let Some((cut, kind, changed)) = shown.filter(|_| verdict.is_finding() || verdict == Verdict::InSampleFit) {
        let trace = trace(course, cut, kind);
        if let Some(trace) = trace {
            let begin = trace.begin(name, target.step, target.variable.as_deref());
            judgement.origin = origin(report, &trace, &begin);
            judgement.consequences = trace.consequences(&begin, target.step).into_iter().filter_map(|step| place(report, &trace, step)).map(|(cell, line, _)| format!("cell {cell}, line {line}")).collect();
        }
        judgement.samples = changed.into_iter().flat_map(|changed| &changed.samples).map(|(row, _, says, would)| Sample { row: row.clone(), says: says.clone(), would: would.clone() }).collect();
        words::finish(&mut judgement, course);
    } else if judgement.words.is_empty() {
        judgement.words = words::quiet(&judgement);
    }
    judgement
}

fn trace<'a>(course: &'a Course<'_>, cut: usize, kind: Kind) -> Option<Trace<'a>> {
    let cut = &course.cuts[cut];
    let replay = cut.probes.iter().find(|(other, _)| *other == kind).map(|(_, replay)| replay)?;
    Some(Trace::new(&course.frames, cut.base.as_ref().unwrap_or(&course.full), replay, cut.until))
}

fn place(report: &Report, trace: &Trace<'_>, step: i64) -> Option<(usize, usize, String)> {
    let step = trace.steps.get(&step)?;
    let cell = report.cells.get(step.cell)?;
    let code = cell.source.lines().nth(step.line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
    Some((cell.number, step.line, code))
}

fn origin(report: &Report, trace: &Trace<'_>, begin: &Begin) -> Option<Origin> {
    let (cell, line, code) = place(report, trace, begin.step)?;
    Some(Origin { cell, line, code, variable: begin.variable.clone(), column: begin.column.clone() })
}

fn undeclared_on_path(course: &Course<'_>, report: &Report, target: &Target, name: &str) -> Vec<String> {
    if report.undeclared.is_empty() {
        return Vec::new();
    }
    let trace = Trace::new(&course.frames, &course.full, &course.full, None);
    let files = trace.files(name, target.step);
    files.iter().map(|path| path.display().to_string()).filter(|path| report.undeclared.contains(path)).collect()
}

/// The finding about which rows there are, if there is one.
fn membership(course: &Course<'_>, gathered: &[(Target, FrameEvidence)]) -> Option<Judgement> {
    let mut moved: Option<(&Target, &RowsMoved, usize)> = None;
    for (target, evidence) in gathered {
        let real: Vec<&RowsMoved> = evidence.rows.iter().filter(|rows| !is_label_gap(course, target, rows)).filter(|rows| !course.cuts[rows.cut].in_training).collect();
        if let Some(rows) = real.first() {
            moved = moved.or(Some((target, rows, real.iter().map(|rows| rows.cut).collect::<BTreeSet<_>>().len())));
        }
    }
    let split = course.targets.random_split.filter(|_| moved.is_none()).and_then(|step| {
        let fitted = Place::Fitted;
        let differs = course.cuts.iter().enumerate().filter(|(_, cut)| cut.at != i64::MAX).find_map(|(number, cut)| {
            let (_, replay) = cut.probes.iter().find(|(kind, _)| *kind == Kind::Truncate)?;
            let diff = course.frames.diff(fitted.find(&course.full)?, fitted.find(replay)?, cut.until)?;
            (!diff.missing.is_empty() || !diff.extra.is_empty()).then_some((number, diff))
        });
        Some((step, differs))
    });
    if let Some((step, differs)) = split {
        return Some(words::random_split(course, step, differs));
    }
    let (target, rows, count) = moved?;
    let trace = trace(course, rows.cut, rows.kind)?;
    let begin = trace.rows_begin(target.step);
    Some(words::membership(course, target, rows, count, &begin))
}

/// Rows that a cut run lacks because their label is not known yet: what comes of a label, and no finding.
fn is_label_gap(course: &Course<'_>, target: &Target, rows: &RowsMoved) -> bool {
    let labels = &course.targets.labels;
    if rows.kind != Kind::Truncate || !rows.extra.is_empty() || labels.is_empty() {
        return false;
    }
    let cut = &course.cuts[rows.cut];
    let Some((_, replay)) = cut.probes.iter().find(|(kind, _)| *kind == rows.kind) else { return false };
    // Any earlier frame of the cut run in which these rows have no label.
    replay.records.iter().filter(|record| record.step <= target.step).any(|record| {
        let What::Value { value: value @ Described::Frame { columns, .. }, .. } = &record.what else { return false };
        if columns.iter().all(|(name, _, _)| !labels.contains(name)) {
            return false;
        }
        let Some(frame) = course.frames.frame(value) else { return false };
        let wanted: BTreeSet<&String> = rows.missing.iter().collect();
        let places: Vec<usize> = (0..frame.ids.len()).filter(|row| wanted.contains(&frame.ids[*row])).collect();
        let unknown = |row: &usize| frame.columns.iter().any(|(name, column)| labels.contains(name) && crate::frame::missing(&column.values, *row));
        places.len() == wanted.len() && places.iter().all(unknown)
    })
}

/// What only dropped rows change may come of chance: a run with other seeds tells.
fn seeds(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let doubtful = report.verdicts.iter().any(|judgement| judgement.verdict.is_finding() && judgement.column != words::ROWS);
    if !doubtful {
        return Ok(());
    }
    course.step("telling chance from data");
    let job = Job { seeds: 1, ..Job::new(Kind::Full, 0) };
    let replay = course.run(&[job])?.remove(0);
    let changed = differing(course, &replay);
    for judgement in &mut report.verdicts {
        if judgement.verdict.is_finding() && changed.contains(&judgement.column) {
            judgement.verdict = Verdict::NotJudged;
            judgement.words = "Its values are drawn by chance: with another seed they are others, so how they depend on later records cannot be told.".to_owned();
            (judgement.remedy, judgement.feature) = Default::default();
        }
    }
    Ok(())
}

/// How far ahead, and of what: a few runs shared by all findings.
fn extra_runs(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let wanted = report.verdicts.iter().any(|judgement| judgement.verdict == Verdict::Lookahead || judgement.verdict == Verdict::Label);
    let cut = course.cuts.iter().enumerate().filter(|(_, cut)| cut.at != i64::MAX && cut.until.is_some() && !cut.in_training && cut.probes.iter().all(|(_, replay)| replay.failure.is_none()));
    let cut = cut.min_by_key(|(number, cut)| (usize::MAX - changed_at(course, *number), cut.at)).map(|(number, _)| number);
    let (true, Some(number), true) = (wanted, cut, course.request.reach && !course.request.quick) else { return Ok(()) };
    course.step("measuring how far ahead it sees, and of what it is made");
    let at = course.cuts[number].at;
    let events = course.stage.tables.iter().flat_map(|table| table.event.iter().flatten().copied());
    let next = events.filter(|time| *time > at).min().unwrap_or(at);
    let mut spans = [(next - at, "the next event".to_owned()), (HOUR, "1 hour".into()), (DAY, "1 day".into()), (7 * DAY, "7 days".into()), (30 * DAY, "30 days".into())];
    spans.sort_by_key(|(span, _)| *span);
    let mut jobs: Vec<Job> = spans.iter().map(|(span, _)| Job::new(Kind::Truncate, at + span)).collect();
    let sources = course.stage.tables.iter().enumerate().filter(|(_, table)| !table.event.is_empty());
    let columns: Vec<(usize, usize)> = sources.flat_map(|(source, table)| variant::changeable(table).into_iter().map(move |column| (source, column))).take(5).collect();
    jobs.extend(columns.iter().map(|only| Job { only: Some(*only), ..Job::new(Kind::Perturb, at) }));
    let replays = course.run(&jobs)?;
    let changed: Vec<BTreeSet<String>> = replays.iter().map(|replay| changed_columns(course, replay, at)).collect();
    let cut_now: BTreeSet<String> = course.cuts[number].probes.iter().filter(|(kind, _)| *kind == Kind::Truncate).flat_map(|(_, replay)| changed_columns(course, replay, at)).collect();
    for judgement in &mut report.verdicts {
        let sees = matches!(judgement.verdict, Verdict::Lookahead | Verdict::Label);
        if !sees || judgement.column == words::ROWS {
            continue;
        }
        if cut_now.contains(&judgement.column) {
            // Not monotone: the last span at which it still differs decides.
            let last = (0..spans.len()).rev().find(|place| changed[*place].contains(&judgement.column));
            judgement.reach = Some(match last {
                None => spans[0].1.clone(),
                Some(place) if place + 1 < spans.len() => format!("up to {}", spans[place + 1].1),
                Some(_) => "all that is to come".to_owned(),
            });
        }
        for ((source, column), changed) in columns.iter().zip(&changed[spans.len()..]) {
            if changed.contains(&judgement.column) {
                judgement.inputs.push(course.stage.tables[*source].columns[*column].clone());
            }
        }
    }
    for judgement in &mut report.verdicts {
        if judgement.verdict == Verdict::Label {
            judgement.words = words::label(judgement);
        } else if judgement.verdict == Verdict::Lookahead && judgement.column != words::ROWS {
            words::finish(judgement, course);
        }
    }
    report.notes.push(format!("How far ahead was measured at {}.", instant::shown(at)));
    Ok(())
}

fn changed_at(course: &Course<'_>, number: usize) -> usize {
    let cut = &course.cuts[number];
    cut.probes.iter().filter(|(kind, _)| *kind == Kind::Truncate).map(|(_, replay)| changed_columns(course, replay, cut.at).len()).sum()
}

/// The audited columns that differ from the full run in rows until an instant.
fn changed_columns(course: &Course<'_>, replay: &Replay, at: i64) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for target in &course.targets.all {
        let (Some(first), Some(second)) = (target.place.find(&course.full), target.place.find(replay)) else { continue };
        let diff = course.frames.diff(first, second, Some(at));
        for (name, _) in diff.into_iter().flat_map(|diff| diff.columns).filter(|(_, changed)| changed.rows > 0) {
            found.insert(name_of(course, target, &name));
        }
    }
    found
}
