//! How often each value of a window is there: the mode, the most frequent, and how many different ones a category has.
//! Nodes keep each of their values with its number, where these are not too many; a question puts those of its window
//! together. Not here: which nodes (`tree.rs`, `partial.rs`), and distinct values of all records (`distinct.rs`).

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Function, Type, Value};

use crate::ordered::{order, to_key};
use crate::texts::Texts;

/// Values with their numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Frequencies {
    /// By word; as parts are put together a word can be there more than once.
    pairs: Vec<(u64, u64)>,
    /// Values that were not counted yet, as they came.
    loose: Vec<u64>,
}

impl Frequencies {
    /// Adds a value.
    pub fn push(&mut self, word: u64) {
        self.loose.push(word);
    }

    /// Adds the values of another.
    pub fn merge(&mut self, other: &Self) {
        self.pairs.extend_from_slice(&other.pairs);
        self.loose.extend_from_slice(&other.loose);
    }

    /// How many different values there are, once they have been counted.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        size_of::<(u64, u64)>() * self.pairs.capacity() + size_of::<u64>() * self.loose.capacity()
    }

    /// Counts: each word in one place, in the order of the words.
    pub fn compact(&mut self) {
        self.loose.sort_unstable();
        self.pairs.extend(self.loose.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)));
        self.loose = Vec::new();
        // Made of runs that are in order, which a stable sort merges.
        self.pairs.sort_by_key(|(word, _)| *word);
        self.pairs.dedup_by(|more, first| {
            let is_same = more.0 == first.0;
            first.1 += if is_same { more.1 } else { 0 };
            is_same
        });
    }

    /// Adds a value to what is in order.
    pub fn insert(&mut self, word: u64) {
        match self.pairs.binary_search_by_key(&word, |(word, _)| *word) {
            Ok(at) => self.pairs[at].1 += 1,
            Err(at) => self.pairs.insert(at, (word, 1)),
        }
    }

    /// Takes a value, which is there, out of what is in order.
    pub fn remove(&mut self, word: u64) {
        if let Ok(at) = self.pairs.binary_search_by_key(&word, |(word, _)| *word) {
            self.pairs[at].1 -= 1;
            if self.pairs[at].1 == 0 {
                self.pairs.remove(at);
            }
        }
    }

    /// A function's value.
    pub fn value(&mut self, function: Function, ty: Type, texts: &Texts) -> Value {
        self.compact();
        let order = order(ty, texts);
        // Of equally frequent ones, the least first.
        let more_frequent = |a: &(u64, u64), b: &(u64, u64)| {
            Reverse(a.1).cmp(&Reverse(b.1)).then_with(|| order(to_key(a.0, ty), to_key(b.0, ty)))
        };
        match function {
            Function::CountDistinct => Value::Int(self.pairs.len() as i64),
            Function::TopK(k) => {
                let (mut top, k) = (self.pairs.clone(), k as usize);
                if k < top.len() {
                    top.select_nth_unstable_by(k, more_frequent);
                    top.truncate(k);
                }
                top.sort_unstable_by(more_frequent);
                Value::List(top.iter().map(|(word, _)| texts.value(*word, ty)).collect())
            }
            _ => {
                self.pairs.iter().copied().min_by(more_frequent).map_or(Value::Null, |(word, _)| texts.value(word, ty))
            }
        }
    }
}
