//! Each promise about data and models that can be broken, broken: the check says which, where, and what to do.

#![allow(clippy::unwrap_used)]

mod common;

use common::{LOCK, RECORDS, shop};
use tandem_definitions::{Code, Diagnostic, Severity};
use tandem_project::check::{Depth, check};
use tandem_project::load::load;

/// The findings of a shop in which these files are other than they should be; `None` takes a file away.
fn found(files: &[(&str, Option<&str>)]) -> Vec<Diagnostic> {
    let folder = shop();
    for (path, text) in files {
        match text {
            Some(text) => std::fs::write(folder.path().join(path), text).unwrap(),
            None => std::fs::remove_file(folder.path().join(path)).unwrap(),
        }
    }
    let loaded = load(folder.path()).unwrap();
    assert!(loaded.findings.is_empty(), "{:#?}", loaded.findings);
    check(&loaded, Depth::Everything).findings
}

#[track_caller]
fn assert_found(files: &[(&str, Option<&str>)], code: Code, says: &str) {
    let all = found(files);
    let finding = all.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("no {code:?} among {all:#?}"));
    assert!(finding.message.contains(says), "{finding:#?}");
    assert!(!finding.help.is_empty() && !finding.place.file.is_empty(), "{finding:#?}");
}

/// The records with one more line.
fn with(line: &str) -> String {
    format!("{RECORDS}{line}\n")
}

#[test]
fn a_whole_project_has_no_findings() {
    assert_eq!(found(&[]), []);
}

#[test]
fn records_that_are_odd_are_counted() {
    let cases = [
        ("9,,3.5,2024-01-02T00:00:00Z,2024-01-02T00:01:00Z", Code::NoEntity, "1 record without a key of customer"),
        ("9,ann,3.5,,2024-01-02T00:01:00Z", Code::RecordWithoutEventTime, "without an event time"),
        ("9,ann,3.5,2024-01-02T00:00:00Z,", Code::RecordWithoutArrival, "without an arrival time"),
        ("9,ann,3.5,2024-01-02T00:00:00Z,2024-01-01T00:00:00Z", Code::ArrivedBefore, "arrived before"),
        ("1,ann,3.5,2024-01-02T00:00:00Z,2024-01-02T00:01:00Z", Code::DuplicateRecords, "1 record delivered again"),
        (",ann,3.5,2024-01-02T00:00:00Z,2024-01-02T00:01:00Z", Code::RequiredFieldEmpty, "id"),
        ("9,ann,3.5,2024-03-10 02:30:00,2024-03-11T00:00:00Z", Code::NonexistentLocalTime, "the clock skipped"),
        ("9,ann,3.5,2024-11-03 01:30:00,2024-11-04T00:00:00Z", Code::AmbiguousLocalTime, "the clock showed twice"),
    ];
    for (line, code, says) in cases {
        assert_found(&[("orders.csv", Some(&with(line)))], code, says);
    }
}

/// The contract of the orders with these words changed.
fn contract(changes: &[(&str, &str)]) -> String {
    let contract = std::fs::read_to_string(shop().path().join("sources/orders.odcs.yaml")).unwrap();
    changes.iter().fold(contract, |text, (from, to)| {
        assert!(text.contains(from), "{text}");
        text.replace(from, to)
    })
}

#[test]
fn a_backfill_with_one_arrival_time_is_found() {
    let of = |months: std::ops::Range<u32>| {
        let line = |m: u32| format!("{m},ann,3.5,2023-{m:02}-02T00:00:00Z,2024-06-01T00:00:00Z\n");
        months.map(line).collect::<String>()
    };
    let header = "id,customer,amount,at,seen\n";
    let backfill = format!("{header}{}13,ann,1,2024-06-02T00:00:00Z,2024-06-02T00:01:00Z\n", of(1..13));
    let says = "12 records in a row arrived at 2024-06-01T00:00:00Z, though they happened from 2023-01-02";
    assert_found(&[("orders.csv", Some(&backfill))], Code::ConstantArrival, says);
    let few = format!("{header}{}", of(1..4));
    assert!(!found(&[("orders.csv", Some(&few))]).iter().any(|f| f.code == Code::ConstantArrival));
    let stated = contract(&[
        (", customProperties: [{property: timeRole, value: arrival}]", ""),
        ("{property: timeZone", "{property: arrivalDelay, value: 5 minutes}, {property: timeZone"),
    ]);
    assert_eq!(found(&[("orders.csv", Some(&backfill)), ("sources/orders.odcs.yaml", Some(&stated))]), []);
}

#[test]
fn values_that_never_become_known_are_counted() {
    let late = contract(&[(
        "{name: amount, logicalType: number}",
        "{name: amount, logicalType: number, customProperties: [{property: arrives, value: paid}]}\n      - {name: paid, logicalType: timestamp}",
    )]);
    let records = "id,customer,amount,at,seen,paid
1,ann,10.5,2024-01-01T08:00:00Z,2024-01-01T08:01:00Z,2024-01-01T09:00:00Z
2,bob,20,2024-01-01T09:00:00Z,2024-01-01T09:01:00Z,
3,bob,,2024-01-01T09:00:00Z,2024-01-01T09:01:00Z,
";
    let files = [("orders.csv", Some(records)), ("sources/orders.odcs.yaml", Some(late.as_str()))];
    assert_found(&files, Code::NeverKnown, "1 value of `amount` never known, because `paid` is null");
}

#[test]
fn a_stated_policy_turns_odd_arrivals_into_notes() {
    let records = with("8,ann,1,2024-01-02T00:00:00Z,\n9,ann,2,2024-01-02T00:00:00Z,2024-01-01T00:00:00Z");
    let severity = |changes: &[(&str, &str)], code: Code, says: &str| {
        let contract = contract(changes);
        let files = [("orders.csv", Some(records.as_str())), ("sources/orders.odcs.yaml", Some(contract.as_str()))];
        let all = found(&files);
        let finding = all.iter().find(|f| f.code == code && f.message.contains(says));
        finding.unwrap_or_else(|| panic!("no {code} that says {says:?} among {all:#?}")).severity
    };
    let (missing, early) = (Code::RecordWithoutArrival, Code::ArrivedBefore);
    assert_eq!(severity(&[], missing, "left out"), Severity::Warning);
    assert_eq!(severity(&[], early, "taken as arrived when they happened"), Severity::Warning);
    let zone = "{property: timeZone";
    let stated = |words: &str| format!("{{property: {words}}}, {zone}");
    let leave = stated("whenArrivalMissing, value: leave out");
    assert_eq!(severity(&[(zone, &leave)], missing, "left out, as the contract says"), Severity::Note);
    let assume = stated("whenArrivalMissing, value: assume 5 minutes");
    assert_eq!(severity(&[(zone, &assume)], missing, "taken as arrived 5 minutes after"), Severity::Note);
    let event = stated("whenArrivalBeforeEvent, value: event");
    assert_eq!(severity(&[(zone, &event)], early, "when they happened, as the contract says"), Severity::Note);
    let leave = stated("whenArrivalBeforeEvent, value: leave out");
    assert_eq!(severity(&[(zone, &leave)], early, "left out, as the contract says"), Severity::Note);
}

#[test]
fn corrections_are_told_and_no_finding() {
    let contract = contract(&[("{property: timeZone", "{property: corrects, value: true}, {property: timeZone")]);
    let folder = shop();
    std::fs::write(folder.path().join("sources/orders.odcs.yaml"), contract).unwrap();
    let again = with("1,ann,3.5,2024-01-02T00:00:00Z,2024-01-02T00:01:00Z");
    std::fs::write(folder.path().join("orders.csv"), again).unwrap();
    let report = check(&load(folder.path()).unwrap(), Depth::Everything);
    assert_eq!(report.findings, []);
    let orders = report.promises.iter().find(|p| p.name == "source orders").unwrap();
    assert!(orders.detail.starts_with("6 records, 1 of them correct an earlier one"), "{}", orders.detail);
}

#[test]
fn a_source_that_cannot_be_read_is_named() {
    assert_found(&[("orders.csv", None)], Code::SourceFileMissing, "orders.csv");
    assert_found(&[("orders.csv", Some(""))], Code::SourceEmpty, "orders.csv");
    assert_found(
        &[("orders.csv", Some("id,customer,at,seen\n1,a,2024-01-01,2024-01-02\n"))],
        Code::ColumnMissing,
        "amount",
    );
    assert_found(
        &[("orders.csv", Some(&with("9,ann,cheap,2024-01-02T00:00:00Z,2024-01-02T00:01:00Z")))],
        Code::ValueBreaksContract,
        "cheap",
    );
}

#[test]
fn a_model_needs_its_notebook_and_a_hashed_lock() {
    let (lock, notebook) = ("models/spend/requirements.lock", "models/spend/notebook.ipynb");
    assert_found(&[(lock, None)], Code::LockMissing, "requirements.lock");
    assert_found(&[(lock, Some(&LOCK.replace("    --hash", "    # --hash")))], Code::LockUnhashed, "six==1.17.0");
    assert_found(&[(notebook, None)], Code::NotebookMissing, "notebook.ipynb");
    assert_found(&[(notebook, Some("{\"cells\": ["))], Code::NotebookUnreadable, "notebook.ipynb");
}
