//! A run that is watched: which frames and numbers there are after each cell, with which arguments the
//! notebook's functions are called and what they give, and which files are read.
//!
//! The printed lines are taken from the executed copy. The watcher is Python inside the kernel (`tandem_recorder.py`), started by IPython before the first cell; the notebook
//! itself is not changed. Not here: what is asserted of what was seen (tandem-project), and copies of folders.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ipynb::Notebook;
use crate::run::{self, Event, Executed, NotebookRun, RunError};

const FILES: [(&str, &str); 3] = [
    ("modules/tandem_recorder.py", include_str!("record/tandem_recorder.py")),
    ("modules/tandem_values.py", include_str!("record/tandem_values.py")),
    ("ipython/profile_default/startup/00-tandem.py", include_str!("record/start.py")),
];

/// What to run, and what to ask of it.
#[derive(Clone, Debug)]
pub struct RecordRequest<'a> {
    /// The notebook.
    pub notebook: &'a Path,
    /// The Python whose environment has `ipykernel`.
    pub python: &'a Path,
    /// The working folder, which the notebook may change: a copy.
    pub folder: &'a Path,
    /// The calls to make at the end, by function: each the arguments as they were written down. `None` records calls.
    pub calls: Option<&'a Value>,
    /// How long one cell may take.
    pub cell_limit: Option<Duration>,
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `cells` (each with `cell`, `frames`, `numbers`, `printed`), `functions` and `files`, as the watcher wrote them.
    pub facts: Value,
    /// The run.
    pub executed: Executed,
}

/// The version of the watcher: what it saw is compared only with what the same one saw.
pub fn watcher() -> String {
    FILES.map(|(_, text)| text).concat()
}

/// Runs a notebook and watches. Blocks.
pub fn record(request: &RecordRequest<'_>, on_event: &mut dyn FnMut(Event)) -> Result<Seen, RunError> {
    let start =
        |source| RunError::Start { python: request.python.to_path_buf(), folder: request.folder.to_path_buf(), source };
    let own = tempfile::Builder::new().prefix("tandem-record-").tempdir().map_err(start)?;
    for (name, text) in FILES {
        write(&own.path().join(name), text).map_err(start)?;
    }
    let out = own.path().join("seen.json");
    let notebook = Notebook::read(request.notebook)?;
    let cells: Vec<usize> =
        notebook.code_cells().iter().filter(|cell| !cell.is_empty()).map(|cell| cell.number).collect();
    let plan = json!({"cells": cells, "calls": request.calls, "out": out});
    let plan_path = own.path().join("plan.json");
    write(&plan_path, &plan.to_string()).map_err(start)?;
    let executed = own.path().join("executed.ipynb");
    let mut notebook_run = NotebookRun::new(request.notebook, request.python, request.folder, &executed);
    notebook_run.cell_limit = request.cell_limit;
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    notebook_run.env = vec![
        ("TANDEM_RECORD".to_owned(), text(plan_path)),
        ("TANDEM_RECORDER".to_owned(), text(own.path().join("modules"))),
        ("IPYTHONDIR".to_owned(), text(own.path().join("ipython"))),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        ("MPLBACKEND".to_owned(), "agg".to_owned()),
    ];
    let executed = run::run(&notebook_run, on_event)?;
    let facts = std::fs::read(&out).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let lost =
        || RunError::Connection("the notebook ran to its end, but what was seen of it was not written down".to_owned());
    let mut facts: Value = facts.ok_or_else(lost)?;
    add_printed(&mut facts, &Notebook::read(&executed.path)?);
    Ok(Seen { facts, executed })
}

/// Puts what each cell printed to its facts: the lines with a number in them, which are those that say a result.
fn add_printed(facts: &mut Value, executed: &Notebook) {
    const MOST: usize = 20;
    const LONGEST: usize = 200;
    for cell in facts.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = cell["cell"].as_u64().unwrap_or(0);
        let Some(code) = executed.code_cells().iter().find(|code| code.number as u64 == number) else { continue };
        let text = printed(&executed.json()["cells"][code.index]["outputs"]);
        let says_a_result = |line: &&str| {
            let strange = line.contains("0x") || line.contains(|c: char| c.is_control() && c != '\t');
            line.contains(|c: char| c.is_ascii_digit()) && !strange && line.chars().count() <= LONGEST
        };
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(says_a_result).take(MOST).collect();
        cell["printed"] = json!(lines);
    }
}

/// The text that a cell's outputs printed, as the file has it: one text, or a list of lines.
fn printed(outputs: &Value) -> String {
    let outputs = outputs.as_array().into_iter().flatten();
    let streams = outputs.filter(|output| output["output_type"] == "stream" && output["name"] == "stdout");
    let text = |output: &Value| match &output["text"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap_or_default().to_owned(),
    };
    streams.map(text).collect()
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, text)
}
