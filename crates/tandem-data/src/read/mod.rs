//! The records of a source, from Parquet, CSV and JSON lines, as batches of columns of five types: whatever the format,
//! the same records give the same columns.
//!
//! Reading is streaming and reads only the fields wanted. Per-row work is columnar. Two passes over the parts of
//! [`parts`] may run beside each other wherever their first position is known. Deliberately not here: duplicates and
//! what a record means (tandem-engine), and the order of arrival across sources (the replay driver).

mod columns;
mod convert;
mod csv;
mod error;
mod jsonl;
mod local_time;
mod locate;
mod parquet;
mod table;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use tandem_definitions::{ARRIVED_AT, Arrival, Format, Micros, Source, Type};

pub use convert::data_type;
pub use error::ReadError;
pub use locate::{Origin, Part, parts};
pub use table::read_table;

pub(crate) use columns::Builder;
pub(crate) use convert::{Conversion, convert};
pub(crate) use local_time::LocalClock;

use crate::finding::Findings;

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
    /// Which records may be used; `None`: all. The others have no event or no arrival time.
    pub usable: Option<BooleanBuffer>,
    /// The file they lie in.
    pub file: Arc<Path>,
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

/// A column that is read: a wanted field, or one that a time comes from.
#[derive(Clone, Debug)]
pub(crate) struct Needed {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The field's index in the contract; `None` for the stamp of our own log.
    pub(crate) field: Option<usize>,
    pub(crate) required: bool,
}

/// What is read of a source, and how its times are found.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) source_name: String,
    pub(crate) needed: Vec<Needed>,
    wanted: usize,
    event: usize,
    arrival: ArrivalFrom,
}

#[derive(Clone, Copy, Debug)]
enum ArrivalFrom {
    Column(usize),
    Delay(Micros),
}

impl Shape {
    fn new(source: &Source, wanted: &[usize]) -> Self {
        let column = |field: usize, required: bool| {
            let f = &source.fields[field];
            Needed { name: f.name.clone(), ty: f.ty, field: Some(field), required: required || f.required }
        };
        let mut needed: Vec<Needed> = wanted.iter().map(|&field| column(field, false)).collect();
        let mut place = |new: Needed| {
            if let Some(at) = needed.iter().position(|n| n.name == new.name) {
                needed[at].required = true;
                return at;
            }
            needed.push(new);
            needed.len() - 1
        };
        let event = place(column(source.event, true));
        let arrival = match source.arrival {
            Arrival::Observed => ArrivalFrom::Column(place(Needed {
                name: ARRIVED_AT.to_owned(),
                ty: Type::Time,
                field: None,
                required: true,
            })),
            Arrival::Declared { field } => ArrivalFrom::Column(place(column(field, true))),
            Arrival::Assumed { delay } => ArrivalFrom::Delay(delay),
        };
        Self { source_name: source.name.clone(), needed, wanted: wanted.len(), event, arrival }
    }

    /// Columns alone; [`Reader::finish`] is not for these.
    fn of_table(source_name: String, needed: Vec<Needed>) -> Self {
        let wanted = needed.len();
        Self { source_name, needed, wanted, event: 0, arrival: ArrivalFrom::Delay(0) }
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
    fn open(part: &Part, shape: &Shape) -> Result<Self, ReadError> {
        Ok(match part.format {
            Format::Parquet => Self::Parquet(Box::new(parquet::Reader::open(part, shape)?)),
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
    conversion: Conversion,
    total_bytes: u64,
    bytes_begun: u64,
    rows: Option<u64>,
    failed: bool,
}

/// The records of a source: `wanted` are indexes of the contract's fields.
pub fn open(source: &Source, origin: &Origin, wanted: &[usize]) -> Result<Reader, ReadError> {
    open_parts(source, parts(source, origin)?, wanted)
}

/// The records of some consecutive parts of a source. The first part's `first_position` must be known, or is taken as 0;
/// every part with a known `first_position` may be read by a reader of its own.
pub fn open_parts(source: &Source, parts: Vec<Part>, wanted: &[usize]) -> Result<Reader, ReadError> {
    let clock = LocalClock::new(source.time_zone.as_deref()).ok_or_else(|| ReadError::UnknownTimeZone {
        source_name: source.name.clone(),
        zone: source.time_zone.clone().unwrap_or_default(),
    })?;
    Ok(Reader {
        shape: Shape::new(source, wanted),
        position: parts.first().and_then(|p| p.first_position).unwrap_or(0),
        total_bytes: parts.iter().map(|p| p.bytes).sum(),
        rows: parts.iter().map(|p| p.rows).sum(),
        parts: parts.into(),
        current: None,
        conversion: Conversion { clock, findings: Findings::default() },
        bytes_begun: 0,
        failed: false,
    })
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

    /// How many records there are, when that is known without reading them (Parquet).
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// The position after the last record read: at the end, how many records the log has.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn step(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            let Some((part, reader)) = &mut self.current else {
                let Some(part) = self.parts.pop_front() else { return Ok(None) };
                self.bytes_begun += part.bytes;
                let reader = Step::open(&part, &self.shape)?;
                self.current = Some((part, reader));
                continue;
            };
            let raw = reader.next(&self.shape, &mut self.conversion)?;
            let file = Arc::clone(&part.file);
            match raw {
                Some(raw) => return Ok(Some(self.finish(raw, file))),
                None => self.current = None,
            }
        }
    }

    /// Finds the times, and counts what is odd.
    fn finish(&mut self, raw: Raw, file: Arc<Path>) -> Batch {
        let Raw { mut columns, first_row, lines } = raw;
        let row = |index: usize| lines.as_ref().map_or(first_row + index as u64, |lines| lines[index]);
        let findings = &mut self.conversion.findings;
        for (column, needed) in columns.iter().zip(&self.shape.needed) {
            if let (true, Some(field), Some(nulls)) = (needed.required, needed.field, column.nulls())
                && nulls.null_count() > 0
            {
                let count = findings.required_but_null.entry(field).or_default();
                (0..column.len()).filter(|i| nulls.is_null(*i)).for_each(|i| count.add(&file, row(i)));
            }
        }
        let (event, event_nulls) = times(&columns[self.shape.event]);
        let (arrival, arrival_nulls) = match self.shape.arrival {
            ArrivalFrom::Column(column) => times(&columns[column]),
            ArrivalFrom::Delay(delay) => (event.iter().map(|e| e.saturating_add(delay)).collect(), None),
        };
        let usable = NullBuffer::union(event_nulls.as_ref(), arrival_nulls.as_ref());
        if usable.is_some() {
            for i in 0..event.len() {
                if event_nulls.as_ref().is_some_and(|n| n.is_null(i)) {
                    findings.without_event_time.add(&file, row(i));
                } else if arrival_nulls.as_ref().is_some_and(|n| n.is_null(i)) {
                    findings.without_arrival_time.add(&file, row(i));
                }
            }
        }
        let arrival = if event.iter().zip(&arrival).any(|(e, a)| a < e) {
            for (i, (e, a)) in event.iter().zip(&arrival).enumerate() {
                if a < e && usable.as_ref().is_none_or(|u| u.is_valid(i)) {
                    findings.arrived_before_event.add(&file, row(i));
                }
            }
            event.iter().zip(&arrival).map(|(e, a)| *e.max(a)).collect()
        } else {
            arrival
        };
        let first_position = self.position;
        findings.records += event.len() as u64;
        self.position += event.len() as u64;
        columns.truncate(self.shape.wanted);
        Batch { columns, event, arrival, first_position, usable: usable.map(NullBuffer::into_inner), file }
    }
}

/// The values of a column of times, and which are null, if any is.
fn times(column: &ArrayRef) -> (ScalarBuffer<Micros>, Option<NullBuffer>) {
    let column = column.as_primitive::<TimestampMicrosecondType>();
    (column.values().clone(), column.nulls().filter(|n| n.null_count() > 0).cloned())
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
