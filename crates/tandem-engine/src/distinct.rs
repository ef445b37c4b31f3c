//! What a track needs so that distinct values of any window can be counted without looking at all of them: for each
//! value the event times at which it occurred, and from these each record's mark.
//!
//! A record's mark is the event time of the previous record with the same value, plus one; the least number when there is
//! none. In a window that begins at *from*, a value is counted at its first record there: the one whose mark is at most
//! *from*. So the distinct values are the records of the window with such a mark, whatever the window; and of many records
//! with their marks in order that is one rank. Not here: where the marks stand (`block.rs`, `tree.rs`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tandem_definitions::Micros;

use crate::sorted::{Neighbours, Sorted};

/// For each value when it occurred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occurrences {
    /// Only looked up, never iterated.
    words: HashMap<u64, Times>,
}

/// The event times of the records with one value; most values of most logs are rare.
#[derive(Clone, Debug)]
enum Times {
    One(Micros),
    Many(Sorted),
}

/// The mark of a record, by the event time of the previous one with the same value.
pub(crate) fn mark(before: Option<Micros>) -> Micros {
    before.map_or(Micros::MIN, |event| event.saturating_add(1))
}

impl Occurrences {
    /// So many, of no records.
    pub fn of_nothing(count: usize) -> Box<[Self]> {
        (0..count).map(|_| Self::default()).collect()
    }

    /// Adds an occurrence.
    pub fn insert(&mut self, word: u64, event: Micros) -> Neighbours {
        match self.words.entry(word) {
            Entry::Vacant(place) => {
                place.insert(Times::One(event));
                Neighbours { before: None, after: None }
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                Times::Many(times) => times.insert(event),
                Times::One(other) => {
                    let mut times = Sorted::new(&[*other]);
                    let neighbours = times.insert(event);
                    place.insert(Times::Many(times));
                    neighbours
                }
            },
        }
    }

    /// Takes an occurrence away, which is there.
    pub fn remove(&mut self, word: u64, event: Micros) -> Neighbours {
        if let Some(Times::Many(times)) = self.words.get_mut(&word) {
            let neighbours = times.remove(event);
            if !times.is_empty() {
                return neighbours;
            }
        }
        self.words.remove(&word);
        Neighbours { before: None, after: None }
    }

    /// About how many bytes it takes for so many records.
    pub fn bytes(&self, records: usize) -> usize {
        // Lists grow by doubling.
        self.words.capacity() * (size_of::<(u64, Times)>() + 1) + 12 * records
    }
}
