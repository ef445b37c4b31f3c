//! The states of all entities, kept by applying records one by one, and the one place that answers questions from them.
//!
//! A record is not known before its arrival time has come: until then it is held, though its position is taken. An answer at an
//! instant rests on exactly the records below its positions that arrived before that instant. Of several versions of a record
//! the last to arrive counts, and a field that arrives later than its record is null until then: which it is, the engine's
//! ledger says.
//! Not here: where records come from (`replay.rs`, `ingest.rs`), and JSON.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use tandem_definitions::{Datum, Micros, Project, Value};
use tandem_engine::{Arrived, Change, Key, Ledger, Moment, Plan, Record, State, Texts};

use crate::records::CLOCKS_APART;

/// Everything that the log up to [`States::positions`] says about every entity.
pub struct States {
    plan: Plan,
    /// By the plan's slots.
    slots: Vec<HashMap<Key, State>>,
    /// What the states refer to.
    texts: Texts,
    /// For each of the project's sources, which versions of its records count.
    ledgers: Vec<Ledger>,
    /// How many records of each of the project's sources have been applied.
    positions: Vec<u64>,
    /// The plan reads the source.
    read: Vec<bool>,
    last_arrival: Option<Micros>,
    /// Records of which something has not arrived yet, by when it does, source and position: the record itself, or a field
    /// that arrives later.
    held: BTreeMap<(Micros, usize, u64), Held>,
    /// How many of them have not arrived themselves.
    to_arrive: usize,
    /// The stamp of the records that are on their way into the log.
    pending: Option<Micros>,
    /// The latest stamp given.
    stamped: Micros,
    /// The latest present that was answered for.
    answered: AtomicI64,
    /// The latest instant that was answered for, also those that were asked for by name.
    asked: AtomicI64,
}

/// What of a held record is not its key.
struct Held {
    event: Micros,
    arrival: Micros,
    fields: Box<[Value]>,
}

/// One row asked about.
pub struct Asked {
    /// For each of the plan's entities, its key; `None` for an entity that is null or not asked about.
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

/// Why a row is not answered: the instant asked about.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It lies in a past that has been overtaken.
    Overtaken {
        /// Which row asked.
        row: usize,
        /// The arrival of the last record applied.
        last_arrival: Micros,
    },
    /// It lies in a future of which nothing is known.
    Ahead {
        /// Which row asked.
        row: usize,
        /// The present.
        now: Micros,
    },
}

impl States {
    /// Nothing is known of anybody.
    pub fn new(project: &Project) -> Self {
        let all: Vec<usize> = (0..project.features.len()).collect();
        let plan = Plan::compile(project, &all);
        let slots = (0..plan.slots()).map(|_| HashMap::new()).collect();
        let read = (0..project.sources.len()).map(|s| plan.sources().contains(&s)).collect();
        let positions = vec![0; project.sources.len()];
        let [answered, asked] = [Micros::MIN; 2].map(AtomicI64::new);
        let (held, stamped) = (BTreeMap::new(), Micros::MIN);
        Self {
            plan,
            slots,
            texts: Texts::default(),
            ledgers: project.sources.iter().map(|_| Ledger::default()).collect(),
            positions,
            read,
            last_arrival: None,
            held,
            to_arrive: 0,
            pending: None,
            stamped,
            answered,
            asked,
        }
    }

    /// What went before a start: the latest stamp given, and the latest instant answered for.
    pub fn resume(&mut self, stamped: Option<Micros>, answered: Option<Micros>) {
        self.stamped = self.stamped.max(stamped.unwrap_or(Micros::MIN));
        self.answered.fetch_max(answered.unwrap_or(Micros::MIN), Ordering::Relaxed);
        self.asked.fetch_max(answered.unwrap_or(Micros::MIN), Ordering::Relaxed);
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

    /// How many records are held because their arrival has not come.
    pub fn held(&self) -> usize {
        self.to_arrive
    }

    /// The latest arrival of a held record.
    pub fn last_held(&self) -> Option<Micros> {
        self.held.iter().rev().find(|((due, ..), held)| *due == held.arrival).map(|((due, ..), _)| *due)
    }

    /// The latest instant that was answered for.
    pub fn asked(&self) -> Micros {
        self.asked.load(Ordering::Relaxed)
    }

    /// The latest arrival applied, of a record or of a field of it, which an instant must lie behind.
    pub fn last_arrival(&self) -> Option<Micros> {
        self.last_arrival
    }

    /// How many entities are known, by slot of the plan.
    pub fn entities(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().map(HashMap::len)
    }

    /// Says that the log of the source has been read up to this position, whether or not all of it counted.
    pub fn advance(&mut self, source: usize, position: u64) {
        self.positions[source] = self.positions[source].max(position);
    }

    /// Takes a record, whose fields are those that the plan reads: applied when it arrived by `now`, and otherwise held.
    pub fn take(&mut self, record: &Record<'_>, now: Micros) {
        self.advance(record.source, record.position + 1);
        if record.arrival <= now {
            let mut by = record.arrival;
            while self.read[record.source]
                && let Some(next) = self.plan.next_version(record, by).filter(|next| *next <= now)
            {
                by = next;
            }
            return self.arrive(record, by);
        }
        self.hold(record, record.arrival);
    }

    fn hold(&mut self, record: &Record<'_>, due: Micros) {
        self.to_arrive += usize::from(due == record.arrival);
        let fields = record.fields.iter().map(|field| field.to_value()).collect();
        let held = Held { event: record.event, arrival: record.arrival, fields };
        self.held.insert((due, record.source, record.position), held);
    }

    /// Whether something that is held has arrived, so that [`States::release`] must come before an answer.
    pub fn is_due(&self, clock: Micros) -> bool {
        self.held.first_key_value().is_some_and(|((due, ..), _)| *due < self.present(clock))
    }

    /// Applies what was held and has arrived.
    pub fn release(&mut self, clock: Micros) {
        while self.is_due(clock)
            && let Some((key, held)) = self.held.pop_first()
        {
            held.with_record(key, |record| {
                if key.0 == record.arrival {
                    self.to_arrive -= 1;
                    self.arrive(record, key.0);
                } else {
                    self.reveal(record, key.0);
                }
            });
        }
        // What is stamped from now on must not lie before what was released.
        self.answered.fetch_max(self.present(clock), Ordering::Relaxed);
    }

    /// Applies what is known by a time of a record that has arrived, in place of what it corrects.
    fn arrive(&mut self, record: &Record<'_>, by: Micros) {
        self.last_arrival = self.last_arrival.max(Some(by));
        if !self.read[record.source] {
            return;
        }
        let Self { plan, slots, texts, ledgers, .. } = self;
        let arrived = ledgers[record.source].arrive(plan, record, by, |slot, key, change| {
            change.make(plan, texts, slot, slots[slot].entry(key).or_default());
        });
        if !matches!(arrived, Arrived::Outdated | Arrived::Removes) {
            self.await_more(record, by);
        }
    }

    /// Applies what has become known of a record by a time after its arrival.
    fn reveal(&mut self, record: &Record<'_>, by: Micros) {
        self.last_arrival = self.last_arrival.max(Some(by));
        let Self { plan, slots, texts, ledgers, .. } = self;
        ledgers[record.source].reveal(plan, record, by, |slot, key, change| {
            change.make(plan, texts, slot, slots[slot].entry(key).or_default());
        });
        self.await_more(record, by);
    }

    /// Holds a record for the next of its fields to arrive.
    fn await_more(&mut self, record: &Record<'_>, by: Micros) {
        if let Some(next) = self.plan.next_version(record, by) {
            self.hold(record, next);
        }
    }

    /// The fields of the source that the plan reads; none when it does not read the source.
    pub fn fields(&self, source: usize) -> &[usize] {
        if self.read[source] { self.plan.fields(source) } else { &[] }
    }

    /// The instant of rows without one: the clock's time, or, when the last record applied arrived no earlier, right after it.
    fn present(&self, clock: Micros) -> Micros {
        let last = self.last_arrival.unwrap_or(Micros::MIN);
        clock.min(self.pending.unwrap_or(Micros::MAX)).max(last.saturating_add(1))
    }

    /// Answers all rows from one state of the log, in which nothing is due.
    pub fn answer<'a>(&self, rows: impl Iterator<Item = &'a Asked>, clock: Micros) -> Result<Vec<Answered>, Refused> {
        let last_arrival = self.last_arrival.unwrap_or(Micros::MIN);
        let (present, mut asked_present) = (self.present(clock), false);
        let latest = clock.max(last_arrival).saturating_add(CLOCKS_APART);
        let answered: Vec<Answered> = rows
            .enumerate()
            .map(|(row, asked)| match asked.at {
                Some(at) if at <= last_arrival => Err(Refused::Overtaken { row, last_arrival }),
                Some(at) if at > latest => Err(Refused::Ahead { row, now: clock }),
                Some(at) => Ok(self.answer_one(asked, at)),
                None => {
                    asked_present = true;
                    Ok(self.answer_one(asked, present))
                }
            })
            .collect::<Result<_, _>>()?;
        if asked_present {
            self.answered.fetch_max(present, Ordering::Relaxed);
        }
        self.asked.fetch_max(answered.iter().map(|a| a.at).max().unwrap_or(Micros::MIN), Ordering::Relaxed);
        Ok(answered)
    }

    fn answer_one(&self, asked: &Asked, at: Micros) -> Answered {
        let common = |slot: usize, key: &Key| self.slots[slot].get(key).map(Cow::Borrowed);
        let request: Vec<Datum<'_>> = asked.request.iter().map(Value::as_datum).collect();
        let moment = Moment { at, request: &request };
        if self.held.first_key_value().is_none_or(|((due, ..), _)| *due >= at) {
            return Answered { at, values: self.plan.features(&asked.keys, common, &self.texts, &moment) };
        }
        // Asked about an instant a little ahead of the clock: with what will have arrived by then, which others do not know yet.
        let mut own: Vec<HashMap<Key, State>> = self.slots.iter().map(|_| HashMap::new()).collect();
        let (mut texts, mut ledgers) = (self.texts.clone(), HashMap::<usize, Ledger>::new());
        for (key, held) in self.held.range(..(at, 0, 0)).filter(|((_, source, _), _)| self.read[*source]) {
            held.with_record(*key, |record| {
                let ledger = ledgers.entry(record.source).or_default();
                ledger.recall(&self.plan, record, &self.ledgers[record.source]);
                let each = |slot: usize, key: Key, change: Change<'_>| {
                    let before = || self.slots[slot].get(&key).cloned().unwrap_or_default();
                    let state = own[slot].entry(key.clone()).or_insert_with(before);
                    change.make(&self.plan, &mut texts, slot, state);
                };
                if key.0 == record.arrival {
                    ledger.arrive(&self.plan, record, at - 1, each);
                } else {
                    ledger.reveal(&self.plan, record, at - 1, each);
                }
            });
        }
        let state = |slot: usize, key: &Key| own[slot].get(key).map(Cow::Borrowed).or_else(|| common(slot, key));
        Answered { at, values: self.plan.features(&asked.keys, state, &texts, &moment) }
    }
}

impl Held {
    fn with_record(&self, (_, source, position): (Micros, usize, u64), with: impl FnOnce(&Record<'_>)) {
        let fields: Vec<Datum<'_>> = self.fields.iter().map(Value::as_datum).collect();
        with(&Record { source, position, event: self.event, arrival: self.arrival, fields: &fields });
    }
}
