//! Reads the log, its parts on several threads, and hands each record to the partition of every entity it touches and that
//! is asked about. What is kept of a record is computed here, once.
//!
//! Not here: what happens in a partition (`gather.rs`, `walk.rs`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use arrow_array::{Array, ArrayRef};
use tandem_definitions::{Datum, Micros};
use tandem_engine::{Plan, Texts, versions};

use crate::finding::Findings;
use crate::read::{Batch, Parts, ReadError};
use crate::table::Column;

use super::identity::{Admitted, Replaced};
use super::keys::{KeyIndex, NOBODY};
use super::measured::Measured;
use super::rows::{Arrives, EVENT, FROM, FROM_POSITION, KIND, Kind, Lane, WHO, who};
use super::store::{PIECE, Room, Store};
use super::{LogSummary, of_five_types};

/// Rows that are laid out column by column before each goes to its partition: they stay near the core.
const AT_A_TIME: usize = 128;

/// The logs, and everything that is found before they are read.
pub(super) struct Logs<'l> {
    pub plan: &'l Plan,
    pub lanes: &'l [Lane],
    /// By the plan's slots; of parents none until their keys are told.
    pub indexes: &'l [Option<&'l KeyIndex>],
    /// By the plan's sources.
    pub sources: &'l [Prepared],
    pub now: Option<Micros>,
    /// Partitions are told by so many of the last bits of an entity's number.
    pub bits: u32,
}

/// A source before its records are read.
pub(super) struct Prepared {
    pub parts: Parts,
    pub admitted: Option<Admitted>,
    pub replaced: Option<Replaced>,
    /// The position of each part's first record; known beforehand only where there is an identity.
    pub positions: Option<Vec<u64>>,
}

/// What reading has left.
pub(super) struct Scattered {
    /// By lane.
    pub stores: Vec<Store>,
    pub summaries: Vec<LogSummary>,
    /// For each source the position of each part's first record.
    pub positions: Vec<Vec<u64>>,
    pub texts: Texts,
}

/// What one part has come to.
struct PartRead {
    source: usize,
    part: usize,
    outcome: Result<(LogSummary, u64), ReadError>,
}

/// Reads all parts; `progress` hears the share that is read, and how many records.
pub(super) fn scatter(
    logs: &Logs<'_>,
    room: &Room,
    threads: usize,
    progress: &dyn Fn(f64, u64),
) -> Result<Scattered, ReadError> {
    let stores: Vec<Store> = logs.lanes.iter().map(|_| Store::new(1 << logs.bits)).collect();
    let texts = Mutex::new(Texts::default());
    let tasks: Vec<(usize, usize)> =
        logs.sources.iter().enumerate().flat_map(|(s, p)| (0..p.parts.len()).map(move |part| (s, part))).collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let mut read: Vec<PartRead> = Vec::with_capacity(tasks.len());
    std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..threads.clamp(1, tasks.len().max(1)) {
            let (sender, stores, tasks, texts, next, failed) =
                (sender.clone(), &stores, &tasks, &texts, &next, &failed);
            scope.spawn(move || {
                let mut worker = Worker { logs, stores, room, texts, sender, buffers: Buffers::new(logs) };
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    // What comes before a failure is read to its end, so that always the first failure is the one told.
                    let Some(&(source, part)) = tasks.get(task).filter(|_| task < failed.load(Ordering::Relaxed))
                    else {
                        break;
                    };
                    let outcome = worker.part(source, part);
                    if outcome.is_err() {
                        failed.fetch_min(task, Ordering::Relaxed);
                    }
                    worker.sender.send(Heard::Done(Box::new(PartRead { source, part, outcome }))).ok();
                }
            });
        }
        drop(sender);
        let all = logs.sources.iter().map(|p| p.parts.about_rows()).sum::<u64>().max(1);
        let mut records = 0;
        for heard in receiver {
            match heard {
                Heard::Records(more) => {
                    records += more;
                    progress((records as f64 / all as f64).min(1.0), records);
                }
                Heard::Done(part) => read.push(*part),
            }
        }
    });
    read.sort_unstable_by_key(|r| (r.source, r.part));
    let (summaries, positions) = summarise(logs, read)?;
    let texts = texts.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Scattered { stores, summaries, positions, texts })
}

enum Heard {
    Records(u64),
    Done(Box<PartRead>),
}

/// The parts' summaries as those of their sources, and where each part begins.
fn summarise(logs: &Logs<'_>, read: Vec<PartRead>) -> Result<(Vec<LogSummary>, Vec<Vec<u64>>), ReadError> {
    let empty = |(s, &source): (usize, &usize)| {
        let without_entity = logs.plan.touches(source).iter().map(|t| (logs.plan.entity(t.slot), 0)).collect();
        let prepared = &logs.sources[s];
        let duplicates = prepared.admitted.as_ref().map_or(0, Admitted::duplicates);
        let replaced = prepared.replaced.as_ref().map_or(0, |r| r.len() as u64);
        LogSummary { source, duplicates, replaced, without_entity, ..LogSummary::default() }
    };
    let mut summaries: Vec<LogSummary> = logs.plan.sources().iter().enumerate().map(empty).collect();
    let mut rows: Vec<Vec<u64>> = logs.sources.iter().map(|p| Vec::with_capacity(p.parts.len())).collect();
    for PartRead { source, outcome, .. } in read {
        let (summary, records) = outcome?;
        summaries[source].add(&summary);
        rows[source].push(records);
    }
    let positions = logs.sources.iter().zip(&rows).map(|(p, rows)| p.parts.positions(rows));
    Ok((summaries, positions.collect::<Result<_, _>>()?))
}

/// One thread.
struct Worker<'w> {
    logs: &'w Logs<'w>,
    stores: &'w [Store],
    room: &'w Room,
    texts: &'w Mutex<Texts>,
    sender: Sender<Heard>,
    buffers: Buffers,
}

/// For each lane and partition the piece that is being filled, and how many the part has had before.
struct Buffers(Vec<Vec<(Vec<u64>, u32)>>);

impl Buffers {
    fn new(logs: &Logs<'_>) -> Self {
        Self(logs.lanes.iter().map(|_| vec![(Vec::new(), 0); 1 << logs.bits]).collect())
    }
}

/// One row to be: which record, of which entity, and from when on.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub row: u32,
    number: u32,
    kind: Kind,
    /// From this arrival time on; the fields that arrive later than this are masked.
    pub from: Micros,
    from_position: u64,
}

impl Worker<'_> {
    /// Reads one part.
    fn part(&mut self, s: usize, part: usize) -> Result<(LogSummary, u64), ReadError> {
        let prepared = &self.logs.sources[s];
        let source = self.logs.plan.sources()[s];
        let touches = self.logs.plan.touches(source).len();
        let mut summary = LogSummary { source, without_entity: vec![(0, 0); touches], ..LogSummary::default() };
        let base = prepared.positions.as_ref().map_or(0, |positions| positions[part]);
        let mut reader = prepared.parts.open(part);
        for batch in reader.by_ref() {
            let batch = batch?;
            note(&batch, self.logs.plan, source, self.logs.now, &mut summary);
            self.batch(&batch, s, part as u32, base)?;
            self.sender.send(Heard::Records(batch.len() as u64)).ok();
        }
        for (lane, partitions) in self.buffers.0.iter_mut().enumerate() {
            for (partition, (words, pieces)) in partitions.iter_mut().enumerate() {
                if !words.is_empty() {
                    let words = std::mem::take(words);
                    let put = self.stores[lane].put(self.room, partition, (part as u32, *pieces), words);
                    put.map_err(ReadError::no_room)?;
                }
                *pieces = 0;
            }
        }
        summary.records = reader.position();
        summary.findings = reader.findings().clone();
        Ok((summary, reader.position()))
    }

    fn batch(&mut self, batch: &Batch, s: usize, part: u32, base: u64) -> Result<(), ReadError> {
        let columns = of_five_types(&batch.columns);
        let prepared = &self.logs.sources[s];
        for (l, lane) in self.logs.lanes.iter().enumerate().filter(|(_, lane)| lane.s == s) {
            let entries = self.entries(batch, &columns, lane, prepared, base);
            if entries.is_empty() {
                continue;
            }
            let measured = Measured::new(self.logs.plan, lane, &columns, (batch, &entries), self.texts);
            let mut rows = Vec::new();
            for (some, first) in entries.chunks(AT_A_TIME).zip((0..).step_by(AT_A_TIME)) {
                rows.resize(some.len() * lane.width, 0);
                lay_out(batch, lane, some, &mut rows);
                measured.lay_out(lane, first, &mut rows);
                for (entry, row) in some.iter().zip(rows.chunks_exact(lane.width)) {
                    let partition = (entry.number & ((1 << self.logs.bits) - 1)) as usize;
                    let (words, pieces) = &mut self.buffers.0[l][partition];
                    if words.len() + lane.width > PIECE {
                        let full = std::mem::replace(words, Vec::with_capacity(PIECE));
                        let put = self.stores[l].put(self.room, partition, (part, *pieces), full);
                        put.map_err(ReadError::no_room)?;
                        *pieces += 1;
                    }
                    words.extend_from_slice(row);
                }
            }
        }
        Ok(())
    }

    /// The rows that a batch makes in a lane, in the order of the log.
    fn entries(
        &self,
        batch: &Batch,
        columns: &[Column<'_>],
        lane: &Lane,
        prepared: &Prepared,
        base: u64,
    ) -> Vec<Entry> {
        let Some(index) = self.logs.indexes[lane.slot] else { return Vec::new() };
        let touches = self.logs.plan.touches(lane.source).iter().filter(|touch| touch.slot == lane.slot);
        let numbers: Vec<Vec<u32>> = touches
            .map(|touch| index.find(&touch.fields.iter().map(|&f| &batch.columns[f]).collect::<Vec<&ArrayRef>>()))
            .collect();
        let mut entries = Vec::with_capacity(batch.len());
        for row in 0..batch.len() {
            let position = base + batch.first_position + row as u64;
            for (i, touched) in numbers.iter().enumerate() {
                let number = touched[row];
                // A record that touches one entity twice counts once there.
                if number == NOBODY || numbers[..i].iter().any(|other| other[row] == number) || !batch.is_usable(row) {
                    continue;
                }
                if prepared.admitted.as_ref().is_some_and(|a| !a.counts(position)) {
                    continue;
                }
                let from = batch.arrival[row];
                let entry = Entry { row: row as u32, number, kind: Kind::Apply, from, from_position: position };
                if lane.changes {
                    self.changes(columns, prepared, lane.source, entry, &mut entries);
                } else {
                    entries.push(entry);
                }
            }
        }
        entries
    }

    /// A record that changes after it arrived: its versions, and what ends it.
    fn changes(
        &self,
        columns: &[Column<'_>],
        prepared: &Prepared,
        source: usize,
        entry: Entry,
        entries: &mut Vec<Entry>,
    ) {
        let changing = self.logs.plan.changing(source);
        let fields: Vec<Datum<'_>> = columns.iter().map(|column| column.get(entry.row as usize)).collect();
        if !changing.tombstone.is_some_and(|field| fields[field] == Datum::Bool(true)) {
            entries.push(entry);
            let later = versions(&changing.late, entry.from, &fields).into_iter().skip(1);
            entries.extend(later.map(|from| Entry { kind: Kind::Replace, from, ..entry }));
        }
        if let Some(replaced) = &prepared.replaced {
            for &(from, from_position) in replaced.by(entry.from_position) {
                entries.push(Entry { kind: Kind::Remove, from, from_position, ..entry });
            }
        }
    }
}

/// Writes what is not measured into the rows of some entries.
fn lay_out(batch: &Batch, lane: &Lane, entries: &[Entry], rows: &mut [u64]) {
    for (entry, row) in entries.iter().zip(rows.chunks_exact_mut(lane.width)) {
        let at = entry.row as usize;
        row[WHO] = who(entry.number, batch.first_position + at as u64);
        row[EVENT] = batch.event[at] as u64;
        if lane.changes {
            row[KIND] = entry.kind.word();
            row[FROM] = entry.from as u64;
            row[FROM_POSITION] = entry.from_position;
        }
        if let Arrives::At(place) = lane.arrival {
            row[place] = batch.arrival[at] as u64;
        }
    }
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

impl LogSummary {
    /// Adds what was read of a later stretch of the same log.
    fn add(&mut self, later: &Self) {
        self.records += later.records;
        self.to_come += later.to_come;
        for ((_, count), (_, more)) in self.without_entity.iter_mut().zip(&later.without_entity) {
            *count += more;
        }
        self.arrivals = match (self.arrivals, later.arrivals) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        Findings::merge(&mut self.findings, &later.findings);
    }
}
