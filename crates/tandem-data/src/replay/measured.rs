//! What is kept of the records of a batch, in columns: a measure that is a field as it is comes straight from the field's
//! column; every other one is computed by the engine, record by record.
//! Not here: which records (`scatter.rs`).

use std::sync::{Mutex, PoisonError};

use arrow_array::Array;
use tandem_definitions::{Datum, canonical_bits};
use tandem_engine::{Late, Measuring, Plan, Texts, as_known};

use crate::read::Batch;
use crate::table::Column;

use super::rows::Lane;
use super::scatter::Entry;

/// The nulls and words of some entries.
pub(super) struct Measured {
    /// Columns of bits, one for each 64 measures.
    nulls: Vec<Vec<u64>>,
    words: Vec<Vec<u64>>,
}

impl Measured {
    /// Measures the entries of a batch, whose columns are the plan's fields.
    pub fn new(
        plan: &Plan,
        lane: &Lane,
        columns: &[Column<'_>],
        (batch, entries): (&Batch, &[Entry]),
        texts: &Mutex<Texts>,
    ) -> Self {
        let late = plan.changing(lane.source).late.as_slice();
        let mut measured = Self { nulls: vec![vec![0; entries.len()]; lane.nulls.1], words: Vec::new() };
        for (m, measuring) in lane.measures.iter().enumerate() {
            let mut words = Vec::with_capacity(entries.len());
            let nulls = &mut measured.nulls[m / 64];
            let bit = 1u64 << (m % 64);
            match measuring {
                Measuring::Always => continue,
                Measuring::Field(f) if late.is_empty() => {
                    copy(&columns[*f], entries, texts, &mut words, |i| nulls[i] |= bit);
                }
                _ => {
                    let computed = Computed { plan, lane, m, columns, batch, late, texts };
                    computed.words(entries, &mut words, |i| nulls[i] |= bit);
                }
            }
            if *measuring != Measuring::Where {
                measured.words.push(words);
            }
        }
        measured
    }

    /// Writes the nulls and words of the entries from `first` on into their rows, one column after the other.
    pub fn lay_out(&self, lane: &Lane, first: usize, rows: &mut [u64]) {
        let places = (lane.nulls.0..).take(self.nulls.len()).chain(lane.words.iter().flatten().copied());
        for (at, column) in places.zip(self.nulls.iter().chain(&self.words)) {
            let words = rows.chunks_exact_mut(lane.width).zip(&column[first..]);
            words.for_each(|(row, word)| row[at] = *word);
        }
    }
}

/// A measure that the engine computes.
struct Computed<'c> {
    plan: &'c Plan,
    lane: &'c Lane,
    m: usize,
    columns: &'c [Column<'c>],
    batch: &'c Batch,
    late: &'c [Late],
    texts: &'c Mutex<Texts>,
}

impl Computed<'_> {
    fn words(&self, entries: &[Entry], words: &mut Vec<u64>, mut null: impl FnMut(usize)) {
        let Self { plan, lane, m, columns, .. } = *self;
        let reads = plan.measure_reads(lane.slot, lane.source, m);
        let mut push = |i: usize, word: Option<u64>| {
            if word.is_none() {
                null(i);
            }
            words.push(word.unwrap_or(0));
        };
        if plan.measures_texts(lane.slot, lane.source, m) {
            let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            return self.each(&reads, entries, &mut texts, push);
        }
        // Only a text that is kept gets a number, so the others need not wait for those that all threads share.
        let mut texts = Texts::default();
        let dictionary = match reads.as_slice() {
            [only] if self.late.is_empty() => Some(&columns[*only]),
            _ => None,
        };
        let Some(Column::Dictionary(rows, values)) = dictionary else {
            return self.each(&reads, entries, &mut texts, push);
        };
        // Computed once for each text of the dictionary, and once for null.
        let mut known: Vec<Option<Option<u64>>> = vec![None; values.len() + 1];
        for (i, entry) in entries.iter().enumerate() {
            let row = entry.row as usize;
            let at = if rows.is_valid(row) { rows.keys().value(row) as usize } else { values.len() };
            let word = known[at].get_or_insert_with(|| {
                let mut word = None;
                self.each(&reads, &entries[i..=i], &mut texts, |_, computed| word = computed);
                word
            });
            push(i, *word);
        }
    }

    /// Computes it of each entry's record as far as it was known.
    fn each(&self, reads: &[usize], entries: &[Entry], texts: &mut Texts, mut push: impl FnMut(usize, Option<u64>)) {
        let Self { plan, lane, m, columns, batch, late, .. } = *self;
        let mut row = vec![Datum::Null; columns.len()];
        for (i, entry) in entries.iter().enumerate() {
            let at = entry.row as usize;
            if late.is_empty() {
                reads.iter().for_each(|&field| row[field] = columns[field].get(at));
                push(i, plan.measure(lane.slot, lane.source, m, &row, texts));
            } else {
                columns.iter().zip(&mut row).for_each(|(column, datum)| *datum = column.get(at));
                let known = as_known(late, batch.arrival[at], &row, entry.from);
                push(i, plan.measure(lane.slot, lane.source, m, &known, texts));
            }
        }
    }
}

/// The words of a field's column as it is.
fn copy(
    column: &Column<'_>,
    entries: &[Entry],
    texts: &Mutex<Texts>,
    words: &mut Vec<u64>,
    mut null: impl FnMut(usize),
) {
    let rows = entries.iter().map(|entry| entry.row as usize);
    let mut check = |array: &dyn Array| {
        if array.null_count() > 0 {
            (0..entries.len()).filter(|&i| array.is_null(entries[i].row as usize)).for_each(&mut null);
        }
    };
    match column {
        Column::Int(array) => {
            check(array);
            words.extend(rows.map(|row| array.values()[row] as u64));
        }
        Column::Time(array) => {
            check(array);
            words.extend(rows.map(|row| array.values()[row] as u64));
        }
        Column::Float(array) => {
            check(array);
            words.extend(rows.map(|row| canonical_bits(array.values()[row])));
        }
        Column::Bool(array) => {
            check(array);
            words.extend(rows.map(|row| u64::from(array.value(row))));
        }
        Column::Dictionary(array, values) => {
            check(array);
            let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            let mut known: Vec<Option<u64>> = vec![None; values.len()];
            for row in rows {
                let at = array.keys().value(row) as usize;
                let valid = array.is_valid(row) && values.is_valid(at);
                words.push(if valid { *known[at].get_or_insert_with(|| texts.intern(values.value(at))) } else { 0 });
            }
        }
        Column::Text(array) => {
            check(array);
            let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            words.extend(rows.map(|row| if array.is_null(row) { 0 } else { texts.intern(array.value(row)) }));
        }
    }
}
