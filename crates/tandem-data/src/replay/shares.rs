//! What the threads of a walk take one after the other: the partitions, and, where one entity has a large part of all asks,
//! shares of them. Not here: the walk (`walk.rs`).

use std::collections::HashSet;

use super::keys::{KeyIndex, NOBODY};
use super::walk::Ground;

/// The asks of each entity, by its number: a counting sort, which keeps their order.
pub(super) struct Grouped {
    starts: Vec<u32>,
    asks: Vec<u32>,
}

impl Grouped {
    pub fn new(index: &KeyIndex) -> Self {
        let mut starts = vec![0u32; index.len + 2];
        let known = || index.asks.iter().enumerate().filter(|(_, number)| **number != NOBODY);
        known().for_each(|(_, &number)| starts[number as usize + 2] += 1);
        for i in 2..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut asks = vec![0; starts[index.len + 1] as usize];
        for (ask, &number) in known() {
            let place = &mut starts[number as usize + 1];
            asks[*place as usize] = ask as u32;
            *place += 1;
        }
        Self { starts, asks }
    }

    /// Those of an entity.
    pub fn of(&self, number: usize) -> &[u32] {
        &self.asks[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

/// A partition, or a share of it: where one entity has a large part of all asks, each thread walks through all its records
/// and answers some of its asks.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub partition: usize,
    pub number: usize,
    pub of: usize,
}

/// So many asks of one entity at least are shared among threads: each of them puts its records into a state again.
const SHARED: usize = 4096;

/// How many asks make an entity one that is shared.
pub(super) fn is_many(asks: usize, of_all: usize, threads: usize) -> bool {
    asks >= SHARED && asks >= of_all / (4 * threads)
}

/// What the threads take, the largest first, so that none is left with one at the end.
pub(super) fn shares(ground: &Ground<'_>, grouped: &Grouped, lanes: &[usize], threads: usize) -> Vec<Share> {
    let words = |partition: usize| lanes.iter().map(|&l| ground.scattered.stores[l].words(partition)).sum::<usize>();
    let mut partitions: Vec<(usize, usize)> = (0..1 << ground.bits).map(|p| (words(p), p)).collect();
    partitions.sort_unstable_by(|a, b| b.cmp(a));
    let asks = |number: usize| grouped.of(number).len();
    let many = |number: &usize| is_many(asks(*number), ground.index.asks.len(), threads);
    let shared: HashSet<usize> =
        (0..ground.index.len).filter(many).map(|number| number & ((1 << ground.bits) - 1)).collect();
    let of = |partition| if shared.contains(&partition) { threads } else { 1 };
    let share = |(_, partition)| (0..of(partition)).map(move |number| Share { partition, number, of: of(partition) });
    partitions.into_iter().flat_map(share).collect()
}
