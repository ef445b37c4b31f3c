//! A file of events as rows of text cells, whatever its format, so that rows can be dropped verbatim and cells replaced.
//! Not here: which rows and which values (`variant.rs`).

mod csv;
mod guess;
mod jsonl;
mod parquet;

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
pub use guess::guess;
use serde::Serialize;

use crate::AuditError;
use crate::instant::Style;

/// What a file of events is, in its columns' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// The columns that say whose event it is.
    pub entities: Vec<String>,
    /// When it happened; none: the file is a snapshot, and is kept whole.
    pub event_time: Option<String>,
    /// When it was known, where that is another time.
    pub arrival_time: Option<String>,
    /// Whether nobody declared it.
    pub guessed: bool,
}

/// The content of a file.
pub(crate) enum Content {
    /// Bytes, and each row's place in them.
    Lines { bytes: Vec<u8>, form: Form, rows: Vec<std::ops::Range<usize>> },
    /// Arrow.
    Rows(RecordBatch),
}

/// How a line holds its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Separated by this byte.
    Csv(u8),
    /// A JSON object.
    Json,
}

/// A file of events that has been read.
pub(crate) struct Table {
    pub source: Source,
    pub columns: Vec<String>,
    /// By column, then by row; an empty cell is none.
    pub cells: Vec<Vec<Option<String>>>,
    /// Event times, where there are any.
    pub event: Vec<Option<i64>>,
    /// Arrival times; those of the events where nothing else is said.
    pub arrival: Vec<Option<i64>>,
    pub content: Content,
}

impl Table {
    /// Reads a file.
    pub fn read(source: Source) -> Result<Self, AuditError> {
        let path = source.path.clone();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
        let trouble = |reason: String| AuditError::Source { path: path.clone(), reason };
        let (columns, cells, content) = match extension.as_str() {
            "parquet" | "pq" => parquet::read(&path).map_err(trouble)?,
            _ => {
                let bytes = std::fs::read(&path).map_err(|error| trouble(error.to_string()))?;
                let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
                if matches!(extension.as_str(), "jsonl" | "ndjson") || first == Some(&b'{') {
                    jsonl::read(bytes).map_err(trouble)?
                } else {
                    csv::read(bytes).map_err(trouble)?
                }
            }
        };
        let mut table = Self { source, columns, cells, event: Vec::new(), arrival: Vec::new(), content };
        table.read_times()?;
        Ok(table)
    }

    fn read_times(&mut self) -> Result<(), AuditError> {
        let Some(name) = self.source.event_time.clone() else { return Ok(()) };
        self.event = self.times(&name)?;
        self.arrival = match self.source.arrival_time.clone() {
            Some(name) => self.times(&name)?,
            None => self.event.clone(),
        };
        Ok(())
    }

    fn times(&self, name: &str) -> Result<Vec<Option<i64>>, AuditError> {
        let column = self.column(name).ok_or_else(|| AuditError::Source {
            path: self.source.path.clone(),
            reason: format!("it has no column {name}; it has {}", self.columns.join(", ")),
        })?;
        let style = Style::of(column.iter().flatten().map(String::as_str));
        let times: Vec<Option<i64>> = column.iter().map(|cell| style.read(cell.as_deref()?)).collect();
        let there = column.iter().flatten().count();
        if times.iter().flatten().count() * 100 < there * 95 || there == 0 {
            let example = column.iter().flatten().next().cloned().unwrap_or_default();
            return Err(AuditError::Source {
                path: self.source.path.clone(),
                reason: format!(
                    "the column {name} holds no times that can be read (`{example}`). Write them as 2024-03-01 13:00:00"
                ),
            });
        }
        Ok(times)
    }

    /// The cells of a column.
    pub fn column(&self, name: &str) -> Option<&Vec<Option<String>>> {
        self.columns.iter().position(|column| column == name).map(|place| &self.cells[place])
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.cells.first().map_or(0, Vec::len)
    }

    /// Whether some record became known later than it happened.
    pub fn has_late(&self) -> bool {
        self.source.arrival_time.is_some() && self.event != self.arrival
    }

    /// Columns in which each row has its own value: they name the event.
    pub fn identities(&self) -> Vec<&str> {
        let unique = |cells: &Vec<Option<String>>| {
            let mut seen: Vec<&String> = cells.iter().flatten().collect();
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            count == cells.len() && seen.len() == count && cells.iter().flatten().all(|cell| !cell.contains('.'))
        };
        let times = [&self.source.event_time, &self.source.arrival_time];
        let named = self.columns.iter().zip(&self.cells).filter(|(name, _)| !times.contains(&&Some((*name).clone())));
        named.filter(|(name, cells)| is_id(name) && unique(cells)).map(|(name, _)| name.as_str()).collect()
    }

    /// The file with only these rows (verbatim, in their order), and with cells replaced: (column, row) to text.
    pub fn render(&self, path: &Path, keep: &[bool], replaced: &Replaced) -> Result<(), AuditError> {
        let trouble = |reason: String| AuditError::Source { path: path.to_path_buf(), reason };
        match &self.content {
            Content::Rows(batch) => parquet::write(path, batch, keep, replaced).map_err(trouble),
            Content::Lines { bytes, form, rows } => {
                let mut out = bytes[..rows.first().map_or(bytes.len(), |row| row.start)].to_vec();
                for (row, range) in rows.iter().enumerate().filter(|(row, _)| keep[*row]) {
                    let line = &bytes[range.clone()];
                    match (replaced.of_row(row), form) {
                        (cells, _) if cells.is_empty() => out.extend_from_slice(line),
                        (cells, Form::Csv(separator)) => csv::replace(&mut out, line, *separator, &cells),
                        (cells, Form::Json) => {
                            jsonl::replace(&mut out, line, &self.columns, &cells).map_err(trouble)?;
                        }
                    }
                }
                std::fs::write(path, out).map_err(|error| trouble(error.to_string()))
            }
        }
    }
}

/// Cells with another content: for each column, the rows (ascending) with their texts.
#[derive(Default)]
pub(crate) struct Replaced(pub Vec<(usize, std::collections::BTreeMap<usize, Option<String>>)>);

impl Replaced {
    fn of_row(&self, row: usize) -> Vec<(usize, Option<&str>)> {
        self.0.iter().filter_map(|(column, rows)| Some((*column, rows.get(&row)?.as_deref()))).collect()
    }
}

/// Whether a name says that the column names something.
pub(crate) fn is_id(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "id"
        || name.ends_with("_id")
        || name.ends_with("id") && name.len() <= 12
        || name.ends_with("_no")
        || name.ends_with("number")
        || name.ends_with("_key")
        || name == "key"
        || name == "uuid"
}
