//! A full and correct project: no finding, and exactly this project.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use tandem_definitions::read;

#[test]
fn has_no_findings() {
    let found: Vec<String> = common::findings(&common::flights()).iter().map(common::line).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn is_read_as_written_down() {
    let (project, _) = read(&common::flights());
    let text = serde_json::to_string_pretty(&project).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flights.golden.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(golden == text, "the project differs from tests/flights.golden.json; look, then run with UPDATE_GOLDEN=1");
}

#[test]
fn the_order_of_files_makes_no_difference() {
    let mut files = common::flights();
    let first = serde_json::to_string(&read(&files).0).unwrap();
    files.reverse();
    assert_eq!(first, serde_json::to_string(&read(&files).0).unwrap());
}

#[test]
fn survives_carriage_returns() {
    let mut files = common::flights();
    for file in &mut files {
        file.text = file.text.replace('\n', "\r\n");
    }
    let (project, found) = read(&files);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(project.features.len(), 6);
}
