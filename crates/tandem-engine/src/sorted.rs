//! Many numbers in order, in short lists: one can be put in or taken out anywhere, and its neighbours and its rank are found
//! in a few steps. The numbers are event times (`distinct.rs`, `marks.rs`), or they stand for values, whose order need not
//! be that of the numbers (`ordered.rs`): whoever looks for a place says which of them come before it.

use serde::{Deserialize, Serialize};

/// Numbers in one list, at most: half of it is moved when one is put in.
const LIST: usize = 256;

/// Numbers in order; the same one can be there more than once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sorted {
    /// They follow each other; none is empty.
    lists: Vec<Vec<i64>>,
    /// The first of each list, side by side: to find a list, none is read.
    firsts: Vec<i64>,
    /// For each list how many stand before it.
    starts: Vec<usize>,
}

/// What stands beside a number: the last of the others that is not greater, and the first that is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub before: Option<i64>,
    pub after: Option<i64>,
}

impl Sorted {
    /// Of numbers in order.
    pub fn new(numbers: &[i64]) -> Self {
        // Room for more in each, at once: to grow a list would double it.
        let filled = LIST - LIST / 8;
        let of = |some: &[i64]| {
            let mut list = Vec::with_capacity(if some.len() < filled { some.len() } else { LIST });
            list.extend_from_slice(some);
            list
        };
        let lists: Vec<_> = numbers.chunks(filled).map(of).collect();
        let firsts = lists.iter().map(|list| list[0]).collect();
        let starts = (0..lists.len()).map(|l| l * filled).collect();
        Self { lists, firsts, starts }
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        let lists = self.lists.iter().map(|list| size_of::<Vec<i64>>() + 8 * list.capacity());
        lists.sum::<usize>() + 8 * (self.firsts.capacity() + self.starts.capacity())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lists.last().map_or(0, |list| self.starts[self.starts.len() - 1] + list.len())
    }

    /// Appends all to a list.
    pub fn append_to(&self, all: &mut Vec<i64>) {
        self.append_stretch(0, self.len(), all);
    }

    /// Appends those from one place up to and without another to a list.
    pub fn append_stretch(&self, mut from: usize, to: usize, all: &mut Vec<i64>) {
        while from < to {
            let l = self.list(from);
            let (start, list) = (self.starts[l], &self.lists[l]);
            let end = to.min(start + list.len());
            all.extend_from_slice(&list[from - start..end - start]);
            from = end;
        }
    }

    /// The one at a place, which there is.
    pub fn at(&self, place: usize) -> i64 {
        let l = self.list(place);
        self.lists[l][place - self.starts[l]]
    }

    /// The list that holds a place.
    fn list(&self, place: usize) -> usize {
        self.starts.partition_point(|&start| start <= place).saturating_sub(1)
    }

    /// How many are not greater.
    pub fn rank(&self, number: i64) -> usize {
        self.behind(|other| other <= number).map_or(0, |(l, at)| self.starts[l] + at)
    }

    /// The first place from `from` on whose number does not come before what is looked for, at most `to`.
    pub fn place(&self, from: usize, to: usize, comes_before: impl Fn(i64) -> bool) -> usize {
        if from >= to {
            return from;
        }
        let (first, last) = (self.list(from), self.list(to - 1));
        let l = first + self.firsts[first + 1..=last].partition_point(|&first| comes_before(first));
        let at = self.starts[l] + self.lists[l].partition_point(|&other| comes_before(other));
        at.clamp(from, to)
    }

    /// Puts in one that is not less than the others.
    pub fn push(&mut self, number: i64) {
        match self.lists.last_mut() {
            Some(list) if list.len() < LIST => list.push(number),
            _ => {
                self.starts.push(self.len());
                self.firsts.push(number);
                self.lists.push(vec![number]);
            }
        }
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<i64> {
        let list = self.lists.last_mut()?;
        let last = list.pop();
        if list.is_empty() {
            self.lists.pop();
            self.firsts.pop();
            self.starts.pop();
        }
        last
    }

    /// Puts one in.
    pub fn insert(&mut self, number: i64) -> Neighbours {
        self.insert_behind(number, |other| other <= number)
    }

    /// Puts one in behind those that do not come after it.
    pub fn insert_behind(&mut self, number: i64, is_not_after: impl Fn(i64) -> bool) -> Neighbours {
        let Some((l, at)) = self.behind(is_not_after) else {
            self.push(number);
            return Neighbours { before: None, after: None };
        };
        let neighbours = self.neighbours(l, at);
        self.starts[l + 1..].iter_mut().for_each(|start| *start += 1);
        if at == 0 {
            self.firsts[l] = number;
        }
        let list = &mut self.lists[l];
        if list.len() < LIST {
            list.insert(at, number);
            return neighbours;
        }
        // What comes in order fills the lists.
        let half = if at == LIST { LIST } else { LIST / 2 };
        let mut upper = list.split_off(half);
        let upper_start = self.starts[l] + half + usize::from(at < half);
        if at < half {
            list.insert(at, number);
        } else {
            upper.insert(at - half, number);
        }
        self.firsts.insert(l + 1, upper[0]);
        self.lists.insert(l + 1, upper);
        self.starts.insert(l + 1, upper_start);
        neighbours
    }

    /// Takes one out, if it is there.
    pub fn remove(&mut self, number: i64) -> Neighbours {
        self.remove_behind(number, |other| other <= number)
    }

    /// Takes one out, if it is the last of those that do not come after it.
    pub fn remove_behind(&mut self, number: i64, is_not_after: impl Fn(i64) -> bool) -> Neighbours {
        let Some((l, at)) = self.behind(is_not_after) else { return Neighbours { before: None, after: None } };
        if at == 0 || self.lists[l][at - 1] != number {
            return self.neighbours(l, at);
        }
        self.lists[l].remove(at - 1);
        self.starts[l + 1..].iter_mut().for_each(|start| *start -= 1);
        let neighbours = self.neighbours(l, at - 1);
        if let Some(first) = self.lists[l].first() {
            self.firsts[l] = *first;
        } else {
            self.lists.remove(l);
            self.firsts.remove(l);
            self.starts.remove(l);
        }
        neighbours
    }

    /// Behind the last one that does not come after a number: the list, and the place in it.
    fn behind(&self, is_not_after: impl Fn(i64) -> bool) -> Option<(usize, usize)> {
        let l = self.firsts.partition_point(|&first| is_not_after(first)).saturating_sub(1);
        Some((l, self.lists.get(l)?.partition_point(|&other| is_not_after(other))))
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
        let (mut sorted, mut plain, mut seed) = (Sorted::default(), Vec::<i64>::new(), 3u64);
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        for i in 0..20_000 {
            let time = below(3_000) as i64;
            let at = plain.partition_point(|&other| other <= time);
            assert_eq!(sorted.rank(time), at);
            assert_eq!(sorted.len(), plain.len());
            if let Some(any) = plain.len().checked_sub(1).map(|last| below(last as u64 + 1) as usize) {
                assert_eq!(sorted.at(any), plain[any]);
                let from = any - below(any as u64 + 1) as usize;
                assert_eq!(sorted.place(from, any, |other| other <= time), at.clamp(from, any));
            }
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
