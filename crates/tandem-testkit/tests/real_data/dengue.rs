//! Every dengue case of Taiwan: it began, it was notified, it was confirmed. Three times an event; one notification lies three
//! weeks before its onset.

use std::collections::HashMap;
use std::fmt::Write as _;

use tandem_definitions::{Type, Value, time};

use crate::common::{DAY, answered, around, folder, rows, text, unpacked, write};

const TANDEM: &str = "name: dengue
people: [{name: sam, role: data scientist}]
entities: [{name: county, meaning: A county of Taiwan}]
";

const CASES: &str = "apiVersion: v3.1.0
kind: DataContract
id: cases
version: 1.0.0
status: active
servers: [{server: production, type: local, path: cases.csv, format: csv}]
schema:
  - name: cases
    properties:
      - {name: county, logicalType: string, customProperties: [{property: entity, value: county}]}
      - {name: onset, logicalType: date, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: notified, logicalType: date, required: true, customProperties: [{property: timeRole, value: arrival}]}
      - {name: confirmed, logicalType: date}
      - {name: imported, logicalType: string}
      - {name: serotype, logicalType: string}
      - {name: number, logicalType: integer, required: true}
";

const FEATURES: &str = "entity: county
features:
  - {name: cases, meaning: Cases of four weeks, owner: sam, from: cases, value: sum(number), over: 28 days}
  - {name: week_before, meaning: Cases of the week that ended a week ago, owner: sam, from: cases, value: count(*), over: '7 days, ending 7 days ago'}
  - {name: imported, meaning: Cases brought from abroad, owner: sam, from: cases, value: count(*), where: imported = 'Y', over: 28 days}
  - {name: serotypes, meaning: How many serotypes, owner: sam, from: cases, value: count(distinct serotype), over: 28 days}
  - {name: days_to_confirm, meaning: Days from onset to confirmation, owner: sam, from: cases, value: mean((confirmed - onset) / 86400), over: 28 days}
  - {name: since, meaning: Seconds since the latest onset, owner: sam, from: cases, value: time_since_last()}
";

struct Case {
    county: String,
    onset: i64,
    notified: i64,
    confirmed: Option<i64>,
    imported: String,
    serotype: String,
    number: i64,
}

/// The file writes days as 1998/01/02, which Tandem does not read: they are written as 1998-01-02.
fn day(text: &str) -> Option<i64> {
    (!text.is_empty()).then(|| time::parse_instant(&text.replace('/', "-"), None).unwrap())
}

fn cases(text: &str) -> Vec<Case> {
    let case = |row: Vec<String>| Case {
        county: row[5].clone(),
        onset: day(&row[0]).unwrap(),
        notified: day(&row[2]).unwrap(),
        confirmed: day(&row[1]),
        imported: row[18].clone(),
        serotype: row[21].clone(),
        number: row[20].parse().unwrap(),
    };
    rows(text).into_iter().map(case).collect()
}

fn as_csv(cases: &[Case]) -> String {
    let mut text = "county,onset,notified,confirmed,imported,serotype,number\n".to_owned();
    let date = |at: i64| time::format_instant(at)[..10].to_owned();
    for c in cases {
        let confirmed = c.confirmed.map_or_else(String::new, date);
        let (onset, notified) = (date(c.onset), date(c.notified));
        writeln!(text, "{},{onset},{notified},{confirmed},{},{},{}", c.county, c.imported, c.serotype, c.number)
            .unwrap();
    }
    text
}

fn naive(cases: &[Case], county: &Value, t: i64) -> Vec<Value> {
    // Known before it happened: it counts from when it happened.
    let known: Vec<&Case> = cases
        .iter()
        .filter(|c| !c.county.is_empty() && text(county) == c.county && c.notified.max(c.onset) < t && c.onset < t)
        .collect();
    let window: Vec<&&Case> = known.iter().filter(|c| t - 28 * DAY <= c.onset).collect();
    let total: i64 = window.iter().map(|c| c.number).sum();
    let mut serotypes: Vec<&str> = window.iter().map(|c| c.serotype.as_str()).filter(|s| !s.is_empty()).collect();
    serotypes.sort_unstable();
    serotypes.dedup();
    // Whole days: their sum is exact.
    let days: Vec<i64> = window.iter().filter_map(|c| Some((c.confirmed? - c.onset) / DAY)).collect();
    let mean = days.iter().sum::<i64>() as f64 / days.len() as f64;
    let before = |c: &&&Case| t - 14 * DAY <= c.onset && c.onset < t - 7 * DAY;
    let latest = known.iter().map(|c| c.onset).max();
    vec![
        if window.is_empty() { Value::Null } else { Value::Int(total) },
        Value::Int(known.iter().filter(before).count() as i64),
        Value::Int(window.iter().filter(|c| c.imported == "Y").count() as i64),
        Value::Int(serotypes.len() as i64),
        if days.is_empty() { Value::Null } else { Value::Float(mean) },
        latest.map_or(Value::Null, |onset| Value::Float((t - onset) as f64 / 1e6)),
    ]
}

#[test]
fn cases_were_known_when_they_were_notified() {
    let Some(data) = folder("dengue_taiwan") else { return };
    let cases = cases(&unpacked(&[data.join("dengue_taiwan.csv.gz")])[0]);
    assert_eq!(cases.len(), 107_117);
    assert_eq!(cases.iter().filter(|c| c.confirmed.is_none()).count(), 6_279);
    let lags: Vec<i64> = cases.iter().map(|c| (c.notified - c.onset) / DAY).collect();
    assert_eq!((lags.iter().max(), lags.iter().min()), (Some(&274), Some(&-21)));
    assert_eq!(lags.iter().filter(|lag| **lag < 0).count(), 1);
    assert_eq!((lags.iter().sum::<i64>() * 100).div_euclid(cases.len() as i64), 287, "2.87 days on average");
    let mut by_notification: Vec<&Case> = cases.iter().collect();
    by_notification.sort_by_key(|c| c.notified);
    let mut newest = i64::MIN;
    let mut behind = 0;
    for c in by_notification {
        behind += usize::from(c.onset < newest);
        newest = newest.max(c.onset);
    }
    assert_eq!(behind, 60_825, "56.8 % arrive out of order");
    let counties: HashMap<&str, usize> = cases.iter().fold(HashMap::new(), |mut all, c| {
        *all.entry(c.county.as_str()).or_default() += 1;
        all
    });

    let records: Vec<(Value, i64, i64)> =
        cases.iter().map(|c| (Value::Text(c.county.as_str().into()), c.onset, c.notified)).collect();
    let asked = around(&records, 300, 28 * DAY);
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "cases.csv", &as_csv(&cases));
    let definitions = [("tandem.yaml", TANDEM), ("sources/cases.odcs.yaml", CASES), ("features/county.yaml", FEATURES)];
    let answered = answered(&definitions, here.path(), Type::Text, &asked);
    assert_eq!(answered.log.records, 107_117);
    assert_eq!(answered.log.findings.arrived_before_event.count, 1, "notified three weeks before its onset");
    let nowhere = counties.get("").copied().unwrap_or_default() as u64;
    assert_eq!(answered.log.without_entity.iter().map(|(_, count)| *count).sum::<u64>(), nowhere);
    answered.agree(&asked, |county, t| naive(&cases, county, t));
}
