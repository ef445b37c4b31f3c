//! What folding some records gives, and the value that comes of it: the one implementation of every aggregation.
//!
//! A partial result can absorb single records and merge with another one, in any order and grouping, with the same
//! bits in the end: counts and sums are exact, extremes and ends follow the one order. So a track may keep partial
//! results of whole blocks of records. Not here: which records (`track.rs`), and what is asked (`fold.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Function, Micros, Type, Value, order_floats};

use crate::fold::{Fold, Kind, View};
use crate::moments::Moments;
use crate::sum::{ExactSum, Wide};
use crate::track::{Row, Texts};

/// The result of folding some records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Partial {
    Count(u64),
    /// The words seen; sorted and without repetition after [`Partial::settle`].
    Distinct(Vec<u64>),
    /// How many, and their exact sum.
    Sum(u64, ExactSum),
    /// How many, and their exact sum (2^63 values of 64 bits fit).
    Integers(u64, i128),
    Extreme(Option<u64>),
    /// The first or last record in the one order (event time, arrival time, position), and its word.
    End(Option<((Micros, Micros, u64), u64)>),
    /// How many, their exact sum, and that of their squares.
    Moments(Box<Moments>),
}

impl Partial {
    /// Folds the records that have a value of the measure.
    pub fn absorb<'r>(&mut self, fold: &Fold, rows: impl Iterator<Item = Row<'r>>, texts: &Texts) {
        let measure = fold.measure;
        let words = rows.filter_map(|row| Some((row.word(measure)?, row)));
        match self {
            Self::Count(n) => *n += words.count() as u64,
            Self::Distinct(seen) => seen.extend(words.map(|(word, _)| word)),
            Self::Sum(n, sum) => words.for_each(|(word, _)| {
                *n += 1;
                sum.add(f64::from_bits(word));
            }),
            Self::Integers(n, sum) => words.for_each(|(word, _)| {
                *n += 1;
                *sum += i128::from(word as i64);
            }),
            Self::Moments(moments) => words.for_each(|(word, _)| moments.add(word)),
            Self::Extreme(best) => words.for_each(|(word, _)| improve(best, word, fold, texts)),
            Self::End(end) => words.for_each(|(word, row)| extend_end(end, (row.order(), word), fold.kind)),
        }
    }

    /// Folds what another partial result of the same fold has folded.
    pub fn merge(&mut self, other: &Self, fold: &Fold, texts: &Texts) {
        match (self, other) {
            (Self::Count(n), Self::Count(m)) => *n += m,
            (Self::Distinct(seen), Self::Distinct(more)) => seen.extend(more),
            (Self::Sum(n, sum), Self::Sum(m, more)) => {
                *n += m;
                sum.merge(more);
            }
            (Self::Integers(n, sum), Self::Integers(m, more)) => {
                *n += m;
                *sum += more;
            }
            (Self::Moments(moments), Self::Moments(more)) => moments.merge(more),
            (Self::Extreme(best), Self::Extreme(other)) => {
                other.iter().for_each(|&word| improve(best, word, fold, texts));
            }
            (Self::End(end), Self::End(other)) => {
                other.iter().for_each(|&other| extend_end(end, other, fold.kind));
            }
            (mine, other) => unreachable!("one fold, two kinds of result: {mine:?} and {other:?}"),
        }
    }

    /// Whether blocks can keep it: the others are folded from the records each time.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Distinct(_))
    }

    /// Whether a wider window of the same nest cannot change it any more.
    pub fn is_settled(&self, kind: Kind) -> bool {
        kind == Kind::Last && matches!(self, Self::End(Some(_)))
    }

    /// The value of a view of it at an instant.
    pub fn value(&mut self, view: &View, fold: &Fold, at: Micros, texts: &Texts) -> Value {
        match self {
            Self::Count(n) => Value::Int(*n as i64),
            Self::Distinct(seen) => {
                seen.sort_unstable();
                seen.dedup();
                Value::Int(seen.len() as i64)
            }
            Self::Sum(0, _) | Self::Integers(0, _) | Self::Extreme(None) | Self::End(None) => Value::Null,
            Self::Sum(n, sum) if view.function == Function::Mean => Value::Float(sum.divided_by(*n)),
            Self::Sum(_, sum) => Value::Float(sum.total()),
            Self::Integers(n, sum) if view.function == Function::Mean => Value::Float(mean_of_integers(*sum, *n)),
            // A sum that does not fit 64 bits is null: a stated result, and never a wrapped one.
            Self::Integers(_, sum) => i64::try_from(*sum).map_or(Value::Null, Value::Int),
            Self::Moments(moments) => moments.value(view.function).map_or(Value::Null, Value::Float),
            Self::End(Some(((event, ..), _))) if view.function == Function::TimeSinceLast => {
                Value::Float((i128::from(at) - i128::from(*event)) as f64 / 1e6)
            }
            Self::Extreme(Some(word)) | Self::End(Some((_, word))) => texts.value(*word, fold.ty),
        }
    }
}

fn mean_of_integers(sum: i128, n: u64) -> f64 {
    // Both exact in a double: the division rounds once.
    if sum.unsigned_abs() < 1 << 53 && n < 1 << 53 {
        return sum as f64 / n as f64;
    }
    let mut wide = Wide::default();
    wide.add_integer(sum);
    wide.divided_by(n)
}

fn improve(best: &mut Option<u64>, word: u64, fold: &Fold, texts: &Texts) {
    let Some(old) = *best else {
        *best = Some(word);
        return;
    };
    let order = match fold.ty {
        Type::Float => order_floats(f64::from_bits(word), f64::from_bits(old)),
        Type::Text => texts.get(word).cmp(texts.get(old)),
        Type::Bool | Type::Int | Type::Time => (word as i64).cmp(&(old as i64)),
    };
    if (fold.kind == Kind::Min && order.is_lt()) || (fold.kind == Kind::Max && order.is_gt()) {
        *best = Some(word);
    }
}

type End = ((Micros, Micros, u64), u64);

fn extend_end(end: &mut Option<End>, candidate: End, kind: Kind) {
    let replaces = match end {
        None => true,
        Some((order, _)) if kind == Kind::First => candidate.0 < *order,
        Some((order, _)) => candidate.0 > *order,
    };
    if replaces {
        *end = Some(candidate);
    }
}
