//! What folding some records gives, and the value that comes of it: the one implementation of every aggregation.
//!
//! A partial result can absorb single records and merge with another one, in any order and grouping, with the same
//! bits in the end: counts and sums are exact, extremes and ends follow the one order. So a track may keep partial
//! results of whole blocks of records. Not here: which records (`track.rs`), and what is asked (`fold.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Function, Micros, Type, Value, order_floats};

use crate::decay::weight;
use crate::fold::{Fold, Kind, Span, View};
use crate::grouped::Groups;
use crate::moments::Moments;
use crate::sketch::{Buckets, Registers};
use crate::sum::{ExactSum, Wide};
use crate::texts::Texts;
use crate::track::Row;
use crate::values;

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
    /// The so many last records in the one order and their words, the very last one first.
    Ends(Vec<End>),
    /// The words of all values.
    Values(Vec<u64>),
    /// The event times and words of all values.
    Aged(Vec<(Micros, u64)>),
    /// A sketch of how many different values there are.
    Registers(Registers),
    /// A sketch of how the values are spread.
    Buckets(Buckets),
    /// For each category such a result.
    Grouped(Groups),
}

impl Partial {
    /// Folds the records that have a value of the measure.
    pub fn absorb<'r>(&mut self, fold: &Fold, rows: impl Iterator<Item = Row<'r>>, texts: &Texts) {
        if let (Self::Grouped(groups), Some(by)) = (&mut *self, fold.by) {
            return rows.for_each(|row| groups.absorb(fold, by, row, texts));
        }
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
            Self::Ends(ends) => words.for_each(|(word, row)| extend_ends(ends, (row.order(), word), fold.kind)),
            Self::Values(seen) => seen.extend(words.map(|(word, _)| word)),
            Self::Aged(seen) => seen.extend(words.map(|(word, row)| (row.order().0, word))),
            Self::Extreme(best) => words.for_each(|(word, _)| improve(best, word, fold, texts)),
            Self::End(end) => words.for_each(|(word, row)| extend_end(end, (row.order(), word), fold.kind)),
            Self::Registers(registers) => words.for_each(|(word, _)| registers.add(word, fold.ty, texts)),
            Self::Buckets(buckets) => words.for_each(|(word, _)| buckets.add(number(word, fold.ty))),
            Self::Grouped(_) => unreachable!("a fold without categories has no result for each: {fold:?}"),
        }
    }

    /// Folds what another partial result of the same fold has folded.
    pub fn merge(&mut self, other: &Self, fold: &Fold, texts: &Texts) {
        match (self, other) {
            (Self::Count(n), Self::Count(m)) => *n += m,
            (Self::Ends(ends), Self::Ends(more)) => {
                more.iter().for_each(|&candidate| extend_ends(ends, candidate, fold.kind));
            }
            (Self::Aged(seen), Self::Aged(more)) => seen.extend(more),
            (Self::Distinct(seen), Self::Distinct(more)) | (Self::Values(seen), Self::Values(more)) => {
                seen.extend(more);
            }
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
            (Self::Registers(registers), Self::Registers(more)) => registers.merge(more),
            (Self::Buckets(buckets), Self::Buckets(more)) => buckets.merge(more),
            (Self::Grouped(groups), Self::Grouped(more)) => {
                fold.by.iter().for_each(|&by| groups.merge(more, fold, by, texts));
            }
            (mine, other) => unreachable!("one fold, two kinds of result: {mine:?} and {other:?}"),
        }
    }

    /// Whether blocks can keep it: the others are folded from the records each time.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Distinct(_) | Self::Values(_) | Self::Aged(_) => false,
            Self::Grouped(groups) => groups.is_kept(),
            _ => true,
        }
    }

    /// Whether a wider window of the same nest cannot change it any more.
    pub fn is_settled(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::End(end), Kind::Last) => end.is_some(),
            (Self::Ends(ends), Kind::LastOf(n)) => ends.len() == n as usize,
            _ => false,
        }
    }

    /// The value of a view of it.
    pub fn value(&mut self, view: &View, fold: &Fold, span: &Span, texts: &Texts) -> Value {
        match self {
            Self::Count(n) => match view.function {
                Function::Rate(unit) => rate(*n, unit, span),
                _ => Value::Int(*n as i64),
            },
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
            Self::End(Some(((event, ..), word))) => match view.function {
                Function::TimeSinceLast | Function::TimeSinceFirst => {
                    Value::Float((i128::from(span.at) - i128::from(*event)) as f64 / 1e6)
                }
                _ => texts.value(*word, fold.ty),
            },
            Self::Extreme(Some(word)) => texts.value(*word, fold.ty),
            Self::Ends(ends) if matches!(view.function, Function::LastN(_)) => {
                Value::List(ends.iter().map(|(_, word)| texts.value(*word, fold.ty)).collect())
            }
            Self::Ends(ends) => match fold.kind {
                Kind::LastOf(n) if ends.len() == n as usize => {
                    ends.last().map_or(Value::Null, |(_, word)| texts.value(*word, fold.ty))
                }
                _ => Value::Null,
            },
            Self::Values(seen) if seen.is_empty() && !matches!(view.function, Function::TopK(_)) => Value::Null,
            Self::Values(seen) => {
                values::sort(seen, fold.ty, texts);
                values::value(seen, view.function, fold.ty, texts)
            }
            Self::Aged(seen) => decayed(seen, view.function, fold.ty, span.at),
            Self::Registers(registers) => Value::Int(registers.estimate()),
            Self::Buckets(buckets) => match view.function {
                Function::ApproxPercentile(at) => buckets.percentile(at).map_or(Value::Null, Value::Float),
                _ => Value::Null,
            },
            Self::Grouped(groups) => fold.by.map_or(Value::Null, |by| groups.value(view, fold, by, span, texts)),
        }
    }
}

/// So many records in the length of the window, for each unit of time; rounded once.
fn rate(n: u64, unit: Micros, span: &Span) -> Value {
    let length = span.from.map_or(0, |from| (i128::from(span.to) - i128::from(from)) as u64);
    if length == 0 {
        return Value::Null;
    }
    Value::Float(mean_of_integers(i128::from(n) * i128::from(unit), length))
}

/// The sum of the values by their weights, or their mean: each value times its weight is rounded to a double, and these
/// are summed exactly, as are the weights.
fn decayed(seen: &[(Micros, u64)], function: Function, ty: Type, at: Micros) -> Value {
    let (Function::DecayedSum(half_life) | Function::DecayedMean(half_life)) = function else { return Value::Null };
    if seen.is_empty() {
        return Value::Null;
    }
    let (mut sum, mut weights) = (ExactSum::default(), ExactSum::default());
    for &(event, word) in seen {
        let x = number(word, ty);
        let weight = weight(i128::from(at) - i128::from(event), half_life);
        sum.add(x * weight);
        weights.add(weight);
    }
    match function {
        Function::DecayedSum(_) => Value::Float(sum.total()),
        _ if weights.total() == 0.0 => Value::Null,
        _ => Value::Float(sum.total() / weights.total()),
    }
}

/// The number that a word stands for.
fn number(word: u64, ty: Type) -> f64 {
    if ty == Type::Float { f64::from_bits(word) } else { word as i64 as f64 }
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
        _ => (word as i64).cmp(&(old as i64)),
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

/// Keeps the last ones, the very last one first.
fn extend_ends(ends: &mut Vec<End>, candidate: End, kind: Kind) {
    let Kind::LastOf(most) = kind else { return };
    let most = most as usize;
    if ends.len() == most && ends.last().is_some_and(|end| end.0 > candidate.0) {
        return;
    }
    ends.insert(ends.partition_point(|end| end.0 > candidate.0), candidate);
    ends.truncate(most);
}
