//! Which version of a record counts where later records correct earlier ones: of an identity the last to arrive, by
//! arrival time and then position, whatever the order in which a driver offers them. A tombstone is a version that counts
//! for nothing. Not here: duplicates of sources that do not correct (`admission.rs`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Micros, Source, Value};

use crate::late::{Late, as_known, next_version};
use crate::plan::Plan;
use crate::record::{Key, Record};
use crate::state::State;
use crate::texts::Texts;

/// How the records of a source change, by the places of fields among the plan's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changing {
    /// The identity of a source that corrects; empty where records correct nothing.
    pub identity: Vec<usize>,
    /// The field that removes what has the same identity.
    pub tombstone: Option<usize>,
    /// The fields that arrive later than their record.
    pub late: Vec<Late>,
}

impl Changing {
    /// Of a source whose records have these fields; those that it needs besides are added.
    pub(crate) fn new(source: &Source, fields: &mut Vec<usize>) -> Self {
        let mut place = |field: usize| {
            fields.iter().position(|f| *f == field).unwrap_or_else(|| {
                fields.push(field);
                fields.len() - 1
            })
        };
        let identity = if source.corrects { source.identity.as_slice() } else { &[] };
        let identity = identity.iter().map(|&f| place(f)).collect();
        let tombstone = source.tombstone.map(&mut place);
        let read = fields.clone();
        for time in read.iter().filter_map(|f| source.fields[*f].arrives) {
            if !fields.contains(&time) {
                fields.push(time);
            }
        }
        // What is read only as a time says when other values are known, and is no such value itself.
        let mut late = Late::among(source, fields);
        late.retain(|l| l.field < read.len());
        Self { identity, tombstone, late }
    }

    /// The identity of a record with these fields; `None` where it is its own: with a null in it, or of a source that does
    /// not correct.
    fn identity_of(&self, fields: &[Datum<'_>]) -> Option<Box<[Value]>> {
        let parts = || self.identity.iter().map(|f| fields[*f]);
        let own = self.identity.is_empty() || parts().any(Datum::is_null);
        (!own).then(|| parts().map(Datum::to_value).collect())
    }

    /// Whether a record with these fields is a tombstone.
    fn removes(&self, fields: &[Datum<'_>]) -> bool {
        self.tombstone.is_some_and(|f| fields[f] == Datum::Bool(true))
    }
}

/// What becomes of the state of an entity.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// This record becomes part of what is known.
    Apply(&'a Record<'a>),
    /// This record, which was applied, is taken back. It has no fields.
    Retract(&'a Record<'a>),
}

impl Change<'_> {
    /// Makes the change to the state of the entity.
    pub fn make(self, plan: &Plan, texts: &mut Texts, slot: usize, state: &mut State) {
        match self {
            Self::Apply(record) => state.apply(plan, texts, slot, record),
            Self::Retract(record) => state.retract(plan, texts, slot, record),
        }
    }
}

/// What a record that arrived is to those of its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// It counts, and none was there before.
    Counts,
    /// It counts instead of the one before.
    Replaces,
    /// It is a tombstone: nothing of its identity counts.
    Removes,
    /// One that arrived later is there already, and goes on counting.
    Outdated,
}

/// The versions that count, of all records with an identity of one source that corrects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    current: HashMap<Box<[Value]>, Version>,
}

/// A version that counts, and what is needed to take it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    event: Micros,
    arrival: Micros,
    position: u64,
    /// The slots and keys of the entities that it touches; a tombstone touches none.
    touched: Box<[(usize, Key)]>,
}

impl Ledger {
    /// A record has arrived, with what is known of it by a time. `each` is called for every entity whose state changes, by
    /// its slot of the plan and its key.
    pub fn arrive(
        &mut self,
        plan: &Plan,
        record: &Record<'_>,
        by: Micros,
        mut each: impl FnMut(usize, Key, Change<'_>),
    ) -> Arrived {
        let changing = plan.changing(record.source);
        let removes = changing.removes(record.fields);
        let mut arrived = if removes { Arrived::Removes } else { Arrived::Counts };
        if let Some(identity) = changing.identity_of(record.fields) {
            match self.current.entry(identity) {
                Entry::Vacant(place) => drop(place.insert(Version::new(plan, record, removes))),
                Entry::Occupied(mut place) => {
                    let old = place.get();
                    if (old.arrival, old.position) >= (record.arrival, record.position) {
                        return Arrived::Outdated;
                    }
                    let old = place.insert(Version::new(plan, record, removes));
                    let Version { event, arrival, position, touched } = old;
                    let old = Record { source: record.source, position, event, arrival, fields: &[] };
                    for (slot, key) in touched {
                        each(slot, key, Change::Retract(&old));
                    }
                    if !removes {
                        arrived = Arrived::Replaces;
                    }
                }
            }
        }
        if !removes {
            known_by(plan, record, by, |known| {
                plan.route(known, |slot, key| {
                    if let Some(key) = key {
                        each(slot, key, Change::Apply(known));
                    }
                });
            });
        }
        arrived
    }

    /// More of a record has become known by a time. Nothing changes where another version has taken its place.
    pub fn reveal(&self, plan: &Plan, record: &Record<'_>, by: Micros, mut each: impl FnMut(usize, Key, Change<'_>)) {
        if !self.counts(plan, record) {
            return;
        }
        known_by(plan, record, by, |known| {
            plan.route(known, |slot, key| {
                if let Some(key) = key {
                    each(slot, key.clone(), Change::Retract(known));
                    each(slot, key, Change::Apply(known));
                }
            });
        });
    }

    /// Whether a record that arrived still counts: it is no tombstone, and none has taken its place.
    fn counts(&self, plan: &Plan, record: &Record<'_>) -> bool {
        let changing = plan.changing(record.source);
        let current = changing.identity_of(record.fields).map(|identity| self.current.get(&identity));
        let is = |version: &Version| (version.arrival, version.position) == (record.arrival, record.position);
        !changing.removes(record.fields) && current.is_none_or(|version| version.is_some_and(is))
    }

    /// Takes over which version of the record's identity counts from another ledger, if this one knows none.
    pub fn recall(&mut self, plan: &Plan, record: &Record<'_>, from: &Self) {
        if let Some(identity) = plan.changing(record.source).identity_of(record.fields)
            && let Some(version) = from.current.get(&identity)
        {
            self.current.entry(identity).or_insert_with(|| version.clone());
        }
    }
}

impl Version {
    fn new(plan: &Plan, record: &Record<'_>, removes: bool) -> Self {
        let mut touched = Vec::new();
        if !removes {
            plan.route(record, |slot, key| touched.extend(key.map(|key| (slot, key))));
        }
        let Record { event, arrival, position, .. } = *record;
        Self { event, arrival, position, touched: touched.into() }
    }
}

impl Plan {
    /// How the records of a source that it reads change after they have arrived.
    ///
    /// # Panics
    /// For a source that it does not read.
    pub fn changing(&self, source: usize) -> &Changing {
        &self.changing[self.source_slot(source).expect("a source of the plan")]
    }

    /// When more of a record becomes known after a time; `None`: no more.
    pub fn next_version(&self, record: &Record<'_>, after: Micros) -> Option<Micros> {
        next_version(&self.changing(record.source).late, record.arrival, record.fields, after)
    }
}

/// The record as it was known by a time.
fn known_by(plan: &Plan, record: &Record<'_>, by: Micros, with: impl FnOnce(&Record<'_>)) {
    let late = &plan.changing(record.source).late;
    if late.is_empty() {
        return with(record);
    }
    with(&Record { fields: &as_known(late, record.arrival, record.fields, by), ..*record });
}
