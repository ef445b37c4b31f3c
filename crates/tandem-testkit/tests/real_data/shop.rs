//! An online shop: every invoice line, in a file a day. Lines are cancelled, repeated, and without a customer; a day's lines are
//! known when its file lands, at midnight in London.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use tandem_definitions::{Type, Value, time};

use crate::common::{DAY, answered, around, folder, rows, sum, unpacked, write};

const TANDEM: &str = "name: shop
people: [{name: sam, role: data scientist}]
entities: [{name: customer, meaning: Who buys}]
";

// A line is the same as another when all of it is. Times are those of the clock on the wall.
const LINES: &str = "apiVersion: v3.1.0
kind: DataContract
id: lines
version: 1.0.0
status: active
servers: [{server: production, type: local, path: 'by-day/*.csv', format: csv}]
schema:
  - name: lines
    customProperties: [{property: timeZone, value: Europe/London}]
    properties:
      - {name: InvoiceNo, logicalType: string, required: true, customProperties: [{property: identity, value: true}]}
      - {name: StockCode, logicalType: string, customProperties: [{property: identity, value: true}]}
      - {name: Description, logicalType: string, customProperties: [{property: identity, value: true}]}
      - {name: Quantity, logicalType: integer, customProperties: [{property: identity, value: true}]}
      - {name: InvoiceDate, logicalType: timestamp, customProperties: [{property: timeRole, value: event}, {property: identity, value: true}]}
      - {name: UnitPrice, logicalType: number, customProperties: [{property: identity, value: true}]}
      - {name: CustomerID, logicalType: integer, customProperties: [{property: entity, value: customer}, {property: identity, value: true}]}
      - {name: Country, logicalType: string, customProperties: [{property: identity, value: true}]}
      - {name: landed, logicalType: timestamp, customProperties: [{property: timeRole, value: arrival}]}
";

const FEATURES: &str = "entity: customer
features:
  - {name: lines, meaning: Lines of 60 days, owner: sam, from: lines, value: count(*), over: 60 days}
  - {name: spent, meaning: Spent in 60 days, owner: sam, from: lines, value: sum(Quantity * UnitPrice), over: 60 days}
  - {name: cancelled, meaning: Cancelled lines ever, owner: sam, from: lines, value: count(*), where: InvoiceNo like 'C%'}
  - {name: kinds, meaning: Different articles of 60 days, owner: sam, from: lines, value: count(distinct StockCode), over: 60 days}
  - {name: latest, meaning: The article bought last, owner: sam, from: lines, value: last(StockCode), where: Quantity > 0}
  - {name: this_month, meaning: Lines of this month, owner: sam, from: lines, value: count(*), over: this month in Europe/London}
";

struct Line {
    row: Vec<String>,
    event: i64,
    landed: i64,
}

impl Line {
    fn quantity(&self) -> i64 {
        self.row[3].parse().unwrap()
    }

    fn cancels(&self) -> bool {
        self.row[0].starts_with('C')
    }
}

fn london(text: &str) -> i64 {
    time::parse_instant(text, Some("Europe/London")).unwrap()
}

/// What a customer's lines, without repetitions, were worth at an instant. They are in order of their position.
fn naive(lines: &[&Line], t: i64) -> Vec<Value> {
    let known: Vec<&&Line> = lines.iter().filter(|line| line.landed < t && line.event < t).collect();
    let window: Vec<&&&Line> = known.iter().filter(|line| t - 60 * DAY <= line.event).collect();
    let worth = |line: &&&&Line| line.quantity() as f64 * line.row[5].parse::<f64>().unwrap();
    let kinds: HashSet<&str> = window.iter().map(|line| line.row[1].as_str()).collect();
    let month = london(&format!("{} 00:00:00", in_london(t, "%Y-%m-01")));
    let latest = known.iter().filter(|line| line.quantity() > 0).max_by_key(|line| (line.event, line.landed));
    vec![
        Value::Int(window.len() as i64),
        sum(&window.iter().map(worth).collect::<Vec<_>>()),
        Value::Int(known.iter().filter(|line| line.cancels()).count() as i64),
        Value::Int(kinds.len() as i64),
        latest.map_or(Value::Null, |line| Value::Text(line.row[1].as_str().into())),
        Value::Int(known.iter().filter(|line| line.event >= month).count() as i64),
    ]
}

fn in_london(at: i64, format: &str) -> String {
    let at = jiff::Timestamp::from_microsecond(at).unwrap();
    at.in_tz("Europe/London").unwrap().strftime(format).to_string()
}

#[test]
fn lines_are_cancelled_repeated_and_without_a_customer() {
    let Some(data) = folder("online_retail") else { return };
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("by-day")).unwrap();
    let mut files: Vec<_> = fs::read_dir(data.join("by-day")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 305);
    let mut lines = Vec::new();
    for (file, text) in files.iter().zip(unpacked(&files)) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let day = &name[..10];
        // The next midnight on the clocks of London: a day has 23 or 25 hours when they change.
        let landed = london(&in_london(london(&format!("{day} 12:00")) + DAY, "%Y-%m-%d"));
        let stamp = time::format_instant(landed);
        let mut stamped = String::new();
        for (i, line) in text.lines().enumerate() {
            writeln!(stamped, "{line},{}", if i == 0 { "landed" } else { &stamp }).unwrap();
        }
        write(&here.path().join("by-day"), &format!("{day}.csv"), &stamped);
        let line = |row: Vec<String>| Line { event: london(&row[4]), row, landed };
        lines.extend(rows(&text).into_iter().map(line));
    }
    assert_eq!(lines.len(), 541_909);
    assert_eq!(lines.iter().filter(|line| line.cancels()).count(), 9_288);
    assert_eq!(lines.iter().filter(|line| line.quantity() < 0).count(), 10_624);
    let nobody = lines.iter().filter(|line| line.row[6].is_empty()).count();
    assert_eq!(nobody, 135_080, "24.9 %");
    let mut seen = HashSet::new();
    let new: Vec<bool> = lines.iter().map(|line| seen.insert(&line.row)).collect();
    assert_eq!(new.iter().filter(|new| !**new).count(), 5_268, "exact repetitions");
    // With a null in it, an identity says nothing: such a line counts each time.
    let with_null = |line: &&Line| line.row.iter().any(String::is_empty);
    let repeated = lines.iter().zip(&new).filter(|(line, new)| !**new && !with_null(line)).count();
    let mut customers: HashMap<&str, Vec<&Line>> = HashMap::new();
    for (line, new) in lines.iter().zip(&new).filter(|(line, _)| !line.row[6].is_empty()) {
        if *new || with_null(&line) {
            customers.entry(&line.row[6]).or_default().push(line);
        }
    }
    assert_eq!(customers.len(), 4_372);

    let id = |text: &str| Value::Int(text.trim_end_matches(".0").parse().unwrap());
    let of: HashMap<i64, &Vec<&Line>> =
        customers.iter().map(|(name, of)| (name.trim_end_matches(".0").parse().unwrap(), of)).collect();
    let records: Vec<(Value, i64, i64)> = lines
        .iter()
        .filter(|line| !line.row[6].is_empty())
        .map(|line| (id(&line.row[6]), line.event, line.landed))
        .collect();
    let asked = around(&records, 400, 60 * DAY);
    let definitions =
        [("tandem.yaml", TANDEM), ("sources/lines.odcs.yaml", LINES), ("features/customer.yaml", FEATURES)];
    let answered = answered(&definitions, here.path(), Type::Int, &asked);
    assert_eq!(answered.log.records, 541_909);
    assert_eq!(answered.log.duplicates as usize, repeated);
    assert_eq!(answered.log.without_entity.iter().map(|(_, count)| *count as usize).sum::<usize>(), nobody);
    let mine = |key: &Value| if let Value::Int(id) = key { of.get(id) } else { None };
    answered.agree(&asked, |key, t| naive(mine(key).map_or(&[][..], |lines| lines), t));
}
