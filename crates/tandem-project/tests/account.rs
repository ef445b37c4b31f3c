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
