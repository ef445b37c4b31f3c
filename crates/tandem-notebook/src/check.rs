//! What can be said about a notebook without running it: tandem-python's findings, and those that need the file's format, its
//! stored outputs, or the folder it lies in.
//! Not here: the rules about Python (tandem-python), and how findings are shown.

mod folder;
mod lines;
mod outputs;

use std::path::Path;

use serde_json::Value;
use tandem_definitions::{Code, Diagnostic, Place, Severity};
use tandem_python::{Finding, Known, Program};

use crate::ipynb::{CodeCell, Notebook, NotebookError};

/// A place in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InCell {
    /// The number of the code cell, from 1.
    pub number: usize,
    /// The line in the cell, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// Where the marked text begins in the cell, in bytes.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
}

/// A finding, with its place in the file and in the cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The finding; its line is that of the .ipynb file.
    pub finding: Diagnostic,
    /// Where in which cell; nothing when it is about the whole notebook.
    pub cell: Option<InCell>,
}

/// A notebook that was checked.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// How the notebook is called in findings.
    pub name: String,
    /// The findings, in the order of the cells.
    pub findings: Vec<Located>,
    /// Number and text of the code cells, for showing lines.
    pub cells: Vec<(usize, String)>,
}

/// Checks the notebook in a file. `name` is how findings call it.
pub fn check(path: &Path, name: &str) -> Result<Checked, NotebookError> {
    let bytes = std::fs::read(path).map_err(|source| NotebookError::Read { path: path.to_path_buf(), source })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(check_bytes(&bytes, name, Some(folder)))
}

/// Checks a notebook's bytes. Without a folder nothing is said about files and modules beside it. Never fails.
pub fn check_bytes(bytes: &[u8], name: &str, folder: Option<&Path>) -> Checked {
    let mut checked = Checked { name: name.to_owned(), ..Checked::default() };
    let notebook = match Notebook::parse(Path::new(name), bytes) {
        Ok(notebook) => notebook,
        Err(error) => {
            checked.findings.extend(refused(name, &error));
            return checked;
        }
    };
    let cells = notebook.python_cells();
    let program = Program::new(&cells);
    let metadata = &notebook.json()["metadata"];
    let mut found = tandem_python::check::check_program(&program, Known { python_2: is_python_2(metadata) });
    if let Some(folder) = folder {
        found.extend(folder::findings(&program, folder));
    }
    found.extend(outputs::findings(&notebook, &program));
    found.sort_by_key(|one| (one.cell, one.start, one.code));
    let text = String::from_utf8_lossy(bytes);
    let lines = lines::of_cells(&text);
    checked.findings.extend(format(name, &notebook));
    let code = notebook.code_cells();
    checked.findings.extend(found.iter().map(|finding| located(name, finding, code, &lines)));
    checked.cells = code.iter().map(|cell| (cell.number, cell.source.clone())).collect();
    checked
}

fn is_python_2(metadata: &Value) -> bool {
    let version = metadata.pointer("/language_info/version").and_then(Value::as_str);
    let kernel = metadata.pointer("/kernelspec/name").and_then(Value::as_str);
    version.map_or(kernel == Some("python2"), |version| version.starts_with("2."))
}

/// What a notebook is refused for, as a finding; nothing for one that has no code.
fn refused(name: &str, error: &NotebookError) -> Option<Located> {
    let whole = |code, message: String, help: &str| {
        let place = Place { file: name.to_owned(), ..Place::default() };
        Some(Located { finding: Diagnostic::new(code, place, message, help), cell: None })
    };
    match error {
        NotebookError::NoCode { .. } => None,
        NotebookError::OtherLanguage { language, .. } => {
            let message = format!("The notebook is written for {language}. Its code was not read.");
            whole(
                Code::AnotherLanguage,
                message,
                "Nothing, unless it is Python after all: then choose a Python kernel and save it.",
            )
        }
        NotebookError::NotJson { line, column, message, .. } => {
            let place = Place { file: name.to_owned(), line: *line, column: (*column).max(1), ..Place::default() };
            let message = format!("This is no notebook: it is not valid JSON ({message}).");
            let help = "Resolve the merge that broke it, or take an older version from the history.";
            Some(Located { finding: Diagnostic::new(Code::BrokenNotebook, place, message, help), cell: None })
        }
        NotebookError::NotANotebook { reason, .. } => {
            let message = format!("This is JSON, but no notebook: {reason}.");
            whole(Code::BrokenNotebook, message, "Export it again from Jupyter as .ipynb.")
        }
        NotebookError::Read { source, .. } => whole(
            Code::BrokenNotebook,
            format!("The file cannot be read: {source}."),
            "Check the path and its permissions.",
        ),
    }
}

/// A format that is old, or newer than what is known.
fn format(name: &str, notebook: &Notebook) -> Option<Located> {
    let (major, minor) = notebook.format();
    let what = match (major, minor) {
        (3, _) => "an old format, which some tools no longer open",
        (4, minor) if minor > 5 => "a newer format than this version of Tandem knows",
        _ => return None,
    };
    let place = Place { file: name.to_owned(), ..Place::default() };
    let message = format!("The notebook is stored as nbformat {major}.{minor}: {what}.");
    let help = "Open it in Jupyter and save it.";
    Some(Located { finding: Diagnostic::new(Code::OldFormat, place, message, help), cell: None })
}

/// A finding of a cell, with its line in the file.
fn located(name: &str, finding: &Finding, code: &[CodeCell], lines: &[Vec<usize>]) -> Located {
    let cell = code.iter().find(|cell| cell.number == finding.cell);
    let source = cell.map_or("", |cell| cell.source.as_str());
    let boundary = |at: usize| (0..=at.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    let (start, end) = (boundary(finding.start), boundary(finding.end));
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let column = source[line_start..start].chars().count() + 1;
    let physical =
        cell.and_then(|cell| lines.get(cell.index)).and_then(|lines| lines.get(finding.line - 1).or(lines.last()));
    let place = Place { file: name.to_owned(), line: physical.copied().unwrap_or(1), column: 1, ..Place::default() };
    let text = source[start..end.max(start)].lines().next().unwrap_or("");
    // The text of a secret is never repeated.
    let text = if matches!(finding.code, Code::SecretInSource) { "" } else { text };
    let mut diagnostic =
        Diagnostic::new(finding.code, place, finding.message.clone(), finding.help.clone()).with_text(text);
    diagnostic.severity = lowered(finding, cell);
    Located {
        finding: diagnostic,
        cell: Some(InCell { number: finding.cell, line: finding.line, column, start, end: end.max(start) }),
    }
}

/// A cell that is tagged as failing may fail.
fn lowered(finding: &Finding, cell: Option<&CodeCell>) -> Severity {
    let may_fail = cell.is_some_and(|cell| cell.may_fail);
    if may_fail && finding.severity == Severity::Error { Severity::Note } else { finding.severity }
}
