//! The values of a window in order, and what stands at a place among them: percentiles, exact. Nodes keep the values of their
//! records in one run, in order; a question has the runs that lie in its window and the values of single records, and finds
//! the value at a place without putting them together. Not here: which nodes (`tree.rs`, `partial.rs`).

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Fraction, Function, Type, Value};

use crate::sorted::Sorted;
use crate::sum::Wide;
use crate::texts::Texts;

/// Values that are put together and sorted rather than looked through run by run.
const FEW: usize = 128;

/// Values by their keys ([`to_key`]).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ordered {
    /// Shared with the nodes that keep them.
    runs: Vec<Arc<Sorted>>,
    /// The others, as they came.
    loose: Vec<i64>,
}

/// The whole number by which a word is compared: that of a float stands where the float does, NaN after all others. That of
/// a text says nothing about its order.
pub(crate) fn to_key(word: u64, ty: Type) -> i64 {
    let bits = word as i64;
    // The bits of a negative float are the greater, the lower it is.
    if ty == Type::Float { bits ^ ((bits >> 63) as u64 >> 1) as i64 } else { bits }
}

/// The word of a key: the way back is the same.
pub(crate) fn from_key(key: i64, ty: Type) -> u64 {
    to_key(key as u64, ty) as u64
}

/// How two keys stand to each other in the one order.
pub(crate) fn order(ty: Type, texts: &Texts) -> impl Fn(i64, i64) -> Ordering + Copy {
    let is_text = ty == Type::Text;
    move |a, b| if is_text { texts.get(a as u64).cmp(texts.get(b as u64)) } else { a.cmp(&b) }
}

impl Ordered {
    /// Adds the value of a word.
    pub fn push(&mut self, word: u64, ty: Type) {
        self.loose.push(to_key(word, ty));
    }

    /// Adds the values of another.
    pub fn merge(&mut self, other: &Self) {
        self.runs.extend(other.runs.iter().cloned());
        self.loose.extend_from_slice(&other.loose);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len()).sum::<usize>() + self.loose.len()
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        let runs = self.runs.iter().map(|run| size_of::<Arc<Sorted>>() + size_of::<Sorted>() + run.bytes());
        runs.sum::<usize>() + 8 * self.loose.capacity()
    }

    /// Puts all values into one run.
    pub fn compact(&mut self, ty: Type, texts: &Texts) {
        let mut all = Vec::with_capacity(self.len());
        self.runs.iter().for_each(|run| run.append_to(&mut all));
        let sorted = all.len();
        all.append(&mut self.loose);
        sort(&mut all[sorted..], ty, texts);
        // Made of runs that are sorted, which a stable sort merges.
        let order = order(ty, texts);
        all.sort_by(|a, b| order(*a, *b));
        self.loose = Vec::new();
        self.runs = vec![Arc::new(Sorted::new(&all))];
    }

    /// Puts the value of a word into the one run.
    pub fn insert(&mut self, word: u64, ty: Type, texts: &Texts) {
        let (key, order) = (to_key(word, ty), order(ty, texts));
        self.the_run().insert_behind(key, |other| order(other, key).is_le());
    }

    /// Takes the value of a word, which is there, out of the one run.
    pub fn remove(&mut self, word: u64, ty: Type, texts: &Texts) {
        let (key, order) = (to_key(word, ty), order(ty, texts));
        self.the_run().remove_behind(key, |other| order(other, key).is_le());
    }

    /// The one run of what a node keeps.
    fn the_run(&mut self) -> &mut Sorted {
        if self.runs.is_empty() {
            self.runs.push(Arc::default());
        }
        Arc::make_mut(&mut self.runs[0])
    }

    /// A percentile; null of no value.
    pub fn value(&mut self, function: Function, ty: Type, texts: &Texts) -> Value {
        let Some(last) = self.len().checked_sub(1) else { return Value::Null };
        sort(&mut self.loose, ty, texts);
        let order = order(ty, texts);
        let runs = self.runs.iter().map(|run| Run::Kept(run)).chain(std::iter::once(Run::Loose(&self.loose)));
        let runs: Vec<Run<'_>> = runs.filter(|run| run.len() > 0).collect();
        match function {
            Function::PercentileCont(at) => {
                let one = u128::from(Fraction::ONE.0);
                let way = last as u128 * u128::from(at.0);
                let (place, part) = ((way / one) as usize, (way % one) as u32);
                let low = select(&runs, place, order);
                let high = if part == 0 { low } else { next(&runs, place, low, order) };
                Value::Float(between(from_key(low, ty), from_key(high, ty), part, ty))
            }
            Function::PercentileDisc(at) => {
                let key = select(&runs, nearest_rank(last + 1, at), order);
                texts.value(from_key(key, ty), ty)
            }
            _ => Value::Null,
        }
    }
}

/// Sorts keys by the one order.
fn sort(keys: &mut [i64], ty: Type, texts: &Texts) {
    if ty == Type::Text {
        let order = order(ty, texts);
        keys.sort_unstable_by(|a, b| order(*a, *b));
    } else {
        keys.sort_unstable();
    }
}

/// Some values in order.
#[derive(Clone, Copy)]
enum Run<'r> {
    Kept(&'r Sorted),
    Loose(&'r [i64]),
}

impl Run<'_> {
    fn len(self) -> usize {
        match self {
            Self::Kept(run) => run.len(),
            Self::Loose(run) => run.len(),
        }
    }

    fn at(self, place: usize) -> i64 {
        match self {
            Self::Kept(run) => run.at(place),
            Self::Loose(run) => run[place],
        }
    }

    fn place(self, (from, to): (usize, usize), comes_before: impl Fn(i64) -> bool) -> usize {
        match self {
            Self::Kept(run) => run.place(from, to, comes_before),
            Self::Loose(run) => from + run[from..to].partition_point(|&other| comes_before(other)),
        }
    }

    fn append_stretch(self, (from, to): (usize, usize), all: &mut Vec<i64>) {
        match self {
            Self::Kept(run) => run.append_stretch(from, to, all),
            Self::Loose(run) => all.extend_from_slice(&run[from..to]),
        }
    }
}

/// The key at a place among those of all runs, of which there are more. Each round leaves a stretch of each run, and at most
/// three quarters of what was left, since it is divided at the middle of the middles (M. Blum and others, *Time bounds for
/// selection*, 1973).
fn select(runs: &[Run<'_>], place: usize, order: impl Fn(i64, i64) -> Ordering + Copy) -> i64 {
    if let [run] = runs {
        return run.at(place);
    }
    let mut left: Vec<(usize, usize)> = runs.iter().map(|run| (0, run.len())).collect();
    let mut cuts = Vec::with_capacity(runs.len());
    loop {
        if left.iter().map(|(from, to)| to - from).sum::<usize>() <= FEW {
            let mut all = Vec::with_capacity(FEW);
            runs.iter().zip(&left).for_each(|(run, stretch)| run.append_stretch(*stretch, &mut all));
            all.sort_unstable_by(|a, b| order(*a, *b));
            return all[place - left.iter().map(|(from, _)| from).sum::<usize>()];
        }
        let middle = middle(runs, &left, order);
        cuts.clear();
        cuts.extend(runs.iter().zip(&left).map(|(run, &stretch)| {
            let lower = run.place(stretch, |other| order(other, middle).is_lt());
            (lower, run.place((lower, stretch.1), |other| order(other, middle).is_le()))
        }));
        let (less, not_greater) = cuts.iter().fold((0, 0), |(a, b), (lower, upper)| (a + lower, b + upper));
        if place < less {
            left.iter_mut().zip(&cuts).for_each(|(stretch, cut)| stretch.1 = cut.0);
        } else if place >= not_greater {
            left.iter_mut().zip(&cuts).for_each(|(stretch, cut)| stretch.0 = cut.1);
        } else {
            return middle;
        }
    }
}

/// The middle of the middles of what is left of each run, each counted as often as its stretch is long.
fn middle(runs: &[Run<'_>], left: &[(usize, usize)], order: impl Fn(i64, i64) -> Ordering) -> i64 {
    let long = runs.iter().zip(left).filter(|(_, (from, to))| from < to);
    let mut middles: Vec<(i64, usize)> =
        long.map(|(run, (from, to))| (run.at(usize::midpoint(*from, *to)), to - from)).collect();
    middles.sort_unstable_by(|a, b| order(a.0, b.0));
    let half = middles.iter().map(|(_, length)| length).sum::<usize>() / 2;
    let mut passed = 0;
    let reaches = middles.iter().find(|(_, length)| {
        passed += length;
        passed > half
    });
    reaches.map_or(0, |(key, _)| *key)
}

/// The key that follows the one at a place; at the end the same one.
fn next(runs: &[Run<'_>], place: usize, key: i64, order: impl Fn(i64, i64) -> Ordering) -> i64 {
    let (mut not_greater, mut next) = (0, None);
    for run in runs {
        let at = run.place((0, run.len()), |other| order(other, key).is_le());
        not_greater += at;
        if at < run.len() {
            let candidate = run.at(at);
            next = next.filter(|&best| order(best, candidate).is_le()).or(Some(candidate));
        }
    }
    if place + 1 < not_greater { key } else { next.unwrap_or(key) }
}

/// The index of the least value that at least this part of the values does not exceed.
fn nearest_rank(count: usize, at: Fraction) -> usize {
    let rank = (count as u128 * u128::from(at.0)).div_ceil(u128::from(Fraction::ONE.0));
    (rank as usize).saturating_sub(1)
}

/// So many billionths of the way from one value to the next, exactly, and rounded once.
fn between(low: u64, high: u64, part: u32, ty: Type) -> f64 {
    let one = Fraction::ONE.0;
    let mut sum = Wide::default();
    if ty == Type::Float {
        let (a, b) = (f64::from_bits(low), f64::from_bits(high));
        if part == 0 || low == high {
            return a;
        }
        if !(a.is_finite() && b.is_finite()) {
            return a + b;
        }
        sum.add_times(a, one - part);
        sum.add_times(b, part);
    } else {
        sum.add_integer(i128::from(low as i64) * i128::from(one - part));
        sum.add_integer(i128::from(high as i64) * i128::from(part));
    }
    sum.divided_by(u64::from(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_at_a_place_of_many_runs_is_that_of_one_list() {
        let mut seed = 11_u64;
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((u128::from(seed) * u128::from(n)) >> 64) as u64
        };
        for round in 0..40 {
            let runs: Vec<Vec<i64>> = (0..=below(12))
                .map(|r| {
                    // Of few values, of many, and of runs that follow each other.
                    let (spread, base) = ([3, 1_000_000, 50][round % 3], [0, 0, 40 * r as i64][round % 3]);
                    let mut run: Vec<i64> = (0..=below(700)).map(|_| below(spread) as i64 + base).collect();
                    run.sort_unstable();
                    run
                })
                .collect();
            let mut all: Vec<i64> = runs.iter().flatten().copied().collect();
            all.sort_unstable();
            let kept: Vec<Sorted> = runs.iter().map(|run| Sorted::new(run)).collect();
            let mixed = |r: usize| if r.is_multiple_of(2) { Run::Kept(&kept[r]) } else { Run::Loose(&runs[r]) };
            let mixed: Vec<Run<'_>> = (0..runs.len()).map(mixed).collect();
            for place in (0..all.len()).step_by(7) {
                let key = select(&mixed, place, |a, b| a.cmp(&b));
                assert_eq!(key, all[place], "round {round}, place {place}");
                let after = all[(place + 1).min(all.len() - 1)];
                assert_eq!(next(&mixed, place, key, |a, b| a.cmp(&b)), after, "round {round}, after {place}");
            }
        }
    }
}
