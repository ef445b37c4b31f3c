//! Until when each record of a source counts: of an identity the first to arrive counts for good, or, where records correct,
//! each until the next arrives. Not here: driving the engine through them (`replay/`), and fields that arrive later than
//! their record (tandem-engine).

use rustc_hash::FxHashMap;
use tandem_definitions::{Datum, Micros, Source, Value};

use crate::read::{Origin, ReadError, open};
use crate::table::columns;

/// Until when each record of a source counts, by its position in the log.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// Empty for a source in which every record is its own.
    until: Vec<Micros>,
}

/// It never counts.
const NEVER: Micros = Micros::MIN;
/// It counts for good.
const FOR_GOOD: Micros = Micros::MAX;

impl Versions {
    /// The last instant at which a record counts, if it had arrived before.
    pub fn until(&self, position: u64) -> Micros {
        self.until.get(position as usize).copied().unwrap_or(FOR_GOOD)
    }

    /// Whether a record that had arrived before an instant still counted then.
    pub fn counts(&self, position: u64, at: Micros) -> bool {
        at <= self.until(position) && !self.never_counts(position)
    }

    /// Whether a record never counts, whatever is known: it repeats another one, or is a tombstone.
    pub fn never_counts(&self, position: u64) -> bool {
        self.until(position) == NEVER
    }
}

/// Collects the identities of a source, record by record.
#[derive(Debug)]
pub struct Collector<'s> {
    source: &'s Source,
    until: Vec<Micros>,
    /// Each record with an identity: the identity's number, its arrival and its position.
    all: Vec<(u32, Micros, u64)>,
    numbers: FxHashMap<Box<[Value]>, u32>,
    tombstones: Vec<u64>,
}

impl<'s> Collector<'s> {
    /// Nothing of a source, yet.
    pub fn new(source: &'s Source) -> Self {
        Self { source, until: Vec::new(), all: Vec::new(), numbers: FxHashMap::default(), tombstones: Vec::new() }
    }

    /// The record at the next position: the values of its identity, in the order of [`Source::identity`], whether it is a
    /// tombstone, and when it arrived (`None`: it cannot be used). With a null in its identity it is its own.
    pub fn add<'d>(&mut self, identity: impl Iterator<Item = Datum<'d>>, removes: bool, arrival: Option<Micros>) {
        let position = self.until.len() as u64;
        self.until.push(FOR_GOOD);
        if removes {
            self.tombstones.push(position);
        }
        let key: Box<[Value]> = identity.map(Datum::to_value).collect();
        if let Some(arrival) = arrival
            && !key.is_empty()
            && !key.iter().any(Value::is_null)
        {
            let next = self.numbers.len() as u32;
            self.all.push((*self.numbers.entry(key).or_insert(next), arrival, position));
        }
    }

    /// Until when each record counts, now that all are there.
    pub fn finish(self) -> Versions {
        let Self { source, mut until, mut all, tombstones, .. } = self;
        all.sort_unstable();
        for pair in all.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let [(_, _, older), (_, arrival, newer)] = [pair[0], pair[1]];
            if source.corrects {
                until[older as usize] = arrival;
            } else {
                until[newer as usize] = NEVER;
            }
        }
        for position in tombstones {
            until[position as usize] = NEVER;
        }
        Versions { until }
    }
}

/// Until when each record of a source counts.
///
/// # Errors
/// What reading the source can say.
pub fn versions(source: &Source, origin: &Origin) -> Result<Versions, ReadError> {
    if source.identity.is_empty() {
        return Ok(Versions::default());
    }
    let mut wanted = source.identity.clone();
    wanted.extend(source.tombstone);
    let mut collector = Collector::new(source);
    for batch in open(source, origin, &wanted)? {
        let batch = batch?;
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let (identity, tombstone) = columns.split_at(source.identity.len());
        for row in 0..batch.len() {
            let removes = tombstone.iter().any(|column| column.get(row) == Datum::Bool(true));
            let arrival = batch.is_usable(row).then(|| batch.arrival[row]);
            collector.add(identity.iter().map(|column| column.get(row)), removes, arrival);
        }
    }
    Ok(collector.finish())
}
