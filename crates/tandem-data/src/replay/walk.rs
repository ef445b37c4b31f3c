//! Walks through the records and the asks of each entity together, partition by partition on several threads: every ask
//! sees exactly the records that were known, and the engine gives the aggregates.
//! Not here: what becomes of the aggregates (`conclude.rs`).

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use tandem_definitions::{Micros, Value};
use tandem_engine::{Plan, Rows, State, Texts};

use super::conclude::{Drafts, Folded};
use super::gather::{Gathered, Words};
use super::keys::{KeyIndex, NOBODY};
use super::rows::{Kind, Lane};
use super::scatter::Scattered;
use super::shares::{Grouped, Share, is_many, shares};
use super::store::Room;
use super::{Asks, Known, join};

/// What a slot's walk works on.
pub(super) struct Ground<'g> {
    pub plan: &'g Plan,
    pub slot: usize,
    pub lanes: &'g [Lane],
    pub scattered: &'g Scattered,
    pub index: &'g KeyIndex,
    pub asks: &'g Asks,
    pub room: &'g Room,
    pub bits: u32,
}

/// The aggregates of every ask about a slot's entities.
pub(super) fn walk(ground: &Ground<'_>, threads: usize, progress: &dyn Fn(f64)) -> io::Result<Vec<Folded>> {
    let grouped = Grouped::new(ground.index);
    let lanes: Vec<usize> = (0..ground.lanes.len()).filter(|&l| ground.lanes[l].slot == ground.slot).collect();
    let shares = shares(ground, &grouped, &lanes, threads.max(1));
    let (next, done) = (AtomicUsize::new(0), std::sync::mpsc::channel());
    let mut folded = vec![nobodys(ground)];
    std::thread::scope(|scope| {
        let work = |sender: std::sync::mpsc::Sender<()>| {
            let mut walker = Walker::new(ground, &lanes);
            let mut own = Vec::new();
            while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
                own.push(walker.share(*share, &grouped)?);
                sender.send(()).ok();
            }
            Ok::<_, io::Error>(own)
        };
        let handles: Vec<_> = (0..threads.clamp(1, shares.len()))
            .map(|_| {
                let sender = done.0.clone();
                scope.spawn(move || work(sender))
            })
            .collect();
        drop(done.0);
        for (finished, ()) in (1..).zip(done.1) {
            progress(f64::from(finished) / shares.len() as f64);
        }
        for handle in handles {
            folded.extend(join(handle)?);
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(folded)
}

/// The asks about nobody: a key with a null part has no records.
fn nobodys(ground: &Ground<'_>) -> Folded {
    let mut drafts = Drafts::new(ground.plan, ground.slot, 0);
    let mut out = vec![Value::Null; ground.plan.aggregates(ground.slot)];
    for (ask, _) in ground.index.asks.iter().enumerate().filter(|(_, number)| **number == NOBODY) {
        ground.plan.fold(ground.slot, None, &ground.scattered.texts, ground.asks.at[ask], &mut out);
        drafts.push(ask as u32, &out);
    }
    drafts.finish()
}

/// One thread's work: a state that is used for one entity after the other.
struct Walker<'w> {
    ground: &'w Ground<'w>,
    lanes: &'w [usize],
    gathered: Vec<Gathered>,
    state: State,
    out: Vec<Value>,
}

/// The columns that go into a state next, and each lane's records that have not yet: one for all entities of a partition.
#[derive(Default)]
struct Columns<'g> {
    ranges: Vec<Range<usize>>,
    nulls: Vec<&'g [u64]>,
    words: Vec<&'g [u64]>,
}

/// How many of these arrivals, which are in order, lie before an instant. Mostly few do, so they are looked for from the
/// front, in steps that double.
fn arrived_before(arrivals: &[Micros], at: Micros) -> usize {
    let mut to = 1;
    while to < arrivals.len() && arrivals[to] < at {
        to *= 2;
    }
    let from = to / 2;
    from + arrivals[from..(to + 1).min(arrivals.len())].partition_point(|arrival| *arrival < at)
}

impl<'w> Walker<'w> {
    fn new(ground: &'w Ground<'w>, lanes: &'w [usize]) -> Self {
        let out = vec![Value::Null; ground.plan.aggregates(ground.slot)];
        let gathered = lanes.iter().map(|_| Gathered::default()).collect();
        Self { ground, lanes, gathered, state: State::default(), out }
    }

    fn share(&mut self, share: Share, grouped: &Grouped) -> io::Result<Folded> {
        let Ground { lanes, scattered, index, asks, room, bits, .. } = self.ground;
        let Share { partition, number, of } = share;
        let entities = (index.len + (1 << bits) - 1 - partition) >> bits;
        for (&l, gathered) in self.lanes.iter().zip(&mut self.gathered) {
            let (lane, store) = (&lanes[l], (&scattered.stores[l], *room, of > 1));
            let positions = &scattered.positions[lane.s];
            gathered.take(lane, store, positions, (partition, *bits, entities), &asks.known)?;
        }
        let mut drafts = Drafts::new(self.ground.plan, self.ground.slot, index.asks.len() >> bits);
        let gathered = std::mem::take(&mut self.gathered);
        let in_bulk = self.lanes.iter().all(|&l| !lanes[l].changes) && !matches!(asks.known, Known::Positions(_));
        let (mut order, mut columns) = (Vec::new(), Columns::default());
        for entity in 0..entities {
            let own = grouped.of(entity << bits | partition);
            let is_shared = of > 1 && is_many(own.len(), index.asks.len(), of);
            if own.is_empty() || !is_shared && entity % of != number {
                continue;
            }
            order.clear();
            order.extend_from_slice(own);
            self.in_turn(&mut order);
            let some = if is_shared { own.len() * number / of..own.len() * (number + 1) / of } else { 0..own.len() };
            self.state.clear();
            if in_bulk {
                self.in_bulk(entity, &order[some], &gathered, &mut columns, &mut drafts);
            } else {
                self.one_by_one(entity, &order[some], &gathered, &mut columns, &mut drafts);
            }
        }
        self.gathered = gathered;
        Ok(drafts.finish())
    }

    /// Puts an entity's asks into the order in which ever more was known.
    fn in_turn(&self, order: &mut [u32]) {
        let asks = self.ground.asks;
        match &asks.known {
            Known::Arrived => order.sort_by_key(|&ask| asks.at[ask as usize]),
            // A server's positions only grow, so their sum is the order in which it answered.
            Known::Positions(applied) => {
                let taken = |ask: u32| applied.iter().map(|p| p[ask as usize]).sum::<u64>();
                order.sort_by_key(|&ask| (taken(ask), asks.at[ask as usize]));
            }
            Known::Everything => {}
        }
    }

    /// An entity whose records only ever come: all that arrived since the last ask become known at once.
    fn in_bulk<'g>(
        &mut self,
        entity: usize,
        order: &[u32],
        gathered: &'g [Gathered],
        columns: &mut Columns<'g>,
        drafts: &mut Drafts,
    ) {
        let asks = self.ground.asks;
        let arrived = matches!(asks.known, Known::Arrived);
        columns.ranges.clear();
        columns.ranges.extend(gathered.iter().map(|g| g.of(entity)));
        for &ask in order {
            let at = asks.at[ask as usize];
            for (i, of) in gathered.iter().enumerate() {
                let range = columns.ranges[i].clone();
                let waiting = &of.arrival[range.clone()];
                let known = if arrived { arrived_before(waiting, at) } else { waiting.len() };
                if known > 0 {
                    columns.ranges[i].start += known;
                    self.extend(i, of, range.start..range.start + known, columns);
                }
            }
            self.ask(ask, at, drafts);
        }
    }

    fn extend<'g>(&mut self, i: usize, gathered: &'g Gathered, range: Range<usize>, columns: &mut Columns<'g>) {
        let Ground { plan, slot, lanes, scattered, .. } = self.ground;
        let Columns { nulls, words, .. } = columns;
        nulls.clear();
        nulls.extend(gathered.nulls.iter().map(|column| &column[range.clone()]));
        words.clear();
        words.extend(gathered.words.iter().map(|column: &Words| column.of(range.clone())));
        let rows = Rows {
            event: &gathered.event[range.clone()],
            arrival: &gathered.arrival[range.clone()],
            position: &gathered.position[range],
            nulls,
            words,
        };
        self.state.extend(plan, &scattered.texts, *slot, lanes[self.lanes[i]].source, &rows);
    }

    fn ask(&mut self, ask: u32, at: Micros, drafts: &mut Drafts) {
        let Ground { plan, slot, scattered, .. } = self.ground;
        let texts: &Texts = &scattered.texts;
        plan.fold(*slot, Some(&self.state), texts, at, &mut self.out);
        drafts.push(ask, &self.out);
    }

    /// An entity whose records change, or of which positions say what was known.
    fn one_by_one<'g>(
        &mut self,
        entity: usize,
        order: &[u32],
        gathered: &'g [Gathered],
        columns: &mut Columns<'g>,
        drafts: &mut Drafts,
    ) {
        let asks = self.ground.asks;
        let mut steps = Steps::new(gathered, entity, &asks.known);
        let mut ended = HashSet::new();
        for &ask in order {
            let at = asks.at[ask as usize];
            if steps.latest >= at && matches!(asks.known, Known::Positions(_)) {
                // Asked as of an earlier instant than somebody before: what came since is not known again.
                self.state.clear();
                ended.clear();
                steps.rewind();
            }
            match &asks.known {
                Known::Arrived => steps.come(|step| step.from < at),
                Known::Everything => steps.come(|_| true),
                Known::Positions(applied) => {
                    let applied = |step: &Step| applied[self.ground.lanes[self.lanes[step.lane]].s][ask as usize];
                    steps.hold(|step| step.position < applied(step), at);
                }
            }
            for &step in &steps.due {
                self.step(step, gathered, columns, &mut ended);
            }
            self.ask(ask, at, drafts);
        }
    }

    fn step<'g>(
        &mut self,
        step: Step,
        gathered: &'g [Gathered],
        columns: &mut Columns<'g>,
        ended: &mut HashSet<(usize, u64)>,
    ) {
        let Step { lane, row, .. } = step;
        let of = &gathered[lane];
        let kind = of.changes.as_ref().map_or(Kind::Apply, |changes| changes.kind[row]);
        let record = (lane, of.position[row]);
        if ended.contains(&record) {
            return;
        }
        if kind != Kind::Apply {
            let Ground { plan, slot, lanes, scattered, .. } = self.ground;
            let (event, arrival, position) = (of.event[row], of.arrival[row], of.position[row]);
            let source = lanes[self.lanes[lane]].source;
            let record = tandem_engine::Record { source, position, event, arrival, fields: &[] };
            self.state.retract(plan, &scattered.texts, *slot, &record);
        }
        if kind == Kind::Remove {
            ended.insert(record);
        } else {
            self.extend(lane, of, row..row + 1, columns);
        }
    }
}

/// What happens to an entity's records, in the order in which production came to know it.
struct Steps {
    /// By lane: in order of time, or, where positions say what was known, of positions.
    waiting: Vec<Vec<Step>>,
    /// How many of each lane have come.
    come: Vec<usize>,
    /// What has come to the log, and had not arrived.
    held: Vec<Step>,
    /// What was held and is done, and the latest time of it.
    done: Vec<Step>,
    latest: Micros,
    /// What is to be done before the present ask.
    due: Vec<Step>,
}

#[derive(Clone, Copy)]
struct Step {
    lane: usize,
    row: usize,
    from: Micros,
    position: u64,
}

impl Steps {
    fn new(gathered: &[Gathered], entity: usize, known: &Known) -> Self {
        let by_position = matches!(known, Known::Positions(_));
        let waiting = gathered.iter().enumerate().map(|(lane, of)| {
            let step = |row| match &of.changes {
                None => Step { lane, row, from: of.arrival[row], position: of.position[row] },
                Some(changes) => Step { lane, row, from: changes.from[row], position: changes.from_position[row] },
            };
            let mut steps: Vec<Step> = of.of(entity).map(step).collect();
            // Stable: what a record does at one time, it does in the order in which its rows were made.
            steps.sort_by_key(|step| (if by_position { step.position } else { 0 }, step.from));
            steps
        });
        let waiting: Vec<Vec<Step>> = waiting.collect();
        let come = vec![0; waiting.len()];
        Self { waiting, come, held: Vec::new(), done: Vec::new(), latest: Micros::MIN, due: Vec::new() }
    }

    /// What has come by now is due.
    fn come(&mut self, has_come: impl Fn(&Step) -> bool) {
        self.due.clear();
        for (steps, come) in self.waiting.iter().zip(&mut self.come) {
            while let Some(step) = steps.get(*come).filter(|step| has_come(step)) {
                self.due.push(*step);
                *come += 1;
            }
        }
    }

    /// What has come to the log by now is due when it has arrived before `at`, and is held otherwise.
    fn hold(&mut self, has_come: impl Fn(&Step) -> bool, at: Micros) {
        self.come(has_come);
        self.held.append(&mut self.due);
        let (due, held) = std::mem::take(&mut self.held).into_iter().partition(|step| step.from < at);
        (self.due, self.held) = (due, held);
        self.latest = self.due.iter().map(|step| step.from).fold(self.latest, Micros::max);
        self.done.extend_from_slice(&self.due);
    }

    /// Nothing is done any more: it is held again.
    fn rewind(&mut self) {
        self.held.append(&mut self.done);
        self.held.sort_by_key(|step| step.from);
        self.latest = Micros::MIN;
    }
}
