//! Each promise about data and models that can be broken, broken: the check says which, where, and what to do.

#![allow(clippy::unwrap_used)]

mod common;

use common::{LOCK, RECORDS, shop};
use tandem_definitions::{Code, Diagnostic};
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
