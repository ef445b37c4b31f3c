//! What folding some records gives, and the value that comes of it: the one implementation of every aggregation.
//!
//! A partial result can absorb single records and merge with another one, in any order and grouping, with the same
//! bits in the end: counts and sums are exact, extremes and ends follow the one order. So a track may keep partial
//! results of whole blocks of records. Not here: which records (`track.rs`), and what is asked (`fold.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Function, Micros, Type, Value};

use crate::aged::Aged;
use crate::block::{Order, Slice};
use crate::fold::{Fold, Kind, Span, View};
use crate::frequencies::Frequencies;
use crate::grouped::Groups;
use crate::moments::Moments;
use crate::ordered::{Ordered, from_key, to_key};
use crate::sketch::{Buckets, Registers};
use crate::sorted::Sorted;
use crate::sum::{ExactSum, Wide};
use crate::texts::Texts;

/// Records of which a node keeps the values in order, at most: each level of nodes takes as much memory again, and a window
/// of more records asks several nodes.
pub(crate) const ORDERED: usize = 1 << 18;
/// Values that a node keeps with their numbers, at most: a late record moves half of them.
const PAIRS: usize = 16_384;
/// So many records a sum that fades, or a category, has on average where it is worth keeping.
const WORTH: usize = 4;
/// And so many a value with its number.
const PAIR_WORTH: usize = 2;

/// The result of folding some records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Partial {
    Count(u64),
    /// The words of all values.
    Distinct(Vec<u64>),
    /// Only where a node keeps it: the marks of all records in order, by which distinct values are counted (`marks.rs`).
    Marks(Sorted),
    /// Only where a node keeps nothing: what is below is folded each time.
    Nothing,
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
    /// All values, in order.
    Ordered(Ordered),
    /// Each value, and how often it is there.
    Frequencies(Frequencies),
    /// Sums that fade.
    Aged(Aged),
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
            Self::Distinct(seen) => rows.each(measure, |_, word| seen.push(word)),
            Self::Marks(_) | Self::Nothing => {}
            Self::Ordered(values) => rows.each(measure, |_, word| values.push(word, fold.ty)),
            Self::Frequencies(values) => rows.each(measure, |_, word| values.push(word)),
            Self::Aged(aged) => {
                let (Kind::Aged(half_life), events) = (fold.kind, rows.events()) else { return };
                rows.each(measure, |row, word| aged.add(events[row] as i64, number(word, fold.ty), half_life));
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
            (Self::Aged(aged), Self::Aged(more)) => aged.merge(more),
            (Self::Distinct(seen), Self::Distinct(more)) => seen.extend(more),
            (Self::Ordered(values), Self::Ordered(more)) => values.merge(more),
            (Self::Frequencies(values), Self::Frequencies(more)) => values.merge(more),
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
            Self::Marks(marks) => marks.bytes(),
            Self::Sum(_, sum) => sum.bytes(),
            Self::Ends(ends) => size_of::<End>() * ends.capacity(),
            Self::Moments(_) => size_of::<Moments>(),
            Self::Ordered(values) => values.bytes(),
            Self::Frequencies(values) => values.bytes(),
            Self::Aged(aged) => aged.bytes(),
            Self::Registers(registers) => registers.bytes(),
            Self::Buckets(buckets) => buckets.bytes(),
            Self::Grouped(groups) => groups.bytes(),
            _ => 0,
        };
        size_of::<Self>() + more
    }

    /// Whether it stands for the records of a node: otherwise they are folded each time.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// What a node of so many records keeps of it: nothing where it would be more than the records themselves.
    pub fn kept(mut self, fold: &Fold, records: usize, texts: &Texts) -> Self {
        self.settle(fold, texts);
        if self.worth() > records { Self::Nothing } else { self }
    }

    /// Brings it into the form that nodes keep.
    pub fn settle(&mut self, fold: &Fold, texts: &Texts) {
        match self {
            Self::Ordered(values) => values.compact(fold.ty, texts),
            Self::Frequencies(values) => values.compact(),
            Self::Aged(aged) => aged.trim(),
            Self::Grouped(groups) => groups.settle(fold, texts),
            _ => {}
        }
    }

    /// Of how many records it must have been folded to be worth keeping.
    pub fn worth(&self) -> usize {
        match self {
            Self::Frequencies(values) if values.len() > PAIRS => usize::MAX,
            Self::Frequencies(values) => PAIR_WORTH * values.len(),
            Self::Aged(aged) => WORTH * aged.len(),
            Self::Grouped(groups) => {
                groups.each().map(|one| WORTH.saturating_add(one.worth())).fold(0, usize::saturating_add)
            }
            _ => 0,
        }
    }

    /// Puts records into what a node keeps.
    pub fn put_in(&mut self, fold: &Fold, rows: Slice<'_>, texts: &Texts) {
        match self {
            Self::Ordered(values) => rows.each(fold.measure, |_, word| values.insert(word, fold.ty, texts)),
            Self::Frequencies(values) => rows.each(fold.measure, |_, word| values.insert(word)),
            Self::Grouped(groups) => groups.put_in(fold, rows, texts),
            _ => self.absorb(fold, rows, texts),
        }
    }

    /// Takes records, which are there, out of what a node keeps. Only what is counted is ever taken away; otherwise nothing
    /// is done, and it says so.
    pub fn take_out(&mut self, fold: &Fold, rows: Slice<'_>, texts: &Texts) -> bool {
        if rows.present(fold.measure) == 0 {
            return true;
        }
        match self {
            Self::Nothing => {}
            Self::Ordered(values) => rows.each(fold.measure, |_, word| values.remove(word, fold.ty, texts)),
            Self::Frequencies(values) => rows.each(fold.measure, |_, word| values.remove(word)),
            Self::Grouped(groups) => return groups.take_out(fold, rows, texts),
            _ => return false,
        }
        true
    }

    /// Whether no record is left of those that were put in and taken out.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Ordered(values) => values.len() == 0,
            Self::Frequencies(values) => values.len() == 0,
            _ => false,
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
            Self::Marks(_)
            | Self::Nothing
            | Self::Sum(0, _)
            | Self::Integers(0, _)
            | Self::Extreme(None)
            | Self::End(None) => Value::Null,
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
            Self::Ordered(values) => values.value(view.function, fold.ty, texts),
            Self::Frequencies(values) => values.value(view.function, fold.ty, texts),
            Self::Aged(aged) => aged.value(view.function, span.at),
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
