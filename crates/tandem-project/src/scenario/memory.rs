//! The shortest driver around the engine: one pass over the log in memory, in the order of arrival. It is what
//! `tandem test` uses, and the yardstick for the others. Not here: files, threads, limits (tandem-data's replay).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Micros, Value};
use tandem_engine::{Admission, Change, Key, Late, Ledger, Moment, Plan, Record, State, Texts, versions};

use super::{Case, LogRecord, Observation, Way};

/// One pass over the log, in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemory;

/// What happens next in the order of arrival.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A record of the source (index in the project) at the position arrives.
    Record(usize, u64, &'a LogRecord),
    /// More of a record that arrived before becomes known at this time: a field arrives later than its record.
    Later(usize, u64, &'a LogRecord, Micros),
    /// The observation of this index is asked about.
    Ask(usize, &'a Observation),
}

/// The records and observations of a case in the order of arrival. At one instant observations come before records:
/// a record counts only after its arrival. As corrected, everything is known before anybody asks.
pub fn timeline<'a>(case: &'a Case<'_>) -> Vec<Step<'a>> {
    let asks = case.observations.iter().enumerate().map(|(i, o)| Step::Ask(i, o));
    let mut steps: Vec<Step<'a>> = asks.collect();
    for log in &case.logs {
        let source = &case.project.sources[log.source];
        let late = Late::among(source, &(0..source.fields.len()).collect::<Vec<_>>());
        for (record, position) in log.records.iter().zip(0..) {
            steps.push(Step::Record(log.source, position, record));
            let fields: Vec<Datum<'_>> = record.fields.iter().map(Value::as_datum).collect();
            let later = versions(&late, record.arrival, &fields).into_iter().skip(1);
            steps.extend(later.map(|from| Step::Later(log.source, position, record, from)));
        }
    }
    steps.sort_by_key(|step| match step {
        Step::Ask(index, o) => (if case.as_corrected { Micros::MAX } else { o.at }, 0, *index as u64, 0),
        Step::Record(source, position, r) => (r.arrival, 1, *position, *source),
        Step::Later(source, position, _, from) => (*from, 1, *position, *source),
    });
    steps
}

/// The states of every entity, and what has been admitted of every source. It can be put away and read back anywhere.
#[derive(Default, Serialize, Deserialize)]
pub struct Fold {
    /// The states, by slot of the plan and key.
    pub states: BTreeMap<(usize, Key), State>,
    /// What the states refer to.
    texts: Texts,
    admissions: BTreeMap<usize, Admission>,
    ledgers: BTreeMap<usize, Ledger>,
    /// The records that were ignored as repeated, by source and position.
    pub repeated: BTreeSet<(usize, u64)>,
}

impl Fold {
    /// Takes in what a step of the timeline makes known; an observation makes nothing known. Records of sources that no
    /// feature reads have no place in the plan.
    pub fn take(&mut self, plan: &Plan, case: &Case<'_>, step: Step<'_>) {
        match step {
            Step::Ask(..) => {}
            Step::Record(source, position, record) => {
                if plan.sources().contains(&source) && self.admit(case, source, position, record) {
                    self.apply(plan, source, position, record, record.arrival);
                }
            }
            Step::Later(source, position, record, by) => {
                if plan.sources().contains(&source) && !self.repeated.contains(&(source, position)) {
                    self.change(plan, source, position, record, |ledger, record, each| {
                        ledger.reveal(plan, record, by, each);
                    });
                }
            }
        }
    }

    /// Whether a record is to be applied; `false` when it repeats an identity of a source that does not correct.
    pub fn admit(&mut self, case: &Case<'_>, source: usize, position: u64, record: &LogRecord) -> bool {
        let declared = &case.project.sources[source];
        let identity: Vec<Datum<'_>> = declared.identity.iter().map(|f| record.fields[*f].as_datum()).collect();
        let new = declared.corrects || self.admissions.entry(source).or_default().admit(&identity);
        if !new {
            self.repeated.insert((source, position));
        }
        new
    }

    /// Applies what is known by a time of an admitted record to every entity that it touches, in place of what it corrects.
    pub fn apply(&mut self, plan: &Plan, source: usize, position: u64, record: &LogRecord, by: Micros) {
        self.change(plan, source, position, record, |ledger, record, each| {
            ledger.arrive(plan, record, by, each);
        });
    }

    fn change(
        &mut self,
        plan: &Plan,
        source: usize,
        position: u64,
        record: &LogRecord,
        how: impl FnOnce(&mut Ledger, &Record<'_>, &mut dyn FnMut(usize, Key, Change<'_>)),
    ) {
        let Self { states, texts, ledgers, .. } = self;
        let fields: Vec<Datum<'_>> = plan.fields(source).iter().map(|f| record.fields[*f].as_datum()).collect();
        let record = Record { source, position, event: record.event, arrival: record.arrival, fields: &fields };
        how(ledgers.entry(source).or_default(), &record, &mut |slot, key, change| {
            change.make(plan, texts, slot, states.entry((slot, key)).or_default());
        });
    }

    /// The features of an observation, from what has been applied.
    pub fn features(&self, plan: &Plan, observation: &Observation) -> Vec<Value> {
        let keys = plan.entities().iter().map(|e| observation.keys[*e].as_ref());
        let keys: Vec<Option<Key>> = keys.map(|k| k.map(|k| Key(k.clone().into()))).collect();
        let state = |slot: usize, key: &Key| self.states.get(&(slot, key.clone())).map(Cow::Borrowed);
        let request = plan.request_fields().iter().map(|r| observation.request[*r].as_datum());
        let request: Vec<Datum<'_>> = request.collect();
        plan.features(&keys, state, &self.texts, &Moment { at: observation.at, request: &request })
    }
}

impl Way for InMemory {
    fn name(&self) -> String {
        "in memory".to_owned()
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        let plan = Plan::compile(case.project, &case.features);
        let mut fold = Fold::default();
        let mut values = vec![Vec::new(); case.observations.len()];
        for step in timeline(case) {
            match step {
                Step::Ask(index, observation) => values[index] = fold.features(&plan, observation),
                known => fold.take(&plan, case, known),
            }
        }
        Ok(values)
    }
}
