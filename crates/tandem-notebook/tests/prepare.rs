//! The environment of a notebook that has no lock, as of a date. Needs the package index. Not here: reading requirements.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::Path;

use tandem_notebook::environment::{Wanted, prepare};
use tandem_notebook::{AsOf, Notebook};

#[test]
fn a_notebook_without_a_lock_gets_one_from_its_imports_as_of_a_date() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-environments");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ipynb");
    let source = "import six, no_such_module_of_anybody_4711";
    fs::write(
        &path,
        serde_json::json!({"nbformat": 4, "cells": [{"cell_type": "code", "source": source}]}).to_string(),
    )
    .unwrap();
    let notebook = Notebook::read(&path).unwrap();
    let wanted = Wanted {
        notebook: &notebook,
        lock: None,
        as_of: AsOf::Date("2023-06-01".to_owned()),
        python: None,
        folder: &cache,
        tools: &cache.join("tools"),
        today: "2024-05-01",
    };
    let made = prepare(&wanted, &mut |line| eprintln!("{line}")).unwrap();
    let lock = fs::read_to_string(&made.lock).unwrap();
    assert!(lock.contains("six==1.16.0") && lock.contains("--hash=") && !lock.contains("index-url"), "{lock}");
    assert_eq!(made.source, "what the notebook imports, as of 2023-06-01");
    assert!(
        made.notes.iter().any(|note| note.contains("left out `no-such-module-of-anybody-4711`")),
        "{:?}",
        made.notes
    );
}
