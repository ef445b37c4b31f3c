//! What the watcher sees of a notebook, in a real kernel with the packages of the fixture's lock (no pandas among them).
#![allow(clippy::unwrap_used)]

mod kernel;

use kernel::python;
use serde_json::{Value, json};
use tandem_notebook::record::{RecordRequest, record};

fn seen(cells: &[&str], calls: Option<&Value>) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.csv"), "a,b\n1,2\n").unwrap();
    std::fs::write(folder.path().join("helper.py"), "TWO = 2\n").unwrap();
    let cells: Vec<Value> =
        cells.iter().map(|source| json!({"cell_type": "code", "metadata": {}, "source": source})).collect();
    let path = folder.path().join("n.ipynb");
    std::fs::write(&path, json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string())
        .unwrap();
    let request = RecordRequest { notebook: &path, python: python(), folder: folder.path(), calls, cell_limit: None };
    record(&request, &mut |_| {}).unwrap_or_else(|error| panic!("{error}")).facts
}

#[test]
fn numbers_lines_calls_and_files_are_seen() {
    let facts = seen(
        &[
            "import helper\ntext = open('data.csv').read()\nopen('made.txt', 'w').write(text)\nopen('made.txt').read()\nrate = 0.25",
            "",
            "def add(a, b=1, *, c=0):\n    return a + b + c\n\ntotal = add(1) + add(1, b=2) + add(1) + add(2, c=[1][0])\nfor i in range(3):\n    pass",
            "def show(x):\n    print('x is', x)\nshow(7)\nscores = {'accuracy': 0.5, 'name': 'x'}\n%time y = 3\ntotal * 2",
        ],
        None,
    );
    assert_eq!(facts["cells"][0]["numbers"], json!({"rate": 0.25}));
    assert_eq!(facts["cells"][1]["cell"], 3);
    assert_eq!(facts["cells"][1]["numbers"], json!({"total": 11}));
    assert_eq!(facts["cells"][2]["numbers"], json!({"scores['accuracy']": 0.5, "y": 3, "(shown)": 22}));
    assert_eq!(facts["cells"][2]["printed"][0], "x is 7");
    let add = &facts["functions"][0];
    assert_eq!((add["name"].as_str(), add["cell"].as_u64()), (Some("add"), Some(3)));
    assert_eq!(add["calls"][1], json!({"with": {"a": 1, "b": 2}, "gives": 3}));
    assert_eq!(add["calls"].as_array().unwrap().len(), 3, "the same arguments count once: {add}");
    assert_eq!(facts["functions"][1]["why"], "it gives nothing back");
    let files: Vec<&str> = facts["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    let names: Vec<&str> = files.iter().filter_map(|file| file.rsplit('/').next()).collect();
    assert_eq!(names, ["helper.py", "data.csv"], "{files:?}");
}

#[test]
fn recorded_calls_are_made_again() {
    let calls = json!({"half": [{"x": 4}, {"x": {"tuple": [1]}}], "gone": [{"x": 1}]});
    let facts = seen(&["def half(x):\n    return x / 2\nhalf(1)"], Some(&calls));
    let calls = &facts["functions"][0]["calls"];
    assert_eq!(calls[0], json!({"with": {"x": 4}, "gives": 2.0}));
    assert!(calls[1]["raised"].as_str().unwrap().starts_with("TypeError: unsupported operand"), "{calls}");
}
