//! How fast the engine is on one core, in process: records applied, questions answered, expressions evaluated, and the
//! memory of a state. Run by `cargo xtask bench engine`; nothing is asserted here.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use tandem_definitions::{Binary, Datum, Expr, File, Project, Value};
use tandem_engine::{Key, Moment, Plan, Record, State, Texts, evaluate};

const RECORDS: usize = 1_000_000;
const QUESTIONS: usize = 200_000;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const KINDS: [&str; 8] = ["view", "search", "click", "add_to_cart", "remove", "checkout", "refund", "support"];

const FEATURES: [(&str, &str); 12] = [
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
    ("last(kind)", "over: all time"),
    ("time_since_last()", "over: all time"),
];

fn project() -> Project {
    let mut features = String::new();
    for (i, (value, rest)) in FEATURES.iter().enumerate() {
        let _ = writeln!(
            features,
            "  - {{name: f{i}, meaning: One of twelve, owner: sam, from: events, value: {value}, {rest}}}"
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

/// The workload: skewed customers, one record in twenty late by up to three days, in order of arrival.
fn events() -> Vec<(i64, i64, i64, usize, f64)> {
    let mut seed = 7u64;
    let mut below = move |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(seed) * u128::from(n)) >> 64) as u64
    };
    let mut events: Vec<_> = (0..RECORDS)
        .map(|_| {
            let event = below(180 * DAY as u64) as i64;
            let late = if below(20) == 0 { below(3 * DAY as u64) as i64 } else { SECOND + below(4_000_000) as i64 };
            let share = below(1 << 32) as f64 / f64::from(u32::MAX);
            let customer = (share.powi(4) * 20_000.0) as i64;
            (event + late, event, customer, below(8) as usize, below(10_000) as f64 / 100.0)
        })
        .collect();
    events.sort_unstable_by_key(|event| event.0);
    events
}

fn percentiles(name: &str, mut nanos: Vec<u64>) {
    nanos.sort_unstable();
    let at = |share: f64| nanos[((nanos.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!("  {name}: 50th {:.2} µs, 99th {:.2} µs, 99.9th {:.2} µs", at(0.5), at(0.99), at(0.999));
}

fn main() {
    let project = project();
    let plan = Plan::compile(&project, &(0..FEATURES.len()).collect::<Vec<_>>());
    let events = events();
    let names: Vec<&str> = plan.fields(0).iter().map(|&f| project.sources[0].fields[f].name.as_str()).collect();
    let mut states: HashMap<Key, State> = HashMap::new();
    let mut texts = Texts::default();
    let mut apply = |position: usize| {
        let (arrival, event, customer, kind, amount) = events[position];
        let value = |name: &&str| match *name {
            "customer" => Datum::Int(customer),
            "kind" => Datum::Text(KINDS[kind]),
            _ => Datum::Float(amount),
        };
        let fields: Vec<Datum<'_>> = names.iter().map(value).collect();
        let record = Record { source: 0, position: position as u64, event, arrival, fields: &fields };
        plan.route(&record, |slot, key| {
            if let Some(key) = key {
                states.entry(key).or_default().apply(&plan, &mut texts, slot, &record);
            }
        });
    };
    let begun = Instant::now();
    let mut nanos = Vec::with_capacity(RECORDS / 16);
    for position in 0..RECORDS {
        if position % 16 == 0 {
            let one = Instant::now();
            apply(position);
            nanos.push(one.elapsed().as_nanos() as u64);
        } else {
            apply(position);
        }
    }
    println!("applied {RECORDS} records: {:.0} a second", RECORDS as f64 / begun.elapsed().as_secs_f64());
    percentiles("a record", nanos);

    let at = 183 * DAY;
    let begun = Instant::now();
    let mut nanos = Vec::with_capacity(QUESTIONS);
    for question in 0..QUESTIONS {
        let customer = events[question * (RECORDS / QUESTIONS)].2;
        let one = Instant::now();
        let state = states.get(&Key([Value::Int(customer)].into()));
        black_box(plan.features(&[state], &texts, &Moment { at: at - (question as i64 % 30) * DAY, request: &[] }));
        nanos.push(one.elapsed().as_nanos() as u64);
    }
    let rate = QUESTIONS as f64 / begun.elapsed().as_secs_f64();
    println!("answered {QUESTIONS} questions of {} features: {rate:.0} a second", FEATURES.len());
    percentiles("a question", nanos);

    let bytes: usize = states.values().map(State::bytes).sum();
    let (entities, records) = (states.len(), RECORDS);
    println!("memory: {} bytes an entity ({entities}), {} bytes a record", bytes / entities, bytes / records);

    let text = |s: &str| Expr::Literal(Value::Text(s.into()));
    let compare = |op, column, literal| Expr::Binary(op, Box::new(Expr::Column(column)), Box::new(literal));
    let condition = Expr::Binary(
        Binary::And,
        Box::new(compare(Binary::Greater, 1, Expr::Literal(Value::Float(10.0)))),
        Box::new(compare(Binary::Equal, 0, text("checkout"))),
    );
    let begun = Instant::now();
    for (_, _, _, kind, amount) in &events {
        black_box(evaluate(&condition, &[Datum::Text(KINDS[*kind]), Datum::Float(*amount)]));
    }
    let each = begun.elapsed().as_nanos() as f64 / RECORDS as f64;
    println!("evaluated amount > 10 and kind = 'checkout': {each:.0} ns a record");
}
