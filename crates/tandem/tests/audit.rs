//! `tandem audit` as it is typed: where the sources come from, what is shown, and the exit codes. Not here: whether verdicts are
//! right (the zoo of tandem-audit).

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use support::{fresh_project, tandem, write};
use tandem_notebook::EnvironmentRequest;

/// A Python with pandas and scikit-learn, the same that the zoo of tandem-audit has.
fn python() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-environments");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tandem-audit/tests/fixtures/requirements.lock");
    let request = EnvironmentRequest { lock: &lock, folder: &folder, tools: &folder.join("tools") };
    let environment = request.ensure(&mut |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}"));
    environment.python.display().to_string()
}

/// 120 orders of 7 customers, five hours apart; every fifth is logged five days later.
fn orders() -> String {
    let mut log = "order_id,customer,placed_at,logged_at,amount\n".to_owned();
    for order in 0..120 {
        let (day, hour) = (1 + order * 5 / 24, order * 5 % 24);
        let late = if order % 5 == 0 { 5 } else { 0 };
        let _ = writeln!(
            log,
            "{order},c{},2024-01-{day:02}T{hour:02}:10:00Z,2024-01-{:02}T{hour:02}:20:00Z,{}.5",
            order % 7,
            day + late,
            order * 37 % 91
        );
    }
    log
}

fn notebook(read: &str, feature: &str) -> String {
    let cell = |source: String| json!({"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": source});
    let cells = [
        format!("import pandas as pd\ndf = pd.read_csv('{read}', parse_dates=['placed_at', 'logged_at'])"),
        feature.to_owned(),
        "df[['order_id', 'customer', 'placed_at', 'f']].to_csv('features.csv', index=False)".to_owned(),
    ];
    json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells.map(cell)}).to_string()
}

fn audit(folder: &Path, arguments: &[&str]) -> (Output, Value) {
    let output = tandem(folder)
        .args(["audit", "notebooks/a.ipynb", "--format", "json", "--cuts", "2", "--python", &python()])
        .args(arguments)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, report)
}

fn verdict(report: &Value, column: &str) -> (String, String) {
    let found = report["verdicts"].as_array().unwrap().iter().find(|judgement| judgement["column"] == column);
    let found = found.unwrap_or_else(|| panic!("no verdict on {column}: {report:#}"));
    (found["verdict"].as_str().unwrap().to_owned(), found["code"].as_str().unwrap_or_default().to_owned())
}

/// What each customer has spent so far: right by the time of the orders, and not by the time of the log.
const SPENT: &str = "df = df.sort_values('placed_at')\ndf['f'] = df.groupby('customer')['amount'].cumsum()";

#[test]
fn the_projects_contract_says_what_the_files_are() {
    let project = fresh_project();
    write(
        project.path(),
        &[("logs/orders.csv", &orders()), ("notebooks/a.ipynb", &notebook("../logs/orders.csv", SPENT))],
    );
    let (output, report) = audit(project.path(), &["--html", "audit.html"]);
    let source = &report["sources"][0];
    assert_eq!(
        (&source["event_time"], &source["arrival_time"], &source["guessed"]),
        (&json!("placed_at"), &json!("logged_at"), &json!(false)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(verdict(&report, "f"), ("LATE DATA".to_owned(), "T683".to_owned()), "{report:#}");
    assert_eq!(output.status.code(), Some(1));
    let page = std::fs::read_to_string(project.path().join("audit.html")).unwrap();
    assert!(page.contains("LATE DATA") && page.contains("logged_at"));
}

#[test]
fn a_list_says_what_the_files_are_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let list = "- file: data/orders.csv\n  entity: customer\n  event_time: placed_at\n";
    write(
        folder.path(),
        &[
            ("data/orders.csv", &orders()),
            ("lists/audit.yaml", &list.replace("data/", "../data/")),
            ("lists/wrong.yaml", &list.replace("event_time", "happened")),
            ("lists/empty.yaml", "[]\n"),
            ("lists/gone.yaml", list),
            ("notebooks/a.ipynb", &notebook("../data/orders.csv", SPENT)),
        ],
    );
    let (output, report) = audit(folder.path(), &["--sources", "lists/audit.yaml"]);
    assert_eq!(verdict(&report, "f"), ("NO CHANGE".to_owned(), String::new()), "{report:#}");
    assert_eq!(output.status.code(), Some(0), "nobody said that orders are logged late");
    for (list, words) in [
        ("lists/wrong.yaml", "unknown field `happened`"),
        ("lists/empty.yaml", "it lists no source"),
        ("lists/gone.yaml", "there is no source"),
    ] {
        let (output, _) = audit(folder.path(), &["--sources", list]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(words), "{list}: {said}");
    }
}

#[test]
fn a_label_is_held_to_its_horizon_and_the_end_of_training_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let next = "df = df.sort_values('placed_at')\ndf['f'] = df['amount'] - df['amount'].mean()\nlater = df[['customer', 'placed_at', 'amount']].copy()\nlater['placed_at'] = later['placed_at'] - pd.Timedelta('3D')\ndf['after'] = pd.merge_asof(df, later.rename(columns={'amount': 'then'}), on='placed_at', by='customer')['then'].values\nfrom sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(df[['f']], df['after'].fillna(0))";
    write(
        folder.path(),
        &[("data/orders.csv", &orders()), ("notebooks/a.ipynb", &notebook("../data/orders.csv", next))],
    );
    let source = ["--source", "data/orders.csv", "--entity", "customer", "--event-time", "placed_at"];
    let with = |more: &[&'static str]| audit(folder.path(), &[&source[..], more].concat()).1;
    let short = with(&["--label", "after=1 day"]);
    assert_eq!(verdict(&short, "after"), ("LABEL BEYOND HORIZON".to_owned(), "T684".to_owned()), "{short:#}");
    let right = with(&["--label", "after=3 days"]);
    assert_eq!(verdict(&right, "after").0, "LABEL", "{right:#}");
    assert_eq!(verdict(&right, "f").1, "T680");
    let ended = with(&["--label", "after=3 days", "--train-end", "2024-01-10"]);
    assert_eq!(ended["training_end"], "2024-01-10");
    let cuts = ended["cuts"].as_array().unwrap();
    let after = cuts.iter().filter(|cut| cut["instant"].as_str().unwrap() > "2024-01-10").count();
    assert!(after + 1 >= cuts.len() && after > 0, "one cut may lie within training: {cuts:?}");
}
