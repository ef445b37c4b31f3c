//! What the commands print, on small projects: the terminal's contract with people, kept as text. Not here: whether the
//! values are right (the scenarios).

#![allow(clippy::unwrap_used)]

mod support;

use support::{compare, fresh_project, tandem, transcript, write};

/// The help of every command is `docs/reference/commands.md`.
#[test]
fn the_reference_is_what_help_prints() {
    let folder = tempfile::tempdir().unwrap();
    let output = tandem(folder.path()).arg("reference").output().unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/commands.md");
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    compare(&path, &expected, &String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_fresh_project_works_as_it_is() {
    transcript("fresh_project.txt", fresh_project().path());
}

#[test]
fn init_overwrites_nothing() {
    let folder = fresh_project();
    std::fs::remove_file(folder.path().join("tandem.yaml")).unwrap();
    transcript("init_again.txt", folder.path());
}

#[test]
fn a_broken_project_says_where_and_what_to_do() {
    let folder = fresh_project();
    let feature = "entity: customr\nfeatures:\n  - name: orders_30d\n    meaning: Orders of 30 days\n    owner: sam\n    from: orders\n    value: cuont(*)\n    over: 30 days\n    windw: 3\n";
    write(folder.path(), &[("features/customer.yaml", feature)]);
    transcript("broken_project.txt", folder.path());
}

#[test]
fn broken_data_is_named_by_file_and_line() {
    let folder = fresh_project();
    let log = "order,customer,placed_at,logged_at,amount\n1,ann,2024-01-05T12:00:00Z,2024-01-05T11:00:00Z,40\n2,ann,2024-01-06T12:00:00Z,2024-01-06T12:01:00Z,a lot\n";
    write(folder.path(), &[("logs/orders.csv", log)]);
    transcript("broken_data.txt", folder.path());
}

#[test]
fn a_scenario_that_does_not_hold_shows_the_difference() {
    let folder = fresh_project();
    let path = "scenarios/an_order_counts_once_it_is_known.md";
    let text = std::fs::read_to_string(folder.path().join(path)).unwrap();
    write(folder.path(), &[(path, &text.replace("12:30:00Z, 0, ", "12:30:00Z, 1, "))]);
    transcript("failing_scenario.txt", folder.path());
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    transcript("not_there.txt", fresh_project().path());
}

#[test]
fn outside_of_a_project_the_way_in_is_named() {
    transcript("no_project.txt", tempfile::tempdir().unwrap().path());
}

/// Data to standard output and everything else to standard error; no colours and no progress in a pipe.
#[test]
fn a_pipe_gets_data_alone() {
    let folder = fresh_project();
    let output = tandem(folder.path()).args(["check", "--format", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["holds"], true);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = tandem(folder.path()).arg("check").output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
}
