//! From the aggregates of each entity to the outputs, in the order of the asks.
//!
//! A feature that is a lone aggregation is its aggregate's column as it is; every other one is computed row by row by the
//! engine. Not here: the aggregates themselves (`walk.rs`).

use std::ops::Range;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::{concat::concat, take::take};
use tandem_definitions::{Datum, Project, Value};
use tandem_engine::Plan;

use crate::read::Builder;
use crate::table::{Column, array_of, value};

use super::{Asks, join, of_five_types};

/// The aggregates of some asks, while they are folded.
pub(super) struct Drafts {
    asks: Vec<u32>,
    columns: Vec<Builder>,
}

/// The aggregates of some asks of one slot.
pub(super) struct Folded {
    asks: Vec<u32>,
    columns: Vec<ArrayRef>,
}

impl Drafts {
    /// For about so many asks.
    pub fn new(plan: &Plan, slot: usize, about: usize) -> Self {
        let columns = plan.aggregate_types(slot).map(|ty| Builder::new(ty, about)).collect();
        Self { asks: Vec::with_capacity(about), columns }
    }

    /// Adds the aggregates of an ask.
    ///
    /// # Panics
    /// When one is not of its type, which is our own mistake.
    pub fn push(&mut self, ask: u32, aggregates: &[Value]) {
        self.asks.push(ask);
        for (column, value) in self.columns.iter_mut().zip(aggregates) {
            assert!(
                column.push(value.as_datum()),
                "an aggregate of another type than its plan says: please report this"
            );
        }
    }

    pub fn finish(mut self) -> Folded {
        Folded { asks: self.asks, columns: self.columns.iter_mut().map(Builder::finish).collect() }
    }
}

/// A slot's aggregates in the order of the asks.
pub(super) fn in_order(folded: &[Folded], asks: usize, threads: usize) -> Vec<ArrayRef> {
    let mut places = vec![0u32; asks];
    folded.iter().flat_map(|f| &f.asks).zip(0..).for_each(|(&ask, place)| places[ask as usize] = place);
    let places = UInt32Array::from(places);
    let columns = folded.first().map_or(0, |f| f.columns.len());
    let one = |c: usize| {
        let pieces: Vec<&dyn Array> = folded.iter().map(|f| f.columns[c].as_ref()).collect();
        let whole = concat(&pieces).expect("pieces of one column");
        take(&whole, &places, None).expect("every ask was folded")
    };
    shared(columns, threads, one)
}

/// The outputs, from the aggregates of all slots one after the other.
pub(super) fn conclude(plan: &Plan, aggregates: &[ArrayRef], asks: &Asks, threads: usize) -> Vec<ArrayRef> {
    let outputs = plan.outputs();
    let computed: Vec<usize> = (0..outputs.len()).filter(|&o| plan.lone_aggregate(o).is_none()).collect();
    let mut values =
        if computed.is_empty() { Vec::new() } else { compute(plan, &computed, aggregates, asks, threads) }.into_iter();
    let output = |o| plan.lone_aggregate(o).map(|a| ArrayRef::clone(&aggregates[a])).or_else(|| values.next());
    (0..outputs.len()).map_while(output).collect()
}

/// The keys of the parents that a slot is about, a column for each part, from the aggregates of the slots before it.
pub(super) fn parents(
    project: &Project,
    plan: &Plan,
    slot: usize,
    aggregates: &[ArrayRef],
    asks: &Asks,
) -> Vec<ArrayRef> {
    let request = of_five_types(&asks.request);
    let columns: Vec<Given<'_>> = aggregates.iter().map(|column| Given::new(column, 0..asks.at.len())).collect();
    let parts = &project.entities[plan.entity(slot)].keys;
    let mut keys: Vec<Vec<Value>> = vec![Vec::with_capacity(asks.at.len()); parts.len()];
    for row in 0..asks.at.len() {
        // What is not folded yet is not looked at.
        let mut known: Vec<Datum<'_>> = columns.iter().map(|column| column.get(row)).collect();
        known.resize(plan.aggregate_count(), Datum::Null);
        let told: Vec<Datum<'_>> = request.iter().map(|column| column.get(row)).collect();
        let key = plan.parent(slot, &known, &told);
        for (part, column) in keys.iter_mut().enumerate() {
            column.push(key.as_ref().map_or(Value::Null, |key| key.0[part].clone()));
        }
    }
    parts.iter().zip(&keys).map(|(part, values)| array_of(part.ty, values)).collect()
}

/// The outputs that are computed, in chunks of rows shared among threads.
fn compute(plan: &Plan, wanted: &[usize], aggregates: &[ArrayRef], asks: &Asks, threads: usize) -> Vec<ArrayRef> {
    let rows = asks.at.len();
    let request = of_five_types(&asks.request);
    let chunk = rows.div_ceil(threads.max(1)).max(1);
    let one = |index: usize| {
        let range = index * chunk..((index + 1) * chunk).min(rows);
        let columns: Vec<Given<'_>> = aggregates.iter().map(|column| Given::new(column, range.clone())).collect();
        let mut out: Vec<Vec<Value>> = wanted.iter().map(|_| Vec::with_capacity(range.len())).collect();
        let (mut given, mut told, mut values): (Vec<Datum<'_>>, Vec<Datum<'_>>, Vec<Value>) = Default::default();
        for row in range {
            given.clear();
            given.extend(columns.iter().map(|column| column.get(row)));
            told.clear();
            told.extend(request.iter().map(|column| column.get(row)));
            values.clear();
            plan.conclude(&given, &told, &mut values);
            for (column, &output) in out.iter_mut().zip(wanted) {
                column.push(std::mem::replace(&mut values[output], Value::Null));
            }
        }
        out
    };
    let chunks = shared(rows.div_ceil(chunk), threads, one);
    let column = |(i, &output): (usize, &usize)| {
        let values: Vec<Value> = chunks.iter().flat_map(|chunk| chunk[i].iter().cloned()).collect();
        array_of(plan.outputs()[output].ty, &values)
    };
    wanted.iter().enumerate().map(column).collect()
}

/// A column of aggregates, to be read by row; lists and maps are taken out of theirs first.
enum Given<'a> {
    Single(Column<'a>),
    Nested(usize, Vec<Value>),
}

impl<'a> Given<'a> {
    fn new(column: &'a ArrayRef, rows: Range<usize>) -> Self {
        match Column::new(column) {
            Some(single) => Self::Single(single),
            None => Self::Nested(rows.start, rows.map(|row| value(column, row)).collect()),
        }
    }

    fn get(&self, row: usize) -> Datum<'_> {
        match self {
            Self::Single(column) => column.get(row),
            Self::Nested(start, values) => values[row - start].as_datum(),
        }
    }
}

/// How often each of the plan's caps on categories was reached, of those that were: the feature, and of how many asks its
/// value is null for that.
pub(super) fn over_the_cap(plan: &Plan, aggregates: &[ArrayRef]) -> Vec<(usize, u64)> {
    let nulls = plan.capped().iter().map(|capped| (capped.feature, aggregates[capped.aggregate].null_count() as u64));
    nulls.filter(|(_, count)| *count > 0).collect()
}

/// `one(0)`, `one(1)`, … up to `count`, shared among threads.
fn shared<T: Send>(count: usize, threads: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = threads.clamp(1, count.max(1));
    let mut shares: Vec<std::vec::IntoIter<T>> = std::thread::scope(|scope| {
        let one = &one;
        let work = |thread: usize| scope.spawn(move || (thread..count).step_by(threads).map(one).collect::<Vec<T>>());
        let handles: Vec<_> = (0..threads).map(work).collect();
        handles.into_iter().map(|handle| join(handle).into_iter()).collect()
    });
    (0..count).filter_map(|i| shares[i % threads].next()).collect()
}
