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

/// For each category the partial result of its records.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Groups {
    /// By the category's word.
    of: BTreeMap<u64, Partial>,
    /// There are more categories than the cap: the value is null, whatever else comes, and nothing more is folded.
    is_over: bool,
}

impl Groups {
    pub fn absorb(&mut self, fold: &Fold, rows: Slice<'_>, texts: &Texts) {
        self.each_run(fold, rows, |partial, single, rows| partial.absorb(single, rows, texts));
    }

    /// As [`Partial::put_in`].
    pub fn put_in(&mut self, fold: &Fold, rows: Slice<'_>, texts: &Texts) {
        self.each_run(fold, rows, |partial, single, rows| partial.put_in(single, rows, texts));
    }

    /// Shows records of one category that follow each other together, and the partial result that they belong to.
    fn each_run(&mut self, fold: &Fold, rows: Slice<'_>, mut each: impl FnMut(&mut Partial, &Fold, Slice<'_>)) {
        let Some(by) = fold.by else { return };
        let single = fold.single();
        let (mut present, words) = (rows.present(fold.measure) & rows.present(by.measure), rows.words(by.measure));
        while present != 0 && !self.is_over {
            let first = present.trailing_zeros() as usize;
            let mut end = first + 1;
            while end < words.len() && present >> end & 1 == 1 && words[end] == words[first] {
                end += 1;
            }
            if let Some(partial) = self.group(words[first], &single, by.most) {
                each(partial, &single, rows.part(first, end));
            }
            present = if end == 64 { 0 } else { present >> end << end };
        }
    }

    /// As [`Partial::take_out`], of one record.
    pub fn take_out(&mut self, fold: &Fold, row: Slice<'_>, texts: &Texts) -> bool {
        let Some(by) = fold.by else { return true };
        if row.present(by.measure) == 0 {
            return true;
        }
        let category = row.words(by.measure)[0];
        let taken = self.of.get_mut(&category).is_some_and(|partial| partial.take_out(&fold.single(), row, texts));
        if taken && self.of.get(&category).is_some_and(Partial::is_empty) {
            self.of.remove(&category);
        }
        taken
    }

    pub fn merge(&mut self, other: &Self, fold: &Fold, texts: &Texts) {
        let Some(by) = fold.by else { return };
        let single = fold.single();
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

    /// The partial results of all categories.
    pub fn each(&self) -> impl Iterator<Item = &Partial> {
        self.of.values()
    }

    /// As [`Partial::settle`].
    pub fn settle(&mut self, fold: &Fold, texts: &Texts) {
        let single = fold.single();
        self.of.values_mut().for_each(|partial| partial.settle(&single, texts));
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
