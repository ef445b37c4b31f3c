//! Which records of a source count: at-least-once delivery repeats records, and a source with an identity says which.
//! Not here: the order in which a driver offers them (by arrival in a replay by time, by position in a replay by log).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Value};

/// The identities seen so far of one source; the first record of an identity is admitted, repeated ones are counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Admission {
    seen: HashSet<Box<[Value]>>,
    duplicates: u64,
}

impl Admission {
    /// Whether the record with these identity values is the first of its identity. A record with a null in its
    /// identity is its own, as is every record of a source without an identity (an empty slice).
    pub fn admit(&mut self, identity: &[Datum<'_>]) -> bool {
        if identity.is_empty() || identity.iter().any(|part| part.is_null()) {
            return true;
        }
        let first = self.seen.insert(identity.iter().map(|part| part.to_value()).collect());
        self.duplicates += u64::from(!first);
        first
    }

    /// Whether a record of this identity would be admitted, without taking note of it.
    pub fn is_new(&self, identity: &[Datum<'_>]) -> bool {
        if identity.is_empty() || identity.iter().any(|part| part.is_null()) {
            return true;
        }
        let owned: Box<[Value]> = identity.iter().map(|part| part.to_value()).collect();
        !self.seen.contains(&owned)
    }

    /// How many records were turned away.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }
}
