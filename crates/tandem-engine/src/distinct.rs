//! What a track needs so that distinct values of any window can be counted without looking at all of them: for each
//! value the event times at which it occurred, and from these each record's mark.
//!
//! A record's mark is the event time of the previous record with the same value, plus one; the least number when there is
//! none. In a window that begins at *from*, a value is counted at its first record there: the one whose mark is at most
//! *from*. So the distinct values are the records of the window with such a mark, whatever the window; and of many records
//! with their marks in order that is one rank. Not here: where the marks stand (`block.rs`, `tree.rs`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;
use tandem_definitions::Micros;

use crate::sorted::{Neighbours, Sorted};

/// Earlier event times of one value that need no memory of their own: most values come once or twice.
const INLINE: usize = 3;
/// Those that lie in a plain list.
const FEW: usize = 256;

/// For each value when it occurred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occurrences {
    /// Only looked up, never iterated: the seed of the hash, which keeps anybody from choosing values that collide, never
    /// shows.
    words: HashMap<u64, Times, RandomState>,
}

/// The event times of the records with one value. The last one stands apart: in order, nothing else is read.
#[derive(Clone, Debug)]
struct Times {
    last: Micros,
    earlier: Earlier,
}

#[derive(Clone, Debug)]
enum Earlier {
    Inline(u8, [Micros; INLINE]),
    Few(Vec<Micros>),
    Many(Box<Sorted>),
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
            Entry::Occupied(mut place) => place.get_mut().insert(event),
            Entry::Vacant(place) => {
                place.insert(Times { last: event, earlier: Earlier::Inline(0, [0; INLINE]) });
                Neighbours { before: None, after: None }
            }
        }
    }

    /// Takes an occurrence away, which is there.
    pub fn remove(&mut self, word: u64, event: Micros) -> Neighbours {
        let left = self.words.get_mut(&word).and_then(|times| times.remove(event));
        left.unwrap_or_else(|| {
            self.words.remove(&word);
            Neighbours { before: None, after: None }
        })
    }

    /// About how many bytes it takes for so many records.
    pub fn bytes(&self, records: usize) -> usize {
        // Lists grow by doubling.
        self.words.capacity() * (size_of::<(u64, Times)>() + 1) + 12 * records
    }
}

impl Times {
    fn insert(&mut self, event: Micros) -> Neighbours {
        if event < self.last {
            let Neighbours { before, after } = self.earlier.insert(event);
            return Neighbours { before, after: after.or(Some(self.last)) };
        }
        let before = std::mem::replace(&mut self.last, event);
        self.earlier.push(before);
        Neighbours { before: Some(before), after: None }
    }

    /// `None` when it was the only one.
    fn remove(&mut self, event: Micros) -> Option<Neighbours> {
        if event < self.last {
            let Neighbours { before, after } = self.earlier.remove(event);
            return Some(Neighbours { before, after: after.or(Some(self.last)) });
        }
        self.last = self.earlier.pop()?;
        Some(Neighbours { before: Some(self.last), after: None })
    }
}

impl Earlier {
    /// As a list: late and removed ones are rare enough.
    fn spread(&mut self) -> &mut Self {
        if let Self::Inline(count, times) = self {
            *self = Self::Few(times[..usize::from(*count)].to_vec());
        }
        self
    }

    fn push(&mut self, event: Micros) {
        match self {
            Self::Inline(count, times) if usize::from(*count) < INLINE => {
                times[usize::from(*count)] = event;
                *count += 1;
            }
            Self::Inline(..) => self.spread().push(event),
            Self::Few(times) if times.len() < FEW => times.push(event),
            Self::Few(times) => {
                let mut sorted = Sorted::new(times);
                sorted.push(event);
                *self = Self::Many(Box::new(sorted));
            }
            Self::Many(sorted) => sorted.push(event),
        }
    }

    fn pop(&mut self) -> Option<Micros> {
        match self {
            Self::Inline(count, times) => {
                *count = count.checked_sub(1)?;
                Some(times[usize::from(*count)])
            }
            Self::Few(times) => times.pop(),
            Self::Many(sorted) => sorted.pop(),
        }
    }

    fn insert(&mut self, event: Micros) -> Neighbours {
        match self {
            Self::Inline(..) => self.spread().insert(event),
            Self::Few(times) => {
                let at = times.partition_point(|&other| other <= event);
                let neighbours = beside(times, at);
                times.insert(at, event);
                neighbours
            }
            Self::Many(sorted) => sorted.insert(event),
        }
    }

    fn remove(&mut self, event: Micros) -> Neighbours {
        match self {
            Self::Inline(..) => self.spread().remove(event),
            Self::Few(times) => {
                let at = times.partition_point(|&other| other < event);
                times.remove(at);
                beside(times, times.partition_point(|&other| other <= event))
            }
            Self::Many(sorted) => sorted.remove(event),
        }
    }
}

/// What stands before a place in a list, and at it.
fn beside(times: &[Micros], at: usize) -> Neighbours {
    Neighbours { before: at.checked_sub(1).map(|i| times[i]), after: times.get(at).copied() }
}
