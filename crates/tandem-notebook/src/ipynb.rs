//! The notebook's file: reading it (nbformat 4, and 3), its code cells, and the text of an executed copy (nbformat 4.5).
//!
//! The JSON is kept as it was read, keys in their order, unknown fields included: only outputs and counts are put in.
//! Not here: rewriting the user's own file, which never happens, and running anything.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Why a file cannot be used as a notebook.
#[derive(Debug, thiserror::Error)]
pub enum NotebookError {
    /// The file could not be read.
    #[error("{path}: the notebook cannot be read: {source}. Check the path and its permissions.", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not JSON.
    #[error("{path}:{line}:{column}: this is not a notebook: it is not valid JSON ({message}). Save it again from Jupyter, or resolve the merge that broke it.", path = path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1 (0 when the file ends too early).
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// The JSON is not a notebook.
    #[error("{path}: this is JSON, but no notebook: {reason}. Export it again from Jupyter as .ipynb.", path = path.display())]
    NotANotebook {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// There is nothing to run.
    #[error("{path}: the notebook has no code to run: {cells} cells, none of them a code cell with text in it.", path = path.display())]
    NoCode {
        /// The file.
        path: PathBuf,
        /// How many cells it has.
        cells: usize,
    },
    /// The notebook is written for another language.
    #[error("{path}: the notebook is written for {language}, and Tandem runs Python notebooks. Choose a Python kernel in Jupyter and save it.", path = path.display())]
    OtherLanguage {
        /// The file.
        path: PathBuf,
        /// The language that its metadata names.
        language: String,
    },
}

/// One code cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCell {
    /// Which code cell it is, counted from 1 among code cells (empty ones included).
    pub number: usize,
    /// Its place among all cells, counted from 0.
    pub index: usize,
    /// Its text.
    pub source: String,
    /// Whether it carries the tag `raises-exception`: its failure does not end a run.
    pub may_fail: bool,
    /// The count that Jupyter stored when it was last run.
    pub count: Option<u64>,
    /// The exception that is stored with it, when cells were run after it: whoever wrote it went on.
    pub raised: Option<String>,
}

impl CodeCell {
    /// The first line that is neither blank nor a comment; the first line otherwise.
    pub fn first_line(&self) -> &str {
        let mut lines = self.source.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.clone().next().unwrap_or("");
        lines.find(|line| !line.starts_with('#')).unwrap_or(first)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.source.trim().is_empty()
    }
}

/// A notebook as it was read.
#[derive(Clone, Debug)]
pub struct Notebook {
    path: PathBuf,
    json: Value,
    code: Vec<CodeCell>,
    format: (u64, u64),
}

impl Notebook {
    /// Reads a notebook from a file.
    pub fn read(path: &Path) -> Result<Self, NotebookError> {
        let bytes = std::fs::read(path).map_err(|source| NotebookError::Read { path: path.to_path_buf(), source })?;
        Self::parse(path, &bytes)
    }

    /// Reads a notebook from bytes; the path is only for messages.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, NotebookError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let json: Value = serde_json::from_slice(bytes).map_err(|error| NotebookError::NotJson {
            path: path.to_path_buf(),
            line: error.line(),
            column: error.column(),
            message: without_place(&error.to_string()),
        })?;
        let no = |reason: &str| NotebookError::NotANotebook { path: path.to_path_buf(), reason: reason.to_owned() };
        if !json.is_object() {
            return Err(no("its outermost value is not an object"));
        }
        let version = |key: &str| json.get(key).and_then(Value::as_u64).unwrap_or(0);
        let format = (version("nbformat"), version("nbformat_minor"));
        let json = match json.get("nbformat").and_then(Value::as_u64) {
            Some(4) => json,
            Some(3) => from_version_3(json),
            Some(other) => return Err(no(&format!("its nbformat is {other}; 3 and 4 can be read"))),
            None => return Err(no("it has no `nbformat`")),
        };
        let cells = json.get("cells").and_then(Value::as_array).ok_or_else(|| no("it has no list of `cells`"))?;
        let code = code_cells(cells).map_err(|reason| no(&reason))?;
        if let Some(language) = other_language(&json) {
            return Err(NotebookError::OtherLanguage { path: path.to_path_buf(), language });
        }
        if code.iter().all(CodeCell::is_empty) {
            return Err(NotebookError::NoCode { path: path.to_path_buf(), cells: cells.len() });
        }
        Ok(Self { path: path.to_path_buf(), code, json, format })
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format that it was stored in: `nbformat` and its minor number.
    pub fn format(&self) -> (u64, u64) {
        self.format
    }

    /// Its code cells, in order.
    pub fn code_cells(&self) -> &[CodeCell] {
        &self.code
    }

    /// Its code cells, for reading their Python.
    pub fn python_cells(&self) -> Vec<tandem_python::Cell> {
        let cell = |cell: &CodeCell| tandem_python::Cell {
            number: cell.number,
            source: cell.source.clone(),
            count: cell.count,
            failed: self.may_have_raised(cell.index),
        };
        self.code.iter().map(cell).collect()
    }

    /// Whether an exception is stored with the cell at this place; of nbformat 3 the outputs are not read.
    fn may_have_raised(&self, index: usize) -> bool {
        let outputs = self.json.pointer(&format!("/cells/{index}/outputs")).and_then(Value::as_array);
        self.format.0 == 3 || outputs.is_some_and(|all| all.iter().any(|output| output.get("ename").is_some()))
    }

    /// The notebook's JSON, as it was read (a notebook of nbformat 3 is shown as 4).
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The text of an executed copy, nbformat 4.5: each code cell with the outputs and the count given for its number;
    /// cells without an entry (never run) are left without outputs.
    pub fn executed(
        &self,
        outcome: impl Fn(usize) -> Option<(Vec<Value>, Option<u64>)>,
        language_info: Option<Value>,
    ) -> String {
        let mut json = self.json.clone();
        json["nbformat"] = json!(4);
        json["nbformat_minor"] = json!(5);
        if let (Some(info), Some(metadata)) = (language_info, object_at(&mut json, "metadata")) {
            metadata.insert("language_info".to_owned(), info);
        }
        let mut number = 0;
        let cells = json.get_mut("cells").and_then(Value::as_array_mut);
        for (index, cell) in cells.into_iter().flatten().enumerate() {
            let Some(fields) = cell.as_object_mut() else { continue };
            let is_code = fields.get("cell_type").and_then(Value::as_str) == Some("code");
            if !fields.contains_key("id") {
                fields.insert("id".to_owned(), json!(format!("tandem-{index}")));
            }
            fields.entry("metadata").or_insert_with(|| json!({}));
            if is_code {
                number += 1;
                let (outputs, count) = outcome(number).unwrap_or_default();
                fields.insert("outputs".to_owned(), Value::Array(outputs));
                fields.insert("execution_count".to_owned(), count.map_or(Value::Null, Value::from));
            }
        }
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The object at `key`, made when it is missing.
fn object_at<'a>(json: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    json.as_object_mut()?.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

fn code_cells(cells: &[Value]) -> Result<Vec<CodeCell>, String> {
    let mut code: Vec<CodeCell> = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let kind = cell.get("cell_type").and_then(Value::as_str);
        let kind = kind.ok_or_else(|| format!("cell {} has no `cell_type`", index + 1))?;
        if kind != "code" {
            continue;
        }
        let source = cell.get("source").and_then(joined);
        let source = source.ok_or_else(|| format!("cell {} has no `source` text", index + 1))?;
        let tags = cell.pointer("/metadata/tags").and_then(Value::as_array);
        let may_fail = tags.is_some_and(|tags| tags.iter().any(|tag| tag == "raises-exception"));
        let count = ["execution_count", "prompt_number"].iter().find_map(|key| cell.get(key).and_then(Value::as_u64));
        let mut outputs = cell.get("outputs").and_then(Value::as_array).into_iter().flatten();
        let raised = outputs.find_map(|output| output.get("ename").and_then(Value::as_str)).map(str::to_owned);
        code.push(CodeCell { number: code.len() + 1, index, source, may_fail, count, raised });
    }
    let last = code.iter().filter_map(|cell| cell.count).max();
    code.iter_mut().filter(|cell| cell.count.is_none() || cell.count >= last).for_each(|cell| cell.raised = None);
    Ok(code)
}

/// A text that the format stores as one string or as a list of lines.
fn joined(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The language, when the metadata names one that is not Python.
fn other_language(json: &Value) -> Option<String> {
    let named = ["/metadata/kernelspec/language", "/metadata/language_info/name"];
    let language = named.iter().find_map(|pointer| json.pointer(pointer).and_then(Value::as_str))?;
    (!language.is_empty() && !language.to_lowercase().contains("python")).then(|| language.to_owned())
}

/// `serde_json` ends its messages with the place, which our message states at its start.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}

/// nbformat 3 kept its cells in worksheets, and a code cell's text under `input`.
fn from_version_3(mut json: Value) -> Value {
    let worksheets = json.get_mut("worksheets").map(Value::take);
    let sheets = worksheets.as_ref().and_then(Value::as_array).into_iter().flatten();
    let cells = sheets.filter_map(|sheet| sheet.get("cells").and_then(Value::as_array)).flatten();
    let cells: Vec<Value> = cells.map(cell_from_version_3).collect();
    let metadata = json.get("metadata").cloned().unwrap_or_else(|| json!({}));
    json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
}

fn cell_from_version_3(cell: &Value) -> Value {
    let text = |key: &str| cell.get(key).and_then(joined).unwrap_or_default();
    let metadata = cell.get("metadata").cloned().unwrap_or_else(|| json!({}));
    match cell.get("cell_type").and_then(Value::as_str) {
        Some("code") => {
            json!({"cell_type": "code", "metadata": metadata, "source": text("input"), "outputs": [], "execution_count": cell.get("prompt_number")})
        }
        Some("heading") => {
            let level = cell.get("level").and_then(Value::as_u64).unwrap_or(1).min(6) as usize;
            json!({"cell_type": "markdown", "metadata": metadata, "source": format!("{} {}", "#".repeat(level), text("source"))})
        }
        Some("markdown") => json!({"cell_type": "markdown", "metadata": metadata, "source": text("source")}),
        _ => json!({"cell_type": "raw", "metadata": metadata, "source": text("source")}),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Notebook, NotebookError> {
        Notebook::parse(Path::new("a.ipynb"), text.as_bytes())
    }

    #[test]
    fn broken_json_names_line_and_column() {
        let error = parse("{\n \"cells\": [,]\n}").unwrap_err();
        assert!(error.to_string().starts_with("a.ipynb:2:12: this is not a notebook"), "{error}");
        assert!(parse("").unwrap_err().to_string().contains("not valid JSON"));
    }

    #[test]
    fn json_that_is_no_notebook_says_why() {
        for (text, why) in [
            ("[1]", "not an object"),
            ("{}", "no `nbformat`"),
            (r#"{"nbformat": 5}"#, "nbformat is 5"),
            (r#"{"nbformat": 4}"#, "no list of `cells`"),
            (r#"{"nbformat": 4, "cells": [{}]}"#, "cell 1 has no `cell_type`"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn a_notebook_without_code_or_of_another_language_is_refused() {
        let none = r##"{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "# hi"}, {"cell_type": "code", "source": " \n"}]}"##;
        assert!(parse(none).unwrap_err().to_string().contains("2 cells, none of them"));
        let r = r#"{"nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}, "cells": [{"cell_type": "code", "source": "x"}]}"#;
        assert!(parse(r).unwrap_err().to_string().contains("written for R"));
    }

    #[test]
    fn version_3_is_read() {
        let text = r#"{"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [
            {"cell_type": "heading", "level": 2, "source": "Title"}, {"cell_type": "code", "input": ["a = 1\n", "a"], "outputs": []}]}]}"#;
        let notebook = parse(text).unwrap();
        assert_eq!(notebook.code_cells()[0].source, "a = 1\na");
        assert_eq!(notebook.json()["cells"][0]["source"], "## Title");
    }

    #[test]
    fn the_executed_copy_keeps_unknown_fields_and_order() {
        let text = r##"{"nbformat": 4, "nbformat_minor": 2, "zeta": 1, "metadata": {"b": 1, "a": 2}, "cells": [
            {"cell_type": "code", "own": {"z": 1, "y": 2}, "source": ["\n", "# note\n", "x = 1"], "outputs": [{"old": 1}]}]}"##;
        let notebook = parse(text).unwrap();
        assert_eq!(notebook.code_cells()[0].first_line(), "x = 1");
        let copy = notebook.executed(|number| Some((vec![json!({"number": number})], Some(7))), None);
        let json: Value = serde_json::from_str(&copy).unwrap();
        assert_eq!(json["cells"][0]["outputs"], json!([{"number": 1}]));
        assert_eq!(json["cells"][0]["execution_count"], 7);
        assert_eq!(json["nbformat_minor"], 5);
        assert!(copy.find("\"b\"") < copy.find("\"a\"") && copy.find("\"zeta\"") < copy.find("\"cells\""));
        assert!(copy.find("\"z\"") < copy.find("\"y\""));
    }
}
