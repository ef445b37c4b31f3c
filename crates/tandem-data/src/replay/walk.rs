//! Walks through the records and the asks of each entity together, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use tandem_definitions::{Datum, Value};
use tandem_engine::{Plan, Record, State, Texts};

use crate::table::Column;

use super::keys::{KeyIndex, NOBODY};
use super::log::{Chunk, Loaded};
use super::{Asks, Known, join, of_five_types};

/// About how many records and asks a thread takes at once.
const SHARE: usize = 20_000;

/// The aggregates of some asks, one after the other.
pub(super) struct Folded {
    asks: Vec<u32>,
    values: Vec<Value>,
}

impl Folded {
    /// Each ask with its aggregates.
    pub fn asks(&self, width: usize) -> impl Iterator<Item = (usize, &[Value])> {
        self.asks.iter().enumerate().map(move |(i, &ask)| (ask as usize, &self.values[i * width..(i + 1) * width]))
    }
}

/// The items of each entity, by its number: a counting sort, which keeps their order.
struct Groups<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy + Default> Groups<T> {
    fn new(len: usize, each: impl Fn(&mut dyn FnMut(u32, T))) -> Self {
        let mut starts = vec![0u32; len + 2];
        each(&mut |number, _| starts[number as usize + 2] += 1);
        for i in 2..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut items = vec![T::default(); starts[len + 1] as usize];
        each(&mut |number, item| {
            let place = &mut starts[number as usize + 1];
            items[*place as usize] = item;
            *place += 1;
        });
        Self { starts, items }
    }

    fn of(&self, number: usize) -> &[T] {
        &self.items[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

/// Where a record lies: its chunk and its row there.
type Place = (u32, u32);

/// A source seen from one kind of entity.
struct Lane<'l> {
    /// The source's index in the plan, and in the project.
    slot: usize,
    source: usize,
    chunks: &'l [Chunk],
    columns: Vec<Vec<Column<'l>>>,
    records: Groups<Place>,
}

/// The aggregates of every ask about a slot's entities that falls to this pass.
pub(super) fn walk(
    plan: &Plan,
    slot: usize,
    loaded: &Loaded,
    index: &KeyIndex,
    asks: &Asks,
    (pass, of): (usize, usize),
    threads: usize,
) -> Vec<Folded> {
    let lanes: Vec<Lane<'_>> =
        (0..plan.sources().len()).filter_map(|s| Lane::new(plan, slot, s, loaded, index)).collect();
    let grouped: Groups<u32> = Groups::new(index.len, |each| {
        for (ask, &number) in index.asks.iter().enumerate() {
            if number != NOBODY && number as usize % of == pass {
                each(number, ask as u32);
            }
        }
    });
    let shares = shares(index.len, &lanes, &grouped);
    let next = AtomicUsize::new(0);
    let mut folded = Vec::new();
    if pass == 0 {
        folded.push(nobodys(plan, slot, index, asks));
    }
    std::thread::scope(|scope| {
        let work = || {
            let (state, texts) = (State::default(), Texts::default());
            let mut walker = Walker { plan, slot, lanes: &lanes, asks, state, texts, done: Vec::new() };
            while let Some(window) = shares.get(next.fetch_add(1, Ordering::Relaxed)..).and_then(|s| s.get(..2)) {
                walker.share(&grouped, window[0], window[1]);
            }
            walker.done
        };
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        folded.extend(handles.into_iter().flat_map(join));
    });
    folded
}

/// The asks about nobody: a key with a null part has no records.
fn nobodys(plan: &Plan, slot: usize, index: &KeyIndex, asks: &Asks) -> Folded {
    let width = plan.aggregates(slot);
    let nobody = index.asks.iter().enumerate().filter(|(_, number)| **number == NOBODY);
    let mut folded = Folded { asks: nobody.map(|(ask, _)| ask as u32).collect(), values: Vec::new() };
    folded.values.resize(folded.asks.len() * width, Value::Null);
    if width > 0 {
        for (ask, values) in folded.asks.iter().zip(folded.values.chunks_exact_mut(width)) {
            plan.fold(slot, None, &Texts::default(), asks.at[*ask as usize], values);
        }
    }
    folded
}

/// The bounds of shares of about equal work.
fn shares(entities: usize, lanes: &[Lane<'_>], asks: &Groups<u32>) -> Vec<usize> {
    let mut bounds = vec![0];
    let mut work = 0;
    for number in 0..entities {
        work += asks.of(number).len() + lanes.iter().map(|lane| lane.records.of(number).len()).sum::<usize>();
        if work >= SHARE {
            bounds.push(number + 1);
            work = 0;
        }
    }
    if bounds.last() != Some(&entities) {
        bounds.push(entities);
    }
    bounds
}

impl<'l> Lane<'l> {
    /// `None` when the source's records do not touch the slot's entities.
    fn new(plan: &Plan, slot: usize, s: usize, loaded: &'l Loaded, index: &KeyIndex) -> Option<Self> {
        let source = plan.sources()[s];
        let touches: Vec<usize> =
            plan.touches(source).iter().enumerate().filter(|(_, t)| t.slot == slot).map(|(i, _)| i).collect();
        if touches.is_empty() {
            return None;
        }
        let chunks = &loaded.chunks[s];
        let records = Groups::new(index.len, |each| {
            for (c, chunk) in chunks.iter().enumerate() {
                for row in 0..chunk.position.len() {
                    for &touch in &touches {
                        let number = chunk.touched[touch][row];
                        if number != NOBODY {
                            each(number, (c as u32, row as u32));
                        }
                    }
                }
            }
        });
        let columns = chunks.iter().map(|chunk| of_five_types(&chunk.columns)).collect();
        Some(Self { slot: s, source, chunks, columns, records })
    }

    fn arrival(&self, place: Place) -> i64 {
        self.chunks[place.0 as usize].arrival[place.1 as usize]
    }

    fn position(&self, place: Place) -> u64 {
        self.chunks[place.0 as usize].position[place.1 as usize]
    }
}

/// One thread's work: a state that is used for one entity after the other.
struct Walker<'w> {
    plan: &'w Plan,
    slot: usize,
    lanes: &'w [Lane<'w>],
    asks: &'w Asks,
    state: State,
    texts: Texts,
    done: Vec<Folded>,
}

impl<'w> Walker<'w> {
    /// The entities from `from` up to and without `to`.
    fn share(&mut self, grouped: &Groups<u32>, from: usize, to: usize) {
        let width = self.plan.aggregates(self.slot);
        let mut folded = Folded { asks: Vec::new(), values: Vec::new() };
        for number in from..to {
            let mut order = grouped.of(number).to_vec();
            if order.is_empty() {
                continue;
            }
            match &self.asks.known {
                Known::Arrived => order.sort_by_key(|&ask| self.asks.at[ask as usize]),
                // A server's positions only grow, so their sum is the order in which it answered.
                Known::Positions(applied) => {
                    let taken = |ask: u32| applied.iter().map(|p| p[ask as usize]).sum::<u64>();
                    order.sort_by_key(|&ask| (taken(ask), self.asks.at[ask as usize]));
                }
                Known::Everything => {}
            }
            self.entity(number, &order, width, &mut folded);
        }
        self.done.push(folded);
    }

    fn entity(&mut self, number: usize, order: &[u32], width: usize, folded: &mut Folded) {
        self.state.clear();
        let mut waiting: Vec<std::vec::IntoIter<Place>> = Vec::with_capacity(self.lanes.len());
        let mut heads: Vec<Option<Place>> = Vec::with_capacity(self.lanes.len());
        for lane in self.lanes {
            let mut records = lane.records.of(number).to_vec();
            // In log order; a log is in order of arrival, but for clocks and files that are not.
            if matches!(self.asks.known, Known::Arrived) && !records.is_sorted_by_key(|&p| lane.arrival(p)) {
                records.sort_by_key(|&p| lane.arrival(p));
            }
            let mut records = records.into_iter();
            heads.push(records.next());
            waiting.push(records);
        }
        let lanes = self.lanes;
        let by_position = matches!(self.asks.known, Known::Positions(_));
        let mut fields: Vec<Datum<'w>> = Vec::new();
        let mut held: Vec<(usize, Place)> = Vec::new();
        // By position only: what was applied, and the latest arrival of it.
        let mut applied: Vec<(usize, Place)> = Vec::new();
        let mut latest = i64::MIN;
        for &ask in order {
            let at = self.asks.at[ask as usize];
            if latest >= at {
                // Asked as of an earlier instant than somebody before: what arrived since is not known again.
                self.state.clear();
                held.append(&mut applied);
                latest = i64::MIN;
            }
            for (i, lane) in lanes.iter().enumerate() {
                while let Some(place) = heads[i] {
                    let known = match &self.asks.known {
                        Known::Arrived => lane.arrival(place) < at,
                        Known::Positions(applied) => lane.position(place) < applied[lane.slot][ask as usize],
                        Known::Everything => true,
                    };
                    if !known {
                        break;
                    }
                    heads[i] = waiting[i].next();
                    if by_position {
                        held.push((i, place));
                    } else {
                        self.apply(lane, place, &mut fields);
                    }
                }
            }
            held.retain(|&(i, place)| {
                let due = lanes[i].arrival(place) < at;
                if due {
                    self.apply(&lanes[i], place, &mut fields);
                    applied.push((i, place));
                    latest = latest.max(lanes[i].arrival(place));
                }
                !due
            });
            let start = folded.values.len();
            folded.asks.push(ask);
            folded.values.resize(start + width, Value::Null);
            self.plan.fold(self.slot, Some(&self.state), &self.texts, at, &mut folded.values[start..]);
        }
    }

    fn apply(&mut self, lane: &'w Lane<'w>, place: Place, fields: &mut Vec<Datum<'w>>) {
        let (chunk, row) = (&lane.chunks[place.0 as usize], place.1 as usize);
        fields.clear();
        fields.extend(lane.columns[place.0 as usize].iter().map(|column| column.get(row)));
        let (event, arrival, position) = (chunk.event[row], chunk.arrival[row], chunk.position[row]);
        let record = Record { source: lane.source, position, event, arrival, fields };
        self.state.apply(self.plan, &mut self.texts, self.slot, &record);
    }
}
