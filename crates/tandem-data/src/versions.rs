//! Until when each record of a source counts: of an identity the first to arrive counts for good, or, where records correct,
//! each until the next arrives. Not here: driving the engine through them (`replay/`), and fields that arrive later than
//! their record (tandem-engine).

use rustc_hash::FxHashMap;
use tandem_definitions::{Micros, Source, Value};

use crate::read::{Origin, ReadError, open};
use crate::table::{Column, columns};

/// Until when each record of a source counts, by its position in the log.
#[derive(Clone, Debug)]
pub struct Versions {
    /// Empty for a source in which every record is its own.
    until: Vec<Micros>,
    /// How many repeat an identity of a source that does not correct.
    repeated: u64,
}

/// It never counts.
const NEVER: Micros = Micros::MIN;
/// It counts for good.
const FOR_GOOD: Micros = Micros::MAX;

impl Versions {
    /// Whether a record that had arrived before an instant still counted then.
    pub fn counts(&self, position: u64, at: Micros) -> bool {
        self.until.get(position as usize).is_none_or(|until| at <= *until && *until != NEVER)
    }

    /// Whether a record never counts, whatever is known: it repeats another one, or is a tombstone.
    pub fn never_counts(&self, position: u64) -> bool {
        self.until.get(position as usize) == Some(&NEVER)
    }

    /// Until when a record counts, itself included; `None`: it never does.
    pub fn until(&self, position: u64) -> Option<Micros> {
        Some(self.until.get(position as usize).copied().unwrap_or(FOR_GOOD)).filter(|until| *until != NEVER)
    }

    /// Of records by position: the identity of each (`None`: it is its own), its arrival, and whether it is a tombstone.
    pub fn of(source: &Source, records: impl Iterator<Item = (Option<Box<[Value]>>, Micros, bool)>) -> Self {
        let mut numbers: FxHashMap<Box<[Value]>, u32> = FxHashMap::default();
        let (mut all, mut tombstones, mut count) = (Vec::new(), Vec::new(), 0);
        for ((identity, arrival, tombstone), position) in records.zip(0u64..) {
            count += 1;
            if tombstone {
                tombstones.push(position);
            }
            if let Some(identity) = identity {
                let next = numbers.len() as u32;
                all.push((*numbers.entry(identity).or_insert(next), arrival, position));
            }
        }
        all.sort_unstable();
        let (mut until, mut repeated) = (vec![FOR_GOOD; count], 0);
        for pair in all.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let [(_, _, older), (_, arrival, newer)] = [pair[0], pair[1]];
            if source.corrects {
                until[older as usize] = arrival;
            } else {
                until[newer as usize] = NEVER;
                repeated += 1;
            }
        }
        for position in tombstones {
            until[position as usize] = NEVER;
        }
        Self { until, repeated }
    }

    /// How many records repeat an identity of a source that does not correct.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }
}

/// Until when each record of a source counts. One that cannot be used, or with a null in its identity, is its own.
///
/// # Errors
/// What reading the source can say.
pub fn versions(source: &Source, origin: &Origin) -> Result<Versions, ReadError> {
    if source.identity.is_empty() {
        return Ok(Versions { until: Vec::new(), repeated: 0 });
    }
    let mut wanted = source.identity.clone();
    wanted.extend(source.tombstone);
    let mut records = Vec::new();
    for batch in open(source, origin, &wanted)? {
        let batch = batch?;
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let (identity, tombstone) = columns.split_at(source.identity.len());
        records.extend((0..batch.len()).map(|row| {
            let removes = tombstone.iter().any(|column| column.get(row).to_value() == Value::Bool(true));
            (batch.is_usable(row).then(|| key(identity, row)).flatten(), batch.arrival[row], removes)
        }));
    }
    Ok(Versions::of(source, records.into_iter()))
}

/// The identity in a row; `None` with a null in it.
fn key(identity: &[Column<'_>], row: usize) -> Option<Box<[Value]>> {
    let key: Box<[Value]> = identity.iter().map(|column| column.get(row).to_value()).collect();
    (!key.iter().any(Value::is_null)).then_some(key)
}
