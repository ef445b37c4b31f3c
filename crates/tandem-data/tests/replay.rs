//! No choice of how a replay is run changes a value: threads, memory, and how the log is cut into files; and each kind of
//! knowledge sees the records that it should.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use tandem_data::read::Origin;
use tandem_data::replay::{Asks, Known, Options, Replayed, replay};
use tandem_definitions::{File, Project};
use tandem_engine::Plan;

const DAY: i64 = 86_400_000_000;

fn project(path: &str) -> Project {
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    let files = [
        file(
            "tandem.yaml",
            "name: shop\npeople: [{name: sam, role: data scientist}]\nentities:\n  - {name: customer, meaning: A person}\n  - {name: basket, meaning: A person and an item, keys: [who, item]}\n".to_owned(),
        ),
        file("sources/orders.odcs.yaml", contract(path)),
        file("features/customer.yaml", FEATURES.replace("ENTITY", "customer")),
        file("features/basket.yaml", FEATURES.replace("ENTITY", "basket").replace("name: ", "name: basket_")),
    ];
    let (project, findings) = tandem_definitions::read(&files);
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:#?}");
    project
}

const FEATURES: &str = "entity: ENTITY
features:
  - {name: n, meaning: How many, owner: sam, from: orders, value: count(*), over: 3 days}
  - {name: total, meaning: How much, owner: sam, from: orders, value: sum(amount), over: 9 days}
  - {name: mean, meaning: How much each, owner: sam, from: orders, value: mean(amount)}
  - {name: kinds, meaning: How many kinds, owner: sam, from: orders, value: count(distinct kind), over: 20 days}
  - {name: latest, meaning: The last kind, owner: sam, from: orders, value: last(kind), where: amount > 1}
";

fn contract(path: &str) -> String {
    format!(
        "apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
servers: [{{server: production, type: local, path: \"{path}\", format: csv}}]
schema:
  - name: orders
    logicalType: object
    properties:
      - {{name: id, logicalType: integer, required: true, customProperties: [{{property: identity, value: true}}]}}
      - name: customer
        logicalType: integer
        customProperties: [{{property: entity, value: customer}}, {{property: entity, value: basket.who}}]
      - {{name: kind, logicalType: string, customProperties: [{{property: entity, value: basket.item}}]}}
      - {{name: amount, logicalType: number}}
      - {{name: at, logicalType: timestamp, customProperties: [{{property: timeRole, value: event}}]}}
      - {{name: seen, logicalType: timestamp, customProperties: [{{property: timeRole, value: arrival}}]}}
"
    )
}

/// A small generator of our own: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(n)) >> 64) as u64
    }
}

/// Writes a log of 6,000 records, some late, some repeated, some without a customer, cut into `files` files: at random places,
/// and written in a random order. The order of the log is that of the files' names.
fn write_log(folder: &Path, files: usize) {
    let mut random = Random(7);
    let mut records: Vec<(i64, String)> = Vec::new();
    for id in 0..6_000u64 {
        let at = random.below(40 * DAY as u64) as i64;
        let late = if random.below(5) == 0 { random.below(5 * DAY as u64) as i64 } else { 1_000_000 };
        let customer = if random.below(50) == 0 { String::new() } else { random.below(60).to_string() };
        let time = |t: i64| tandem_definitions::time::format_instant(t);
        let amount = random.below(10_000) as f64 / 100.0;
        let kind = ["tea", "milk", "salt, fine", "a\"b"][random.below(4) as usize].replace('"', "\"\"");
        let line = format!("{},{customer},\"{kind}\",{amount},{},{}\n", id % 5_900, time(at), time(at + late));
        records.push((at + late, line));
    }
    records.sort();
    let mut random = Random(files as u64);
    let mut cuts: Vec<usize> = (1..files).map(|_| random.below(records.len() as u64) as usize).collect();
    cuts.extend([0, records.len()]);
    cuts.sort_unstable();
    let mut parts: Vec<(usize, &[(i64, String)])> =
        cuts.windows(2).map(|ends| &records[ends[0]..ends[1]]).enumerate().collect();
    for i in (1..parts.len()).rev() {
        parts.swap(i, random.below(i as u64 + 1) as usize);
    }
    for (i, part) in parts {
        let mut text = "id,customer,kind,amount,at,seen\n".to_owned();
        part.iter().for_each(|(_, line)| write!(text, "{line}").unwrap());
        std::fs::write(folder.join(format!("{i:03}.csv")), text).unwrap();
    }
}

fn asks(plan: &Plan, known: Known) -> Asks {
    let mut random = Random(11);
    let customers: Vec<Option<i64>> =
        (0..900).map(|_| (random.below(40) > 0).then(|| random.below(70) as i64)).collect();
    let kinds: Vec<&str> = (0..900).map(|_| ["tea", "milk", "salt, fine", "a\"b"][random.below(4) as usize]).collect();
    let customers: ArrayRef = Arc::new(Int64Array::from(customers));
    let kinds: ArrayRef = Arc::new(StringArray::from(kinds));
    let keys = vec![vec![customers.clone(), kinds], vec![customers]];
    assert_eq!(plan.entities(), [1, 0], "features come in order of their files");
    Asks { keys, at: (0..900).map(|i| i * 45 * DAY / 900).collect(), request: Vec::new(), known }
}

/// As many asks, nearly all of one customer, in no order.
fn of_one(mut asks: Asks, count: usize) -> Asks {
    let customers: ArrayRef =
        Arc::new((0..count as i64).map(|i| Some(if i % 9 == 0 { i % 70 } else { 7 })).collect::<Int64Array>());
    let kinds: ArrayRef = Arc::new(StringArray::from(vec!["tea"; count]));
    asks.keys = vec![vec![customers.clone(), kinds], vec![customers]];
    asks.at = (0..count as i64).map(|i| i * 7_919 % count as i64 * (45 * DAY / count as i64)).collect();
    asks
}

#[test]
fn an_entity_with_most_of_the_asks_is_shared_among_threads() {
    let folder = tempfile::tempdir().unwrap();
    write_log(folder.path(), 3);
    let project = project("*.csv");
    let plan = Plan::compile(&project, &(0..project.features.len()).collect::<Vec<_>>());
    let origin = Origin { base: folder.path().to_path_buf(), server: None, log: None };
    let by_position = || Known::Positions(vec![(0..10_000).map(|i| i * 7_919 % 6_000).collect()]);
    for known in [|| Known::Arrived, || Known::Everything, by_position as fn() -> Known] {
        let run = |threads, memory| {
            let options = Options { threads, memory, now: None };
            let asks = of_one(asks(&plan, known()), 10_000);
            replay(&project, &plan, &origin, &asks, &options, &|_| {}).unwrap().columns
        };
        let alone = run(1, None);
        for (threads, memory) in [(2, None), (3, None), (2, Some(100_000))] {
            assert_eq!(alone, run(threads, memory), "{threads} threads, {memory:?} bytes");
        }
    }
}

fn run(files: usize, options: &Options, known: impl Fn(&Plan) -> Known) -> Replayed {
    let folder = tempfile::tempdir().unwrap();
    write_log(folder.path(), files);
    let project = project("*.csv");
    let plan = Plan::compile(&project, &(0..project.features.len()).collect::<Vec<_>>());
    let origin = Origin { base: folder.path().to_path_buf(), server: None, log: None };
    replay(&project, &plan, &origin, &asks(&plan, known(&plan)), options, &|_| {}).unwrap()
}

#[test]
fn threads_memory_and_files_change_nothing() {
    let whole = run(1, &Options { threads: 1, memory: None, now: None }, |_| Known::Arrived);
    assert!(whole.columns.iter().all(|column| column.null_count() < column.len()), "something is computed everywhere");
    assert_eq!(whole.logs[0].records, 6_000);
    assert_eq!(whole.logs[0].duplicates, 100);
    assert!(whole.logs[0].without_entity.iter().all(|(_, count)| *count > 50));
    for threads in 1..=16 {
        let files = 1 + threads * 7 % 9;
        let memory = [None, None, Some(100_000), None][threads % 4];
        let other = run(files, &Options { threads, memory, now: None }, |_| Known::Arrived);
        assert_eq!(whole.columns, other.columns, "{files} files, {threads} threads, {memory:?} bytes");
        assert_eq!(other.spilled > 0, memory.is_some());
    }
}

#[test]
fn positions_and_arrivals_agree_where_the_log_is_in_order_of_arrival() {
    let folder = tempfile::tempdir().unwrap();
    write_log(folder.path(), 1);
    let text = std::fs::read_to_string(folder.path().join("000.csv")).unwrap();
    let seen = |line: &str| tandem_definitions::time::parse_instant(line.rsplit(',').next().unwrap(), None).unwrap();
    let arrivals: Vec<i64> = text.lines().skip(1).map(seen).collect();
    let by_position = |_: &Plan| {
        let applied = |i: i64| arrivals.partition_point(|arrival| *arrival < i * 45 * DAY / 900) as u64;
        Known::Positions(vec![(0..900).map(applied).collect()])
    };
    let options = Options { threads: 2, memory: None, now: None };
    let (arrived, applied) = (run(1, &options, |_| Known::Arrived), run(1, &options, by_position));
    assert_eq!(arrived.columns, applied.columns);
    let everything = run(1, &options, |_| Known::Everything);
    assert_ne!(arrived.columns, everything.columns, "late records make a difference");
}

#[test]
fn a_record_below_the_position_counts_only_if_it_had_arrived_even_when_instants_go_back() {
    let folder = tempfile::tempdir().unwrap();
    write_log(folder.path(), 1);
    let text = std::fs::read_to_string(folder.path().join("000.csv")).unwrap();
    let seen = |line: &str| tandem_definitions::time::parse_instant(line.rsplit(',').next().unwrap(), None).unwrap();
    let arrivals: Vec<i64> = text.lines().skip(1).map(seen).collect();
    // The later the instant, the less had been applied: in the order of positions, instants go back.
    let applied = |i: i64| (6_000 - 6 * i) as u64;
    let arrived = |i: i64| arrivals.partition_point(|arrival| *arrival < i * 45 * DAY / 900) as u64;
    let options = Options { threads: 2, memory: None, now: None };
    let by_position =
        |of: &dyn Fn(i64) -> u64| run(1, &options, |_| Known::Positions(vec![(0..900).map(of).collect()]));
    assert_eq!(by_position(&applied).columns, by_position(&|i| applied(i).min(arrived(i))).columns);
}
