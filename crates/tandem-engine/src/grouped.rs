//! The records of a window, folded for each category apart: `by:` of a feature. A category's partial result is that of the
//! one implementation of its aggregation (`partial.rs`); here is only which record falls into which, and the cap.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Type, Value, canonical_bits};

use crate::fold::{By, Fold, Span, View};
use crate::partial::Partial;
use crate::texts::Texts;
use crate::track::Row;

/// So many categories a block keeps the results of; one with more is folded from its records each time.
const KEPT: usize = 16;

/// For each category the partial result of its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Groups {
    /// By the category's word.
    of: BTreeMap<u64, Partial>,
    /// There are more than the cap: the value is null, whatever else comes, and nothing more is kept.
    over: bool,
    /// Whether blocks can keep what a category is folded into.
    keepable: bool,
}

impl Groups {
    /// No category yet.
    pub fn new(single: &Fold) -> Self {
        Self { of: BTreeMap::new(), over: false, keepable: single.partial().is_kept() }
    }

    pub fn absorb(&mut self, fold: &Fold, by: By, row: Row<'_>, texts: &Texts) {
        if row.word(fold.measure).is_some()
            && let Some(category) = row.word(by.measure)
        {
            let single = fold.single();
            if let Some(partial) = self.group(category, &single, by) {
                partial.absorb(&single, std::iter::once(row), texts);
            }
        }
    }

    pub fn merge(&mut self, other: &Self, fold: &Fold, by: By, texts: &Texts) {
        let single = fold.single();
        self.over |= other.over;
        for (&category, more) in &other.of {
            if let Some(partial) = self.group(category, &single, by) {
                partial.merge(more, &single, texts);
            }
        }
        if self.over {
            self.of.clear();
        }
    }

    /// The partial result of a category; `None` beyond the cap.
    fn group(&mut self, category: u64, single: &Fold, by: By) -> Option<&mut Partial> {
        if self.over {
            return None;
        }
        if self.of.len() == by.most as usize && !self.of.contains_key(&category) {
            self.over = true;
            self.of.clear();
            return None;
        }
        Some(self.of.entry(category).or_insert_with(|| single.partial()))
    }

    /// Whether it is worth keeping for a block of records.
    pub fn is_kept(&self) -> bool {
        self.keepable && self.of.len() <= KEPT
    }

    /// The map; null with more categories than the cap.
    pub fn value(&mut self, view: &View, fold: &Fold, by: By, span: &Span, texts: &Texts) -> Value {
        if self.over {
            return Value::Null;
        }
        let single = fold.single();
        let entry = |(category, partial): (&u64, &mut Partial)| {
            let value = match partial.value(view, &single, span, texts) {
                Value::Float(x) => Value::Float(f64::from_bits(canonical_bits(x))),
                value => value,
            };
            (texts.value(*category, by.ty), value)
        };
        let mut entries: Vec<(Value, Value)> = self.of.iter_mut().map(entry).collect();
        if by.ty != Type::Bool {
            // Words are in the order in which they came to be known, or, of integers, in that of their bits.
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        Value::Map(Arc::from(entries))
    }
}
