//! How a record lies among the rows of a partition: as words, one row after the other, all of a lane of one width.
//!
//! A lane is a source seen from one kind of entity. Most lanes' rows are records that count from their arrival on. A lane
//! whose records change after they arrived (a source that corrects, a field that arrives later) has operations instead:
//! apply, replace, remove, each from a time and a position on. Not here: which rows there are (`scatter.rs`).

use std::ops::Range;

use tandem_definitions::{Arrival, Micros, Project, Source};
use tandem_engine::{Measuring, Plan};

/// Where things stand in a row.
pub(super) const WHO: usize = 0;
pub(super) const EVENT: usize = 1;
/// Only in lanes whose records change.
pub(super) const KIND: usize = 2;
pub(super) const FROM: usize = 3;
pub(super) const FROM_POSITION: usize = 4;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The record counts.
    Apply,
    /// A field of the record became known: it counts with it, and no longer without.
    Replace,
    /// A later record of the same identity has replaced or removed it: it never counts again.
    Remove,
}

impl Kind {
    pub fn word(self) -> u64 {
        self as u64
    }

    pub fn of(word: u64) -> Self {
        match word {
            0 => Self::Apply,
            1 => Self::Replace,
            _ => Self::Remove,
        }
    }
}

/// How a row tells its arrival time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arrives {
    /// It stands at this place.
    At(usize),
    /// It is so long after the event.
    After(Micros),
}

/// A source seen from one kind of entity, and how its rows are laid out.
#[derive(Debug)]
pub(super) struct Lane {
    /// The source's index in the plan, and in the project.
    pub s: usize,
    pub source: usize,
    pub slot: usize,
    /// How each measure comes about.
    pub measures: Vec<Measuring>,
    /// Where the arrival time stands, if it does not follow the event by a fixed time.
    pub arrival: Arrives,
    /// For each measure where its word stands; `None` for one that is 1 wherever it is not null.
    pub words: Vec<Option<usize>>,
    /// Where the bits of nulls begin, and how many words they take.
    pub nulls: (usize, usize),
    /// Whether its rows are operations.
    pub changes: bool,
    pub width: usize,
}

impl Lane {
    /// The lanes of some slots of a plan.
    pub fn of(project: &Project, plan: &Plan, slots: Range<usize>) -> Vec<Self> {
        let mut lanes = Vec::new();
        for (s, &source) in plan.sources().iter().enumerate() {
            for slot in slots.clone() {
                if plan.touches(source).iter().any(|touch| touch.slot == slot) {
                    lanes.push(Self::new(&project.sources[source], plan, (s, source, slot)));
                }
            }
        }
        lanes
    }

    fn new(declared: &Source, plan: &Plan, (s, source, slot): (usize, usize, usize)) -> Self {
        let changes = declared.corrects || !plan.changing(source).late.is_empty();
        let measures: Vec<Measuring> = plan.measures(slot, source).collect();
        let first = if changes { FROM_POSITION + 1 } else { EVENT + 1 };
        let (arrival, first) = match declared.arrival {
            Arrival::Assumed { delay } => (Arrives::After(delay), first),
            _ => (Arrives::At(first), first + 1),
        };
        let nulls = (first, measures.len().div_ceil(64));
        let mut width = nulls.0 + nulls.1;
        let words = measures.iter().map(|measure| {
            let kept = !matches!(measure, Measuring::Always | Measuring::Where);
            width += usize::from(kept);
            kept.then(|| width - 1)
        });
        let words = words.collect();
        Self { s, source, slot, measures, arrival, words, nulls, changes, width }
    }

    /// When a row's record arrived.
    pub fn arrival(&self, row: &[u64]) -> Micros {
        match self.arrival {
            Arrives::At(at) => row[at] as Micros,
            Arrives::After(delay) => (row[EVENT] as Micros).saturating_add(delay),
        }
    }
}

/// The word of an entity's number and a record's place in its part.
///
/// # Panics
/// When a part has 2^32 records or more, which is more than is read in one part of a log.
pub(super) fn who(number: u32, row: u64) -> u64 {
    let row = u32::try_from(row).expect("a part of a log has fewer than 2^32 records: please report this");
    u64::from(number) << 32 | u64::from(row)
}

pub(super) fn number(row: &[u64]) -> u32 {
    (row[WHO] >> 32) as u32
}

pub(super) fn place(row: &[u64]) -> u64 {
    row[WHO] & 0xffff_ffff
}
