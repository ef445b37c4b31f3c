//! A training set's rows, what is left out and why, and the values at the instants: worked out by hand.

#![allow(clippy::unwrap_used)]

mod common;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use common::shop;
use tandem_definitions::time::parse_instant;
use tandem_project::load::load;
use tandem_project::training::{Knowledge, Part, training_set};

#[test]
fn rows_are_what_production_would_have_asked_and_known() {
    let folder = shop();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let question = loaded.question("comes_back").unwrap();
    let set = training_set(&loaded, question, &question.features, Knowledge::AsKnown, &|_| {}).unwrap();
    // Five records. The third arrived two days after it happened, so production could not have asked an hour after it.
    // The log ends on 4 January at 10:01, so the outcome of the fifth, and only of it, cannot be known.
    let left_out = [
        ("the orders record arrived only after the instant".to_owned(), 1),
        ("the outcome cannot be known yet".to_owned(), 1),
    ];
    assert_eq!(set.facts.left_out, left_out);
    assert_eq!((set.facts.records_observed, set.facts.rows), (5, 3));
    let text = |name: &str| set.table.column(name).unwrap().as_string::<i32>().iter().flatten().collect::<Vec<_>>();
    let number = |name: &str| set.table.column(name).unwrap().as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(text("customer"), ["ann", "bob", "cid"]);
    assert_eq!(number("spent"), [10.5, 20.0, 5.0]);
    let counts = set.table.column("orders_so_far").unwrap().as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(counts, [1, 1, 1]);
    // Ann's order of 10:00 is within two days of 9:00, though it was only known later: an outcome is what happened.
    let outcome = set.table.column("again").unwrap().as_boolean();
    assert_eq!(outcome.iter().flatten().collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(set.parts(&set.split.last()), [Part::Gap, Part::Gap, Part::Test]);
}

#[test]
fn the_file_carries_its_facts() {
    let folder = shop();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let question = loaded.question("comes_back").unwrap();
    let set = training_set(&loaded, question, &question.features, Knowledge::AsKnown, &|_| {}).unwrap();
    let path = folder.path().join("set.parquet");
    set.write(&set.split.last(), None, &path).unwrap();
    let (facts, rows) = tandem_data::training_set::metadata(&path).unwrap();
    let facts = facts.unwrap();
    assert_eq!(rows, 3);
    assert_eq!(facts["definitions"], loaded.hash.as_str());
    assert_eq!(facts["logs"][0]["arrival_time"], "declared: the field seen");
    assert!(facts["bounds"].as_str().unwrap().contains("arrived before t"));
}

/// The training set of a shop with these records, and what was left out.
fn with_records(lines: &[&str]) -> (u64, Vec<(String, u64)>) {
    let folder = shop();
    let records = format!("id,customer,amount,at,seen\n{}\n", lines.join("\n"));
    std::fs::write(folder.path().join("orders.csv"), records).unwrap();
    let mut loaded = load(folder.path()).unwrap().checked().unwrap();
    loaded.options.now = parse_instant("2024-02-01", None);
    let question = loaded.question("comes_back").unwrap();
    let set = training_set(&loaded, question, &question.features, Knowledge::AsKnown, &|_| {}).unwrap();
    (set.facts.rows, set.facts.left_out)
}

const ANN: &str = "1,ann,10,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z";
const LAST: &str = "2,bob,20,2024-01-09T08:00:00Z,2024-01-09T08:01:00Z";

#[test]
fn an_observation_about_nobody_has_no_outcome() {
    let (rows, left_out) = with_records(&[ANN, "3,,5,2024-01-02T08:00:00Z,2024-01-02T08:01:00Z", LAST]);
    assert_eq!(rows, 1);
    assert!(left_out.contains(&("it names no customer".to_owned(), 1)), "{left_out:?}");
}

#[test]
fn a_record_dated_far_ahead_completes_no_outcome() {
    let (rows, left_out) = with_records(&[ANN, LAST]);
    assert_eq!((rows, left_out), (1, vec![("the outcome cannot be known yet".to_owned(), 1)]));
    // One fast clock: it happened, and by that arrived, in 2099. Bob's outcome is no better known for it.
    let ahead = "4,cid,5,2099-01-01T00:00:00Z,2024-01-10T00:00:00Z";
    let (rows, left_out) = with_records(&[ANN, LAST, ahead]);
    assert_eq!(rows, 1, "{left_out:?}");
}

#[test]
fn a_late_copy_that_stands_first_is_not_the_observation() {
    let copy = "1,ann,10,2024-01-01T08:00:00Z,2024-01-05T08:00:00Z";
    let (rows, left_out) = with_records(&[copy, ANN, LAST]);
    assert_eq!(rows, 1, "{left_out:?}");
    assert!(left_out.contains(&("repeated by the log (same identity)".to_owned(), 1)), "{left_out:?}");
}

#[test]
fn observations_read_their_record_as_it_was_known() {
    let folder = shop();
    let path = folder.path().join("sources/orders.odcs.yaml");
    let contract = std::fs::read_to_string(&path).unwrap();
    let contract =
        contract.replace("[{property: timeZone", "[{property: corrects, value: true}, {property: timeZone").replace(
            "{name: amount, logicalType: number}",
            "{name: amount, logicalType: number}
      - {name: method, logicalType: string, customProperties: [{property: arrives, value: paid}]}
      - {name: paid, logicalType: timestamp}
      - {name: gone, logicalType: boolean, customProperties: [{property: tombstone, value: true}]}",
        );
    std::fs::write(path, contract).unwrap();
    let path = folder.path().join("questions/comes_back.yaml");
    let question = std::fs::read_to_string(&path).unwrap();
    let asked = question.replace("at: 1 hour after at", "at: 1 hour after at, where: method is null");
    assert_ne!(asked, question);
    std::fs::write(path, asked).unwrap();
    // Asked an hour after each order, about those of which no payment was known by then.
    let records = "id,customer,amount,at,seen,method,paid,gone
1,ann,1,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,card,2024-01-01T08:30:00Z,
2,bob,2,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,card,2024-01-01T09:00:00Z,
3,cid,3,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,,,
3,eve,3,2024-01-01T08:00:00Z,2024-01-01T08:59:00Z,,,
4,dan,4,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,,,
4,fay,4,2024-01-01T08:00:00Z,2024-01-01T09:00:00Z,,,
5,gus,5,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,,,
5,gus,5,2024-01-01T08:00:00Z,2024-01-01T08:02:00Z,,,true
6,zoe,6,2024-01-09T08:00:00Z,2024-01-09T08:01:00Z,,,
";
    std::fs::write(folder.path().join("orders.csv"), records).unwrap();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let question = loaded.question("comes_back").unwrap();
    let set = training_set(&loaded, question, &question.features, Knowledge::AsKnown, &|_| {}).unwrap();
    let customers = set.table.column("customer").unwrap().as_string::<i32>().iter().flatten().collect::<Vec<_>>();
    // Bob's payment became known at the very instant, which is too late; Dan's order was still his.
    assert_eq!(customers, ["bob", "eve", "dan"]);
    let left_out = |what: &str| set.facts.left_out.iter().find(|(why, _)| why.contains(what)).map(|(_, count)| *count);
    assert_eq!(left_out("replaced or removed"), Some(3), "{:?}", set.facts.left_out);
    assert_eq!(left_out("`where` does not hold"), Some(1));
    assert_eq!(left_out("arrived only after"), Some(1));
}
