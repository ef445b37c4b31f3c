//! What the cells put out, gathered in the notebook's form: streams joined, displays updated, each cell's size limited.
//! Not here: events for the caller, and where messages come from.

use std::collections::BTreeMap;

use jupyter_protocol::JupyterMessageContent;
use serde_json::{Map, Value, json};

use super::Stream;
use super::traceback::plain;
use crate::workspace::in_words;

/// An error that a cell ended with, as the kernel told it, in plain text.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub name: String,
    pub message: String,
    pub traceback: String,
}

/// What one message added.
pub(super) enum Added {
    /// Nothing that a reader sees.
    Nothing,
    /// Text to show.
    Text(Stream, String),
    /// The cell raised.
    Error(Raised),
}

/// The outputs of one cell.
#[derive(Default)]
struct CellOutputs {
    outputs: Vec<Value>,
    bytes: usize,
    cut: bool,
    clear_next: bool,
}

/// The outputs of all cells, by position in the run.
pub(super) struct Outputs {
    cells: Vec<CellOutputs>,
    displays: BTreeMap<String, Vec<(usize, usize)>>,
    limit: usize,
}

impl Outputs {
    /// For a number of cells, each limited to so many bytes.
    pub fn new(cells: usize, limit: usize) -> Self {
        Self { cells: (0..cells).map(|_| CellOutputs::default()).collect(), displays: BTreeMap::new(), limit }
    }

    /// The outputs of a cell so far.
    pub fn of(&self, cell: usize) -> Vec<Value> {
        self.cells[cell].outputs.clone()
    }

    /// Whether some of a cell's output was left out.
    pub fn is_cut(&self, cell: usize) -> bool {
        self.cells[cell].cut
    }

    /// Adds what a message of the kernel says.
    pub fn add(&mut self, cell: usize, content: &JupyterMessageContent) -> Added {
        // What is left out costs no more than its reading: a cell may print a gigabyte.
        let full = self.cells[cell].cut && !self.cells[cell].clear_next;
        if full && matches!(content, JupyterMessageContent::StreamContent(_)) {
            return Added::Nothing;
        }
        // Through JSON: the notebook's form is the wire's form without `transient`.
        let Ok(mut wire) = serde_json::to_value(content) else { return Added::Nothing };
        let display = wire.pointer("/transient/display_id").and_then(Value::as_str).map(str::to_owned);
        match content {
            JupyterMessageContent::StreamContent(_) => self.stream(cell, &wire),
            JupyterMessageContent::ExecuteResult(_) => self.shown(cell, "execute_result", &mut wire, display),
            JupyterMessageContent::DisplayData(_) => self.shown(cell, "display_data", &mut wire, display),
            JupyterMessageContent::UpdateDisplayData(_) => {
                self.update(display, &wire);
                Added::Nothing
            }
            JupyterMessageContent::ClearOutput(clear) => {
                if clear.wait {
                    self.cells[cell].clear_next = true;
                } else {
                    self.clear(cell);
                }
                Added::Nothing
            }
            JupyterMessageContent::ErrorOutput(error) => {
                let raised = Raised {
                    name: error.ename.clone(),
                    message: shortened(&plain(&error.evalue)),
                    traceback: plain(&error.traceback.join("\n")),
                };
                self.error(cell, &raised, &error.traceback);
                Added::Error(raised)
            }
            _ => Added::Nothing,
        }
    }

    /// Ends a cell with an error; the lines are the traceback as it shall stand in the copy.
    pub fn error(&mut self, cell: usize, raised: &Raised, lines: &[String]) {
        let output =
            json!({"output_type": "error", "ename": raised.name, "evalue": raised.message, "traceback": lines});
        self.cells[cell].outputs.push(output);
    }

    fn stream(&mut self, cell: usize, wire: &Value) -> Added {
        let name = wire["name"].as_str().unwrap_or("stdout");
        let stream = if name == "stderr" { Stream::Stderr } else { Stream::Stdout };
        let Some(text) = wire["text"].as_str() else { return Added::Nothing };
        let kept = self.room(cell, text.len());
        let target = &mut self.cells[cell];
        let Some(kept) = kept else { return Added::Nothing };
        let whole = kept >= text.len();
        let mut text = text[..text.floor_char_boundary(kept)].to_owned();
        append_stream(&mut target.outputs, name, &text);
        if !whole {
            let note = self.note(cell);
            text.push_str(&note);
        }
        Added::Text(stream, text)
    }

    fn shown(&mut self, cell: usize, kind: &str, wire: &mut Value, display: Option<String>) -> Added {
        let data = sorted(wire["data"].take());
        let text = data.get("text/plain").and_then(Value::as_str).unwrap_or("").to_owned();
        let size = data.to_string().len();
        match self.room(cell, size) {
            None => return Added::Nothing,
            Some(room) if room < size => return Added::Text(Stream::Shown, self.note(cell)),
            Some(_) => {}
        }
        let mut output = json!({"output_type": kind, "data": data, "metadata": wire["metadata"].take()});
        if kind == "execute_result" {
            output["execution_count"] = wire["execution_count"].take();
        }
        let outputs = &mut self.cells[cell].outputs;
        outputs.push(output);
        if let Some(id) = display {
            self.displays.entry(id).or_default().push((cell, outputs.len() - 1));
        }
        Added::Text(Stream::Shown, text)
    }

    fn update(&mut self, display: Option<String>, wire: &Value) {
        let places = display.and_then(|id| self.displays.get(&id));
        for &(cell, index) in places.into_iter().flatten() {
            if let Some(output) = self.cells[cell].outputs.get_mut(index) {
                output["data"] = sorted(wire["data"].clone());
                output["metadata"] = wire["metadata"].clone();
            }
        }
    }

    fn clear(&mut self, cell: usize) {
        self.cells[cell].outputs.clear();
        self.cells[cell].clear_next = false;
        for places in self.displays.values_mut() {
            places.retain(|place| place.0 != cell);
        }
    }

    /// How many of so many bytes may still be kept; `None` when the cell was cut before.
    fn room(&mut self, cell: usize, wanted: usize) -> Option<usize> {
        if self.cells[cell].clear_next {
            self.clear(cell);
        }
        let target = &mut self.cells[cell];
        if target.cut {
            return None;
        }
        let room = self.limit.saturating_sub(target.bytes).min(wanted);
        target.bytes += room;
        target.cut = room < wanted;
        Some(room)
    }

    /// Says in the cell's output that the rest was left out.
    fn note(&mut self, cell: usize) -> String {
        let limit = in_words(self.limit as u64);
        let note = format!("\n[Tandem left out the rest of this cell's output: it is longer than {limit}]\n");
        append_stream(&mut self.cells[cell].outputs, "stderr", &note);
        note
    }
}

/// Joins a text to the last output, when that is the same stream; Jupyter's own form.
fn append_stream(outputs: &mut Vec<Value>, name: &str, text: &str) {
    let last = outputs.last_mut().filter(|last| last["output_type"] == "stream" && last["name"] == name);
    if let Some(Value::String(all)) = last.and_then(|last| last.get_mut("text")) {
        all.push_str(text);
        return;
    }
    outputs.push(json!({"output_type": "stream", "name": name, "text": text}));
}

/// The keys in order: the protocol's library hands them out of a hash map.
fn sorted(data: Value) -> Value {
    let Value::Object(map) = data else { return data };
    let mut entries: Vec<(String, Value)> = map.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(Map::from_iter(entries))
}

/// An exception's message can be a whole data frame: what is shown of it has an end.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 10_000;
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{} … ({} bytes)", &text[..text.floor_char_boundary(LONGEST)], text.len())
}
