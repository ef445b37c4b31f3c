//! Which records of a source with an identity count, and until when: found before a replay, in one pass over the identities.
//! Not here: what that makes of a record's rows (`scatter.rs`).

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use tandem_definitions::{Micros, Value};

use crate::read::{Parts, ReadError};

use super::of_five_types;

/// Which records of a source with an identity count: those that are the first of theirs.
#[derive(Clone, Debug)]
pub(super) struct Admitted(Vec<bool>);

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

/// Which records of a source with an identity count, and how many records each part has; the parts give the identity. The
/// first of an identity is the first to arrive, or, where the log's positions say what was known (`by_position`), the first
/// in the log. A record that cannot be used, or with a null in its identity, takes none.
pub(super) fn first_of(parts: &Parts, by_position: bool) -> Result<(Admitted, Vec<u64>), ReadError> {
    let mut first: FxHashMap<Box<[Value]>, (Micros, u64)> = FxHashMap::default();
    let mut repeated: Vec<u64> = Vec::new();
    let rows = each(parts, |key, arrival, position| {
        let rank = (if by_position { 0 } else { arrival }, position);
        match first.entry(key) {
            Entry::Vacant(place) => drop(place.insert(rank)),
            Entry::Occupied(mut place) if rank < *place.get() => repeated.push(place.insert(rank).1),
            Entry::Occupied(_) => repeated.push(position),
        }
    })?;
    let mut admitted = vec![true; rows.iter().sum::<u64>() as usize];
    repeated.into_iter().for_each(|position| admitted[position as usize] = false);
    Ok((Admitted(admitted), rows))
}

/// Calls `take` with the identity, the arrival time and the position of each record that has one and can be used. How
/// many records each part has.
fn each(parts: &Parts, mut take: impl FnMut(Box<[Value]>, Micros, u64)) -> Result<Vec<u64>, ReadError> {
    let mut rows = Vec::with_capacity(parts.len());
    let mut before = 0;
    for part in 0..parts.len() {
        let mut reader = parts.open(part);
        for batch in &mut reader {
            let batch = batch?;
            let columns = of_five_types(&batch.columns);
            for row in (0..batch.len()).filter(|&row| batch.is_usable(row)) {
                let key: Box<[Value]> = columns.iter().map(|column| column.get(row).to_value()).collect();
                if !key.iter().any(Value::is_null) {
                    take(key, batch.arrival[row], before + batch.first_position + row as u64);
                }
            }
        }
        before += reader.position();
        rows.push(reader.position());
    }
    Ok(rows)
}

/// What replaces the records of a source that corrects.
#[derive(Clone, Debug, Default)]
pub(super) struct Replaced {
    /// For each position that has any: the later records of the identity, by arrival and position. Only those that can be
    /// the first to be known: of two, the one that arrives later lies earlier in the log.
    by: FxHashMap<u64, Box<[(Micros, u64)]>>,
}

impl Replaced {
    /// The records that replace the one at this position: (arrival, position).
    pub fn by(&self, position: u64) -> &[(Micros, u64)] {
        self.by.get(&position).map_or(&[], |later| later)
    }

    /// How many records are replaced by a later one.
    pub fn len(&self) -> usize {
        self.by.len()
    }

    /// Reads the identities of a source that corrects; the parts give them. Also how many records each part has.
    pub fn find(parts: &Parts) -> Result<(Self, Vec<u64>), ReadError> {
        let mut numbers: FxHashMap<Box<[Value]>, usize> = FxHashMap::default();
        let mut chains: Vec<Vec<(Micros, u64)>> = Vec::new();
        let rows = each(parts, |key, arrival, position| {
            let number = *numbers.entry(key).or_insert(chains.len());
            if number == chains.len() {
                chains.push(Vec::new());
            }
            chains[number].push((arrival, position));
        })?;
        let mut by = FxHashMap::default();
        for mut chain in chains.into_iter().filter(|chain| chain.len() > 1) {
            chain.sort_unstable();
            // From the last to the first: what has been seen and lies in front of all that arrives before it.
            let mut later: Vec<(Micros, u64)> = Vec::new();
            for &version in chain.iter().rev() {
                if !later.is_empty() {
                    by.insert(version.1, later.iter().rev().copied().collect());
                }
                later.retain(|(_, position)| *position < version.1);
                later.push(version);
            }
        }
        Ok((Self { by }, rows))
    }
}
