//! Running recorded tests: the notebook in its locked environment, in a copy with its inputs, compared with what was recorded.
//! What a run showed is kept in `.tandem/recorded`, so that the same notebook is not run twice.
//! Not here: recording, and how a report is drawn.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tandem_definitions::{Adopted, Code, Diagnostic, File, Place, yaml_to_json};
use tandem_notebook::record::{RecordRequest, record, watcher};
use tandem_notebook::{Notebook, RunError};

use super::expect::{self, Difference};
use super::{Event, TESTS, digest, folder_of, inputs::laid_out, own_copy, parse};
use crate::error::Error;
use crate::load::Loaded;
use crate::python;

/// What came of the recorded tests of one notebook.
#[derive(Debug)]
pub struct Outcome {
    /// The path of the tests, from the project's folder.
    pub path: String,
    /// How many values were compared.
    pub compared: usize,
    /// Whether the notebook ran now; otherwise what it showed last is known.
    pub ran: bool,
    /// What is not as it was.
    pub findings: Vec<Diagnostic>,
    /// The files that findings point into.
    pub files: Vec<File>,
}

/// What can be said of an adopted notebook without running it: its inputs, its tests, its meaning.
pub fn check(loaded: &Loaded, adopted: &Adopted) -> Vec<Diagnostic> {
    let mut findings = inputs(loaded, adopted);
    let record = format!("record them: tandem notebook adopt {}", adopted.notebook);
    if !folder_of(loaded, adopted).join(TESTS).is_file() {
        let message = format!("the adopted notebook `{}` has no {TESTS}", adopted.name);
        findings.push(Diagnostic::new(Code::NothingRecorded, adopted.place.clone(), message, record));
    }
    if adopted.meaning.starts_with("To do") {
        let message = format!("nobody has said yet what `{}` is for", adopted.name);
        let help = "Write one plain sentence as its `meaning`.";
        findings.push(Diagnostic::new(Code::AdoptedToDo, adopted.place.clone(), message, help));
    }
    findings
}

/// The inputs that are missing, or other than they were.
fn inputs(loaded: &Loaded, adopted: &Adopted) -> Vec<Diagnostic> {
    let folder = folder_of(loaded, adopted);
    let mut findings = Vec::new();
    for input in &adopted.inputs {
        let path = folder.join(&input.kept);
        let message = match fs::read(&path) {
            Ok(bytes) if digest(&bytes) == input.sha256 => continue,
            Ok(bytes) => {
                let sizes = format!("{} bytes then, {} now", input.bytes, bytes.len());
                format!("`{}` is not the file that the tests were recorded with ({sizes})", input.kept)
            }
            Err(error) => format!("the input `{}` cannot be read: {error}", input.kept),
        };
        let help = format!(
            "Put the file with sha256 {}… there; or record with the new one: tandem notebook adopt {}",
            input.sha256.get(..12).unwrap_or(&input.sha256),
            adopted.notebook
        );
        findings.push(Diagnostic::new(Code::InputChanged, input.place.clone(), message, help));
    }
    findings
}

/// Runs the recorded tests of an adopted notebook.
///
/// # Errors
/// What the environment and files can say; what is wrong with the notebook or its tests is in the outcome.
pub fn run(
    loaded: &Loaded,
    adopted: &Adopted,
    limit: Option<Duration>,
    on_event: &mut dyn FnMut(Event),
) -> Result<Outcome, Error> {
    let folder = folder_of(loaded, adopted);
    let path = format!("models/{}/{TESTS}", adopted.name);
    let text = fs::read_to_string(folder.join(TESTS)).unwrap_or_default();
    let mut outcome =
        Outcome { path: path.clone(), compared: 0, ran: false, findings: inputs(loaded, adopted), files: Vec::new() };
    if !outcome.findings.is_empty() {
        outcome.files = loaded.files.iter().filter(|file| file.path == adopted.place.file).cloned().collect();
        return Ok(outcome);
    }
    outcome.files.push(File { path: path.clone(), text: text.clone() });
    let whole = |line: usize| Place { file: path.clone(), line, column: 1, ..Place::default() };
    let tests = match readable(&text) {
        Ok(tests) => tests,
        Err((line, why)) => {
            let help = format!("Mend it, or record again: tandem notebook adopt {}", adopted.notebook);
            outcome.findings.push(Diagnostic::new(Code::RecordedUnreadable, whole(line), why, help));
            return Ok(outcome);
        }
    };
    let notebook_path = loaded.base.join(&adopted.notebook);
    let source = fs::read_to_string(&notebook_path).map_err(Error::file("read", &notebook_path))?;
    let notebook = parse(Path::new(&adopted.notebook), &source)?;
    let facts = match facts(loaded, adopted, &source, &tests, limit, &mut outcome.ran, on_event) {
        Ok(facts) => facts,
        Err(Error::Notebook(RunError::Cell(failure))) => {
            let mut failure = *failure;
            failure.notebook = (&adopted.notebook).into();
            let place = Place { file: adopted.notebook.clone(), ..Place::default() };
            let help = format!("Mend that cell.\n{}", failure.traceback);
            outcome.findings.push(Diagnostic::new(Code::RecordedFails, place, failure.to_string(), help.trim()));
            return Ok(outcome);
        }
        Err(error) => return Err(error),
    };
    let starts: Vec<String> = notebook.code_cells().iter().map(|cell| cell.first_line().to_owned()).collect();
    outcome.compared = expect::count(&tests);
    let differences = expect::differences(&tests, &facts, &starts);
    outcome.findings.extend(differences.iter().map(|difference| finding(difference, &path, &text, adopted)));
    Ok(outcome)
}

/// The tests, or the line that is wrong and why.
fn readable(text: &str) -> Result<Value, (usize, String)> {
    let tests = yaml_to_json(text).filter(Value::is_object);
    let tests = tests.ok_or_else(|| (0, "the recorded tests are no YAML, or no mapping".to_owned()))?;
    for (key, name) in [("cells", "cell"), ("functions", "function")] {
        for test in expect::list(&tests, key) {
            let known = test.get(name).is_some_and(|value| {
                value.as_u64().is_some_and(|n| n > 0) || (name == "function" && value.is_string())
            });
            if !known {
                let line = text.lines().position(|line| line.starts_with(&format!("{key}:"))).map_or(0, |at| at + 1);
                return Err((line, format!("an item of `{key}` does not say which `{name}` it is about")));
            }
        }
    }
    Ok(tests)
}

/// What a run of the notebook shows: known from before, or by a run now.
fn facts(
    loaded: &Loaded,
    adopted: &Adopted,
    source: &str,
    tests: &Value,
    limit: Option<Duration>,
    ran: &mut bool,
    on_event: &mut dyn FnMut(Event),
) -> Result<Value, Error> {
    let lock = loaded.base.join(&adopted.lock);
    let environment = python::environment(loaded, &lock, &mut |line| on_event(Event::Environment(line.to_owned())))?;
    let calls = expect::calls_of(&tests["functions"], "function");
    let hashes: Vec<&str> = adopted.inputs.iter().map(|input| input.sha256.as_str()).collect();
    let key = json!([source, environment.hash, hashes, calls, watcher()]).to_string();
    let cached =
        loaded.state_dir().join("recorded").join(&adopted.name).join(format!("{}.json", &digest(key.as_bytes())[..16]));
    if let Some(known) = fs::read(&cached).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(known);
    }
    *ran = true;
    on_event(Event::Run(1));
    let space = laid_out(loaded, adopted, false)?;
    let (_own, notebook) = own_copy(source, "notebook")?;
    let request = RecordRequest {
        notebook: &notebook,
        python: &environment.python,
        folder: space.folder(),
        calls: Some(&calls),
        cell_limit: limit,
    };
    let facts = record(&request, &mut |event| on_event(Event::Notebook(event)))?.facts;
    if let Some(folder) = cached.parent() {
        let _ = fs::remove_dir_all(folder); // only the last is of use
        fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    }
    fs::write(&cached, facts.to_string()).map_err(Error::file("write", &cached))?;
    Ok(facts)
}

fn finding(difference: &Difference, path: &str, text: &str, adopted: &Adopted) -> Diagnostic {
    let line = line_of(text, &difference.keys);
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let whole = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let bare = whole.trim_start();
    let indent = whole.len() - bare.len();
    let place =
        Place { file: path.to_owned(), line, column: indent + 1, start: start + indent, end: start + whole.len() };
    let help = format!(
        "If that is a mistake, mend {}; if it is meant, record it: tandem notebook adopt {0}",
        adopted.notebook
    );
    Diagnostic::new(difference.code, place, difference.message.clone(), help).with_text(bare)
}

/// The line to which keys lead, each below the one before it; the last that is found.
fn line_of(text: &str, keys: &[String]) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let (mut at, mut above) = (0, None);
    for key in keys {
        let is_it = |line: &str| {
            let line = line.trim_start();
            let item = line.trim_start_matches("- ");
            let after =
                |head: &str| item.strip_prefix(head).is_some_and(|rest| rest.starts_with(':') || rest.is_empty());
            let quoted = Value::from(key.as_str()).to_string();
            line == key || after(key) || after(&quoted) || item == key.trim_matches('"')
        };
        // What is not below the last key belongs to another.
        let below = |line: &&&str| above.is_none_or(|above| line.trim().is_empty() || depth(line) > above);
        let Some(found) = lines.iter().skip(at).take_while(below).position(|line| is_it(line)) else { break };
        at += found + 1;
        above = lines.get(at - 1).map(|line| depth(line));
    }
    at
}

/// The notebook of an adopted model, for those that only look at it.
///
/// # Errors
/// [`Error::File`], [`Error::Notebook`].
pub fn notebook(loaded: &Loaded, adopted: &Adopted) -> Result<Notebook, Error> {
    let path = loaded.base.join(&adopted.notebook);
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    parse(&path, &text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_difference_points_to_its_line() {
        let text = "cells:\n  - cell: 1\n    frames:\n      df:\n        rows: 3\n  - cell: 2\n    frames:\n      df:\n        rows: 4\n        columns:\n          \"a b\": {nulls: 0}\n    printed:\n      - \"x: 1\"\n";
        let line = |keys: &[&str]| line_of(text, &keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&["- cell: 2", "df", "rows"]), 9);
        assert_eq!(line(&["- cell: 2", "df", "a b"]), 11);
        assert_eq!(line(&["- cell: 2", "printed", "\"x: 1\""]), 13);
        assert_eq!(line(&["- cell: 1", "df", "gone"]), 4);
        assert_eq!(line(&["- cell: 1", "df", "a b"]), 4, "the column of another cell");
    }

    #[test]
    fn tests_that_do_not_say_which_cell_are_refused() {
        assert_eq!(readable("cells:\n  - frames: {}\n").unwrap_err().0, 1);
        assert!(readable("cells: [").is_err() && readable("").is_err());
        assert!(readable("cells: []\nfunctions: []\n").is_ok());
    }
}
