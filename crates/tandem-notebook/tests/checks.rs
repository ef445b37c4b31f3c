//! What a notebook's file, its outputs and its folder say without a run: each rule with its twin.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::{Value, json};
use tandem_definitions::Severity;
use tandem_notebook::check::{Checked, check, check_bytes};

fn code(source: &str, outputs: &Value) -> Value {
    json!({"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": outputs})
}

fn notebook(cells: &[Value]) -> Value {
    json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
}

fn ids(checked: &Checked) -> Vec<&str> {
    checked.findings.iter().map(|one| one.finding.code.id()).collect()
}

fn of(value: &Value, folder: Option<&Path>) -> Checked {
    check_bytes(value.to_string().as_bytes(), "a.ipynb", folder)
}

fn source(text: &str, folder: &Path) -> Checked {
    of(&notebook(&[code(text, &json!([]))]), Some(folder))
}

#[test]
fn t607_a_file_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("here.csv"), "a\n1\n").unwrap();
    let missing = source("import pandas as pd\npd.read_csv('gone.csv')", folder.path());
    assert_eq!(ids(&missing), ["T607"]);
    assert_eq!(missing.findings[0].finding.severity, Severity::Error);
    for innocent in [
        "pd.read_csv('here.csv')",
        "pd.DataFrame().to_csv('made.csv')\npd.read_csv('made.csv')",
        "def f():\n    return pd.read_csv('gone.csv')",
        "try:\n    pd.read_csv('gone.csv')\nexcept OSError:\n    pass",
        "!unzip gone.zip\npd.read_csv('gone.csv')",
        "pd.read_csv(name_of())",
    ] {
        let text = format!("import pandas as pd\ndef name_of(): pass\n{innocent}");
        assert!(ids(&source(&text, folder.path())).is_empty(), "{innocent}");
    }
}

#[test]
fn t610_and_t611_packages_and_modules() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("requirements.txt"), "pandas==2.2\nscikit_learn>=1\n# seaborn\n").unwrap();
    std::fs::write(folder.path().join("helpers.py"), "").unwrap();
    assert_eq!(ids(&source("import pandas, numpy, sklearn, os, helpers", folder.path())), [""; 0]);
    assert_eq!(ids(&source("import seaborn", folder.path())), ["T610"]);
    assert_eq!(ids(&source("from utils import f", folder.path())), ["T611"]);
    assert_eq!(ids(&source("try:\n    import utils\nexcept ImportError:\n    pass", folder.path())), [""; 0]);
}

#[test]
fn t616_t617_t618_what_outputs_give_away() {
    let shown = |text: String| of(&notebook(&[code("1", &json!([{"output_type": "stream", "text": [text]}]))]), None);
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    let found = shown(format!("token: {secret}"));
    assert_eq!(ids(&found), ["T616"]);
    assert!(!format!("{:?}", found.findings).contains(&secret));
    assert_eq!(ids(&shown("Eva <eva.li@firma.de>, bo@mail.org".into())), ["T618"]);
    for documentation in [
        "write to eva@example.org, or @decorator",
        "Authors: Eva Li <eva.li@firma.de>,\nCopyright (c) bo@mail.org",
        "info@firma.de or git@github.com:a/b or <1993Apr19.020359.2699@sq.com> or forum-unsubscribe@mail.org",
        "written by one eva.li@firma.de, who is alone",
    ] {
        assert_eq!(ids(&shown(documentation.into())), [""; 0], "{documentation}");
    }
    assert_eq!(ids(&shown("x".repeat(1_100_000))), ["T617"]);
}

#[test]
fn t619_t620_t622_formats_languages_and_broken_files() {
    let old = json!({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [
        {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y"], "outputs": []}]}]});
    let found = of(&old, None);
    assert_eq!(ids(&found), ["T619", "T601"]);
    let newer = json!({"nbformat": 4, "nbformat_minor": 9, "metadata": {}, "cells": [code("1", &json!([]))]});
    assert_eq!(ids(&of(&newer, None)), ["T619"]);
    let mut other = notebook(&[code("x <- 1", &json!([]))]);
    other["metadata"] = json!({"kernelspec": {"language": "R"}});
    assert_eq!(ids(&of(&other, None)), ["T620"]);
    let broken = check_bytes(b"{\n<<<<<<< HEAD\n", "a.ipynb", None);
    assert_eq!((ids(&broken)[0], broken.findings[0].finding.place.line), ("T622", 2));
    assert_eq!(ids(&check_bytes(b"[]", "a.ipynb", None)), ["T622"]);
    assert!(ids(&of(&notebook(&[]), None)).is_empty());
}

#[test]
fn a_finding_stands_on_its_line_of_the_file_and_of_the_cell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ipynb");
    let text = "{\"cells\": [\n {\"cell_type\": \"markdown\", \"source\": [\"# t\"]},\n {\"cell_type\": \"code\",\n  \"source\": [\n   \"x = 1\\n\",\n   \"print(é, totl)\"\n  ]}],\n \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 5}";
    std::fs::write(&path, text).unwrap();
    let found = check(&path, "a.ipynb").unwrap();
    let last = found.findings.last().unwrap();
    let cell = last.cell.unwrap();
    assert_eq!((last.finding.text.as_str(), last.finding.place.line), ("totl", 6));
    assert_eq!((cell.number, cell.line, cell.column), (1, 2, 10));
    assert!(check(&folder.path().join("none.ipynb"), "none").is_err());
}

#[test]
fn a_cell_that_may_fail_is_no_error() {
    let mut cell = code("totl", &json!([]));
    cell["metadata"] = json!({"tags": ["raises-exception"]});
    assert_eq!(of(&notebook(&[cell]), None).findings[0].finding.severity, Severity::Note);
}

/// Bytes dropped, doubled and changed, with a fixed seed: nothing panics, and every finding stands in its cell.
#[test]
fn damaged_notebooks_are_survived() {
    let cells = [
        code("import pandas as pd\ndf = pd.read_csv('a.csv')\nprint(totl)\n%time x = 1", &json!([{"text": "a@b.org"}])),
        code("df = df.drop('a')", &json!([])),
    ];
    let text = serde_json::to_vec_pretty(&notebook(&cells)).unwrap();
    let mut state: u64 = 11;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..3000 {
        let mut bytes = text.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, bytes[next(bytes.len())]),
                _ => bytes[at] = b"\"\\{}[],:n\n %('\xe9"[next(14)],
            }
        }
        let checked = check_bytes(&bytes, "a.ipynb", None);
        for (cell, finding) in checked.findings.iter().filter_map(|one| one.cell.map(|cell| (cell, &one.finding))) {
            let (_, source) = checked.cells.iter().find(|(number, _)| *number == cell.number).unwrap();
            assert!(source.get(cell.start..cell.end).is_some_and(|text| text.contains(&finding.text)), "{finding:?}");
        }
    }
}
