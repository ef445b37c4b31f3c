//! The states of all entities, kept by applying records one by one, and the one place that answers questions from them.
//! Not here: where records come from (`replay.rs`, `ingest.rs`), and JSON.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

use tandem_definitions::{Datum, Micros, Project, Value};
use tandem_engine::{Key, Moment, Plan, Record, State};

/// Everything that the log up to [`States::positions`] says about every entity.
pub struct States {
    plan: Plan,
    /// By the plan's slots.
    slots: Vec<HashMap<Key, State>>,
    /// How many records of each of the project's sources have been applied.
    positions: Vec<u64>,
    /// The plan reads the source.
    read: Vec<bool>,
    last_arrival: Option<Micros>,
    /// The stamp of the records that are on their way into the log.
    pending: Option<Micros>,
    /// The latest stamp given.
    stamped: Micros,
    /// The latest present that was answered for.
    answered: AtomicI64,
}

/// One row asked about.
pub struct Asked {
    /// For each slot of the plan, the entity; `None` for an entity that is null or not asked about.
    pub keys: Vec<Option<Key>>,
    /// The request's values, in the plan's order.
    pub request: Vec<Value>,
    /// The instant; `None` for the present.
    pub at: Option<Micros>,
}

/// What one row is answered: the instant, and the values of all features, by the project's order.
pub struct Answered {
    /// The instant that the values are of.
    pub at: Micros,
    /// The values.
    pub values: Vec<Value>,
}

/// The instant asked about lies in a past that has been overtaken.
#[derive(Debug, PartialEq, Eq)]
pub struct Overtaken {
    /// Which row asked.
    pub row: usize,
    /// The arrival of the last record applied.
    pub last_arrival: Micros,
}

impl States {
    /// Nothing is known of anybody.
    pub fn new(project: &Project) -> Self {
        let all: Vec<usize> = (0..project.features.len()).collect();
        let plan = Plan::compile(project, &all);
        let slots = plan.entities().iter().map(|_| HashMap::new()).collect();
        let read = (0..project.sources.len()).map(|s| plan.sources().contains(&s)).collect();
        let positions = vec![0; project.sources.len()];
        let answered = AtomicI64::new(Micros::MIN);
        Self { plan, slots, positions, read, last_arrival: None, pending: None, stamped: Micros::MIN, answered }
    }

    /// The stamp of records that go into the log now: never earlier than one given before, nor than a present already answered
    /// for. Until [`States::settle`], the present of an answer is no later, so that what an answer knew is the same by
    /// position and by arrival time.
    pub fn stamp(&mut self, clock: Micros) -> Micros {
        self.stamped = clock.max(self.stamped).max(*self.answered.get_mut());
        self.pending = Some(self.stamped);
        self.stamped
    }

    /// The records stamped last are applied, or will never be.
    pub fn settle(&mut self) {
        self.pending = None;
    }

    /// How many records of each source have been applied.
    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    /// The latest arrival that an instant must lie behind.
    ///
    /// A record counts from its arrival on and from its event on. One that arrived no later than it happened (the readers move
    /// such an arrival to the event) therefore waits for its event in any case, and holds no instant back.
    pub fn last_arrival(&self) -> Option<Micros> {
        self.last_arrival
    }

    /// How many entities are known, by slot.
    pub fn entities(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().map(HashMap::len)
    }

    /// Says that the log of the source has been read up to this position, whether or not all of it counted.
    pub fn advance(&mut self, source: usize, position: u64) {
        self.positions[source] = self.positions[source].max(position);
    }

    /// Applies a record to every entity that it touches; its fields are those that the plan reads.
    pub fn apply(&mut self, record: &Record<'_>) {
        self.advance(record.source, record.position + 1);
        if record.arrival > record.event {
            self.last_arrival = self.last_arrival.max(Some(record.arrival));
        }
        if !self.read[record.source] {
            return;
        }
        let Self { plan, slots, .. } = self;
        plan.route(record, |slot, key| {
            if let Some(key) = key {
                slots[slot].entry(key).or_default().apply(plan, slot, record);
            }
        });
    }

    /// The fields of the source that the plan reads; none when it does not read the source.
    pub fn fields(&self, source: usize) -> &[usize] {
        if self.read[source] { self.plan.fields(source) } else { &[] }
    }

    /// Answers all rows from one state of the log. Rows without an instant are answered as of the clock's time, or, when the
    /// last record applied arrived no earlier, right after its arrival.
    pub fn answer<'a>(&self, rows: impl Iterator<Item = &'a Asked>, clock: Micros) -> Result<Vec<Answered>, Overtaken> {
        let last = self.last_arrival.unwrap_or(Micros::MIN);
        let now = clock.min(self.pending.unwrap_or(Micros::MAX));
        self.answered.fetch_max(now, Ordering::Relaxed);
        let present = now.max(last.saturating_add(1));
        rows.enumerate()
            .map(|(row, asked)| match asked.at {
                Some(at) if at <= last => Err(Overtaken { row, last_arrival: last }),
                at => Ok(self.answer_one(asked, at.unwrap_or(present))),
            })
            .collect()
    }

    fn answer_one(&self, asked: &Asked, at: Micros) -> Answered {
        let states: Vec<Option<&State>> =
            self.slots.iter().zip(&asked.keys).map(|(states, key)| key.as_ref().and_then(|k| states.get(k))).collect();
        let request: Vec<Datum<'_>> = asked.request.iter().map(Value::as_datum).collect();
        Answered { at, values: self.plan.features(&states, &Moment { at, request: &request }) }
    }
}
