//! What a track needs so that distinct values of any window can be counted without looking at all of them: for each
//! value the event times at which it occurred, and from these each record's mark.
//!
//! A record's mark is the event time of the previous record with the same value, plus one; the least number when there is
//! none. In a window that begins at *from*, a value is counted at its first record there: the one whose mark is at most
//! *from*. So the distinct values are the records of the window with such a mark, whatever the window; and of many records
//! in one list of sorted marks that is one search. Not here: where the marks stand (`block.rs`, `tree.rs`).

use std::collections::HashMap;

use tandem_definitions::Micros;

/// Event times in one list; a longer one is split.
const TIMES: usize = 512;

/// For each value when it occurred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occurrences {
    /// Only looked up, never iterated.
    words: HashMap<u64, Times>,
}

/// The event times of one value, in order: each record's.
#[derive(Clone, Debug)]
enum Times {
    One(Micros),
    /// Lists that follow each other, none empty.
    Many(Vec<Vec<Micros>>),
}

/// The event times beside one: the last of the others that is not later, and the first that is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub before: Option<Micros>,
    pub after: Option<Micros>,
}

/// The mark of a record, by the event time of the previous one with the same value.
pub(crate) fn mark(before: Option<Micros>) -> Micros {
    before.map_or(Micros::MIN, |event| event.saturating_add(1))
}

impl Occurrences {
    /// Adds an occurrence.
    pub fn insert(&mut self, word: u64, event: Micros) -> Neighbours {
        let times = self.words.entry(word);
        let mut is_new = false;
        let times = times.or_insert_with(|| {
            is_new = true;
            Times::One(event)
        });
        if is_new { Neighbours { before: None, after: None } } else { times.insert(event) }
    }

    /// Takes an occurrence away, which is there.
    pub fn remove(&mut self, word: u64, event: Micros) -> Neighbours {
        match self.words.get_mut(&word) {
            Some(Times::Many(lists)) => {
                let neighbours = remove(lists, event);
                if lists.is_empty() {
                    self.words.remove(&word);
                }
                neighbours
            }
            _ => {
                self.words.remove(&word);
                Neighbours { before: None, after: None }
            }
        }
    }

    /// About how many bytes it takes for so many records.
    pub fn bytes(&self, records: usize) -> usize {
        // The lists are half empty at worst.
        self.words.capacity() * (size_of::<(u64, Times)>() + 1) + 12 * records
    }
}

impl Times {
    fn insert(&mut self, event: Micros) -> Neighbours {
        if let Self::One(other) = *self {
            let is_before = other <= event;
            let list = if is_before { vec![other, event] } else { vec![event, other] };
            *self = Self::Many(vec![list]);
            return Neighbours { before: is_before.then_some(other), after: (!is_before).then_some(other) };
        }
        let Self::Many(lists) = self else { return Neighbours { before: None, after: None } };
        let (l, at) = after(lists, event);
        let neighbours = neighbours(lists, l, at);
        let list = &mut lists[l];
        list.insert(at, event);
        if list.len() > TIMES {
            // What comes in order fills the lists.
            let half = if at + 1 == list.len() { TIMES } else { TIMES / 2 };
            let upper = list.split_off(half);
            lists.insert(l + 1, upper);
        }
        neighbours
    }
}

/// Behind the last event time that is not later: the list, and the place in it.
fn after(lists: &[Vec<Micros>], event: Micros) -> (usize, usize) {
    let l = lists.partition_point(|list| list[0] <= event).saturating_sub(1);
    (l, lists[l].partition_point(|&e| e <= event))
}

/// What stands before a place, and at it.
fn neighbours(lists: &[Vec<Micros>], l: usize, at: usize) -> Neighbours {
    let before = match at {
        0 => l.checked_sub(1).and_then(|l| lists[l].last()),
        _ => lists[l].get(at - 1),
    };
    let after = lists[l].get(at).or_else(|| lists.get(l + 1).map(|list| &list[0]));
    Neighbours { before: before.copied(), after: after.copied() }
}

fn remove(lists: &mut Vec<Vec<Micros>>, event: Micros) -> Neighbours {
    let (l, at) = after(lists, event);
    if at == 0 || lists[l][at - 1] != event {
        return neighbours(lists, l, at);
    }
    lists[l].remove(at - 1);
    let neighbours = neighbours(lists, l, at - 1);
    if lists[l].is_empty() {
        lists.remove(l);
    }
    neighbours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_those_of_a_sorted_list() {
        let (mut occurrences, mut plain, mut seed) = (Occurrences::default(), Vec::<Micros>::new(), 3u64);
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        for i in 0..20_000 {
            let event = below(3_000) as i64;
            let is_in = plain.binary_search(&event).is_ok();
            let found = if is_in && below(3) == 0 && i > 4_000 {
                plain.remove(plain.partition_point(|&e| e <= event) - 1);
                occurrences.remove(7, event)
            } else {
                let found = occurrences.insert(7, event);
                plain.insert(plain.partition_point(|&e| e <= event), event);
                let at = plain.partition_point(|&e| e <= event);
                let expected = (at.checked_sub(2).map(|i| plain[i]), plain.get(at).copied());
                assert_eq!((found.before, found.after), expected);
                continue;
            };
            let at = plain.partition_point(|&e| e <= event);
            assert_eq!(found.before, at.checked_sub(1).map(|i| plain[i]));
            assert_eq!(found.after, plain.get(at).copied());
        }
        for event in plain {
            occurrences.remove(7, event);
        }
        assert_eq!(occurrences.insert(7, 5), Neighbours { before: None, after: None });
    }
}
