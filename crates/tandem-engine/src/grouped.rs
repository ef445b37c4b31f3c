//! The records of a window, folded for each category apart: `by:` of a feature. A category's partial result is that of the
//! one implementation of its aggregation (`partial.rs`); here is only which record falls into which, and the cap.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Value, canonical_bits};

use crate::block::Slice;
use crate::fold::{Fold, Span, View};
use crate::partial::Partial;
use crate::texts::Texts;

/// So many records a category has on average where its result is worth keeping; otherwise records are folded each time.
const WORTH: u64 = 4;

/// For each category the partial result of its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Groups {
    /// By the category's word.
    of: BTreeMap<u64, Partial>,
    /// How many records there are.
    records: u64,
    /// There are more categories than the cap: the value is null, whatever else comes, and nothing more is folded.
    is_over: bool,
    /// Whether a node can keep it.
    is_kept: bool,
}

impl Groups {
    /// No category yet.
    pub fn new(single: &Fold) -> Self {
        Self { of: BTreeMap::new(), records: 0, is_over: false, is_kept: single.partial().is_kept() }
    }

    pub fn absorb(&mut self, fold: &Fold, rows: Slice<'_>, texts: &Texts) {
        let Some(by) = fold.by else { return };
        let single = fold.single();
        let (mut present, words) = (rows.present(fold.measure) & rows.present(by.measure), rows.words(by.measure));
        while present != 0 && !self.is_over {
            // Records of one category that follow each other are folded together.
            let first = present.trailing_zeros() as usize;
            let mut end = first + 1;
            while end < words.len() && present >> end & 1 == 1 && words[end] == words[first] {
                end += 1;
            }
            self.records += (end - first) as u64;
            if let Some(partial) = self.group(words[first], &single, by.most) {
                partial.absorb(&single, rows.part(first, end), texts);
            }
            present = if end == 64 { 0 } else { present >> end << end };
        }
    }

    pub fn merge(&mut self, other: &Self, fold: &Fold, texts: &Texts) {
        let Some(by) = fold.by else { return };
        let single = fold.single();
        self.records += other.records;
        self.is_kept &= other.is_kept;
        if other.is_over {
            self.exceed();
        }
        for (&category, more) in &other.of {
            if let Some(partial) = self.group(category, &single, by.most) {
                partial.merge(more, &single, texts);
            }
        }
    }

    /// The partial result of a category; `None` beyond the cap.
    fn group(&mut self, category: u64, single: &Fold, most: u32) -> Option<&mut Partial> {
        if self.of.len() == most as usize && !self.of.contains_key(&category) {
            self.exceed();
        }
        if self.is_over {
            return None;
        }
        Some(self.of.entry(category).or_insert_with(|| single.partial()))
    }

    fn exceed(&mut self) {
        self.is_over = true;
        self.of.clear();
    }

    /// Whether a node keeps it.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Lets go of what is not worth keeping.
    pub fn trim(&mut self) {
        if self.of.len() as u64 * WORTH > self.records {
            self.is_kept = false;
        }
        if !self.is_kept {
            self.of.clear();
        }
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        self.of.values().map(|partial| partial.bytes() + size_of::<u64>()).sum()
    }

    /// The map; null with more categories than the cap.
    pub fn value(&mut self, view: &View, fold: &Fold, span: &Span, texts: &Texts) -> Value {
        let (false, Some(by)) = (self.is_over, fold.by) else { return Value::Null };
        let single = fold.single();
        let entry = |(category, partial): (&u64, &mut Partial)| {
            let value = match partial.value(view, &single, span, texts) {
                Value::Float(x) => Value::Float(f64::from_bits(canonical_bits(x))),
                value => value,
            };
            (texts.value(*category, by.ty), value)
        };
        let mut entries: Vec<(Value, Value)> = self.of.iter_mut().map(entry).collect();
        // By words they lie in the order in which texts came to be known, and integers in that of their bits.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Value::Map(Arc::from(entries))
    }
}
