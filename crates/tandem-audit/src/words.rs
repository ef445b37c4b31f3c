//! The words of a finding: what it saw, what production would have said, and what to do instead.
//! Not here: what is found.

use tandem_definitions::time;

use crate::audit::Course;
use crate::diff::Diff;
use crate::instant;
use crate::report::{Judgement, Origin, ROWS, Sample, Verdict};
use crate::source::Table;
use crate::target::Target;
use crate::trace::Begin;
use crate::verdict::RowsMoved;

/// How a statement looks, what it does with later records, and what to do instead.
const IDIOMS: [(&[&str], &str, &str); 16] = [
    (
        &["get_dummies", "OneHotEncoder"],
        "makes a column for each category in the data, also for those that are first seen later",
        "Fix the list of categories (from the training rows), and give what is new a column of its own.",
    ),
    (
        &["LabelEncoder", "factorize", ".cat.codes", "OrdinalEncoder"],
        "numbers the categories of all the data, so that a category that comes later moves the numbers of the others",
        "Fix the list of categories (from the training rows).",
    ),
    (
        &["shift(-", "periods=-", "diff(-", "pct_change(-"],
        "takes the value of a later row",
        "Use shift(1), the row before, or declare it as the label if that is what it is.",
    ),
    (&["bfill", "backfill"], "fills a gap with the value that comes after it", "Fill with ffill, or with a constant."),
    (
        &["interpolate"],
        "fills a gap from the values before and after it",
        "Fill with ffill: the value after the gap is not known yet.",
    ),
    (&["center=True"], "averages over rows before and after", "Leave out center=True: a window ends at its row."),
    (&["forward", "nearest"], "joins the record that comes next", "Join with direction=\"backward\"."),
    (
        &["drop_duplicates", "duplicated"],
        "keeps or drops a row because of one that comes later",
        "Keep the first, or decide at each row with what was there until then.",
    ),
    (
        &["fit_transform", ".fit("],
        "fits on all rows, those after the row included",
        "Fit on the training rows only, and transform the rest.",
    ),
    (
        &["[::-1]", "ascending=False"],
        "goes through the rows backwards, so that each row sees what comes after it",
        "Sort by time, and go forwards.",
    ),
    (
        &["qcut", "rank(", "quantile", "argsort", "np.percentile"],
        "ranks each row among all rows, those after it included",
        "Rank among the rows until then, or fix the limits on the training rows.",
    ),
    (
        &["resample(", "Grouper(", "groupby_dynamic(", "group_by_dynamic("],
        "puts a whole period under one time, which is known only when the period is over",
        "Give such a row the end of its period as its time, or use it one period later (shift(1)).",
    ),
    (
        &["transform(", "groupby(", ".map("],
        "computes one value from all rows of a group, those after the row included",
        "Compute it over the rows before: shift(1) and expanding(), or a declared feature.",
    ),
    (
        &["max()", "min()"],
        "uses the latest (or greatest) value in the data, which later records move",
        "Measure from the row's own time.",
    ),
    (
        &["mean()", "std()", "sum()", "median()", "count()", "var()"],
        "uses a statistic over all rows, those after the row included",
        "Compute it over the rows before, or on the training rows only.",
    ),
    (
        &["merge(", ".join("],
        "joins a value that was made from later records, too",
        "Join only what was known at the row's time (merge_asof), or declare the feature.",
    ),
];

/// Whether a line does what is known to see the future.
pub(crate) fn is_idiom(code: &str) -> bool {
    IDIOMS.iter().any(|(marks, _, _)| marks.iter().any(|mark| code.contains(mark)))
}

/// Gives a finding its words.
pub(crate) fn finish(judgement: &mut Judgement, course: &Course<'_>) {
    let code = judgement.origin.as_ref().map(|origin| origin.code.clone()).unwrap_or_default();
    let idiom = IDIOMS.iter().find(|(marks, _, _)| marks.iter().any(|mark| code.contains(mark)));
    let does = idiom.map_or("depends on records that come after the row", |(_, does, _)| does);
    let place = judgement.origin.as_ref().map(|origin| format!("Cell {}, line {} {does}.", origin.cell, origin.line));
    let place = place.unwrap_or_else(|| format!("It {does}."));
    let ahead = judgement.reach.as_ref().map_or_else(String::new, |reach| format!(" It sees {reach}."));
    let of = if judgement.inputs.is_empty() {
        String::new()
    } else {
        format!(" Later values of {} show in it.", judgement.inputs.join(", "))
    };
    let count = format!(
        "It changed at {} of {} cuts, in up to {} of {} rows.",
        judgement.changed, judgement.cuts, judgement.rows.0, judgement.rows.1
    );
    let remedy = idiom.map_or("Compute it from what was known at the row's own time.", |(_, _, remedy)| remedy);
    (judgement.words, judgement.remedy) = match judgement.verdict {
        Verdict::LateData => (
            format!(
                "It uses records at the time when they happened, but some became known only later: in production they were not there yet. {count}"
            ),
            "Use a record from its arrival time on: a declared feature does.".to_owned(),
        ),
        Verdict::Vocabulary => (
            format!("Its columns or codes come from categories that are first seen later. {place} {count}"),
            remedy.to_owned(),
        ),
        Verdict::InSampleFit => (
            format!(
                "Within the training rows it depends on later training rows; what comes after them does not move it. {place}"
            ),
            "Known from training: nothing to do, as long as no test rows lie within.".to_owned(),
        ),
        _ => (format!("{place}{ahead}{of} {count}"), remedy.to_owned()),
    };
    judgement.feature = feature(judgement, course, &code);
}

/// The column by which a line groups.
fn grouped_by<'a>(table: &'a Table, code: &str) -> Option<&'a String> {
    let (_, inside) = code.split_once("groupby(")?;
    let inside = inside.split(')').next()?;
    table
        .columns
        .iter()
        .find(|column| inside.contains(&format!("\"{column}\"")) || inside.contains(&format!("'{column}'")))
}

/// A declared feature that says the same of the past.
fn feature(judgement: &Judgement, course: &Course<'_>, code: &str) -> String {
    let tables = course.stage.tables.iter().filter(|table| !table.event.is_empty());
    let Some(table) =
        tables.max_by_key(|table| table.columns.iter().filter(|column| code.contains(column.as_str())).count())
    else {
        return String::new();
    };
    let numeric = |column: &&String| {
        let cells = table.column(column).into_iter().flatten().flatten();
        cells.take(50).all(|cell| cell.parse::<f64>().is_ok())
            && !course.frames.entities.contains(column)
            && !course.stage.times.contains(column)
    };
    let mentioned = table
        .columns
        .iter()
        .filter(numeric)
        .find(|column| code.contains(column.as_str()) || judgement.inputs.contains(column));
    let (Some(entity), Some(column)) = (grouped_by(table, code).or(table.source.entities.first()), mentioned) else {
        return String::new();
    };
    let marks = [
        ("mean", "mean"),
        ("sum", "sum"),
        ("std", "stddev"),
        ("max", "max"),
        ("min", "min"),
        ("count", "count"),
        ("fill", "last"),
        ("interpolate", "last"),
        ("shift", "last"),
        ("rolling", "mean"),
    ];
    let Some((_, aggregation)) = marks.iter().find(|(mark, _)| code.contains(mark)) else { return String::new() };
    let name = table.source.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("events");
    let value = if *aggregation == "count" { "count(*)".to_owned() } else { format!("{aggregation}({column})") };
    let label: String = judgement
        .column
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    format!(
        "entity: {entity}\nfeatures:\n  - name: {label}\n    meaning: The {aggregation} of {column} over what is known of this {entity} at the time\n    from: {name}\n    value: {value}\n"
    )
}

/// A label is told, not judged.
pub(crate) fn label(judgement: &Judgement, horizon: Option<i64>) -> String {
    let may = "It is what the model learns, so it may know the future";
    match (&judgement.reach, horizon) {
        (Some(reach), Some(horizon)) => {
            format!("{may}: it sees {reach}, and nothing beyond the {} that are declared.", span(horizon))
        }
        (None, Some(horizon)) => {
            format!("{may}: nothing beyond the {} that are declared was seen in it.", span(horizon))
        }
        (Some(reach), None) => {
            let column = &judgement.column;
            format!("{may}: it sees {reach}. Say what was meant (--label \"{column}=7 days\"), and it is held to it.")
        }
        (None, None) => format!("{may}."),
    }
}

/// A label that sees further than it says.
pub(crate) fn beyond(judgement: &mut Judgement, horizon: i64, rows: usize) {
    let horizon = span(horizon);
    let reach = judgement.reach.clone().unwrap_or_else(|| "further".to_owned());
    judgement.words = format!(
        "It is declared to look {horizon} ahead. With all records until {horizon} after the cut, {rows} rows before the cut still change: it sees {reach}."
    );
    judgement.remedy = "Take only what lies within the horizon, or declare the one that was meant.".to_owned();
}

/// A span of nanoseconds: `7 days`.
pub(crate) fn span(nanos: i64) -> String {
    time::format_duration(nanos / 1000)
}

/// A column without a finding.
pub(crate) fn quiet(judgement: &Judgement) -> String {
    match judgement.verdict {
        Verdict::NumericNoise => {
            format!("Only its last bits changed, by no more than a part in a billion, at {} cuts.", judgement.cuts)
        }
        Verdict::NotJudged => "No row of it could be compared at any cut: beside each cut stands why.".to_owned(),
        _ => format!("It did not change at {} cuts, in {} rows.", judgement.cuts, judgement.rows.1),
    }
}

/// The finding about a random split.
pub(crate) fn random_split(course: &Course<'_>, step: i64, differs: Option<Diff>) -> Judgement {
    let mut judgement = Judgement::new(ROWS.to_owned(), Verdict::Membership);
    let (changed, rows) = differs.map_or((0, (0, 0)), |diff| (1, diff.rows.moved()));
    judgement.origin = of_step(course, step);
    judgement.changed = changed;
    judgement.cuts = course.cuts.len() - 1;
    judgement.rows = rows;
    judgement.frame = "the rows that were split into training and test".to_owned();
    judgement.words = "Training and test rows are drawn at random, so the model learns from rows that come after those it is tested on. What is computed after the split is not compared.".to_owned();
    judgement.remedy = "Split at a date: train on what came before, test on what came after.".to_owned();
    judgement
}

/// The finding about rows that come and go.
pub(crate) fn membership(
    course: &Course<'_>,
    target: &Target,
    rows: &RowsMoved,
    count: usize,
    begin: Option<&Begin>,
) -> Judgement {
    let mut judgement = Judgement::new(ROWS.to_owned(), Verdict::Membership);
    judgement.frame.clone_from(&target.label);
    judgement.changed = count;
    judgement.cuts = course.cuts.len() - 1;
    let moved = &rows.rows;
    judgement.rows = moved.moved();
    judgement.origin =
        begin.and_then(|begin| Some(Origin { variable: begin.variable.clone(), ..of_step(course, begin.step)? }));
    let at = course.cuts.get(rows.cut).map_or_else(String::new, |cut| instant::shown(cut.at));
    let sample = |row: String, here: bool| {
        let (says, would) = if here { ("there", "not there") } else { ("not there", "there") };
        Sample { row, says: says.to_owned(), would: would.to_owned() }
    };
    let missing = moved.missing.iter().map(|row| sample(moved.first.label(*row as usize), true));
    let extra = moved.extra.iter().map(|row| sample(moved.second.label(*row as usize), false));
    judgement.samples = missing.chain(extra).take(3).collect();
    let code = judgement.origin.as_ref().map(|origin| origin.code.clone()).unwrap_or_default();
    let idiom = IDIOMS.iter().find(|(marks, _, _)| marks.iter().any(|mark| code.contains(mark)));
    let place = judgement
        .origin
        .as_ref()
        .map_or_else(String::new, |origin| format!(" It begins in cell {}, line {}.", origin.cell, origin.line));
    judgement.words = format!(
        "Which rows exist depends on records that come after them: with the data until {at}, {} rows are missing and {} are there that the notebook drops.{place}",
        moved.missing.len(),
        moved.extra.len()
    );
    judgement.remedy =
        idiom.map_or("Choose rows by what was known at their own time.", |(_, _, remedy)| remedy).to_owned();
    judgement
}

/// A statement as a place in the notebook.
fn of_step(course: &Course<'_>, step: i64) -> Option<Origin> {
    let steps = crate::trace::steps(&course.full);
    let step = steps.get(&step)?;
    let (number, source) = course.cells.get(step.cell)?;
    let code = source.lines().nth(step.line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
    Some(Origin { cell: *number, line: step.line, code, variable: String::new(), column: String::new() })
}

/// With which probability a leak is missed.
pub(crate) fn miss(cuts: usize) -> String {
    if cuts == 0 {
        return "No cut could be judged.".to_owned();
    }
    let missed = |share: f64| 100.0 * (1.0 - share).powi(i32::try_from(cuts).unwrap_or(i32::MAX));
    format!(
        "A leak that shows at a share p of all instants is missed with probability (1-p)^{cuts}: half of them {:.1} %, a tenth {:.0} %, a hundredth {:.0} %.",
        missed(0.5),
        missed(0.1),
        missed(0.01)
    )
}
