//! What a driver hands to the engine: a record or many of them in columns, the key of an entity, a moment.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Micros, Value};

/// One record of a source, as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The source's index in the project.
    pub source: usize,
    /// Its position in the source's log, from 0.
    pub position: u64,
    /// When it happened.
    pub event: Micros,
    /// When production first knew.
    pub arrival: Micros,
    /// The values of the fields that the plan needs, in the order of [`crate::Plan::fields`].
    pub fields: &'a [Datum<'a>],
}

/// Records of one source that touch one entity, in columns of one length: what [`crate::State::extend`] makes known.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// When each happened.
    pub event: &'a [Micros],
    /// When production first knew of it.
    pub arrival: &'a [Micros],
    /// Its position in the source's log.
    pub position: &'a [u64],
    /// One column for each 64 of the measures ([`crate::Plan::measures`]); a bit that is set says that the measure is null.
    pub nulls: &'a [&'a [u64]],
    /// One column for each measure; what stands where it is null says nothing, nor does that of a measure that is 1 elsewhere.
    pub words: &'a [&'a [u64]],
}

/// The key of an entity: a typed tuple, never a joined string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key(pub Box<[Value]>);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = self.0.iter().zip(other.0.iter()).map(|(a, b)| a.as_datum().order(b.as_datum()));
        parts.fold(Ordering::Equal, Ordering::then).then_with(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The instant asked about, and what the asker tells.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The instant.
    pub at: Micros,
    /// The values of the request's fields, in the order of [`crate::Plan::request_fields`].
    pub request: &'a [Datum<'a>],
}
