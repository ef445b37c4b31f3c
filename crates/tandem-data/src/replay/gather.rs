//! A partition's rows, grouped by entity and turned into columns: for each entity its records in order of arrival.
//! Not here: the rows themselves (`scatter.rs`), and what is made of the columns (`walk.rs`).

use std::io;
use std::ops::Range;

use tandem_definitions::Micros;

use super::Known;
use super::rows::{EVENT, FROM, FROM_POSITION, KIND, Kind, Lane, number, place};
use super::store::{Room, Store};

/// The rows of one lane and partition.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// For each entity of the partition where its records begin; one more than there are.
    starts: Vec<u32>,
    pub event: Vec<Micros>,
    pub arrival: Vec<Micros>,
    pub position: Vec<u64>,
    pub nulls: Vec<Vec<u64>>,
    /// A column a measure; for one that is 1 wherever it is not null as many ones as the entity with the most records has.
    pub words: Vec<Words>,
    /// Only in lanes whose records change.
    pub changes: Option<Changes>,
    /// What is used again for the next partition.
    raw: Vec<u64>,
    order: Vec<u32>,
}

/// A measure's words.
#[derive(Debug)]
pub(super) enum Words {
    Kept(Vec<u64>),
    Always(Vec<u64>),
}

impl Words {
    /// Those of a range of records.
    pub fn of(&self, range: Range<usize>) -> &[u64] {
        match self {
            Self::Kept(words) => &words[range],
            Self::Always(ones) => &ones[..range.len()],
        }
    }
}

/// What rows do, where they are operations.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub kind: Vec<Kind>,
    pub from: Vec<Micros>,
    pub from_position: Vec<u64>,
}

impl Gathered {
    /// Takes a partition out of its store, which keeps it where it is shared. Its entities are those whose numbers end in
    /// `partition`, `bits` bits long.
    pub fn take(
        &mut self,
        lane: &Lane,
        (store, room, keep): (&Store, &Room, bool),
        positions: &[u64],
        (partition, bits, entities): (usize, u32, usize),
        known: &Known,
    ) -> io::Result<()> {
        let begins = store.take(room, partition, keep, &mut self.raw)?;
        self.group(lane, bits, entities);
        if matches!(known, Known::Arrived) && !lane.changes {
            self.in_order_of_arrival(lane, entities);
        }
        self.columns(lane, &begins, positions);
        Ok(())
    }

    /// Turns the rows, in their order, into columns; the memory of the partition before is used again. Some rows at a time,
    /// so that each is fetched once for all columns.
    fn columns(&mut self, lane: &Lane, begins: &[(u32, usize)], positions: &[u64]) {
        const AT_A_TIME: usize = 128;
        let longest = self.starts.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
        self.make_room(lane, longest);
        let Self { raw, order, event, arrival, position, nulls, words, .. } = self;
        let part_of = |start: u32| {
            let word = start as usize * lane.width;
            begins[begins.partition_point(|(_, first)| *first <= word) - 1].0 as usize
        };
        for some in order.chunks(AT_A_TIME) {
            let rows = || some.iter().map(|start| &raw[*start as usize * lane.width..][..lane.width]);
            event.extend(rows().map(|row| row[EVENT] as Micros));
            arrival.extend(rows().map(|row| lane.arrival(row)));
            position.extend(some.iter().zip(rows()).map(|(start, row)| positions[part_of(*start)] + place(row)));
            for (at, column) in (lane.nulls.0..).zip(&mut *nulls) {
                column.extend(rows().map(|row| row[at]));
            }
            for (at, column) in lane.words.iter().zip(&mut *words) {
                if let (Some(at), Words::Kept(column)) = (at, column) {
                    column.extend(rows().map(|row| row[*at]));
                }
            }
        }
        let rows = || order.iter().map(|start| &raw[*start as usize * lane.width..][..lane.width]);
        self.changes = lane.changes.then(|| {
            let kind: Vec<Kind> = rows().map(|row| Kind::of(row[KIND])).collect();
            // Where each part begins was not known yet: only what ends a record has another position than its own.
            let theirs = rows().map(|row| row[FROM_POSITION]).zip(&self.position).zip(&kind);
            let from_position = theirs.map(|((theirs, own), kind)| if *kind == Kind::Remove { theirs } else { *own });
            let from_position = from_position.collect();
            Changes { from_position, from: rows().map(|row| row[FROM] as Micros).collect(), kind }
        });
    }

    /// Empties the columns and keeps their memory.
    fn make_room(&mut self, lane: &Lane, longest: usize) {
        let rows = self.order.len();
        self.event.clear();
        self.event.reserve(rows);
        self.arrival.clear();
        self.arrival.reserve(rows);
        self.position.clear();
        self.position.reserve(rows);
        self.nulls.resize_with(lane.nulls.1, Vec::new);
        for column in &mut self.nulls {
            column.clear();
            column.reserve(rows);
        }
        self.words.resize_with(lane.words.len(), || Words::Kept(Vec::new()));
        for (at, column) in lane.words.iter().zip(&mut self.words) {
            match (at, column) {
                (Some(_), Words::Kept(column)) => {
                    column.clear();
                    column.reserve(rows);
                }
                (_, column) => *column = Words::Always(vec![1; longest]),
            }
        }
    }

    /// The records of an entity, by its place in the partition.
    pub fn of(&self, entity: usize) -> Range<usize> {
        self.starts[entity] as usize..self.starts[entity + 1] as usize
    }

    /// A counting sort by entity, which keeps the order of the log.
    fn group(&mut self, lane: &Lane, bits: u32, entities: usize) {
        let rows = self.raw.len() / lane.width;
        let entity = |row: &[u64]| (number(row) >> bits) as usize;
        self.starts.clear();
        self.starts.resize(entities + 2, 0);
        for row in self.raw.chunks_exact(lane.width) {
            self.starts[entity(row) + 2] += 1;
        }
        for i in 2..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        self.order.clear();
        self.order.resize(rows, 0);
        for (i, row) in self.raw.chunks_exact(lane.width).enumerate() {
            let place = &mut self.starts[entity(row) + 1];
            self.order[*place as usize] = i as u32;
            *place += 1;
        }
    }

    /// A log is in order of arrival, but for clocks and files that are not.
    fn in_order_of_arrival(&mut self, lane: &Lane, entities: usize) {
        let Self { starts, order, raw, .. } = self;
        let arrival = |start: &u32| lane.arrival(&raw[*start as usize * lane.width..][..lane.width]);
        for entity in 0..entities {
            let own = &mut order[starts[entity] as usize..starts[entity + 1] as usize];
            if !own.is_sorted_by_key(arrival) {
                own.sort_by_key(arrival);
            }
        }
    }
}
