//! How fast the engine is on one core, in process: records applied one by one and in columns, taken out again, questions
//! answered, one entity with very many of both, what its questions cost as its records grow, expressions evaluated, and the
//! memory of a state. Rates are of processor time where the system tells it, so that a busy machine says about the same.
//! Run by `cargo xtask bench engine`; nothing is asserted here.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tandem_definitions::{Binary, Datum, Expr, File, Project, Value};
use tandem_engine::{Key, Moment, Plan, Record, Rows, State, Texts, evaluate};

const RECORDS: usize = 1_000_000;
const QUESTIONS: usize = 200_000;
/// Of the one entity.
const HOT: usize = 2_000_000;
/// Records for each question where both take turns.
const TURN: usize = 10;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const KINDS: [&str; 8] = ["view", "search", "click", "add_to_cart", "remove", "checkout", "refund", "support"];

const FEATURES: [(&str, &str); 13] = [
    ("count(*)", "over: 1 hour"),
    ("count(*)", "over: 1 day"),
    ("count(*)", "over: 7 days"),
    ("count(*)", "over: 30 days"),
    ("sum(amount)", "over: 7 days"),
    ("sum(amount)", "over: 30 days"),
    ("mean(amount)", "over: 30 days"),
    ("min(amount)", "over: 7 days"),
    ("max(amount)", "over: 7 days"),
    ("count(*)", "over: 30 days, where: kind = 'checkout'"),
    ("count(distinct item)", "over: 7 days"),
    ("last(kind)", "over: all time"),
    ("time_since_last()", "over: all time"),
];

/// What is asked of one entity whose records grow, each alone.
const GROWTH: [&str; 7] = [
    "sum(amount)",
    "median(amount)",
    "mode(kind)",
    "top_k(kind, 3)",
    "mode(item)",
    "decayed_sum(amount, '7 days')",
    "decayed_mean(amount, '1 hour')",
];
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

fn project(asked: &[(&str, &str)]) -> Project {
    let mut features = String::new();
    for (i, (value, rest)) in asked.iter().enumerate() {
        let _ = writeln!(
            features,
            "  - {{name: f{i}, meaning: One of many, owner: sam, from: events, value: \"{value}\", {rest}}}"
        );
    }
    let files = [
        (
            "tandem.yaml",
            "name: pace\npeople: [{name: sam, role: developer}]\nentities: [{name: customer, meaning: Who}]\n"
                .to_owned(),
        ),
        ("sources/events.odcs.yaml", include_str!("pace.odcs.yaml").to_owned()),
        ("features/customer.yaml", format!("entity: customer\nfeatures:\n{features}")),
    ];
    let files = files.map(|(path, text)| File { path: path.to_owned(), text });
    let (project, findings) = tandem_definitions::read(&files);
    assert!(findings.is_empty(), "{findings:#?}");
    project
}

/// One record, and its customer.
#[derive(Clone, Copy)]
struct Event {
    arrival: i64,
    at: i64,
    customer: i64,
    kind: usize,
    amount: f64,
    item: i64,
}

/// The workload: skewed customers (or a single one), one record in twenty late by up to three days, in order of arrival.
fn events(count: usize, customers: f64) -> Vec<Event> {
    let mut seed = 7u64;
    let mut below = move |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(seed) * u128::from(n)) >> 64) as u64
    };
    let mut events: Vec<_> = (0..count)
        .map(|_| {
            let event = below(180 * DAY as u64) as i64;
            let late = if below(20) == 0 { below(3 * DAY as u64) as i64 } else { SECOND + below(4_000_000) as i64 };
            let share = below(1 << 32) as f64 / f64::from(u32::MAX);
            let customer = (share.powi(4) * customers) as i64;
            let (kind, amount, item) = (below(8) as usize, below(10_000) as f64 / 100.0, below(50_000) as i64);
            Event { arrival: event + late, at: event, customer, kind, amount, item }
        })
        .collect();
    events.sort_unstable_by_key(|event| event.arrival);
    events
}

/// The processor's time of this thread, or else the wall's.
fn cpu() -> Duration {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.as_deref().and_then(|text| text.split(' ').next()).and_then(|text| text.parse().ok());
    nanos.map_or_else(|| BEGUN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// What it took, for each of so many, in nanoseconds.
fn each(begun: Duration, count: usize) -> f64 {
    cpu().saturating_sub(begun).as_nanos() as f64 / count as f64
}

fn percentiles(name: &str, mut nanos: Vec<u64>) {
    nanos.sort_unstable();
    let at = |share: f64| nanos[((nanos.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!("  {name}: 50th {:.2} µs, 99th {:.2} µs, 99.9th {:.2} µs", at(0.5), at(0.99), at(0.999));
}

struct Bench<'b> {
    plan: &'b Plan,
    names: Vec<&'b str>,
    texts: Texts,
}

/// The columns of one entity's records, in order of arrival.
#[derive(Default)]
struct Columns {
    arrival: Vec<i64>,
    event: Vec<i64>,
    position: Vec<u64>,
    nulls: Vec<u64>,
    words: Vec<Vec<u64>>,
}

impl Columns {
    fn len(&self) -> usize {
        self.event.len()
    }

    fn put<'c>(&'c self, from: usize, to: usize, words: &mut Vec<&'c [u64]>, put: impl FnOnce(&Rows<'_>)) {
        words.clear();
        words.extend(self.words.iter().map(|words| &words[from..to]));
        put(&Rows {
            event: &self.event[from..to],
            arrival: &self.arrival[from..to],
            position: &self.position[from..to],
            nulls: &[&self.nulls[from..to]],
            words,
        });
    }
}

impl<'b> Bench<'b> {
    fn new(project: &'b Project, plan: &'b Plan) -> Self {
        let names = plan.fields(0).iter().map(|&f| project.sources[0].fields[f].name.as_str()).collect();
        Self { plan, names, texts: Texts::default() }
    }

    fn with_record<T>(
        &mut self,
        e: &Event,
        position: u64,
        with: impl FnOnce(&Plan, &mut Texts, &Record<'_>) -> T,
    ) -> T {
        let value = |name: &&str| match *name {
            "customer" => Datum::Int(e.customer),
            "kind" => Datum::Text(KINDS[e.kind]),
            "item" => Datum::Int(e.item),
            _ => Datum::Float(e.amount),
        };
        let fields: Vec<Datum<'_>> = self.names.iter().map(value).collect();
        let record = Record { source: 0, position, event: e.at, arrival: e.arrival, fields: &fields };
        with(self.plan, &mut self.texts, &record)
    }

    fn ask(&self, key: &[Option<Key>], state: Option<&State>, at: i64) {
        let state = |_: usize, _: &Key| state.map(Cow::Borrowed);
        black_box(self.plan.features(key, state, &self.texts, &Moment { at, request: &[] }));
    }

    /// One by one: every state stays in memory.
    fn single(&mut self, events: &[Event]) {
        let mut states: HashMap<Key, State> = HashMap::new();
        let mut nanos = Vec::with_capacity(events.len() / 16);
        let begun = cpu();
        for (position, event) in events.iter().enumerate() {
            let one = (position % 16 == 0).then(Instant::now);
            self.with_record(event, position as u64, |plan, texts, record| {
                plan.route(record, |slot, key| {
                    if let Some(key) = key {
                        states.entry(key).or_default().apply(plan, texts, slot, record);
                    }
                });
            });
            nanos.extend(one.map(|one| one.elapsed().as_nanos() as u64));
        }
        println!("applied {} records: {:.0} a second", events.len(), 1e9 / each(begun, events.len()));
        percentiles("a record", nanos);

        let at = 183 * DAY;
        let mut nanos = Vec::with_capacity(QUESTIONS);
        let begun = cpu();
        for question in 0..QUESTIONS {
            let customer = events[question * (events.len() / QUESTIONS)].customer;
            let one = Instant::now();
            let key = Key([Value::Int(customer)].into());
            let state = states.get(&key);
            self.ask(&[Some(key)], state, at - (question as i64 % 30) * DAY);
            nanos.push(one.elapsed().as_nanos() as u64);
        }
        let rate = 1e9 / each(begun, QUESTIONS);
        println!("answered {QUESTIONS} questions of {} features: {rate:.0} a second", FEATURES.len());
        percentiles("a question", nanos);

        let bytes: usize = states.values().map(State::bytes).sum();
        let (entities, records) = (states.len(), events.len());
        println!("memory: {} bytes an entity ({entities}), {} bytes a record", bytes / entities, bytes / records);

        let begun = cpu();
        for (position, event) in events.iter().enumerate().step_by(7) {
            let state = states.get_mut(&Key([Value::Int(event.customer)].into())).unwrap();
            self.with_record(event, position as u64, |plan, texts, record| state.retract(plan, texts, 0, record));
        }
        println!("took out every seventh record: {:.0} a second", 1e9 / each(begun, events.len() / 7));
    }

    fn columns(&mut self, events: &[Event], of: impl Fn(&Event) -> usize) -> Vec<Columns> {
        let measures = self.plan.measures(0, 0).count();
        let mut columns: Vec<Columns> = Vec::new();
        for (position, event) in events.iter().enumerate() {
            let number = of(event);
            if columns.len() <= number {
                columns.resize_with(number + 1, || Columns { words: vec![Vec::new(); measures], ..Columns::default() });
            }
            let own = &mut columns[number];
            own.arrival.push(event.arrival);
            own.event.push(event.at);
            own.position.push(position as u64);
            own.nulls.push(0);
            let row = own.len() - 1;
            self.with_record(event, position as u64, |plan, texts, record| {
                for (m, words) in own.words.iter_mut().enumerate() {
                    let word = plan.measure(0, 0, m, record.fields, texts);
                    own.nulls[row] |= u64::from(word.is_none()) << m;
                    words.push(word.unwrap_or(0));
                }
            });
        }
        columns
    }

    /// As a replay does it: one state, used for one entity after the other. What a record takes without questions, and what a
    /// record and a question take when they take turns.
    fn bulk(&self, name: &str, columns: &[Columns]) {
        let records: usize = columns.iter().map(Columns::len).sum();
        let (mut state, mut words) = (State::default(), Vec::new());
        let begun = cpu();
        for own in columns {
            state.clear();
            own.put(0, own.len(), &mut words, |rows| state.extend(self.plan, &self.texts, 0, 0, rows));
        }
        let bulk = each(begun, records);
        let (mut questions, key) = (0u32, [Some(Key([Value::Int(1)].into()))]);
        let begun = cpu();
        for own in columns {
            state.clear();
            let mut from = 0;
            while from < own.len() {
                let to = (from + TURN).min(own.len());
                own.put(from, to, &mut words, |rows| state.extend(self.plan, &self.texts, 0, 0, rows));
                self.ask(&key, Some(&state), own.arrival[to - 1] + 1);
                (from, questions) = (to, questions + 1);
            }
        }
        let turns = cpu().saturating_sub(begun).as_secs_f64();
        println!(
            "{name}, in columns: {bulk:.0} ns a record; {records} and {questions} questions in turns: {turns:.2} s, which leaves \
             {:.0} ns a question; {} bytes at last",
            (turns * 1e9 - bulk * records as f64) / f64::from(questions),
            state.bytes()
        );
    }
}

fn conditions(events: &[Event]) {
    let text = |s: &str| Expr::Literal(Value::Text(s.into()));
    let compare = |op, column, literal| Expr::Binary(op, Box::new(Expr::Column(column)), Box::new(literal));
    let condition = Expr::Binary(
        Binary::And,
        Box::new(compare(Binary::Greater, 1, Expr::Literal(Value::Float(10.0)))),
        Box::new(compare(Binary::Equal, 0, text("checkout"))),
    );
    let begun = cpu();
    for event in events {
        black_box(evaluate(&condition, &[Datum::Text(KINDS[event.kind]), Datum::Float(event.amount)]));
    }
    println!("evaluated amount > 10 and kind = 'checkout': {:.0} ns a record", each(begun, events.len()));
}

/// What a question of each function takes as the records of one entity grow, of which two thirds lie in the window.
fn growth() {
    println!(
        "one entity, each function alone over 120 days of 180: µs a question with so many records; and of the most"
    );
    for value in GROWTH {
        let asked = [(value, "over: 120 days")];
        let project = project(&asked);
        let plan = Plan::compile(&project, &[0]);
        let (mut line, mut most) = (format!("  {value:<31}"), String::new());
        for size in SIZES {
            let mut bench = Bench::new(&project, &plan);
            let columns = bench.columns(&events(size, 1.0), |_| 0).remove(0);
            let (mut state, mut words) = (State::default(), Vec::new());
            let begun = cpu();
            columns.put(0, size, &mut words, |rows| state.extend(&plan, &bench.texts, 0, 0, rows));
            let record = each(begun, size);
            let (begun, mut asked, key) = (cpu(), 0, [Some(Key([Value::Int(0)].into()))]);
            while asked < 3 || (asked < 2_000 && cpu().saturating_sub(begun) < Duration::from_millis(500)) {
                bench.ask(&key, Some(&state), 180 * DAY - asked * 977 * SECOND);
                asked += 1;
            }
            let question = each(begun, asked as usize) / 1000.0;
            let _ = write!(line, "{size:>9}: {question:>7.1}");
            most = format!("{record:.0} ns and {} bytes a record", state.bytes() / size);
        }
        println!("{line}; {most}");
    }
}

fn main() {
    let project = project(&FEATURES);
    let plan = Plan::compile(&project, &(0..FEATURES.len()).collect::<Vec<_>>());
    let mut bench = Bench::new(&project, &plan);
    let all = events(RECORDS, 20_000.0);
    bench.single(&all);
    let columns = bench.columns(&all, |event| event.customer as usize);
    bench.bulk("many entities", &columns);
    conditions(&all);
    drop((all, columns));
    let columns = bench.columns(&events(HOT, 1.0), |_| 0);
    bench.bulk("one entity", &columns);
    drop(columns);
    growth();
}
