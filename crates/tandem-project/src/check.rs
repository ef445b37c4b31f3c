//! Every promise of a project, verified: its definitions, its sources against their contracts, its models' locks and
//! notebooks. One report; how it is shown is not decided here.

use std::path::Path;

use serde::Serialize;
use tandem_data::read;
use tandem_definitions::{Code, Diagnostic, Place, Source};
use tandem_notebook::Notebook;

use crate::load::Loaded;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The definitions alone: what an editor or a quick commit wants.
    Definitions,
    /// The data, locks and notebooks too.
    Everything,
}

/// A promise, and whether it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Promise {
    /// What is promised.
    pub name: String,
    /// Whether no error was found.
    pub kept: bool,
    /// What was seen.
    pub detail: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The promises, in order.
    pub promises: Vec<Promise>,
    /// The findings, in the same order.
    pub findings: Vec<Diagnostic>,
}

impl Report {
    /// Whether there is no error.
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }

    fn add(&mut self, name: String, detail: String, findings: Vec<Diagnostic>) {
        let kept = !findings.iter().any(Diagnostic::is_error);
        self.promises.push(Promise { name, kept, detail });
        self.findings.extend(findings);
    }
}

/// Checks a project.
pub fn check(loaded: &Loaded, depth: Depth) -> Report {
    let mut report = Report::default();
    let project = &loaded.project;
    let detail = format!(
        "{} sources, {} features, {} questions, {} models",
        project.sources.len(),
        project.features.len(),
        project.questions.len(),
        project.models.len()
    );
    report.add("definitions".to_owned(), detail, loaded.findings.clone());
    if depth == Depth::Everything {
        for source in &project.sources {
            let (detail, findings) = check_source(loaded, source);
            report.add(format!("source {}", source.name), detail, findings);
        }
        for model in &project.models {
            let mut findings = check_lock(&loaded.base, &model.lock, &model.place);
            findings.extend(check_notebook(&loaded.base, &model.notebook, &model.place));
            report.add(format!("model {}", model.name), format!("{}, {}", model.notebook, model.lock), findings);
        }
    }
    report
}

/// Reads all records of a source: every field, against the contract.
fn check_source(loaded: &Loaded, source: &Source) -> (String, Vec<Diagnostic>) {
    let wanted: Vec<usize> = (0..source.fields.len()).collect();
    let mut reader = match read::open(source, &loaded.origin, &wanted) {
        Ok(reader) => reader,
        Err(error) => return ("not read".to_owned(), vec![error.diagnostic(&source.place)]),
    };
    let mut range: Option<(i64, i64)> = None;
    for batch in &mut reader {
        match batch {
            Ok(batch) => {
                for &arrival in batch.arrival.iter() {
                    range = Some(range.map_or((arrival, arrival), |(a, b)| (a.min(arrival), b.max(arrival))));
                }
            }
            Err(error) => return ("not read to its end".to_owned(), vec![error.diagnostic(&source.place)]),
        }
    }
    let span = range.map_or(String::new(), |(first, last)| {
        let text = tandem_definitions::time::format_instant;
        format!(", arrived from {} to {}", text(first), text(last))
    });
    (format!("{} records{span}", reader.position()), reader.findings().diagnostics(source))
}

fn check_lock(base: &Path, lock: &str, place: &Place) -> Vec<Diagnostic> {
    let make = "make it with `uv pip compile --universal --generate-hashes requirements.in -o requirements.lock`";
    let Ok(text) = std::fs::read_to_string(base.join(lock)) else {
        return vec![Diagnostic::new(Code::LockMissing, place.clone(), format!("the lock {lock} is missing"), make)];
    };
    // A requirement begins a line; its hashes follow on continued lines.
    let joined = text.replace("\\\n", " ");
    let unhashed = joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '-']) && !line.contains("--hash="));
    let finding = |line: &str| {
        let message = format!("{lock}: `{}` has no hash", line.split_whitespace().next().unwrap_or(line));
        Diagnostic::new(Code::LockUnhashed, place.clone(), message, make)
    };
    unhashed.map(finding).collect()
}

fn check_notebook(base: &Path, notebook: &str, place: &Place) -> Vec<Diagnostic> {
    match Notebook::read(&base.join(notebook)) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let help = "name the notebook in model.yaml, relative to the model's folder";
            vec![Diagnostic::new(Code::NotebookMissing, place.clone(), error.to_string(), help)]
        }
    }
}
