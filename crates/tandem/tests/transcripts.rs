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
    let log = "order_id,customer,placed_at,logged_at,amount\n1,ann,2024-01-05T12:00:00Z,2024-01-05T11:00:00Z,40\n2,ann,2024-01-06T12:00:00Z,2024-01-06T12:01:00Z,a lot\n";
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

/// A notebook of these cells.
fn notebook(cells: &[&str]) -> String {
    let cell = |source: &&str| serde_json::json!({"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": source});
    let cells: Vec<_> = cells.iter().map(cell).collect();
    let kernel =
        serde_json::json!({"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}});
    let whole = serde_json::json!({"nbformat": 4, "nbformat_minor": 4, "metadata": kernel, "cells": cells});
    serde_json::to_string_pretty(&whole).unwrap()
}

#[test]
fn a_notebook_is_checked_without_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let orders = [
        "import pandas as pd\norders = pd.read_csv('orders.csv', parse_dates=['at'])",
        "orders['mean'] = orders.groupby('customer')['amount'].transform('mean')",
        "print(total)\ntoken = 'ghp_x7Kd92LmQpZ4vRtY8wBnC3sJfH6gAe1UoXiT'",
    ];
    let sound = ["import math", "print(math.pi)"];
    write(
        folder.path(),
        &[
            ("orders.ipynb", &notebook(&orders)),
            ("sound/area.ipynb", &notebook(&sound)),
            ("broken.ipynb", "{\"cells\": [\n  {\"cell_type\": \"code\",, }\n]}"),
        ],
    );
    transcript("notebook_check.txt", folder.path());
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    transcript("not_there.txt", fresh_project().path());
}

#[test]
fn outside_of_a_project_the_way_in_is_named() {
    transcript("no_project.txt", tempfile::tempdir().unwrap().path());
}

#[test]
fn a_model_that_cannot_be_trained_says_what_it_lacks() {
    let folder = fresh_project();
    let model = "name: NAME\nmeaning: How likely it is\nowner: sam\nquestion: orders_again\nnotebook: notebook.ipynb\nlock: requirements.lock\n";
    let (bare, odd) = (model.replace("NAME", "bare"), model.replace("NAME", "odd"));
    let files = [
        ("models/bare/model.yaml", bare.as_str()),
        ("models/odd/model.yaml", odd.as_str()),
        ("models/odd/notebook.ipynb", "{\"cells\": 3}"),
        ("models/odd/requirements.lock", "six==1.16.0\n"),
    ];
    write(folder.path(), &files);
    transcript("models_that_lack.txt", folder.path());
}

#[test]
fn odd_records_are_counted_and_named() {
    let folder = fresh_project();
    let log = "order_id,customer,placed_at,logged_at,amount\n\
        1,ann,2024-03-10T02:30:00,2024-03-10T09:00:00,40\n\
        1,ann,2024-03-10T02:30:00,2024-03-10T09:00:00,40\n\
        2,ann,2024-11-03T01:30:00,2024-11-03T12:00:00,40\n\
        3,,2024-11-03T05:00:00,2024-11-03T12:00:00,40\n";
    let path = "sources/orders.odcs.yaml";
    let contract = std::fs::read_to_string(folder.path().join(path)).unwrap();
    let zone = "customProperties: [{property: timeZone, value: America/New_York, vendor: tandem}]";
    let named = "    description: An order, as it was placed\n";
    let contract = contract.replace(named, &format!("{named}    {zone}\n"));
    let required = "logicalType: string\n        required: true\n        description: Who";
    let contract = contract.replace(required, "logicalType: string\n        description: Who");
    write(folder.path(), &[("logs/orders.csv", log), (path, &contract)]);
    transcript("odd_records.txt", folder.path());
}

#[test]
fn a_scenario_that_cannot_be_read_says_where() {
    let folder = fresh_project();
    let nothing = "# Nothing is expected\n\n```csv orders\norder_id, customer, placed_at, logged_at\n```\n";
    let crooked = "# A crooked table\n\n```csv orders\norder_id, customer\n1, ann, 3\n```\n\n```csv expect\ncustomer, at, orders_30d\nann, yesterday, 0\n```\n";
    write(folder.path(), &[("scenarios/nothing.md", nothing), ("scenarios/crooked.md", crooked)]);
    transcript("unreadable_scenarios.txt", folder.path());
}

/// A question on a calendar with folds, and one from a file, beside the fresh project's own.
fn with_more_questions() -> tempfile::TempDir {
    let folder = fresh_project();
    let own = std::fs::read_to_string(folder.path().join("questions/orders_again.yaml")).unwrap();
    let on = "observe:\n  on: orders\n  at: 1 day after placed_at\n";
    let question = |name: &str, observe: &str, split: &str| {
        let text = own.replace("name: orders_again", &format!("name: {name}")).replace(on, observe);
        text.replace("{test_from: 2024-04-01, gap: 30 days}", split)
    };
    let every = "{every: Monday 06:00 Europe/London, for: customer, active_in: orders, over: 30 days}";
    let folds = "{test_from: 2024-03-01, gap: 30 days, folds: 3, each: 30 days}";
    let weekly = question("weekly", &format!("observe: {every}\n"), folds);
    let listed = question("listed", "observe: {from: asked/list.csv}\n", "{test_from: 2024-04-01}");
    let rows = "customer,at\nann,2024-02-01T00:00:00Z\nnobody,2024-02-01T00:00:00Z\nann,2024-01-20\n";
    let files =
        [("questions/weekly.yaml", weekly.as_str()), ("questions/listed.yaml", &listed), ("asked/list.csv", rows)];
    write(folder.path(), &files);
    folder
}

#[test]
fn observations_by_every_rule() {
    transcript("observations.txt", with_more_questions().path());
}

#[test]
fn what_late_records_change() {
    let folder = with_more_questions();
    let path = folder.path().join("logs/orders.csv");
    let log = std::fs::read_to_string(&path).unwrap();
    // Two orders that the log heard of weeks later.
    let log = log
        .replace("2024-01-09T11:02:00Z", "2024-02-09T11:02:00Z")
        .replace("2024-01-05T03:00:00Z", "2024-01-25T03:00:00Z");
    std::fs::write(&path, log).unwrap();
    transcript("compare.txt", folder.path());
}

#[test]
fn observations_that_cannot_be_read() {
    let folder = with_more_questions();
    write(folder.path(), &[("asked/list.csv", "customer,at\nann,2024-02-01\nann,soon\n")]);
    transcript("unreadable_observations.txt", folder.path());
}

#[test]
fn how_much_of_the_log_is_needed() {
    let folder = with_more_questions();
    let path = "sources/orders.odcs.yaml";
    let contract = std::fs::read_to_string(folder.path().join(path)).unwrap();
    let kept = "slaProperties: [{property: retention, value: 60, unit: d}]\nschema:\n";
    write(folder.path(), &[(path, &contract.replace("schema:\n", kept))]);
    transcript("history.txt", folder.path());
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
