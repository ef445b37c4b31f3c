//! What needs all values of a window at once: percentiles, the mode and the most frequent. Exact, and folded from the records each time:
//! such a result cannot be put together from the results of parts.

use tandem_definitions::{Fraction, Function, Type, Value};

use crate::sum::Wide;
use crate::texts::Texts;

/// Sorts the words of values by the one order.
pub(crate) fn sort(words: &mut [u64], ty: Type, texts: &Texts) {
    match ty {
        // The bits of positive floats are in order, those of negative ones in the reverse order; NaN is positive.
        Type::Float => words.sort_by_key(|&bits| if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }),
        Type::Text => words.sort_by(|&a, &b| texts.get(a).cmp(texts.get(b))),
        _ => words.sort_by_key(|&word| word as i64),
    }
}

/// A function's value of sorted values, of which there is at least one, but for the most frequent ones.
pub(crate) fn value(words: &[u64], function: Function, ty: Type, texts: &Texts) -> Value {
    match function {
        Function::PercentileCont(at) => Value::Float(between(words, at, ty)),
        Function::PercentileDisc(at) => texts.value(words[nearest_rank(words.len(), at)], ty),
        Function::CountDistinct => Value::Int(words.chunk_by(|a, b| a == b).count() as i64),
        Function::TopK(k) => Value::List(top(words, k as usize).map(|word| texts.value(word, ty)).collect()),
        _ => texts.value(mode(words), ty),
    }
}

/// The index of the least value that at least this part of the values does not exceed.
fn nearest_rank(count: usize, at: Fraction) -> usize {
    let rank = (count as u128 * u128::from(at.0)).div_ceil(u128::from(Fraction::ONE.0));
    (rank as usize).saturating_sub(1)
}

/// On the line between the two values around (n − 1) · at, exactly, and rounded once.
fn between(words: &[u64], at: Fraction, ty: Type) -> f64 {
    let one = u128::from(Fraction::ONE.0);
    let place = (words.len() - 1) as u128 * u128::from(at.0);
    let (index, part) = ((place / one) as usize, (place % one) as u64);
    let (low, high) = (words[index], words[(index + 1).min(words.len() - 1)]);
    let mut sum = Wide::default();
    if ty == Type::Float {
        let (a, b) = (f64::from_bits(low), f64::from_bits(high));
        if part == 0 || low == high {
            return a;
        }
        if !(a.is_finite() && b.is_finite()) {
            return a + b;
        }
        sum.add_times(a, Fraction::ONE.0 - part as u32);
        sum.add_times(b, part as u32);
    } else {
        sum.add_integer(i128::from(low as i64) * (one as i128 - i128::from(part)));
        sum.add_integer(i128::from(high as i64) * i128::from(part));
    }
    sum.divided_by(one as u64)
}

/// The most frequent value; of several, the least.
fn mode(words: &[u64]) -> u64 {
    let mut best = (0, words[0]);
    for run in words.chunk_by(|a, b| a == b) {
        if run.len() > best.0 {
            best = (run.len(), run[0]);
        }
    }
    best.1
}

/// The most frequent values, the most frequent first; of equally frequent ones, the least first.
fn top(words: &[u64], k: usize) -> impl Iterator<Item = u64> {
    let mut runs: Vec<&[u64]> = words.chunk_by(|a, b| a == b).collect();
    // Stable: the runs lie in the order of their values.
    runs.sort_by_key(|run| std::cmp::Reverse(run.len()));
    runs.into_iter().take(k).map(|run| run[0])
}
