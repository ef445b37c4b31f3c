//! The ways to turn a log into values that need nothing but memory. Each must give the oracle's bits.
//! Not here: the replay from files (`disk.rs`) and HTTP (the server's own tests).

use tandem_definitions::{Micros, Value};
use tandem_engine::Plan;
use tandem_project::scenario::{Case, Fold, InMemory, Step, Way, timeline};

/// Every way in memory, by name.
pub fn in_memory() -> Vec<Box<dyn Way>> {
    vec![
        Box::new(InMemory),
        Box::new(RecordByRecord),
        Box::new(FromCheckpoints),
        Box::new(Shuffled { seed: 1 }),
        Box::new(Shuffled { seed: 2 }),
    ]
}

/// Asks about every observation after every single record: reads change nothing.
#[derive(Clone, Copy, Debug)]
pub struct RecordByRecord;

impl Way for RecordByRecord {
    fn name(&self) -> String {
        "record by record, asking between".to_owned()
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        walk(case, |plan, fold| {
            for observation in &case.observations {
                fold.features(plan, observation);
            }
            Ok(())
        })
    }
}

/// Puts everything away after every single record, and goes on from what was put away.
#[derive(Clone, Copy, Debug)]
pub struct FromCheckpoints;

impl Way for FromCheckpoints {
    fn name(&self) -> String {
        "from a checkpoint at every position".to_owned()
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        walk(case, |_, fold| {
            let bytes = postcard::to_stdvec(&*fold).map_err(|e| format!("cannot put a checkpoint away: {e}"))?;
            *fold = postcard::from_bytes(&bytes).map_err(|e| format!("cannot read a checkpoint: {e}"))?;
            Ok(())
        })
    }
}

/// One pass in the order of arrival, with something done after every record.
fn walk(
    case: &Case<'_>,
    mut after: impl FnMut(&Plan, &mut Fold) -> Result<(), String>,
) -> Result<Vec<Vec<Value>>, String> {
    let plan = Plan::compile(case.project, &case.features);
    let mut fold = Fold::default();
    let mut values = vec![Vec::new(); case.observations.len()];
    for step in timeline(case) {
        match step {
            Step::Ask(index, observation) => values[index] = fold.features(&plan, observation),
            known => {
                fold.take(&plan, case, known);
                after(&plan, &mut fold)?;
            }
        }
    }
    Ok(values)
}

/// For each observation on its own, applies what was known by then in a shuffled order.
#[derive(Clone, Copy, Debug)]
pub struct Shuffled {
    /// What the order is drawn from.
    pub seed: u64,
}

impl Way for Shuffled {
    fn name(&self) -> String {
        format!("shuffled (seed {})", self.seed)
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        let plan = Plan::compile(case.project, &case.features);
        let mut random = self.seed;
        let mut values = vec![Vec::new(); case.observations.len()];
        let steps = timeline(case);
        for (here, step) in steps.iter().enumerate() {
            let Step::Ask(index, observation) = step else { continue };
            let mut fold = Fold::default();
            let mut known = Vec::new();
            for step in &steps[..here] {
                if let Step::Record(source, position, record) = step
                    && plan.sources().contains(source)
                    && fold.admit(case, *source, *position, record)
                {
                    known.push((*source, *position, *record));
                }
            }
            shuffle(&mut known, &mut random);
            // Of a version that arrives late itself, what is known now is known at once.
            let by = if case.as_corrected { Micros::MAX } else { observation.at - 1 };
            for (source, position, record) in known {
                fold.apply(&plan, source, position, record, by);
            }
            values[*index] = fold.features(&plan, observation);
        }
        Ok(values)
    }
}

/// Fisher and Yates, drawing from a linear congruential generator (Knuth's constants): good enough to mix, and the same
/// everywhere.
fn shuffle<T>(items: &mut [T], random: &mut u64) {
    for i in (1..items.len()).rev() {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(i, ((*random >> 33) % (i as u64 + 1)) as usize);
    }
}
