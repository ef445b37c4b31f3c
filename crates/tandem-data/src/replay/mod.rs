//! The replay driver: the values that production would have had, for any number of asks at once.
//!
//! The log's parts are read on several threads ([`scatter`]), and every record goes to the partition of each entity it
//! touches; what does not fit in memory waits on the disk ([`store`]). Then each partition's records are grouped by entity
//! ([`gather`]) and walked through together with the asks ([`walk`]): every ask sees exactly the records that were known, and
//! the engine gives the aggregates, of which the outputs are made ([`conclude`]). Threads, partitions and the disk change no
//! bit of any value. Deliberately not here: what a value means (tandem-engine), and where asks come from (tandem-project).

mod conclude;
mod gather;
mod identity;
mod keys;
mod measured;
mod rows;
mod scatter;
mod shares;
mod store;
mod walk;

use std::ops::Range;

use arrow_array::ArrayRef;
use tandem_definitions::{Micros, Project};
use tandem_engine::Plan;

use crate::finding::Findings;
use crate::read::{Origin, Parts, ReadError};
use crate::table::{Column, columns};

use identity::Replaced;
use keys::KeyIndex;
use rows::Lane;
use scatter::{Logs, Prepared, Scattered};
use store::Room;

/// About how many bytes a partition has: few enough to be sorted near the core. Measured on the replay workload: 4 and 8 MB are
/// alike, 1 and 16 MB slower.
const PARTITION: u64 = 4 << 20;
/// The most partitions, as a power of two: each takes a buffer for every thread and lane.
const MOST_BITS: u32 = 10;

/// What is asked: one row an ask, in the order in which the values come back.
#[derive(Clone, Debug)]
pub struct Asks {
    /// For each of the plan's entities, the parts of its key, a column each. A null part: an entity of which nothing
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
    /// All, each as it is known today (its last version, with every field that came later): for outcomes, which are looked
    /// up when they are complete, and for what corrections changed.
    Everything,
}

/// How a replay is run; no choice here changes a value.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many threads fold; at least 1.
    pub threads: usize,
    /// About how many bytes the records may take in memory; beyond it they wait on the disk.
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
    /// The features (by index in the project) that found more categories than their cap, and for how many asks: there the
    /// map is null, also where only another feature reads it.
    pub over_the_cap: Vec<(usize, u64)>,
    /// How many bytes of records waited on the disk.
    pub spilled: u64,
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
    /// How many were replaced or removed by a later record of their identity.
    pub replaced: u64,
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
    let by_entity: Vec<KeyIndex> = asks.keys.iter().map(|parts| KeyIndex::new(parts)).collect();
    let sources = plan.sources().iter().map(|&s| prepare(project, s, plan, origin, &asks.known));
    let sources: Vec<Prepared> = sources.collect::<Result<_, _>>()?;
    let room = Room::new(options.memory.map_or(u64::MAX, |memory| memory / 2));
    let asked = (0..plan.slots()).take_while(|&slot| plan.asked(slot).is_some()).count();
    // The parents' keys are told by what is folded first, so their records are looked for afterwards, slot by slot.
    let rounds = 1 + plan.slots() - asked;
    let (mut aggregates, mut summaries): (Vec<ArrayRef>, Vec<LogSummary>) = Default::default();
    for (round, last) in (asked..=plan.slots()).enumerate() {
        let slots = if round == 0 { 0..asked } else { last - 1..last };
        let told = (round > 0).then(|| conclude::parents(project, plan, slots.start, &aggregates, asks));
        let told = told.map(|parts| KeyIndex::new(&parts));
        let index = |slot: usize| plan.asked(slot).map(|entity| &by_entity[entity]).or(told.as_ref());
        let indexes: Vec<Option<&KeyIndex>> =
            (0..plan.slots()).map(|slot| slots.contains(&slot).then(|| index(slot)).flatten()).collect();
        let lanes = Lane::of(project, plan, slots.clone());
        let bits = bits(&lanes, &sources, options);
        let logs = Logs { plan, lanes: &lanes, indexes: &indexes, sources: &sources, now: options.now, bits };
        let report =
            |share: f64, records| progress(Progress { share: (round as f64 + share) / rounds as f64, records });
        let scattered = scatter::scatter(&logs, &room, options.threads, &|share, n| report(0.5 * share, n))?;
        let records = scattered.summaries.iter().map(|log| log.records).sum();
        let folding = |share: f64| report(0.5 + 0.45 * share, records);
        aggregates.extend(fold(&logs, slots, &scattered, &room, asks, options.threads, &folding)?);
        if round == 0 {
            summaries = scattered.summaries;
        }
    }
    let over_the_cap = conclude::over_the_cap(plan, &aggregates);
    let columns = conclude::conclude(plan, &aggregates, asks, options.threads);
    Ok(Replayed { columns, logs: summaries, over_the_cap, spilled: room.spilled() })
}

/// The aggregates of some slots, one after the other, in the order of the asks.
fn fold(
    logs: &Logs<'_>,
    slots: Range<usize>,
    scattered: &Scattered,
    room: &Room,
    asks: &Asks,
    threads: usize,
    progress: &dyn Fn(f64),
) -> Result<Vec<ArrayRef>, ReadError> {
    let all = slots.len();
    let mut aggregates = Vec::new();
    for (done, slot) in slots.enumerate() {
        let Logs { plan, lanes, indexes, bits, .. } = *logs;
        let Some(index) = indexes[slot] else { continue };
        let ground = walk::Ground { plan, slot, lanes, scattered, index, asks, room, bits };
        let folded = walk::walk(&ground, threads, &|share| progress((done as f64 + share) / all as f64));
        aggregates.extend(conclude::in_order(&folded.map_err(ReadError::no_room)?, asks.at.len(), threads));
    }
    Ok(aggregates)
}

/// Finds a source's parts, and which of its records count.
fn prepare(
    project: &Project,
    source: usize,
    plan: &Plan,
    origin: &Origin,
    known: &Known,
) -> Result<Prepared, ReadError> {
    let declared = &project.sources[source];
    let parts = Parts::find(declared, origin, plan.fields(source))?.with_dictionaries();
    let by_position = matches!(known, Known::Positions(_));
    let mut prepared = Prepared { parts, admitted: None, replaced: None, positions: None };
    if !declared.identity.is_empty() {
        let identities = Parts::find(declared, origin, &declared.identity)?;
        let rows = if declared.corrects {
            let (replaced, rows) = Replaced::find(&identities)?;
            prepared.replaced = Some(replaced);
            rows
        } else {
            let (admitted, rows) = identity::first_of(&identities, by_position)?;
            prepared.admitted = Some(admitted);
            rows
        };
        prepared.positions = Some(identities.positions(&rows)?);
    }
    Ok(prepared)
}

/// How many bits of an entity's number tell its partition.
fn bits(lanes: &[Lane], sources: &[Prepared], options: &Options) -> u32 {
    let bytes = |lane: &Lane| 8 * lane.width as u64 * sources[lane.s].parts.about_rows();
    let all: u64 = lanes.iter().map(bytes).sum();
    // With a limit, the partitions that are worked on must fit in half of it, rows and columns.
    let at_once = 8 * options.threads.max(1) as u64;
    let limit = options.memory.map_or(PARTITION, |memory| (memory / at_once).clamp(1, PARTITION));
    all.div_ceil(limit).next_power_of_two().trailing_zeros().min(MOST_BITS)
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
