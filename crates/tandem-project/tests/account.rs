//! An account of a value names the very records: those that count, those not known yet, those before the window.

#![allow(clippy::unwrap_used)]

mod common;

use common::shop;
use tandem_definitions::time::parse_instant;
use tandem_project::account::{Account, Records, account};
use tandem_project::load::load;

fn ann(feature: &str, at: &str) -> Account {
    let folder = shop();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let key = [("customer".to_owned(), "ann".to_owned())];
    account(&loaded, feature, &key, parse_instant(at, None).unwrap()).unwrap()
}

fn values(records: &Records) -> Vec<&str> {
    records.latest.iter().map(|line| line.value.as_str()).collect()
}

#[test]
fn each_record_is_where_it_belongs() {
    let early = ann("spent", "2024-01-02T00:00:00Z");
    let part = &early.aggregations[0];
    assert_eq!(early.value, "10.5");
    assert_eq!((values(&part.counted), values(&part.not_yet_known)), (vec!["10.5"], vec!["30"]));
    assert_eq!(part.not_yet_known.latest[0].arrival, "2024-01-03T10:01:00Z");
    assert_eq!(part.before_the_window.count, 0);
    let late = ann("spent", "2024-01-08T09:00:00Z");
    let part = &late.aggregations[0];
    assert_eq!(late.value, "31");
    assert_eq!(values(&part.counted), ["30", "1"], "in order of event time");
    assert_eq!(values(&part.before_the_window), ["10.5"]);
}

#[test]
fn what_is_missing_is_said() {
    let folder = shop();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let error = account(&loaded, "spent", &[], 0).unwrap_err().to_string();
    assert!(error.contains("--entity customer="), "{error}");
    let error = account(&loaded, "spend", &[], 0).unwrap_err().to_string();
    assert!(error.contains("did you mean `spent`"), "{error}");
}

/// A shop whose orders are corrected, and whose amounts arrive when they are paid.
fn corrected() -> tempfile::TempDir {
    let folder = shop();
    let path = folder.path().join("sources/orders.odcs.yaml");
    let contract = std::fs::read_to_string(&path).unwrap();
    let contract =
        contract.replace("[{property: timeZone", "[{property: corrects, value: true}, {property: timeZone").replace(
            "{name: amount, logicalType: number}",
            "{name: amount, logicalType: number, customProperties: [{property: arrives, value: paid}]}
      - {name: gone, logicalType: boolean, customProperties: [{property: tombstone, value: true}]}
      - {name: paid, logicalType: timestamp}",
        );
    std::fs::write(path, contract).unwrap();
    let records = "id,customer,amount,at,seen,paid,gone
1,ann,10.5,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,2024-01-01T08:00:00Z,
1,ann,11.5,2024-01-01T08:00:00Z,2024-01-02T08:01:00Z,2024-01-01T08:00:00Z,
2,ann,20,2024-01-01T09:00:00Z,2024-01-01T09:01:00Z,2024-01-03T00:00:00Z,
3,ann,30,2024-01-01T10:00:00Z,2024-01-01T10:01:00Z,2024-01-01T10:00:00Z,
3,ann,30,2024-01-01T10:00:00Z,2024-01-02T10:01:00Z,2024-01-01T10:00:00Z,true
4,bob,1,2024-01-04T10:00:00Z,2024-01-04T10:01:00Z,,
";
    std::fs::write(folder.path().join("orders.csv"), records).unwrap();
    folder
}

#[test]
fn what_was_replaced_and_what_was_not_yet_known_is_named() {
    let folder = corrected();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let ann = |at: &str| {
        let key = [("customer".to_owned(), "ann".to_owned())];
        account(&loaded, "spent", &key, parse_instant(at, None).unwrap()).unwrap()
    };
    let first = ann("2024-01-01T12:00:00Z");
    let part = &first.aggregations[0];
    assert_eq!((first.value.as_str(), values(&part.counted)), ("40.5", vec!["10.5", "30"]));
    assert_eq!((values(&part.not_yet_known), values(&part.value_not_yet_known)), (vec!["11.5"], vec!["20"]));
    assert_eq!(part.replaced.count, 0);
    let later = ann("2024-01-02T12:00:00Z");
    let part = &later.aggregations[0];
    assert_eq!((later.value.as_str(), values(&part.counted)), ("11.5", vec!["11.5"]));
    assert_eq!((values(&part.replaced), values(&part.value_not_yet_known)), (vec!["10.5", "30"], vec!["20"]));
    let last = ann("2024-01-03T12:00:00Z");
    assert_eq!((last.value.as_str(), values(&last.aggregations[0].counted)), ("31.5", vec!["11.5", "20"]));
}
