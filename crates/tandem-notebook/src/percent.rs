//! The percent format: a notebook as a Python file that diffs well, as Jupytext pairs it (`# %%`, `# %% [markdown]`).
//!
//! Exact in both directions for what people write: text, kinds of cell, metadata, tags and ids. Each cell is read back as it
//! is written; one that Jupytext's own form would change (a line in it that looks like a cell's beginning, a carriage
//! return) is written line by line behind `#|`, and marked `exact=true`. Jupytext reads and writes the same files; what it
//! drops, we keep under three keys of the cell's line: `nbformat_id`, `end_of_cell` and `exact`.
//! Not here: outputs and attachments, which a file for review does not hold, and the notebook's own JSON.

mod header;
mod magic;
mod options;
mod read;

use serde_json::{Map, Value, json};

use magic::Quotes;

/// The keys of a cell's line that are ours.
const OURS: [&str; 3] = ["nbformat_id", "end_of_cell", "exact"];

/// What kind of cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Markdown,
    Raw,
}

/// A cell, without what running it left.
#[derive(Clone, Debug, PartialEq)]
struct Cell {
    kind: Kind,
    source: String,
    metadata: Map<String, Value>,
    id: Option<String>,
}

/// The Python file of a notebook (its JSON, of nbformat 4).
pub fn write(notebook: &Value) -> String {
    let mut text = header::write(notebook);
    for cell in notebook.get("cells").and_then(Value::as_array).into_iter().flatten() {
        text.push('\n');
        text.push_str(&Cell::from_json(cell).write());
    }
    text
}

/// The notebook of a Python file: nbformat 4.5, without outputs. Every text is one; without any marker it is one cell.
pub fn read(text: &str) -> Value {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
    let (metadata, first, rest) = header::read(&lines);
    let cells = first.into_iter().chain(read::cells(rest));
    let cells: Vec<Value> = cells.map(Cell::into_json).collect();
    json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
}

/// The first line that is neither blank nor a comment; by it a cell is known again when others came before it.
pub fn first_line(source: &str) -> &str {
    let mut lines = source.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().next().unwrap_or("");
    lines.find(|line| !line.starts_with('#')).unwrap_or(first)
}

impl Cell {
    fn from_json(cell: &Value) -> Self {
        let kind = match cell.get("cell_type").and_then(Value::as_str) {
            Some("code") => Kind::Code,
            Some("markdown") => Kind::Markdown,
            _ => Kind::Raw,
        };
        let source = match cell.get("source") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
            _ => String::new(),
        };
        let metadata = cell.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let id = cell.get("id").and_then(Value::as_str).map(str::to_owned);
        Self { kind, source, metadata, id }
    }

    fn into_json(self) -> Value {
        let kind = match self.kind {
            Kind::Code => "code",
            Kind::Markdown => "markdown",
            Kind::Raw => "raw",
        };
        let mut cell = Map::new();
        cell.insert("cell_type".to_owned(), json!(kind));
        if let Some(id) = self.id {
            cell.insert("id".to_owned(), json!(id));
        }
        cell.insert("metadata".to_owned(), Value::Object(self.metadata));
        cell.insert("source".to_owned(), json!(self.source));
        if self.kind == Kind::Code {
            cell.insert("execution_count".to_owned(), Value::Null);
            cell.insert("outputs".to_owned(), json!([]));
        }
        Value::Object(cell)
    }

    /// As Jupytext writes it where that can be read back, line by line otherwise.
    fn write(&self) -> String {
        let text = self.as_jupytext();
        // A cell is read together with what follows it.
        let read_back = |text: &str| {
            let following = format!("{text}\n# %%");
            let lines: Vec<&str> = following.split('\n').collect();
            let cells: Vec<Self> = read::cells(&lines).collect();
            cells.len() == 2 && cells[0] == *self
        };
        if !text.contains('\r') && read_back(&text) { text } else { self.exactly() }
    }

    /// Metadata as it stands in the cell's line: other people's keys that are named like ours get a `_` before them.
    fn escaped(&self) -> Map<String, Value> {
        let escape = |key: &str| {
            if OURS.contains(&key.trim_start_matches('_')) { format!("_{key}") } else { key.to_owned() }
        };
        self.metadata.iter().map(|(key, value)| (escape(key), value.clone())).collect()
    }

    fn with_id(&self, mut metadata: Map<String, Value>) -> Map<String, Value> {
        if let Some(id) = &self.id {
            metadata.insert("nbformat_id".to_owned(), json!(id));
        }
        metadata
    }

    fn as_jupytext(&self) -> String {
        let mut metadata = self.escaped();
        let (body, end) = split_end(&self.source);
        let mut lines: Vec<String> = body.split('\n').map(str::to_owned).collect();
        let mut active = options::is_active("py", &metadata, true);
        if self.kind == Kind::Code
            && let Some((language, arguments)) = magic::language(&lines[0])
        {
            active = options::is_active("py", &metadata, false);
            if !arguments.is_empty() {
                metadata.insert("magic_args".to_owned(), json!(arguments));
            }
            metadata.insert("language".to_owned(), json!(language));
            lines.remove(0);
        }
        metadata = self.with_id(metadata);
        if !end.is_empty() {
            metadata.insert("end_of_cell".to_owned(), json!(end));
        }
        let mut text = options::line(self.kind, metadata);
        let empty = self.kind == Kind::Code && lines.iter().all(String::is_empty) && lines.len() < 2;
        if self.kind == Kind::Code && active {
            magic::comment(&mut lines);
        } else {
            lines =
                lines.iter().map(|line| if line.is_empty() { "#".to_owned() } else { format!("# {line}") }).collect();
        }
        if !empty {
            text.push('\n');
            text.push_str(&lines.join("\n"));
        }
        text.push('\n');
        text
    }

    fn exactly(&self) -> String {
        let mut metadata = self.with_id(self.escaped());
        metadata.insert("exact".to_owned(), json!(true));
        // Title, kind and so on in the line would be read as Jupytext's own: here all of it is plain JSON.
        let kind = match self.kind {
            Kind::Code => "",
            Kind::Markdown => "[markdown] ",
            Kind::Raw => "[raw] ",
        };
        let mut text = format!("# %% {kind}{}\n", Value::Object(metadata));
        for line in self.source.split('\n') {
            text.push_str("#|");
            for c in line.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '\r' => text.push_str("\\r"),
                    c => text.push(c),
                }
            }
            text.push('\n');
        }
        text
    }
}

/// The text and the blank lines at its end: those the format cannot tell from the lines between cells.
fn split_end(source: &str) -> (&str, &str) {
    let mut body = source;
    while let Some(at) = body.rfind('\n').filter(|at| body[at + 1..].trim_matches([' ', '\t']).is_empty()) {
        body = &body[..at];
    }
    if body.trim_matches([' ', '\t']).is_empty() {
        body = "";
    }
    source.split_at(body.len())
}

#[cfg(test)]
mod tests;
