//! Many times in order, in short lists: one can be put in or taken out anywhere, and its neighbours and its rank are found
//! in a few steps.

use serde::{Deserialize, Serialize};
use tandem_definitions::Micros;

/// Times in one list, at most: half of it is moved when one is put in.
const LIST: usize = 256;

/// Times in order; the same one can be there more than once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sorted {
    /// They follow each other; none is empty.
    lists: Vec<Vec<Micros>>,
}

/// What stands beside a time: the last of the others that is not later, and the first that is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub before: Option<Micros>,
    pub after: Option<Micros>,
}

impl Sorted {
    /// Of times in order.
    pub fn new(times: &[Micros]) -> Self {
        // Room for more in each.
        Self { lists: times.chunks(LIST - LIST / 8).map(<[Micros]>::to_vec).collect() }
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        self.lists.iter().map(|list| size_of::<Vec<Micros>>() + 8 * list.capacity()).sum()
    }

    /// Appends all to a list.
    pub fn append_to(&self, all: &mut Vec<Micros>) {
        self.lists.iter().for_each(|list| all.extend_from_slice(list));
    }

    /// How many are not later.
    pub fn rank(&self, time: Micros) -> usize {
        let Some((l, at)) = self.after(time) else { return 0 };
        self.lists[..l].iter().map(Vec::len).sum::<usize>() + at
    }

    /// Puts in one that is not earlier than the others.
    pub fn push(&mut self, time: Micros) {
        match self.lists.last_mut() {
            Some(list) if list.len() < LIST => list.push(time),
            _ => self.lists.push(vec![time]),
        }
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<Micros> {
        let list = self.lists.last_mut()?;
        let last = list.pop();
        if list.is_empty() {
            self.lists.pop();
        }
        last
    }

    /// Puts one in.
    pub fn insert(&mut self, time: Micros) -> Neighbours {
        let Some((l, at)) = self.after(time) else {
            self.lists.push(vec![time]);
            return Neighbours { before: None, after: None };
        };
        let neighbours = self.neighbours(l, at);
        let list = &mut self.lists[l];
        list.insert(at, time);
        if list.len() > LIST {
            // What comes in order fills the lists.
            let half = if at + 1 == list.len() { LIST } else { LIST / 2 };
            let upper = list.split_off(half);
            self.lists.insert(l + 1, upper);
        }
        neighbours
    }

    /// Takes one out, if it is there.
    pub fn remove(&mut self, time: Micros) -> Neighbours {
        let Some((l, at)) = self.after(time) else { return Neighbours { before: None, after: None } };
        if at == 0 || self.lists[l][at - 1] != time {
            return self.neighbours(l, at);
        }
        self.lists[l].remove(at - 1);
        let neighbours = self.neighbours(l, at - 1);
        if self.lists[l].is_empty() {
            self.lists.remove(l);
        }
        neighbours
    }

    /// Behind the last one that is not later: the list, and the place in it.
    fn after(&self, time: Micros) -> Option<(usize, usize)> {
        let l = self.lists.partition_point(|list| list[0] <= time).saturating_sub(1);
        Some((l, self.lists.get(l)?.partition_point(|&other| other <= time)))
    }

    /// What stands before a place, and at it.
    fn neighbours(&self, l: usize, at: usize) -> Neighbours {
        let before = match at {
            0 => l.checked_sub(1).and_then(|l| self.lists[l].last()),
            _ => self.lists[l].get(at - 1),
        };
        let after = self.lists[l].get(at).or_else(|| self.lists.get(l + 1).map(|list| &list[0]));
        Neighbours { before: before.copied(), after: after.copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_ranks_are_those_of_one_list() {
        let (mut sorted, mut plain, mut seed) = (Sorted::default(), Vec::<Micros>::new(), 3u64);
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        for i in 0..20_000 {
            let time = below(3_000) as i64;
            let at = plain.partition_point(|&other| other <= time);
            assert_eq!(sorted.rank(time), at);
            if i > 4_000 && below(3) == 0 && plain.binary_search(&time).is_ok() {
                plain.remove(at - 1);
                let before = at.checked_sub(2).map(|i| plain[i]);
                assert_eq!(sorted.remove(time), Neighbours { before, after: plain.get(at - 1).copied() });
            } else {
                let before = at.checked_sub(1).map(|i| plain[i]);
                assert_eq!(sorted.insert(time), Neighbours { before, after: plain.get(at).copied() });
                plain.insert(at, time);
            }
        }
        let mut all = Vec::new();
        sorted.append_to(&mut all);
        assert_eq!(all, plain);
        for time in plain {
            sorted.remove(time);
        }
        assert!(sorted.pop().is_none() && sorted.rank(5) == 0);
    }
}
