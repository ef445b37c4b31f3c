//! The shortest driver around the engine: one pass over the log in memory, in the order of arrival. It is what
//! `tandem test` uses, and the yardstick for the others. Not here: files, threads, limits (tandem-data's replay).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Value};
use tandem_engine::{Admission, Key, Moment, Plan, Record, State, Texts};

use super::{Case, LogRecord, Observation, Way};

/// One pass over the log, in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemory;

/// What happens next in the order of arrival.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A record of the source (index in the project) at the position arrives.
    Record(usize, u64, &'a LogRecord),
    /// The observation of this index is asked about.
    Ask(usize, &'a Observation),
}

/// The records and observations of a case in the order of arrival. At one instant observations come before records:
/// a record counts only after its arrival.
pub fn timeline<'a>(case: &'a Case<'_>) -> Vec<Step<'a>> {
    let records = case
        .logs
        .iter()
        .flat_map(|log| log.records.iter().zip(0..).map(|(r, position)| Step::Record(log.source, position, r)));
    let asks = case.observations.iter().enumerate().map(|(i, o)| Step::Ask(i, o));
    let mut steps: Vec<Step<'a>> = asks.chain(records).collect();
    steps.sort_by_key(|step| match step {
        Step::Ask(index, o) => (o.at, 0, *index as u64, 0),
        Step::Record(source, position, r) => (r.arrival, 1, *position, *source),
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
    /// How many records were ignored as repeated.
    pub repeated: usize,
}

impl Fold {
    /// Admits and applies a record. Records of sources that no feature reads have no place in the plan.
    pub fn take(&mut self, plan: &Plan, case: &Case<'_>, source: usize, position: u64, record: &LogRecord) {
        if plan.sources().contains(&source) && self.admit(case, source, record) {
            self.apply(plan, source, position, record);
        }
    }

    /// Whether a record is to be applied; `false` when its identity has been seen before.
    pub fn admit(&mut self, case: &Case<'_>, source: usize, record: &LogRecord) -> bool {
        let identity = &case.project.sources[source].identity;
        let identity: Vec<Datum<'_>> = identity.iter().map(|f| record.fields[*f].as_datum()).collect();
        let new = identity.is_empty() || self.admissions.entry(source).or_default().admit(&identity);
        self.repeated += usize::from(!new);
        new
    }

    /// Applies an admitted record to every entity that it touches.
    pub fn apply(&mut self, plan: &Plan, source: usize, position: u64, record: &LogRecord) {
        let fields: Vec<Datum<'_>> = plan.fields(source).iter().map(|f| record.fields[*f].as_datum()).collect();
        let record = Record { source, position, event: record.event, arrival: record.arrival, fields: &fields };
        let Self { states, texts, .. } = self;
        plan.route(&record, |slot, key| {
            if let Some(key) = key {
                states.entry((slot, key)).or_default().apply(plan, texts, slot, &record);
            }
        });
    }

    /// The features of an observation, from what has been applied.
    pub fn features(&self, plan: &Plan, observation: &Observation) -> Vec<Value> {
        let keys = plan.entities().iter().map(|e| observation.keys[*e].as_ref());
        let keys: Vec<Option<Key>> = keys.map(|k| k.map(|k| Key(k.clone().into()))).collect();
        let states = keys.into_iter().enumerate().map(|(slot, key)| self.states.get(&(slot, key?)));
        let states: Vec<Option<&State>> = states.collect();
        let request = plan.request_fields().iter().map(|r| observation.request[*r].as_datum());
        let request: Vec<Datum<'_>> = request.collect();
        plan.features(&states, &self.texts, &Moment { at: observation.at, request: &request })
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
                Step::Record(source, position, record) => fold.take(&plan, case, source, position, record),
            }
        }
        Ok(values)
    }
}
