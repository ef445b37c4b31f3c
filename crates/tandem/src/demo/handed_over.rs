//! The same task as it is usually handed over: a notebook on the flat table, run in the same environment, and what its
//! columns would have been worth an hour before departure. Not here: who decides what production had (tandem-project).

use std::path::Path;

use serde::Deserialize;
use tandem_definitions::Question;
use tandem_notebook::{NotebookRun, run};
use tandem_project::{Loaded, foresight};

use super::summary::{Column, HandedOver};
use crate::commands::notebook;
use crate::failure::Failure;
use crate::terminal::Bar;

/// What the notebook writes about itself.
#[derive(Deserialize)]
struct Claim {
    metric: String,
    value: f64,
    columns: Vec<String>,
}

/// Runs it; the file itself is not changed.
pub fn run(loaded: &Loaded, question: &Question, python: &Path, bar: &Bar) -> Result<HandedOver, Failure> {
    let folder = loaded.base.join("handed_over");
    let executed = loaded.state_dir().join("runs/handed_over/executed.ipynb");
    let request = NotebookRun::new(&folder.join("handed_over.ipynb"), python, &folder, &executed);
    run::run(&request, &mut |event| {
        if let tandem_notebook::Event::CellStarted { number, of, .. } = event {
            bar.message(&format!("cell {number} of {of}"));
        }
    })
    .map_err(|error| notebook::with_traceback(error.into()))?;
    let path = folder.join("handed_over.json");
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::file("read", &path, &e))?;
    let claim: Claim = serde_json::from_str(&text).map_err(|e| {
        Failure::project(format!("{} is not what the notebook should write", path.display())).because(e)
    })?;
    bar.message("asking the logs when each of its columns was known");
    let known = foresight::columns(loaded, question, &claim.columns)?;
    let (declared, unsaid): (Vec<_>, Vec<_>) = known.iter().partition(|column| column.source.is_some());
    let not_in_production = declared.into_iter().filter(|column| !column.is_known()).map(|c| {
        let why = c.words();
        let why = why.strip_prefix(&format!("{}: ", c.column)).unwrap_or(&why).to_owned();
        Column { name: c.column.clone(), known: c.known, of: c.ever, why }
    });
    Ok(HandedOver {
        metric: claim.metric,
        value: claim.value,
        columns: claim.columns.len(),
        not_in_production: not_in_production.collect(),
        unsaid: unsaid.into_iter().map(|column| column.column.clone()).collect(),
    })
}
