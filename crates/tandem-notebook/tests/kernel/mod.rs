//! What tests with a real kernel share: an environment made from the lock in `fixtures`, and the run of a few cells.
//! Not here: any test.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stderr)] // each file uses its part

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tandem_notebook::{CellFailure, EnvironmentRequest, Event, Executed, NotebookRun, RunError, Stream, run};

pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-environments")
}

pub fn lock() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requirements.lock")
}

/// The Python of an environment with ipykernel and what it needs.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let (lock, folder, tools) = (lock(), cache(), cache().join("tools"));
        let request = EnvironmentRequest { lock: &lock, folder: &folder, tools: &tools };
        request.ensure(&mut |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}")).python
    })
}

pub struct Ran {
    pub result: Result<Executed, RunError>,
    pub events: Vec<Event>,
    pub copy: Option<Value>,
    pub folder: tempfile::TempDir,
}

impl Ran {
    pub fn failure(&self) -> &CellFailure {
        match self.result.as_ref().unwrap_err() {
            RunError::Cell(failure) => failure,
            other => panic!("{other}"),
        }
    }

    pub fn output(&self, wanted: Stream) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Output { stream, text, .. } if *stream == wanted => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub fn copied(&self, pointer: &str) -> &Value {
        self.copy.as_ref().unwrap().pointer(pointer).unwrap_or(&Value::Null)
    }
}

/// Writes a notebook of these code cells, runs it, and checks that its file was left alone.
pub fn try_cells(cells: &[&str], with: impl FnOnce(&mut NotebookRun)) -> Ran {
    let cells: Vec<Value> = cells
        .iter()
        .map(|source| json!({"cell_type": "code", "metadata": {}, "source": source, "outputs": []}))
        .collect();
    let cells = [vec![json!({"cell_type": "markdown", "metadata": {}, "source": "# A title"})], cells].concat();
    let text = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string();
    let folder = tempfile::tempdir().unwrap();
    let notebook = folder.path().join("notebook.ipynb");
    fs::write(&notebook, &text).unwrap();
    let executed = folder.path().join("runs/executed.ipynb");
    let mut request = NotebookRun::new(&notebook, python(), folder.path(), &executed);
    with(&mut request);
    let mut events = Vec::new();
    let result = run::run(&request, &mut |event| events.push(event));
    assert_eq!(fs::read_to_string(&notebook).unwrap(), text, "the user's file was changed");
    let copy = fs::read(&executed).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap());
    Ran { result, events, copy, folder }
}

pub fn cells(cells: &[&str]) -> Ran {
    try_cells(cells, |_| {})
}
