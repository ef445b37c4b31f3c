//! A virtual production: the log of a case as a service lives through it. It is stopped without a word and goes on from
//! the last checkpoint that happens to be there; whoever was not sure that a record had come in sends it again; and people
//! ask about anything in between, often twice. None of it may change a bit of any answer.
//!
//! [`Production`] keeps everything in memory, for thousands of cases. The durable log, with torn ends, is a way through
//! files (`disk.rs`). Not here: HTTP (the server's own tests).

use tandem_definitions::Value;
use tandem_engine::Plan;
use tandem_project::scenario::{Case, Fold, LogRecord, Observation, Step, Way, timeline};

/// Draws what happens: a linear congruential generator (Knuth's constants), the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Another course of events for each seed and each case.
    pub fn new(seed: u64, case: &Case<'_>) -> Self {
        let records: usize = case.logs.iter().map(|log| log.records.len()).sum();
        let mut random = Self(seed ^ ((records as u64) << 32) ^ ((case.observations.len() as u64) << 16));
        random.below(2); // neighbouring seeds begin alike
        random
    }

    /// A number below `n`, which must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * n as u128) >> 64) as usize
    }
}

/// One course of events.
#[derive(Clone, Copy, Debug)]
pub struct Production {
    /// What it is drawn from.
    pub seed: u64,
}

/// Some courses of events.
pub fn ways() -> Vec<Box<dyn Way>> {
    (1..=3).map(|seed| Box::new(Production { seed }) as Box<dyn Way>).collect()
}

impl Way for Production {
    fn name(&self) -> String {
        format!("in production (seed {})", self.seed)
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        let mut service = Service::new(self.seed, case);
        let mut values = vec![Vec::new(); case.observations.len()];
        for step in timeline(case) {
            service.something_happens()?;
            match step {
                Step::Ask(index, observation) => values[index] = service.answer(observation)?,
                known => service.deliver(known),
            }
        }
        Ok(values)
    }
}

struct Service<'a> {
    case: &'a Case<'a>,
    plan: Plan,
    random: Random,
    /// What is on the disk: every record that was acknowledged, in the order of arrival (and of what arrived of it later).
    log: Vec<Step<'a>>,
    /// The last checkpoint, and how much of the log it holds.
    checkpoint: Option<(Vec<u8>, usize)>,
    /// What is in memory.
    fold: Fold,
}

impl<'a> Service<'a> {
    fn new(seed: u64, case: &'a Case<'a>) -> Self {
        let (plan, random) = (Plan::compile(case.project, &case.features), Random::new(seed, case));
        Self { case, plan, random, log: Vec::new(), checkpoint: None, fold: Fold::default() }
    }

    fn deliver(&mut self, known: Step<'a>) {
        self.log.push(known);
        self.fold.take(&self.plan, self.case, known);
    }

    fn answer(&mut self, observation: &Observation) -> Result<Vec<Value>, String> {
        let values = self.fold.features(&self.plan, observation);
        self.somebody_asks();
        let again = self.fold.features(&self.plan, observation);
        let same = values.iter().zip(&again).all(|(one, other)| one.same_bits(other));
        if same { Ok(values) } else { Err(format!("asked twice: first {values:?}, then {again:?}")) }
    }

    /// Mostly nothing.
    fn something_happens(&mut self) -> Result<(), String> {
        match self.random.below(10) {
            0 => self.put_away(),
            1 => self.restart(),
            2 => {
                self.send_again();
                Ok(())
            }
            3 => {
                self.somebody_asks();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn put_away(&mut self) -> Result<(), String> {
        let bytes = postcard::to_stdvec(&self.fold).map_err(|e| format!("cannot put a checkpoint away: {e}"))?;
        self.checkpoint = Some((bytes, self.log.len()));
        Ok(())
    }

    /// The memory is gone; the checkpoint, if there is one and it is not lost as well, and the log behind it are not.
    fn restart(&mut self) -> Result<(), String> {
        if self.random.below(4) == 0 {
            self.checkpoint = None;
        }
        let held = match &self.checkpoint {
            Some((bytes, held)) => {
                self.fold = postcard::from_bytes(bytes).map_err(|e| format!("cannot read a checkpoint: {e}"))?;
                *held
            }
            None => {
                self.fold = Fold::default();
                0
            }
        };
        for known in &self.log[held..] {
            self.fold.take(&self.plan, self.case, *known);
        }
        Ok(())
    }

    /// Sends some of the last records once more. Only where an identity tells that it is the same one, and where the same
    /// one again does not correct the first.
    fn send_again(&mut self) {
        let known_by_identity = |source: usize, record: &LogRecord| {
            let source = &self.case.project.sources[source];
            let whole = source.identity.iter().all(|field| !record.fields[*field].is_null());
            whole && !source.identity.is_empty() && !source.corrects
        };
        let again = |known: &Step<'a>| match *known {
            Step::Record(source, _, record) if known_by_identity(source, record) => Some((source, record)),
            _ => None,
        };
        let last: Vec<(usize, &LogRecord)> = self.log.iter().rev().take(5).filter_map(again).collect();
        for (source, record) in last {
            // Behind all that the log will ever hold: a place of its own, and the last one.
            let position = u64::MAX - self.log.len() as u64;
            self.deliver(Step::Record(source, position, record));
        }
    }

    fn somebody_asks(&mut self) {
        if !self.case.observations.is_empty() {
            let which = self.random.below(self.case.observations.len());
            let mut observation = self.case.observations[which].clone();
            observation.at += self.random.below(2_000_000_000) as i64 * 1_000;
            self.fold.features(&self.plan, &observation);
        }
    }
}
