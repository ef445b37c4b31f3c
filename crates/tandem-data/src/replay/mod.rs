//! The replay driver: the values that production would have had, for any number of asks at once.
//!
//! It groups the records by entity, and for each entity walks through its records and its asks together: every ask sees
//! exactly the records that were known, and the engine gives the values. Entities are independent, so they are shared
//! among threads; with a memory limit, they are taken in several passes over the log. Neither changes a bit of any
//! value. Deliberately not here: what a value means (tandem-engine), and where asks come from (tandem-project).

mod keys;
mod log;
mod walk;

use arrow_array::ArrayRef;
use tandem_definitions::{Micros, Project, Value};
use tandem_engine::Plan;

use crate::finding::Findings;
use crate::read::{Origin, ReadError};
use crate::table::{Column, array_of, columns};

use keys::KeyIndex;
use log::Logs;
pub use log::{Admitted, first_of_identity};

/// What is asked: one row an ask, in the order in which the values come back.
#[derive(Clone, Debug)]
pub struct Asks {
    /// For each slot of the plan, the parts of the entity's key, a column each. A null part: an entity of which nothing
    /// is known.
    pub keys: Vec<Vec<ArrayRef>>,
    /// The instants.
    pub at: Vec<Micros>,
    /// What the asker tells, a column for each of the plan's request fields.
    pub request: Vec<ArrayRef>,
    /// Which records were known.
    pub known: Known,
}

/// Which records an ask sees.
#[derive(Clone, Debug)]
pub enum Known {
    /// Those that had arrived before the instant: arrival time < t.
    Arrived,
    /// For each source of the plan and each ask, of the first so many records of its log those that had arrived before the
    /// instant: what a server had applied. (It holds back what claims to arrive later.)
    Positions(Vec<Vec<u64>>),
    /// All: for outcomes, which are looked up when they are complete.
    Everything,
}

/// How a replay is run; no choice here changes a value.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many threads fold; at least 1.
    pub threads: usize,
    /// About how many bytes the records may take in memory; beyond it the log is read in several passes.
    pub memory: Option<u64>,
    /// The present: arrivals after it are no part of the log's end. Without it, every arrival is.
    pub now: Option<Micros>,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().map_or(1, usize::from), memory: None, now: None }
    }
}

/// What a replay gives.
#[derive(Debug)]
pub struct Replayed {
    /// A column for each of the plan's outputs.
    pub columns: Vec<ArrayRef>,
    /// For each of the plan's sources, what was read.
    pub logs: Vec<LogSummary>,
    /// How often the log was read.
    pub passes: usize,
}

/// What was read of one source.
#[derive(Clone, Debug, Default)]
pub struct LogSummary {
    /// The source's index in the project.
    pub source: usize,
    /// How many records its log has.
    pub records: u64,
    /// How many repeated an identity and were ignored.
    pub duplicates: u64,
    /// For each entity (its index in the project), how many records had a null in its key and touched nobody.
    pub without_entity: Vec<(usize, u64)>,
    /// How many records claim to arrive after the present.
    pub to_come: u64,
    /// The first and the last arrival, up to the present.
    pub arrivals: Option<(Micros, Micros)>,
    /// What was odd in the files.
    pub findings: Findings,
}

/// How far a replay is, from 0 to 1, and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The share that is done.
    pub share: f64,
    /// The records read so far.
    pub records: u64,
}

/// Replays the log for the asks.
///
/// # Errors
/// What [`ReadError`] names: a file that is missing, empty, broken, or of another schema.
pub fn replay(
    project: &Project,
    plan: &Plan,
    origin: &Origin,
    asks: &Asks,
    options: &Options,
    progress: &dyn Fn(Progress),
) -> Result<Replayed, ReadError> {
    let rows = asks.at.len();
    let slots = plan.entities().len();
    let widths: Vec<usize> = (0..slots).map(|slot| plan.aggregates(slot)).collect();
    let offsets: Vec<usize> = (0..slots).map(|slot| widths[..slot].iter().sum()).collect();
    let width: usize = widths.iter().sum();
    let mut aggregates = vec![Value::Null; rows * width];
    let indexes: Vec<KeyIndex> = asks.keys.iter().map(|parts| KeyIndex::new(parts)).collect();
    let read = Logs { project, plan, origin, now: options.now };
    let admitted = log::admit(read, &asks.known)?;
    let passes = log::passes(read, options.memory)?;
    let mut logs = Vec::new();
    for pass in 0..passes {
        let report = |share: f64, records| {
            progress(Progress { share: (pass as f64 + share) / passes as f64, records });
        };
        let loaded = log::load(read, &admitted, &indexes, (pass, passes), &|s, r| {
            report(s * 0.6, r);
        })?;
        let records = loaded.summaries.iter().map(|log| log.records).sum();
        for slot in 0..slots {
            let folded = walk::walk(plan, slot, &loaded, &indexes[slot], asks, (pass, passes), options.threads);
            for (ask, values) in folded.iter().flat_map(|chunk| chunk.asks(widths[slot])) {
                let start = ask * width + offsets[slot];
                aggregates[start..start + values.len()].clone_from_slice(values);
            }
            report(0.6 + 0.4 * (slot + 1) as f64 / slots as f64, records);
        }
        if pass == 0 {
            logs = loaded.summaries;
        }
    }
    for (log, admitted) in logs.iter_mut().zip(&admitted) {
        log.duplicates = admitted.as_ref().map_or(0, Admitted::duplicates);
    }
    Ok(Replayed { columns: conclude(plan, &aggregates, width, asks, options.threads), logs, passes })
}

/// From aggregates to outputs, ask by ask, in chunks shared among threads.
fn conclude(plan: &Plan, aggregates: &[Value], width: usize, asks: &Asks, threads: usize) -> Vec<ArrayRef> {
    let rows = asks.at.len();
    let outputs = plan.outputs();
    let per_thread = rows.div_ceil(threads.max(1)).max(1);
    let request = of_five_types(&asks.request);
    let chunk = |start: usize| {
        let mut columns: Vec<Vec<Value>> = outputs.iter().map(|_| Vec::with_capacity(per_thread)).collect();
        let mut values = Vec::new();
        for row in start..(start + per_thread).min(rows) {
            let told: Vec<_> = request.iter().map(|column| column.get(row)).collect();
            plan.conclude(&aggregates[row * width..(row + 1) * width], &told, &mut values);
            for (column, value) in columns.iter_mut().zip(values.drain(..)) {
                column.push(value);
            }
        }
        columns
    };
    let mut chunks: Vec<Vec<Vec<Value>>> = Vec::new();
    std::thread::scope(|scope| {
        let starts = (0..rows).step_by(per_thread);
        let handles: Vec<_> = starts.map(|start| scope.spawn(move || chunk(start))).collect();
        chunks = handles.into_iter().map(join).collect();
    });
    let mut column = |i: usize| {
        let values: Vec<Value> = chunks.iter_mut().flat_map(|chunk| std::mem::take(&mut chunk[i])).collect();
        array_of(outputs[i].ty, &values)
    };
    (0..outputs.len()).map(&mut column).collect()
}

/// The result of a thread; its panic goes on here.
fn join<T>(handle: std::thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Columns by row.
///
/// # Panics
/// When a column is of none of the five types: the reader gives no others, so that is our own mistake.
fn of_five_types(arrays: &[ArrayRef]) -> Vec<Column<'_>> {
    columns(arrays).expect("a column of a type that the reader never gives: please report this")
}
