//! Long tracks of one entity: random runs of records put in one by one and in columns, late and tied, taken out again, put
//! away and read back, against the plain sum over a list. The random logs of `ways_agree.rs` are too short for a tree.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tandem_definitions::{Datum, File, Function, Micros, Project, Value};
use tandem_engine::{Key, Measuring, Moment, Plan, Record, Rows, State, Texts};
use tandem_testkit::oracle::decayed;

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;
const TEXTS: [&str; 7] = ["", "b", "a", "ab", "zz", "é", "B"];

/// What is asked of a source's records: each over four windows.
const VALUES: [&str; 24] = [
    "count(*)",
    "count(x)",
    "sum(x)",
    "min(x)",
    "max(x)",
    "min(s)",
    "max(s)",
    "count(distinct s)",
    "count(distinct n)",
    "first(n)",
    "last(s)",
    "nth_last(n, 3)",
    "mode(s)",
    "var_pop(n)",
    "median(x)",
    "quantile(n, 0.9)",
    "percentile_disc(s, 0.3)",
    "mode(n)",
    "top_k(s, 3)",
    "decayed_sum(x, '9 hours')",
    "decayed_mean(x, '1 minute')",
    "median(x) by s",
    "mode(n) by s",
    "count(distinct n) by s",
];
const WINDOWS: [(&str, Option<Micros>, Micros); 4] = [
    ("1 day", Some(DAY), 0),
    ("7 days", Some(7 * DAY), 0),
    ("7 days, ending 7 days ago", Some(14 * DAY), 7 * DAY),
    ("all time", None, 0),
];

#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    order: (Micros, Micros, u64),
    x: Option<f64>,
    n: Option<i64>,
    s: Option<&'static str>,
}

impl Known {
    fn fields(&self, names: &[&str]) -> Vec<Datum<'static>> {
        let of = |name: &&str| match *name {
            "x" => self.x.map_or(Datum::Null, Datum::Float),
            "n" => self.n.map_or(Datum::Null, Datum::Int),
            "s" => self.s.map_or(Datum::Null, Datum::Text),
            _ => Datum::Int(1),
        };
        names.iter().map(of).collect()
    }
}

/// Draws numbers: a linear congruential generator (Knuth's constants).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(n)) >> 64) as u64
    }

    fn known(&mut self, around: Micros, spread: Micros, grid: Micros, position: u64) -> Known {
        let event = (around - self.below(spread as u64) as i64) / grid * grid;
        let order = (event, event + self.below(3) as i64 * HOUR, position);
        // Quarters: their plain sum is exact.
        let x = (self.below(5) > 0).then(|| self.below(8_000) as f64 / 4.0 - 1_000.0);
        let n = (self.below(6) > 0).then(|| self.below(400) as i64 * self.below(2).cast_signed() - 100);
        let s = (self.below(7) > 0).then(|| TEXTS[self.below(7) as usize]);
        Known { order, x, n, s }
    }
}

fn project() -> Project {
    let mut features = String::new();
    for (v, value) in VALUES.iter().enumerate() {
        let (value, by) =
            value.split_once(" by ").map_or((*value, String::new()), |(v, by)| (v, format!(", by: {by}")));
        for (w, (window, ..)) in WINDOWS.iter().enumerate() {
            let _ = writeln!(
                features,
                "  - {{name: f{v}_{w}, meaning: One of many, owner: sam, from: events, value: \"{value}\", over: '{window}'{by}}}"
            );
        }
    }
    let files = [
        (
            "tandem.yaml",
            "name: tracks\npeople: [{name: sam, role: developer}]\nentities: [{name: customer, meaning: Who}]\n"
                .to_owned(),
        ),
        ("sources/events.odcs.yaml", include_str!("tracks.odcs.yaml").to_owned()),
        ("features/customer.yaml", format!("entity: customer\nfeatures:\n{features}")),
    ];
    let files = files.map(|(path, text)| File { path: path.to_owned(), text });
    let (project, findings) = tandem_definitions::read(&files);
    assert!(findings.is_empty(), "{findings:#?}");
    project
}

/// The value of an aggregation at an instant, from all records in the window, in order.
fn plain(value: &str, records: &[&Known], at: Micros) -> Value {
    if let Some((value, _)) = value.split_once(" by ") {
        let categories: BTreeSet<&str> = records.iter().filter(|r| counts(value, r)).filter_map(|r| r.s).collect();
        let of = |s: &str| records.iter().filter(|r| r.s == Some(s)).copied().collect::<Vec<_>>();
        let entry = |s: &str| (Value::Text(s.into()), plain(value, &of(s), at));
        return Value::Map(categories.into_iter().map(entry).collect());
    }
    let xs = || records.iter().filter_map(|r| r.x);
    let ns = || records.iter().filter_map(|r| r.n);
    let ss = || records.iter().filter_map(|r| r.s);
    let int = |n: usize| Value::Int(n as i64);
    let float = |x: Option<f64>| x.map_or(Value::Null, Value::Float);
    let text = |s: Option<&str>| s.map_or(Value::Null, |s| Value::Text(s.into()));
    let integer = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
    let dated = || records.iter().filter_map(|r| Some((r.order.0, r.x?))).collect::<Vec<_>>();
    match value {
        "count(*)" => int(records.len()),
        "count(x)" => int(xs().count()),
        "sum(x)" => float(xs().reduce(|a, b| a + b)),
        "min(x)" => float(xs().reduce(f64::min)),
        "max(x)" => float(xs().reduce(f64::max)),
        "min(s)" => text(ss().min()),
        "max(s)" => text(ss().max()),
        "count(distinct s)" => int(ss().collect::<BTreeSet<_>>().len()),
        "count(distinct n)" => int(ns().collect::<BTreeSet<_>>().len()),
        "first(n)" => integer(ns().next()),
        "last(s)" => text(ss().next_back()),
        "nth_last(n, 3)" => integer(ns().collect::<Vec<_>>().iter().rev().nth(2).copied()),
        "mode(s)" => text(top(ss()).first().copied()),
        "mode(n)" => integer(top(ns()).first().copied()),
        "top_k(s, 3)" => Value::List(top(ss()).into_iter().take(3).map(|s| Value::Text(s.into())).collect()),
        "median(x)" => float(percentile(xs().map(|x| (x * 4.0) as i64), 5).map(|quarters| quarters / 4.0)),
        "quantile(n, 0.9)" => float(percentile(ns(), 9)),
        "percentile_disc(s, 0.3)" => {
            let mut sorted: Vec<&str> = ss().collect();
            sorted.sort_unstable();
            text(sorted.get((sorted.len() * 3).div_ceil(10).saturating_sub(1)).copied())
        }
        "decayed_sum(x, '9 hours')" | "decayed_mean(x, '1 minute')" if dated().is_empty() => Value::Null,
        "decayed_sum(x, '9 hours')" => decayed(Function::DecayedSum(9 * HOUR), &dated(), at, 9 * HOUR),
        "decayed_mean(x, '1 minute')" => decayed(Function::DecayedMean(HOUR / 60), &dated(), at, HOUR / 60),
        _ => {
            let (count, sum) = (ns().count() as i128, ns().map(i128::from).sum::<i128>());
            let squares = ns().map(|n| i128::from(n) * i128::from(n)).sum::<i128>();
            // All below 2^53, so one rounding.
            float((count > 0).then(|| (count * squares - sum * sum) as f64 / (count * count) as f64))
        }
    }
}

/// Whether a record has the value that is folded.
fn counts(value: &str, record: &Known) -> bool {
    if value.contains("(x") { record.x.is_some() } else { record.n.is_some() }
}

/// The values by how often they are there, the most frequent first; of several, the least.
fn top<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut all: Vec<(T, usize)> = counts.into_iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.into_iter().map(|(value, _)| value).collect()
}

/// So many tenths of the way along the values, on the line between two: of small ones, so in one rounding.
fn percentile(values: impl Iterator<Item = i64>, tenths: usize) -> Option<f64> {
    let mut sorted: Vec<i64> = values.collect();
    sorted.sort_unstable();
    let way = sorted.len().checked_sub(1)? * tenths;
    let (low, high, part) = (sorted[way / 10], sorted[way.div_ceil(10)], (way % 10) as i64);
    Some((low * (10 - part) + high * part) as f64 / 10.0)
}

/// The columns of some records.
#[derive(Default)]
struct Columns {
    event: Vec<Micros>,
    arrival: Vec<Micros>,
    position: Vec<u64>,
    nulls: Vec<u64>,
    words: Vec<Vec<u64>>,
}

fn columns(plan: &Plan, names: &[&str], texts: &mut Texts, records: &[Known]) -> Columns {
    let measures: Vec<Measuring> = plan.measures(0, 0).collect();
    let mut columns = Columns { words: vec![Vec::new(); measures.len()], ..Columns::default() };
    for record in records {
        columns.event.push(record.order.0);
        columns.arrival.push(record.order.1);
        columns.position.push(record.order.2);
        let (fields, mut nulls) = (record.fields(names), 0);
        for (m, words) in columns.words.iter_mut().enumerate() {
            let word = plan.measure(0, 0, m, &fields, texts);
            nulls |= u64::from(word.is_none()) << m;
            words.push(word.unwrap_or(0));
        }
        columns.nulls.push(nulls);
    }
    columns
}

struct Run<'r> {
    plan: &'r Plan,
    /// Which of the values are asked for.
    values: &'r [usize],
    names: &'r [&'r str],
    texts: Texts,
    state: State,
    /// In order.
    known: Vec<Known>,
}

impl Run<'_> {
    fn extend(&mut self, records: &[Known]) {
        let columns = columns(self.plan, self.names, &mut self.texts, records);
        let words: Vec<&[u64]> = columns.words.iter().map(Vec::as_slice).collect();
        let (event, arrival, position) = (&columns.event, &columns.arrival, &columns.position);
        let rows = Rows { event, arrival, position, nulls: &[&columns.nulls], words: &words };
        self.state.extend(self.plan, &self.texts, 0, 0, &rows);
        self.known.extend(records);
        self.known.sort_by_key(|known| known.order);
    }

    fn apply(&mut self, known: Known) {
        let fields = known.fields(self.names);
        let (event, arrival, position) = known.order;
        let record = Record { source: 0, position, event, arrival, fields: &fields };
        self.state.apply(self.plan, &mut self.texts, 0, &record);
        let at = self.known.partition_point(|other| other.order < known.order);
        self.known.insert(at, known);
    }

    fn retract(&mut self, i: usize) {
        let (event, arrival, position) = self.known.remove(i).order;
        let record = Record { source: 0, position, event, arrival, fields: &[] };
        self.state.retract(self.plan, &self.texts, 0, &record);
    }

    fn check(&self, at: Micros, what: &str) {
        let key = Some(Key([Value::Int(0)].into()));
        let state = |_: usize, _: &Key| Some(Cow::Borrowed(&self.state));
        let values = self.plan.features(&[key], state, &self.texts, &Moment { at, request: &[] });
        for (w, (window, back, lag)) in WINDOWS.iter().enumerate() {
            let records =
                self.known.iter().filter(|r| r.order.0 < at - lag && back.is_none_or(|back| r.order.0 >= at - back));
            let records: Vec<&Known> = records.collect();
            for (i, value) in self.values.iter().map(|&v| VALUES[v]).enumerate() {
                // The oracle's weights take their time.
                if value.starts_with("decayed") && records.len() > 200 && !records.len().is_multiple_of(20) {
                    continue;
                }
                let got = &values[i * WINDOWS.len() + w];
                assert_eq!(
                    *got,
                    plain(value, &records, at),
                    "{value} over {window}, {what}, {} known",
                    self.known.len()
                );
            }
        }
    }
}

/// A run: `spread` is how far back records may lie, `grid` how coarse event times are, `taken` of 10 steps take one out.
fn run(seed: u64, steps: u64, spread: Micros, grid: Micros, taken: u64) {
    let project = project();
    // Without `count(*)` a record may have no value at all.
    let values: Vec<usize> = (usize::from(seed.is_multiple_of(2))..VALUES.len()).collect();
    let features = values.iter().flat_map(|v| (0..WINDOWS.len()).map(move |w| v * WINDOWS.len() + w));
    let plan = Plan::compile(&project, &features.collect::<Vec<_>>());
    let names: Vec<&str> = plan.fields(0).iter().map(|&f| project.sources[0].fields[f].name.as_str()).collect();
    let (mut draw, mut now, mut position) = (Draw(seed), 1_000 * DAY, 0);
    let (state, texts) = (State::default(), Texts::default());
    let mut run = Run { plan: &plan, values: &values, names: &names, texts, state, known: Vec::new() };
    for step in 0..steps {
        now += draw.below(4) as i64 * HOUR / 4;
        if draw.below(10) < taken && !run.known.is_empty() {
            for _ in 0..draw.below(60).min(run.known.len() as u64 - 1) {
                let i = draw.below(run.known.len() as u64) as usize;
                run.retract(i);
            }
        } else {
            let count = if draw.below(3) == 0 { draw.below(300) } else { 1 };
            let spread = if draw.below(3) == 0 { spread } else { HOUR };
            let mut records: Vec<Known> =
                (position..position + count).map(|p| draw.known(now, spread, grid, p)).collect();
            position += count;
            if draw.below(3) > 0 {
                records.sort_by_key(|known| known.order);
            }
            if count == 1 { run.apply(records[0]) } else { run.extend(&records) }
        }
        if step % 16 == 0 {
            let at = now - draw.below(20) as i64 * DAY / 2 + DAY;
            run.check(at, &format!("seed {seed}, step {step}"));
        }
        if step % 200 == 199 {
            let bytes = postcard::to_stdvec(&(&run.state, &run.texts)).expect("a state can be put away");
            (run.state, run.texts) = postcard::from_bytes(&bytes).expect("and read back");
        }
    }
    while !run.known.is_empty() {
        run.retract(draw.below(run.known.len() as u64) as usize);
        if run.known.len().is_multiple_of(97) {
            run.check(now, &format!("seed {seed}, emptying"));
        }
    }
    run.check(now, &format!("seed {seed}, empty"));
    run.state.clear();
    run.apply(draw.known(now, HOUR, grid, position));
    run.check(now + DAY, &format!("seed {seed}, used again"));
}

#[test]
fn in_order_and_late() {
    run(1, 400, 3 * DAY, 1, 0);
    run(2, 400, 30 * DAY, HOUR, 0);
}

#[test]
fn taken_out_again() {
    run(3, 500, 30 * DAY, 60_000_000, 3);
    run(4, 500, 90 * DAY, 6 * HOUR, 4);
}

#[test]
fn many_at_one_instant() {
    run(5, 300, 10 * DAY, DAY, 2);
    run(6, 300, 40 * DAY, 10 * DAY, 2);
}
