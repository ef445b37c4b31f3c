//! From evidence to judgements: the verdict of each column, where it begins, and rows that show it.
//! Not here: the words (`words.rs`), and how far ahead it sees (`reach.rs`).

use std::collections::{BTreeMap, BTreeSet};

use tandem_notebook::probe::{Described, What};

use crate::audit::Course;
use crate::diff::{Changed, Diff};
use crate::report::{Judgement, Origin, ROWS, Report, Sample, Verdict};
use crate::runs::{Job, Replay};
use crate::target::{Place, Target};
use crate::trace::{Begin, Trace};
use crate::variant::Kind;
use crate::verdict::{self, Evidence, FrameEvidence, RowsMoved};
use crate::{AuditError, reach, words};

/// Judges all columns of all audited frames.
pub(crate) fn judge(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let random = random_columns(course);
    let cuts = &course.cuts[..course.cuts.len() - 1];
    let gathered: Vec<(Target, FrameEvidence)> = (course.targets.all.iter())
        .map(|target| {
            let evidence = verdict::gather(&course.frames, target, &course.targets, &course.full, cuts);
            (target.clone(), evidence)
        })
        .collect();
    let mut found: BTreeMap<String, Found<'_>> = BTreeMap::new();
    for (target, evidence) in &gathered {
        for (name, column) in &evidence.columns {
            if target.columns.as_ref().is_some_and(|columns| !columns.contains(name)) || is_key(course, target, name) {
                continue;
            }
            let judgement = one(course, report, target, name, column, &random);
            let stronger = found.get(&judgement.column).is_none_or(|other| better(&judgement, &other.judgement));
            if stronger {
                let new = Found { judgement, target, name, evidence: column, shown: None };
                found.insert(new.judgement.column.clone(), new);
            }
        }
    }
    let moved = membership(course, &gathered);
    let chosen = show(&mut found, moved.as_ref());
    course.tell(&chosen)?;
    for found in found.into_values() {
        report.verdicts.push(prove(course, report, found));
    }
    report.verdicts.extend(moved.map(|moved| about_rows(course, moved)));
    seeds(course, report)?;
    reach::measure(course, report)?;
    report.verdicts.iter_mut().for_each(|judgement| judgement.code = judgement.verdict.code());
    report.verdicts.sort_by(|a, b| (a.verdict, &a.column).cmp(&(b.verdict, &b.column)));
    report.miss = words::miss(report.cuts.iter().filter(|cut| cut.failed.is_none()).count());
    Ok(())
}

/// A column with its verdict, and the run that shows it.
struct Found<'e> {
    judgement: Judgement,
    target: &'e Target,
    name: &'e str,
    evidence: &'e Evidence,
    shown: Option<(usize, Kind, Option<&'e Changed>)>,
}

/// Chooses the run that shows each finding: few in all, since they are made once more to be told in full.
fn show(found: &mut BTreeMap<String, Found<'_>>, moved: Option<&Moved<'_>>) -> BTreeSet<(usize, Kind)> {
    let mut chosen = BTreeSet::new();
    if let Some(Moved::Rows(_, rows, _)) = moved {
        chosen.insert((rows.cut, rows.kind));
    }
    for found in found.values_mut() {
        let verdict = found.judgement.verdict;
        if verdict.is_finding() || verdict == Verdict::InSampleFit {
            let best = found.evidence.best(&chosen).map(|(cut, kind, changed)| (*cut, *kind, Some(changed)));
            found.shown = best.or_else(|| found.evidence.gone.first().map(|(cut, kind)| (*cut, *kind, None)));
            chosen.extend(found.shown.map(|(cut, kind, _)| (cut, kind)));
        }
    }
    chosen
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
fn random_columns(course: &Course<'_>) -> BTreeSet<String> {
    let again = course.cuts.last().into_iter().flat_map(|cut| &cut.probes);
    again.flat_map(|(_, replay)| differing(course, replay)).collect()
}

fn differing(course: &Course<'_>, replay: &Replay) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for target in &course.targets.all {
        let (Some(first), Some(second)) = (target.place.find(&course.full), target.place.find(replay)) else {
            continue;
        };
        let until = course.cuts.first().and_then(|cut| cut.until).map(|_| i64::MAX);
        let diff = course.frames.diff(first, second, until);
        let changed = diff.into_iter().flat_map(|diff| diff.columns).filter(|(_, changed)| changed.rows > 0);
        found.extend(changed.map(|(name, _)| name));
    }
    found
}

/// The same content under its name in the frame that the model's rows came from.
pub(crate) fn name_of(course: &Course<'_>, target: &Target, name: &str) -> String {
    let hash = match target.place.find(&course.full) {
        Some(Described::Frame { columns, .. }) if name.parse::<usize>().is_ok() => {
            columns.iter().find(|column| column.0 == name).map(|column| column.1.clone())
        }
        _ => None,
    };
    let Some(hash) = hash else { return name.to_owned() };
    let known = course.full.records.iter().rev().find_map(|record| match &record.what {
        What::Value { value: Described::Frame { columns, .. }, .. } => columns
            .iter()
            .find(|column| column.1 == hash && column.0.parse::<usize>().is_err())
            .map(|column| column.0.clone()),
        _ => None,
    });
    known.unwrap_or_else(|| format!("column {name} of the model's array"))
}

fn one(
    course: &Course<'_>,
    report: &Report,
    target: &Target,
    name: &str,
    evidence: &Evidence,
    random: &BTreeSet<String>,
) -> Judgement {
    let mut verdict = evidence.verdict(&course.cuts);
    let hash = match target.place.find(&course.full) {
        Some(Described::Frame { columns, .. }) => {
            columns.iter().find(|column| column.0 == name).map(|column| column.1.clone())
        }
        _ => None,
    };
    let is_label = course.targets.labels.contains(name)
        || hash.as_ref().is_some_and(|hash| course.targets.label_hashes.contains(hash));
    let mut judgement = Judgement::new(name_of(course, target, name), verdict);
    judgement.frame.clone_from(&target.label);
    judgement.changed = evidence.changed_cuts().len();
    judgement.cuts = evidence.judged.len().max(judgement.changed);
    judgement.rows = (evidence.hits.iter().map(|(_, _, changed)| changed.rows).max().unwrap_or(0), evidence.shared);
    if is_label {
        judgement.verdict = Verdict::Label;
        judgement.words = words::label(&judgement, None);
        return judgement;
    }
    if random.contains(name) {
        judgement.verdict = Verdict::NotJudged;
        judgement.words = "It differs between two runs on the same data: give its randomness a seed.".to_owned();
        return judgement;
    }
    let content = hash.and_then(|hash| course.frames.column(&hash));
    if content.is_some_and(|column| !column.values.is_empty() && column.values.is_missing()) {
        judgement.verdict = Verdict::NotJudged;
        judgement.words = "It is missing in every row, so there is nothing that could change.".to_owned();
        return judgement;
    }
    if matches!(verdict, Verdict::NoChange | Verdict::NumericNoise) {
        let files = undeclared_on_path(course, report, target, name);
        if !files.is_empty() {
            verdict = Verdict::NotJudged;
            judgement.words = format!(
                "It is made of {}, which is no source that can be cut: what that file knows of the future cannot be seen here. Declare it, or make it within the notebook.",
                files.join(", ")
            );
        }
    }
    judgement.verdict = verdict;
    if judgement.words.is_empty() {
        judgement.words = words::quiet(&judgement);
    }
    judgement
}

/// Where it begins, and rows that show it.
fn prove(course: &Course<'_>, report: &Report, found: Found<'_>) -> Judgement {
    let Found { mut judgement, target, name, shown, .. } = found;
    let Some((cut, kind, changed)) = shown else { return judgement };
    if let Some(trace) = trace(course, cut, kind) {
        let begin = trace.begin(name, target.step, target.variable.as_deref());
        judgement.origin = origin(report, &trace, &begin);
        let later = trace.consequences(&begin, target.step).into_iter();
        let places = later.filter_map(|step| place(report, &trace, step));
        judgement.consequences = places.map(|(cell, line, _)| format!("cell {cell}, line {line}")).collect();
    }
    judgement.samples = changed.map(Sample::of).unwrap_or_default();
    words::finish(&mut judgement, course);
    judgement
}

fn trace<'a>(course: &'a Course<'_>, cut: usize, kind: Kind) -> Option<Trace<'a>> {
    let replay = course.told.get(&(cut, kind))?;
    let base = course.told.get(&(cut, Kind::Full)).unwrap_or(&course.full);
    Some(Trace::new(&course.frames, base, replay, course.cuts[cut].until))
}

/// The cell, the line and its text: of a statement of several lines the one that does what is known to see the future.
fn place(report: &Report, trace: &Trace<'_>, step: i64) -> Option<(usize, usize, String)> {
    let step = trace.steps.get(&step)?;
    let cell = report.cells.get(step.cell)?;
    let lines = cell
        .source
        .lines()
        .enumerate()
        .skip(step.line.saturating_sub(1))
        .take((step.end + 1).saturating_sub(step.line));
    let lines: Vec<(usize, &str)> = lines.map(|(line, text)| (line + 1, text.trim())).collect();
    let telling = lines.iter().find(|(_, text)| words::is_idiom(text)).or(lines.first());
    let (line, code) = telling.copied().unwrap_or((step.line, ""));
    Some((cell.number, line, code.to_owned()))
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

/// A finding about which rows there are.
enum Moved<'e> {
    /// Training and test rows are drawn at random, at this statement.
    Split(i64, Option<Diff>),
    /// Rows come and go, at so many cuts.
    Rows(&'e Target, &'e RowsMoved, usize),
}

/// The finding about which rows there are, if there is one.
fn membership<'e>(course: &Course<'_>, gathered: &'e [(Target, FrameEvidence)]) -> Option<Moved<'e>> {
    let mut moved: Option<Moved<'e>> = None;
    for (target, evidence) in gathered {
        let real: Vec<&RowsMoved> = (evidence.rows.iter())
            .filter(|rows| !is_label_gap(course, target, rows))
            .filter(|rows| !course.cuts[rows.cut].in_training)
            .collect();
        if let Some(rows) = real.first() {
            let cuts: BTreeSet<usize> = real.iter().map(|rows| rows.cut).collect();
            moved = moved.or(Some(Moved::Rows(target, rows, cuts.len())));
        }
    }
    moved.or_else(|| {
        let step = course.targets.random_split?;
        let fitted = Place::Fitted;
        let differs = course.cuts.iter().filter(|cut| cut.at != i64::MAX).find_map(|cut| {
            let (_, replay) = cut.probes.iter().find(|(kind, _)| *kind == Kind::Truncate)?;
            let diff = course.frames.diff(fitted.find(&course.full)?, fitted.find(replay)?, cut.until)?;
            (!diff.rows.is_whole()).then_some(diff)
        });
        Some(Moved::Split(step, differs))
    })
}

/// Its words, with where it begins.
fn about_rows(course: &Course<'_>, moved: Moved<'_>) -> Judgement {
    match moved {
        Moved::Split(step, differs) => words::random_split(course, step, differs),
        Moved::Rows(target, rows, count) => {
            let begin = trace(course, rows.cut, rows.kind).map(|trace| trace.rows_begin(target.step));
            words::membership(course, target, rows, count, begin.as_ref())
        }
    }
}

/// Rows that a cut run lacks because their label is not known yet: what comes of a label, and no finding.
fn is_label_gap(course: &Course<'_>, target: &Target, rows: &RowsMoved) -> bool {
    let labels = &course.targets.labels;
    if rows.kind != Kind::Truncate || !rows.rows.extra.is_empty() || labels.is_empty() {
        return false;
    }
    let cut = &course.cuts[rows.cut];
    let Some((_, replay)) = cut.probes.iter().find(|(kind, _)| *kind == rows.kind) else { return false };
    let wanted: BTreeSet<u64> = rows.rows.missing.iter().map(|row| rows.rows.first.ids[*row as usize]).collect();
    // Any earlier frame of the cut run in which these rows have no label.
    replay.records.iter().filter(|record| record.step <= target.step).any(|record| {
        let What::Value { value: value @ Described::Frame { columns, .. }, .. } = &record.what else { return false };
        if columns.iter().all(|(name, _, _)| !labels.contains(name)) {
            return false;
        }
        let Some(frame) = course.frames.frame(value) else { return false };
        let ids = &frame.rows.ids;
        let places: Vec<usize> = (0..ids.len()).filter(|row| wanted.contains(&ids[*row])).collect();
        let held = frame.columns.iter().filter(|(name, _)| labels.contains(name));
        let held: Vec<_> = held.filter_map(|(_, hash)| course.frames.column(hash)).collect();
        let unknown = |row: &usize| held.iter().any(|column| crate::frame::missing(&column.values, *row));
        places.len() == wanted.len() && places.iter().all(unknown)
    })
}

/// What only dropped rows change may come of chance: a run with other seeds tells.
fn seeds(course: &mut Course<'_>, report: &mut Report) -> Result<(), AuditError> {
    let doubtful = report.verdicts.iter().any(|judgement| judgement.verdict.is_finding() && judgement.column != ROWS);
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
