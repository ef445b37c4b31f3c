//! The records of a replay in memory: only those of entities that are asked about, only the fields the plan needs.

use std::collections::hash_map::Entry;

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_select::filter::filter;
use rustc_hash::FxHashMap;
use tandem_definitions::{Micros, Project, Source, Value};
use tandem_engine::Plan;

use crate::read::{Batch, Origin, ReadError, open, parts};

use super::keys::{KeyIndex, NOBODY};
use super::{Known, LogSummary, of_five_types};

/// Some records of one source.
pub(super) struct Chunk {
    /// The columns of `plan.fields(source)`.
    pub columns: Vec<ArrayRef>,
    pub event: Vec<Micros>,
    pub arrival: Vec<Micros>,
    pub position: Vec<u64>,
    /// For each of the plan's touches of the source, the numbers of the entities touched.
    pub touched: Vec<Vec<u32>>,
}

/// The records of all sources of the plan.
pub(super) struct Loaded {
    /// For each source of the plan, in log order.
    pub chunks: Vec<Vec<Chunk>>,
    pub summaries: Vec<LogSummary>,
}

/// Which records of a source with an identity count: those that are the first of theirs.
#[derive(Clone, Debug)]
pub struct Admitted(Vec<bool>);

impl Admitted {
    /// Whether the record at this position of the log counts.
    pub fn counts(&self, position: u64) -> bool {
        self.0[position as usize]
    }

    /// How many records repeat an identity.
    pub fn duplicates(&self) -> u64 {
        self.0.iter().filter(|admitted| !**admitted).count() as u64
    }
}

/// Which records of a source count; `None` when it has no identity. The first of an identity is the first to arrive, or,
/// where the log's positions say what was known (`by_position`), the first in the log. A record that cannot be used, or
/// with a null in its identity, takes none.
///
/// # Errors
/// What reading the source can say.
pub fn first_of_identity(source: &Source, origin: &Origin, by_position: bool) -> Result<Option<Admitted>, ReadError> {
    if source.identity.is_empty() {
        return Ok(None);
    }
    let mut admitted: Vec<bool> = Vec::new();
    let mut first: FxHashMap<Box<[Value]>, (Micros, u64)> = FxHashMap::default();
    for batch in open(source, origin, &source.identity)? {
        let batch = batch?;
        let columns = of_five_types(&batch.columns);
        for row in 0..batch.len() {
            let position = batch.first_position + row as u64;
            let mut admit = true;
            let key: Box<[Value]> = columns.iter().map(|column| column.get(row).to_value()).collect();
            if batch.is_usable(row) && !key.iter().any(Value::is_null) {
                let rank = (if by_position { 0 } else { batch.arrival[row] }, position);
                match first.entry(key) {
                    Entry::Vacant(place) => drop(place.insert(rank)),
                    Entry::Occupied(mut place) if rank < *place.get() => {
                        admitted[place.get().1 as usize] = false;
                        place.insert(rank);
                    }
                    Entry::Occupied(_) => admit = false,
                }
            }
            admitted.push(admit);
        }
    }
    Ok(Some(Admitted(admitted)))
}

/// The logs that a replay reads.
#[derive(Clone, Copy)]
pub(super) struct Logs<'l> {
    pub project: &'l Project,
    pub plan: &'l Plan,
    pub origin: &'l Origin,
    pub now: Option<Micros>,
}

/// For each source of the plan: which of its records count.
pub(super) fn admit(logs: Logs<'_>, known: &Known) -> Result<Vec<Option<Admitted>>, ReadError> {
    let by_position = matches!(known, Known::Positions(_));
    let one = |&source: &usize| first_of_identity(&logs.project.sources[source], logs.origin, by_position);
    logs.plan.sources().iter().map(one).collect()
}

/// In how many passes the log is read, so that the records of a pass take no more than the limit.
pub(super) fn passes(logs: Logs<'_>, memory: Option<u64>) -> Result<usize, ReadError> {
    let Logs { project, plan, origin, .. } = logs;
    let Some(limit) = memory else { return Ok(1) };
    let mut bytes = 0;
    for &source in plan.sources() {
        let fields = plan.fields(source).len() as u64;
        let touches = plan.touches(source).len() as u64;
        for part in parts(&project.sources[source], origin)? {
            // Three times, the fields, and a number and a reference a touch; text formats are about as large in memory.
            bytes += part.rows.map_or(part.bytes * 2, |rows| rows * (24 + 16 * fields + 12 * touches));
        }
    }
    // States and results take about as much again.
    Ok((2 * bytes).div_ceil(limit.max(1)).clamp(1, 4096) as usize)
}

/// Reads the records of the entities whose number falls to this pass (`number % of == pass`).
pub(super) fn load(
    logs: Logs<'_>,
    admitted: &[Option<Admitted>],
    indexes: &[KeyIndex],
    (pass, of): (usize, usize),
    progress: &dyn Fn(f64, u64),
) -> Result<Loaded, ReadError> {
    let Logs { project, plan, origin, now } = logs;
    let mut loaded = Loaded { chunks: Vec::new(), summaries: Vec::new() };
    let mut before = 0;
    for (s, &source) in plan.sources().iter().enumerate() {
        let mut reader = open(&project.sources[source], origin, plan.fields(source))?;
        let mut summary = LogSummary { source, ..LogSummary::default() };
        summary.without_entity = plan.touches(source).iter().map(|t| (plan.entities()[t.slot], 0)).collect();
        let mut chunks = Vec::new();
        while let Some(batch) = reader.next() {
            let batch = batch?;
            note(&batch, plan, source, now, &mut summary);
            let chunk = Chunk::new(&batch, plan, source, admitted[s].as_ref(), indexes, (pass, of));
            chunks.extend(chunk);
            let share = reader.bytes_begun() as f64 / reader.total_bytes().max(1) as f64;
            progress((s as f64 + share) / plan.sources().len() as f64, before + reader.position());
        }
        summary.records = reader.position();
        before += summary.records;
        summary.findings = reader.findings().clone();
        loaded.chunks.push(chunks);
        loaded.summaries.push(summary);
    }
    Ok(loaded)
}

/// Counts what a summary tells of a batch.
fn note(batch: &Batch, plan: &Plan, source: usize, now: Option<Micros>, summary: &mut LogSummary) {
    for (touch, (_, count)) in plan.touches(source).iter().zip(&mut summary.without_entity) {
        if touch.fields.iter().any(|&f| batch.columns[f].null_count() > 0) {
            let null = |row: &usize| touch.fields.iter().any(|&f| batch.columns[f].is_null(*row));
            *count += (0..batch.len()).filter(null).count() as u64;
        }
    }
    let usable = (0..batch.len()).filter(|&row| batch.is_usable(row)).map(|row| batch.arrival[row]);
    let arrived = usable.filter(|arrival| {
        let arrived = now.is_none_or(|now| *arrival <= now);
        summary.to_come += u64::from(!arrived);
        arrived
    });
    let range = arrived.fold(summary.arrivals, |range, arrival| {
        Some(range.map_or((arrival, arrival), |(first, last)| (first.min(arrival), last.max(arrival))))
    });
    summary.arrivals = range;
}

impl Chunk {
    /// The records of a batch that somebody asks about in this pass; `None` without any.
    fn new(
        batch: &Batch,
        plan: &Plan,
        source: usize,
        admitted: Option<&Admitted>,
        indexes: &[KeyIndex],
        (pass, of): (usize, usize),
    ) -> Option<Self> {
        let touches = plan.touches(source);
        let mut touched: Vec<Vec<u32>> = Vec::with_capacity(touches.len());
        for (i, touch) in touches.iter().enumerate() {
            let parts: Vec<&ArrayRef> = touch.fields.iter().map(|&f| &batch.columns[f]).collect();
            let mut numbers = indexes[touch.slot].find(&parts);
            if of > 1 {
                numbers.iter_mut().filter(|n| **n as usize % of != pass).for_each(|n| *n = NOBODY);
            }
            // A record that touches one entity twice counts once there.
            for other in touches[..i].iter().zip(&touched).filter(|(t, _)| t.slot == touch.slot).map(|(_, n)| n) {
                numbers.iter_mut().zip(other).filter(|(n, o)| *n == *o).for_each(|(n, _)| *n = NOBODY);
            }
            touched.push(numbers);
        }
        let counts =
            |row: usize| batch.is_usable(row) && admitted.is_none_or(|a| a.counts(batch.first_position + row as u64));
        let keep: Vec<bool> =
            (0..batch.len()).map(|row| counts(row) && touched.iter().any(|n| n[row] != NOBODY)).collect();
        let kept = keep.iter().filter(|k| **k).count();
        if kept == 0 {
            return None;
        }
        let positions = batch.first_position..;
        if kept == batch.len() {
            return Some(Self {
                columns: batch.columns.clone(),
                event: batch.event.to_vec(),
                arrival: batch.arrival.to_vec(),
                position: positions.take(kept).collect(),
                touched,
            });
        }
        let mask = BooleanArray::from(keep.clone());
        let column = |c: &ArrayRef| filter(c, &mask).expect("a mask as long as the column");
        Some(Self {
            columns: batch.columns.iter().map(column).collect(),
            event: select(&batch.event, &keep),
            arrival: select(&batch.arrival, &keep),
            position: positions.zip(&keep).filter(|(_, k)| **k).map(|(p, _)| p).collect(),
            touched: touched.iter().map(|numbers| select(numbers, &keep)).collect(),
        })
    }
}

fn select<T: Copy>(values: &[T], keep: &[bool]) -> Vec<T> {
    values.iter().zip(keep).filter(|(_, k)| **k).map(|(v, _)| *v).collect()
}
