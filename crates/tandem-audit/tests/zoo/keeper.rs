//! Keeps the animals of the zoo: the data, the environment, one process with the imports, and the audit of one notebook.
//! Not here: the animals.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::json;
use tandem_audit::{AuditRequest, Report, Source, audit_in};
use tandem_notebook::{EnvironmentRequest, Nursery};

/// The Python of an environment with pandas, polars and scikit-learn.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-environments");
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requirements.lock");
        let request = EnvironmentRequest { lock: &lock, folder: &folder, tools: &folder.join("tools") };
        request.ensure(&mut |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}")).python
    })
}

pub fn nursery() -> Arc<Nursery> {
    static NURSERY: OnceLock<Arc<Nursery>> = OnceLock::new();
    let modules = [
        "numpy",
        "pandas",
        "polars",
        "sklearn.linear_model",
        "sklearn.preprocessing",
        "sklearn.model_selection",
        "sklearn.impute",
    ];
    let start =
        || Arc::new(Nursery::start(python(), &modules.map(str::to_owned)).unwrap_or_else(|error| panic!("{error}")));
    Arc::clone(NURSERY.get_or_init(start))
}

/// A folder with a notebook of these cells and 400 orders of 16 customers over 120 days, some known late, some values
/// missing, and a kind that comes up late.
pub fn folder(cells: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let cell = |source: &&str| json!({"cell_type": "code", "source": source, "metadata": {}, "outputs": []});
    let cells: Vec<_> = cells.iter().map(cell).collect();
    let notebook = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
    fs::write(folder.path().join("a.ipynb"), notebook.to_string()).unwrap();
    let mut seed = 7_u64;
    let mut draw = |of: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % of
    };
    let mut times: Vec<u64> = (0..400).map(|_| draw(120 * 24 * 60)).collect();
    times.sort_unstable();
    let mut csv = "order_id,customer,ordered_at,received_at,amount,kind,weight\n".to_owned();
    for (row, minute) in times.into_iter().enumerate() {
        let at = |minute: u64| tandem_stamp(1_704_067_200 + minute * 60);
        let late = if draw(6) == 0 { minute + 60 + draw(6 * 24 * 60) } else { minute };
        let kinds = if row > 290 { 5 } else { 4 };
        let kind = ["food", "book", "toy", "tool", "gift"][draw(kinds) as usize];
        let weight = if draw(9) == 0 { String::new() } else { format!("{}.{}", 1 + draw(20), draw(10)) };
        let amount = format!("{}.{:02}", 5 + draw(95), draw(100));
        writeln!(csv, "{},C{:02},{},{},{amount},{kind},{weight}", 1000 + row, draw(16), at(minute), at(late)).unwrap();
    }
    fs::write(folder.path().join("orders.csv"), csv).unwrap();
    folder
}

fn tandem_stamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86400 - 19723, seconds % 86400);
    let months = [31, 29, 31, 30, 31, 30];
    let (mut month, mut day) = (0, days as usize);
    while day >= months[month] {
        day -= months[month];
        month += 1;
    }
    format!("2024-{:02}-{:02} {:02}:{:02}:00", month + 1, day + 1, rest / 3600, rest % 3600 / 60)
}

pub fn request(folder: &Path, late: bool) -> AuditRequest {
    let source = Source {
        path: folder.join("orders.csv"),
        entities: vec!["customer".to_owned()],
        event_time: Some("ordered_at".to_owned()),
        arrival_time: late.then(|| "received_at".to_owned()),
        guessed: false,
    };
    AuditRequest {
        notebook: folder.join("a.ipynb"),
        python: python().to_path_buf(),
        sources: vec![source],
        outputs: vec![],
        labels: vec![],
        train_end: None,
        cuts: 6,
        quick: false,
        reach: false,
        cell_limit: None,
        copy_limit: 1 << 30,
    }
}

pub fn audited(cells: &[&str], change: impl FnOnce(&mut AuditRequest)) -> Report {
    let folder = folder(cells);
    let mut request = request(folder.path(), false);
    change(&mut request);
    audit_in(&request, nursery(), &|_| {}).unwrap_or_else(|error| panic!("{error}\n{cells:#?}"))
}
