//! What the notebook's text made suspect, and what came of it: a step into the future is proven where a finding begins with it;
//! test rows in the training are proven by a run in which only the test rows have other values.
//! Not here: how suspicions arise (tandem-python).

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hasher as _;
use std::sync::Arc;

use tandem_definitions::Code;
use tandem_notebook::probe::{Described, Stored, Values};
use tandem_python::Suspicion;

use crate::audit::Course;
use crate::report::{Outcome, Report, Suspected, Verdict};
use crate::runs::{Job, Replay};
use crate::source::Table;
use crate::target::Place;
use crate::variant::Kind;
use crate::{AuditError, instant, needed};

/// Says of each suspicion what came of it.
pub(crate) fn confirm(
    course: &mut Course<'_>,
    report: &mut Report,
    suspicions: Vec<Suspicion>,
) -> Result<(), AuditError> {
    let of_model = |suspicion: &Suspicion| matches!(suspicion.code, Code::OverlapLeak | Code::PreprocessingLeak);
    let tested = if suspicions.iter().any(of_model) { Some(test_rows(course)?) } else { None };
    for suspicion in suspicions {
        let (outcome, words) = match (&tested, suspicion.code) {
            (Some(tested), Code::OverlapLeak | Code::PreprocessingLeak) => tested.clone(),
            (_, Code::TestedOften) => {
                (Outcome::NotJudged, "a run cannot tell: it is a matter of how often one looks".to_owned())
            }
            _ => of_time(report, &suspicion),
        };
        let Suspicion { code, cell, line, text, .. } = suspicion;
        let text = text.trim_start_matches("Suspicion: ").to_owned();
        report.suspicions.push(Suspected { code, cell, line, text, outcome, words });
    }
    Ok(())
}

/// A step into the future, or a random split: what the verdicts say of its statement or its column.
fn of_time(report: &Report, suspicion: &Suspicion) -> (Outcome, String) {
    if let Some(reason) = &report.not_judged {
        return (Outcome::NotJudged, reason.clone());
    }
    let here = report.findings().find(|judgement| {
        let origin = judgement.origin.as_ref();
        origin.is_some_and(|origin| (origin.cell, origin.line) == (suspicion.cell, suspicion.line))
            || suspicion.column.as_ref() == Some(&judgement.column)
    });
    if let Some(found) = here {
        return (Outcome::Proven, format!("{} {}", found.verdict.word(), found.column));
    }
    let column = report.verdicts.iter().find(|judgement| suspicion.column.as_ref() == Some(&judgement.column));
    match column.map(|judgement| judgement.verdict) {
        Some(Verdict::NotJudged) => (Outcome::NotJudged, "its column could not be judged".to_owned()),
        Some(verdict) => (Outcome::NotConfirmed, format!("its column: {}", verdict.word())),
        None => (Outcome::NotConfirmed, "no audited column changes because of it".to_owned()),
    }
}

/// Whether the rows that the last model learned from change when only those that it was tested on have other values.
fn test_rows(course: &mut Course<'_>) -> Result<(Outcome, String), AuditError> {
    let untraced = |why: &str| Ok((Outcome::NotJudged, why.to_owned()));
    let (Some(fitted), Some(asked)) = (Place::Fitted.find(&course.full), Place::Asked.find(&course.full)) else {
        return untraced("no model was seen to be fitted and asked");
    };
    if matches!(fitted, Described::Large { .. }) {
        return untraced("the training rows are too many to keep");
    }
    let found = course.stage.tables.iter().enumerate().find_map(|(number, table)| {
        let rows = rows_of(course, table, asked)?;
        Some((number, rows))
    });
    let Some((source, rows)) = found else {
        return untraced("the rows that the model was tested on could not be found in a source");
    };
    let trained = fitted.clone();
    course.step("giving only the test rows other values");
    let count = rows.len();
    course.stage.only = needed::until_fit(&course.full);
    let other = Job { rows: Some((source, Arc::new(rows))), ..Job::new(Kind::Perturb, i64::MAX) };
    let mut replays = course.run(&[other, Job::new(Kind::Full, 0)])?;
    let (again, replay) = (replays.remove(1), replays.remove(0));
    if let Some(failure) = replay.failure {
        return Ok((Outcome::NotJudged, format!("the notebook broke when test rows had other values: {failure}")));
    }
    // What changes by chance changes without a reason, too.
    let (Some(chance), Some(moved)) = (moved(&trained, &again), moved(&trained, &replay)) else {
        return untraced("which rows are for training depends on the values of the test rows");
    };
    let moved: Vec<String> = moved.difference(&chance).cloned().collect();
    Ok(if moved.is_empty() {
        let words = format!("{count} test rows had other values, and the training rows stayed as they were");
        (Outcome::NotConfirmed, words)
    } else {
        let moved = moved.join(", ");
        let words =
            format!("only {count} test rows had other values, and what the model learned from changed: {moved}");
        (Outcome::Proven, words)
    })
}

/// The training columns that are not the same in another run; `None` where that has other rows.
fn moved(trained: &Described, replay: &Replay) -> Option<BTreeSet<String>> {
    let (
        Described::Frame { rows: mine, columns: first, index, keys },
        Described::Frame { rows: theirs, columns: second, index: other_index, keys: other_keys },
    ) = (trained, Place::Fitted.find(replay)?)
    else {
        return None;
    };
    let same = |column: &&Stored| second.iter().any(|other| other.0 == column.0 && other.1 == column.1);
    let known = |column: &Stored| first.iter().any(|other| other.0 == column.0);
    let gone = first.iter().filter(|column| !same(column));
    let new = second.iter().filter(|column| !known(column));
    (mine == theirs && index == other_index && keys == other_keys)
        .then(|| gone.chain(new).map(|column| column.0.clone()).collect())
}

/// A column that a source and a frame have in common, each cell as a number.
struct Shared {
    source: Vec<u64>,
    frame: Vec<u64>,
}

/// The rows of a source that a frame's rows are, told by the cells that they share; only those that can be no other ones.
fn rows_of(course: &Course<'_>, table: &Table, asked: &Described) -> Option<BTreeSet<usize>> {
    let Described::Frame { rows, columns, index, keys } = asked else { return None };
    let mut shared: Vec<Shared> = Vec::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (name, hash, _) in columns.iter().chain(keys).chain(index) {
        let (Some(cells), Some(column)) = (table.column(name), course.frames.column(hash)) else { continue };
        let theirs: Vec<u64> = cells.iter().map(|cell| word(cell.as_deref())).collect();
        let mine: Vec<u64> = (0..*rows).map(|row| value(&column.values, row)).collect();
        // A column that was scaled or encoded under its old name tells nothing.
        let known: HashSet<&u64> = theirs.iter().collect();
        let met = mine.iter().filter(|value| known.contains(value)).count();
        if met * 100 >= rows * 99 && used.insert(name) {
            shared.push(Shared { source: theirs, frame: mine });
        }
    }
    let together = |row: usize, pick: fn(&Shared) -> &[u64]| {
        let mut hasher = DefaultHasher::new();
        shared.iter().for_each(|column| hasher.write_u64(pick(column)[row]));
        hasher.finish()
    };
    let mut places: HashMap<u64, (usize, bool)> = HashMap::new();
    for row in 0..table.rows() {
        places.entry(together(row, |column| &column.source)).and_modify(|place| place.1 = false).or_insert((row, true));
    }
    let found = (0..*rows).filter_map(|row| places.get(&together(row, |column| &column.frame)));
    let found: BTreeSet<usize> = found.filter(|place| place.1).map(|place| place.0).collect();
    (!shared.is_empty() && found.len() * 2 > *rows).then_some(found)
}

/// A cell as a number that is the same for the same value: a time, a number, or a text.
fn word(cell: Option<&str>) -> u64 {
    let Some(cell) = cell else { return u64::MAX };
    let mut hasher = DefaultHasher::new();
    match (cell.parse::<f64>(), instant::parse(cell)) {
        (Ok(number), _) => hasher.write_u64((number + 0.0).to_bits()),
        (_, Some(time)) => hasher.write_i64(time),
        _ => hasher.write(cell.as_bytes()),
    }
    hasher.finish()
}

/// A recorded value in the same way.
fn value(values: &Values, row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    match values {
        _ if crate::frame::missing(values, row) => return u64::MAX,
        Values::Int(values) => hasher.write_u64((values[row] as f64).to_bits()),
        Values::Float(values) => hasher.write_u64((values[row] + 0.0).to_bits()),
        Values::Time(values) => hasher.write_i64(values[row]),
        Values::Text(values) => return word(values[row].as_deref()),
    }
    hasher.finish()
}
