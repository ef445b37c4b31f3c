//! What folding some records gives, and the value that comes of it: the one implementation of every aggregation.
//!
//! A partial result can absorb single records and merge with another one, in any order and grouping, with the same
//! bits in the end: counts and sums are exact, extremes and ends follow the one order. So a track may keep partial
//! results of whole blocks of records. Not here: which records (`track.rs`), and what is asked (`fold.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Function, Micros, Type, Value};

use crate::block::{Order, Slice};
use crate::decay::weight;
use crate::fold::{Fold, Kind, Span, View};
use crate::grouped::Groups;
use crate::moments::Moments;
use crate::sketch::{Buckets, Registers};
use crate::sorted::Sorted;
use crate::sum::{ExactSum, Wide};
use crate::texts::Texts;
use crate::values;

/// The result of folding some records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Partial {
    Count(u64),
    /// The words of all values.
    Distinct(Vec<u64>),
    /// Only where a node keeps it: the marks of all records in order, by which distinct values are counted (`marks.rs`).
    Marks(Option<Sorted>),
    /// How many, and their exact sum.
    Sum(u64, ExactSum),
    /// How many, and their exact sum (2^63 values of 64 bits fit).
    Integers(u64, i128),
    /// Its key: whole numbers that stand in the one order, but a text's number.
    Extreme(Option<i64>),
    /// The first or last record in the one order (event time, arrival time, position), and its word.
    End(Option<End>),
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
    pub fn absorb(&mut self, fold: &Fold, rows: Slice<'_>, texts: &Texts) {
        let measure = fold.measure;
        match self {
            Self::Count(n) => *n += u64::from(rows.present(measure).count_ones()),
            Self::Sum(n, sum) => {
                *n += u64::from(rows.present(measure).count_ones());
                rows.each(measure, |_, word| sum.add(f64::from_bits(word)));
            }
            Self::Integers(n, sum) => {
                *n += u64::from(rows.present(measure).count_ones());
                rows.each(measure, |_, word| *sum += i128::from(word as i64));
            }
            Self::Moments(moments) => rows.each(measure, |_, word| moments.add(word)),
            Self::Distinct(seen) | Self::Values(seen) => rows.each(measure, |_, word| seen.push(word)),
            Self::Marks(_) => {}
            Self::Aged(seen) => {
                let events = rows.events();
                rows.each(measure, |row, word| seen.push((events[row] as i64, word)));
            }
            Self::Registers(registers) => rows.each(measure, |_, word| registers.add(word, fold.ty, texts)),
            Self::Buckets(buckets) => rows.each(measure, |_, word| buckets.add(number(word, fold.ty))),
            Self::Grouped(groups) => groups.absorb(fold, rows, texts),
            Self::Extreme(best) => absorb_extreme(best, fold, rows, texts),
            Self::End(end) => {
                let present = rows.present(measure);
                if present != 0 {
                    let first = present.trailing_zeros();
                    let row = if fold.kind == Kind::First { first } else { present.ilog2() } as usize;
                    extend_end(end, (rows.order(row), rows.words(measure)[row]), fold.kind);
                }
            }
            Self::Ends(ends) => {
                let (mut present, words) = (rows.present(measure), rows.words(measure));
                while present != 0 {
                    let row = present.ilog2() as usize;
                    if !extend_ends(ends, (rows.order(row), words[row]), fold.kind) {
                        break;
                    }
                    present &= !(1 << row);
                }
            }
        }
    }

    /// Folds what another partial result of the same fold has folded.
    pub fn merge(&mut self, other: &Self, fold: &Fold, texts: &Texts) {
        match (self, other) {
            (Self::Count(n), Self::Count(m)) => *n += m,
            (Self::Ends(ends), Self::Ends(more)) => {
                more.iter().all(|&candidate| extend_ends(ends, candidate, fold.kind));
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
                *best = better(*best, *other, fold, texts);
            }
            (Self::End(end), Self::End(other)) => {
                other.iter().for_each(|&other| extend_end(end, other, fold.kind));
            }
            (Self::Registers(registers), Self::Registers(more)) => registers.merge(more),
            (Self::Buckets(buckets), Self::Buckets(more)) => buckets.merge(more),
            (Self::Grouped(groups), Self::Grouped(more)) => groups.merge(more, fold, texts),
            (mine, other) => unreachable!("one fold, two kinds of result: {mine:?} and {other:?}"),
        }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let more = match self {
            Self::Marks(Some(marks)) => marks.bytes(),
            Self::Ends(ends) => size_of::<End>() * ends.capacity(),
            Self::Moments(_) => size_of::<Moments>(),
            Self::Registers(registers) => registers.bytes(),
            Self::Buckets(buckets) => buckets.bytes(),
            Self::Grouped(groups) => groups.bytes(),
            _ => 0,
        };
        size_of::<Self>() + more
    }

    /// Whether nodes can keep it: the others are folded from the records each time.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Distinct(_) | Self::Marks(_) | Self::Values(_) | Self::Aged(_) => false,
            Self::Grouped(groups) => groups.is_kept(),
            _ => true,
        }
    }

    /// What is kept of a node: nothing where it would be more than the records themselves.
    pub fn kept(mut self) -> Self {
        if let Self::Grouped(groups) = &mut self {
            groups.trim();
        }
        self
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
            Self::Marks(_) | Self::Sum(0, _) | Self::Integers(0, _) | Self::Extreme(None) | Self::End(None) => {
                Value::Null
            }
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
            Self::Extreme(Some(key)) => texts.value(from_key(*key, fold.ty), fold.ty),
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
            Self::Grouped(groups) => groups.value(view, fold, span, texts),
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

/// The whole number by which a word is compared: that of a float stands where the float does, NaN after all others.
fn to_key(word: u64, ty: Type) -> i64 {
    let bits = word as i64;
    // The bits of a negative float are the greater, the lower it is.
    if ty == Type::Float { bits ^ ((bits >> 63) as u64 >> 1) as i64 } else { bits }
}

/// The word of a key: the way back is the same.
fn from_key(key: i64, ty: Type) -> u64 {
    to_key(key as u64, ty) as u64
}

fn absorb_extreme(best: &mut Option<i64>, fold: &Fold, rows: Slice<'_>, texts: &Texts) {
    if rows.present(fold.measure) == 0 {
        return;
    }
    let Fold { measure, ty, kind, .. } = *fold;
    let found = match (ty, kind) {
        (Type::Text, _) => {
            rows.each(measure, |_, word| *best = better(*best, Some(word as i64), fold, texts));
            return;
        }
        (_, Kind::Min) => {
            let mut least = i64::MAX;
            rows.each(measure, |_, word| least = least.min(to_key(word, ty)));
            least
        }
        _ => {
            let mut greatest = i64::MIN;
            rows.each(measure, |_, word| greatest = greatest.max(to_key(word, ty)));
            greatest
        }
    };
    *best = better(*best, Some(found), fold, texts);
}

/// The lesser or the greater of two keys.
fn better(a: Option<i64>, b: Option<i64>, fold: &Fold, texts: &Texts) -> Option<i64> {
    let (Some(x), Some(y)) = (a, b) else { return a.or(b) };
    let is_less = if fold.ty == Type::Text { texts.get(x as u64) < texts.get(y as u64) } else { x < y };
    Some(if is_less == (fold.kind == Kind::Min) { x } else { y })
}

type End = (Order, u64);

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

/// Keeps the last ones, the very last one first; whether the candidate is one of them.
fn extend_ends(ends: &mut Vec<End>, candidate: End, kind: Kind) -> bool {
    let Kind::LastOf(most) = kind else { return false };
    let most = most as usize;
    if ends.len() == most && ends.last().is_some_and(|end| end.0 > candidate.0) {
        return false;
    }
    ends.insert(ends.partition_point(|end| end.0 > candidate.0), candidate);
    ends.truncate(most);
    true
}
