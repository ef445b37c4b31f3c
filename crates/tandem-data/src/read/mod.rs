//! The records of a source, from Parquet, CSV and JSON lines, as batches of columns of five types: whatever the format,
//! the same records give the same columns.
//!
//! Reading is streaming and reads only the fields wanted. Per-row work is columnar. Deliberately not here: duplicates and
//! what a record means (tandem-engine), and the order of arrival across sources (the replay driver).

mod columns;
mod convert;
mod csv;
mod error;
mod jsonl;
mod local_time;
mod locate;
mod numbers;
mod parquet;
mod shape;
mod table;
mod times;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use tandem_definitions::{Format, Micros, Source};

pub use convert::data_type;
pub use error::ReadError;
pub use locate::Origin;
pub use table::{normalised, read_table};

pub(crate) use columns::Builder;
pub(crate) use convert::{Conversion, convert};
pub(crate) use local_time::LocalClock;
pub(crate) use locate::{Part, parts};
pub(crate) use shape::{Needed, Shape};

use crate::append;
use crate::finding::Findings;
use times::Times;

/// How many records a batch has at most.
pub const BATCH_ROWS: usize = 65_536;

/// Some consecutive records of a source.
#[derive(Clone, Debug)]
pub struct Batch {
    /// One column for each wanted field, in the order wanted: Boolean, Int64, Float64, Utf8 or Timestamp(µs, no zone).
    pub columns: Vec<ArrayRef>,
    /// When each happened; 0 where that is not known.
    pub event: ScalarBuffer<Micros>,
    /// When production first knew each; never before `event`.
    pub arrival: ScalarBuffer<Micros>,
    /// The position of the first record in the source's log.
    pub first_position: u64,
    /// Which records may be used; `None`: all. The others have no event or no arrival time, or one that no calendar has.
    pub usable: Option<BooleanBuffer>,
    /// The file they lie in.
    pub file: Arc<Path>,
    /// Whether the service wrote them.
    pub own_log: bool,
}

impl Batch {
    /// How many records, usable or not.
    pub fn len(&self) -> usize {
        self.event.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// Whether the record in this row may be used.
    #[inline]
    pub fn is_usable(&self, row: usize) -> bool {
        self.usable.as_ref().is_none_or(|u| u.value(row))
    }
}

/// Consecutive records of one file: the columns of [`Shape::needed`].
pub(crate) struct Raw {
    pub(crate) columns: Vec<ArrayRef>,
    /// The row of the first of them, from 1.
    pub(crate) first_row: u64,
    /// For JSON lines, the line of each.
    pub(crate) lines: Option<Vec<u64>>,
}

/// One part, being read.
enum Step {
    Parquet(Box<parquet::Reader>),
    Csv(Box<csv::Reader>),
    Jsonl(Box<jsonl::Reader>),
}

impl Step {
    fn open(part: &Part, shape: &Shape, dictionaries: bool) -> Result<Self, ReadError> {
        Ok(match part.format {
            Format::Parquet => Self::Parquet(Box::new(parquet::Reader::open(part, shape, dictionaries)?)),
            Format::Csv => Self::Csv(Box::new(csv::Reader::open(part, shape)?)),
            Format::Jsonl => Self::Jsonl(Box::new(jsonl::Reader::open(part, shape)?)),
        })
    }

    fn next(&mut self, shape: &Shape, conversion: &mut Conversion) -> Result<Option<Raw>, ReadError> {
        match self {
            Self::Parquet(r) => r.next(shape, conversion),
            Self::Csv(r) => r.next(shape, conversion),
            Self::Jsonl(r) => r.next(shape, conversion),
        }
    }
}

/// The records of a source, batch by batch. After the first error it ends.
pub struct Reader {
    shape: Shape,
    parts: VecDeque<Part>,
    current: Option<(Part, Step)>,
    position: u64,
    own_log_begins: Option<u64>,
    conversion: Conversion,
    total_bytes: u64,
    bytes_begun: u64,
    failed: bool,
}

/// The records of a source: `wanted` are indexes of the contract's fields; a field may be wanted more than once.
pub fn open(source: &Source, origin: &Origin, wanted: &[usize]) -> Result<Reader, ReadError> {
    let parts = Parts::find(source, origin, wanted)?;
    Ok(Reader { total_bytes: parts.bytes(), ..Reader::of(parts.shape, parts.clock, parts.all.into()) })
}

/// A source's log in parts that can be read apart, each on a thread of its own.
pub(crate) struct Parts {
    shape: Shape,
    clock: LocalClock,
    all: Vec<Part>,
    dictionaries: bool,
}

impl Parts {
    /// Finds them; `wanted` is as of [`open`].
    pub(crate) fn find(source: &Source, origin: &Origin, wanted: &[usize]) -> Result<Self, ReadError> {
        let parts = parts(source, origin)?;
        let clock = LocalClock::new(source.time_zone.as_deref()).ok_or_else(|| ReadError::UnknownTimeZone {
            source_name: source.name.clone(),
            zone: source.time_zone.clone().unwrap_or_default(),
        })?;
        Ok(Self { shape: Shape::new(source, wanted), clock, all: parts, dictionaries: false })
    }

    /// Texts may come as dictionaries, where a file has them so: a column of `Dictionary(Int32, Utf8)`.
    pub(crate) fn with_dictionaries(mut self) -> Self {
        self.dictionaries = true;
        self
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The bytes of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.all.iter().map(|part| part.bytes).sum()
    }

    /// How many records all have, about: text formats do not say before they are read.
    pub(crate) fn about_rows(&self) -> u64 {
        self.all.iter().map(|part| part.rows.unwrap_or(part.bytes / 32)).sum()
    }

    /// The records of one part; positions count from 0 in it.
    pub(crate) fn open(&self, part: usize) -> Reader {
        let alone = VecDeque::from([self.all[part].clone()]);
        // Whether the service's own log begins where it must is seen when all parts are read.
        let mut reader =
            Reader { own_log_begins: Some(0), ..Reader::of(self.shape.clone(), self.clock.clone(), alone) };
        reader.conversion.dictionaries = self.dictionaries;
        reader
    }

    /// The position of each part's first record, from how many records each has turned out to have.
    pub(crate) fn positions(&self, rows: &[u64]) -> Result<Vec<u64>, ReadError> {
        let (mut first, mut own) = (0, false);
        let mut positions = Vec::with_capacity(rows.len());
        for (part, rows) in self.all.iter().zip(rows) {
            if part.own_log && !own {
                own = true;
                own_log_at(part, &self.shape.source_name, first)?;
            }
            positions.push(first);
            first += rows;
        }
        Ok(positions)
    }
}

/// From the location's files to the service's own log: positions that were answered from must not have moved.
fn own_log_at(part: &Part, source_name: &str, position: u64) -> Result<(), ReadError> {
    if let Some(folder) = part.file.parent()
        && let Some(began) = append::begins_at(folder).map_err(|e| ReadError::unreadable(folder, e))?
        && began != position
    {
        let (source_name, now) = (source_name.to_owned(), position);
        return Err(ReadError::LocationChanged { source_name, log: folder.to_path_buf(), began, now });
    }
    Ok(())
}

impl Reader {
    /// What was odd so far.
    pub fn findings(&self) -> &Findings {
        &self.conversion.findings
    }

    /// The bytes of all files: what progress is measured by.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The bytes of the parts that were begun.
    pub fn bytes_begun(&self) -> u64 {
        self.bytes_begun
    }

    /// The position after the last record read: at the end, how many records the log has.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The position of the first record of the service's own log: how many records the location has. At the end only.
    pub fn own_log_begins(&self) -> u64 {
        self.own_log_begins.unwrap_or(self.position)
    }

    fn of(shape: Shape, clock: LocalClock, parts: VecDeque<Part>) -> Self {
        Self {
            shape,
            parts,
            current: None,
            position: 0,
            own_log_begins: None,
            conversion: Conversion { clock, dictionaries: false, findings: Findings::default() },
            total_bytes: 0,
            bytes_begun: 0,
            failed: false,
        }
    }

    fn step(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            let Some((part, reader)) = &mut self.current else {
                let Some(part) = self.parts.pop_front() else { return Ok(None) };
                self.bytes_begun += part.bytes;
                if part.own_log && self.own_log_begins.is_none() {
                    self.own_log_begins = Some(self.position);
                    own_log_at(&part, &self.shape.source_name, self.position)?;
                }
                let reader = Step::open(&part, &self.shape, self.conversion.dictionaries)?;
                self.current = Some((part, reader));
                continue;
            };
            let raw = reader.next(&self.shape, &mut self.conversion)?;
            let (file, own_log) = (Arc::clone(&part.file), part.own_log);
            match raw {
                Some(raw) => return Ok(Some(self.finish(raw, file, own_log))),
                None => self.current = None,
            }
        }
    }

    /// Finds the times, and counts what is odd.
    fn finish(&mut self, raw: Raw, file: Arc<Path>, own_log: bool) -> Batch {
        let Raw { columns, first_row, lines } = raw;
        let row = |index: usize| lines.as_ref().map_or(first_row + index as u64, |lines| lines[index]);
        let findings = &mut self.conversion.findings;
        let Times { event, arrival, usable } = Times::find(&self.shape, &columns, findings, &file, &row);
        for (column, needed) in columns.iter().zip(&self.shape.needed) {
            if let (true, Some(field), Some(nulls)) = (needed.required, needed.field, column.nulls())
                && nulls.null_count() > 0
            {
                let used = |i: &usize| nulls.is_null(*i) && usable.as_ref().is_none_or(|u| u.is_valid(*i));
                let mut used = (0..column.len()).filter(used).peekable();
                if used.peek().is_some() {
                    let count = findings.required_but_null.entry(field).or_default();
                    used.for_each(|i| count.add(&file, row(i)));
                }
            }
        }
        let first_position = self.position;
        findings.records += event.len() as u64;
        self.position += event.len() as u64;
        let wanted = |&at: &usize| normalised(&columns[at], self.shape.needed[at].normalise);
        let columns = self.shape.wanted.iter().map(wanted).collect();
        Batch { columns, event, arrival, first_position, usable: usable.map(NullBuffer::into_inner), file, own_log }
    }
}

impl Iterator for Reader {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step().transpose();
        self.failed = matches!(step, Some(Err(_)));
        step
    }
}
