//! Sketches: how many different values there are, and which lies at a part of the way, about, from a bounded memory.
//!
//! [`Registers`] is the `HyperLogLog` of Flajolet, Fusy, Gandouet and Meunier (2007), [`Buckets`] the `DDSketch` of Masson, Rim
//! and Lee (VLDB 2019). Both are made of whole numbers, so they merge exactly and in any order: the same bits whoever
//! folds. Why these parameters: docs/decisions/0006-lists-and-maps.md. Not here: exact answers (`partial.rs`, `values.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Fraction, Type};

use crate::texts::Texts;

/// So many bits of a hash choose its register.
const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// More filled registers than these are kept in the open, a byte each.
const FEW: usize = 512;

/// The registers of a `HyperLogLog` sketch: for each the highest rank seen, 0 where nothing fell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Registers {
    /// Those that are not 0, by register.
    Few(Vec<(u16, u8)>),
    /// All of them.
    All(Vec<u8>),
}

impl Default for Registers {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Registers {
    /// Adds the value of a word.
    pub fn add(&mut self, word: u64, ty: Type, texts: &Texts) {
        let hash = match ty {
            Type::Text => hash(texts.get(word).as_bytes()),
            _ => hash(&word.to_le_bytes()),
        };
        let rest = hash << INDEX_BITS;
        // Where the first 1 stands in the rest, counted from 1; beyond its end when there is none.
        let rank = rest.leading_zeros().min(u64::BITS - INDEX_BITS) + 1;
        self.raise((hash >> (u64::BITS - INDEX_BITS)) as u16, rank as u8);
    }

    pub fn merge(&mut self, other: &Self) {
        match other {
            Self::Few(filled) => filled.iter().for_each(|&(register, rank)| self.raise(register, rank)),
            Self::All(ranks) => {
                let filled = ranks.iter().enumerate().filter(|(_, rank)| **rank > 0);
                filled.for_each(|(register, &rank)| self.raise(register as u16, rank));
            }
        }
    }

    fn raise(&mut self, register: u16, rank: u8) {
        match self {
            Self::All(ranks) => {
                let old = &mut ranks[usize::from(register)];
                *old = rank.max(*old);
            }
            Self::Few(filled) => match filled.binary_search_by_key(&register, |(register, _)| *register) {
                Ok(at) => filled[at].1 = rank.max(filled[at].1),
                Err(at) => {
                    filled.insert(at, (register, rank));
                    if filled.len() > FEW {
                        let mut ranks = vec![0; REGISTERS];
                        filled.iter().for_each(|(register, rank)| ranks[usize::from(*register)] = *rank);
                        *self = Self::All(ranks);
                    }
                }
            },
        }
    }

    /// About how many bytes they take beside themselves.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Few(filled) => size_of::<(u16, u8)>() * filled.capacity(),
            Self::All(ranks) => ranks.capacity(),
        }
    }

    /// About how many different values were added.
    pub fn estimate(&self) -> i64 {
        let (filled, sum) = match self {
            Self::Few(filled) => (filled.len(), filled.iter().map(|(_, rank)| part(*rank)).sum()),
            Self::All(ranks) => {
                let filled = ranks.iter().filter(|rank| **rank > 0);
                (filled.clone().count(), filled.map(|rank| part(*rank)).sum())
            }
        };
        estimate(REGISTERS - filled, sum)
    }
}

/// 2^-rank in units of 2^-53, the least there is: so their sum is exact, in any order.
fn part(rank: u8) -> u128 {
    1 << (u64::BITS - INDEX_BITS + 1 - u32::from(rank))
}

/// From the empty registers and the sum of [`part`] over the others. With a hash of 64 bits the correction for large counts
/// is not needed.
fn estimate(empty: usize, sum: u128) -> i64 {
    let registers = REGISTERS as f64;
    let alpha = 0.7213 / (1.0 + 1.079 / registers);
    let sum = sum + empty as u128 * part(0);
    let raw = alpha * registers * registers / (sum as f64 / part(0) as f64);
    if raw <= 2.5 * registers && empty > 0 { linear(empty).round() as i64 } else { raw.round() as i64 }
}

/// Linear counting, for few values: from how many registers are still empty.
fn linear(empty: usize) -> f64 {
    REGISTERS as f64 * (REGISTERS as f64 / empty as f64).ln()
}

/// Our own hash, and always this: FNV-1a over the bytes (Fowler, Noll and Vo), then the mixing steps of `SplitMix64` (Steele,
/// Lea and Flood 2014), so that every bit of it depends on every byte.
fn hash(bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Each power of two is cut into so many buckets of one width, so a bucket's bounds are apart by 1/64 of the lower one at
/// most, and what lies between them in the right proportion is at most 1/129 of a value away from it.
const SPLIT_BITS: u32 = 6;
const SPLIT: i32 = 1 << SPLIT_BITS;
/// The exponent of the least double, 2^-1074, less one: so that the buckets of all doubles above zero are above zero.
const LEAST: i32 = -1075;
const INFINITE: i32 = i32::MAX - 1;
const NO_NUMBER: i32 = i32::MAX;

/// The buckets of a `DDSketch`, in the order of the values that fall into them: each with how many fell there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Buckets(Vec<(i32, u64)>);

impl Buckets {
    /// About how many bytes they take beside themselves.
    pub fn bytes(&self) -> usize {
        size_of::<(i32, u64)>() * self.0.capacity()
    }

    pub fn add(&mut self, x: f64) {
        let bucket = bucket(x);
        match self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => self.0.insert(at, (bucket, 1)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let mut merged: Vec<(i32, u64)> = Vec::with_capacity(self.0.len().max(other.0.len()));
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let (from, bucket) = match (mine.peek(), theirs.peek()) {
                (Some((a, _)), Some((b, _))) if b < a => (&mut theirs, *b),
                (Some((a, _)), _) => (&mut mine, *a),
                (None, Some((b, _))) => (&mut theirs, *b),
                (None, None) => break,
            };
            let count = from.next().map_or(0, |(_, count)| *count);
            match merged.last_mut() {
                Some((last, sum)) if *last == bucket => *sum += count,
                _ => merged.push((bucket, count)),
            }
        }
        self.0 = merged;
    }

    /// About the value that lies (n − 1) · `at` of the way along all values, the lower of two; `None` of no value.
    pub fn percentile(&self, at: Fraction) -> Option<f64> {
        let count: u64 = self.0.iter().map(|(_, count)| count).sum();
        let way = u128::from(count.checked_sub(1)?) * u128::from(at.0) / u128::from(Fraction::ONE.0);
        let mut passed = 0;
        let reaches = |(_, count): &&(i32, u64)| {
            passed += u128::from(*count);
            passed > way
        };
        self.0.iter().find(reaches).map(|(bucket, _)| middle(*bucket))
    }
}

/// The bucket of a number: by its exponent and the first bits of its fraction part, so it is the same on every machine.
fn bucket(x: f64) -> i32 {
    if x.is_nan() {
        return NO_NUMBER;
    }
    let size = if x == 0.0 {
        0
    } else if x.is_infinite() {
        INFINITE
    } else {
        let (exponent, split) = split(x.abs());
        (exponent - LEAST) * SPLIT + split
    };
    if x < 0.0 { -size } else { size }
}

/// The exponent of a number above zero, and which of the buckets of its power of two is its own.
fn split(x: f64) -> (i32, i32) {
    let (bits, exponent) = (x.to_bits(), (x.to_bits() >> 52) as i32 - 1023);
    if exponent > -1023 {
        return (exponent, (bits >> (52 - SPLIT_BITS)) as i32 & (SPLIT - 1));
    }
    // Below the least normal double the leading 1 stands among the bits of the fraction part.
    let normal = bits << (bits.leading_zeros() - 11);
    (-1011 - bits.leading_zeros() as i32, (normal >> (52 - SPLIT_BITS)) as i32 & (SPLIT - 1))
}

/// What a bucket stands for: between its bounds, as far from the one as from the other in proportion.
fn middle(bucket: i32) -> f64 {
    let size = match bucket.abs() {
        0 => 0.0,
        INFINITE => f64::INFINITY,
        NO_NUMBER => return f64::NAN,
        bucket => {
            let (lower, upper) = (f64::from(SPLIT + bucket % SPLIT), f64::from(SPLIT + bucket % SPLIT + 1));
            let within = 2.0 * lower * upper / ((lower + upper) * f64::from(SPLIT));
            scale(within, bucket / SPLIT + LEAST)
        }
    };
    if bucket < 0 { -size } else { size }
}

/// x · 2^exponent, rounded once.
fn scale(x: f64, exponent: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
    if exponent < -1022 { x * power(exponent + 100) * power(-100) } else { x * power(exponent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_counting_never_rounds_on_the_edge() {
        // Logarithms may differ in their last bit from machine to machine; no estimate is so near to a half that it matters.
        for empty in 1..=REGISTERS {
            assert!((linear(empty).fract() - 0.5).abs() > 1e-6, "{empty}");
        }
    }

    #[test]
    fn different_values_are_counted_within_the_stated_error() {
        for count in [0_u64, 1, 2, 100, 1_000, 10_000, 20_000, 100_000, 1_000_000] {
            let mut registers = Registers::default();
            for word in 0..count {
                registers.add(word, Type::Int, &Texts::default());
            }
            let error = (registers.estimate() as f64 - count as f64).abs() / (count as f64).max(1.0);
            // Three standard errors.
            assert!(error <= 0.049, "{count}: {}", registers.estimate());
        }
    }

    #[test]
    fn every_number_is_near_the_middle_of_its_bucket() {
        let mut x = 5e-324;
        while x < f64::MAX / 1.01 {
            for x in [x, -x] {
                let about = middle(bucket(x));
                let allowed = if x.abs() < f64::MIN_POSITIVE { 2.0 / 129.0 } else { 1.0 / 128.9 };
                assert!((about - x).abs() <= allowed * x.abs(), "{x:e} is told as {about:e}");
            }
            x = (x * 1.001).max(f64::from_bits(x.to_bits() + 1));
        }
        for x in [0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE] {
            assert!((middle(bucket(x)) - x).abs() <= x.abs() / 128.9 || middle(bucket(x)) == x, "{x:e}");
        }
        assert!(middle(bucket(f64::NAN)).is_nan());
    }

    #[test]
    fn buckets_are_in_the_order_of_the_numbers() {
        let numbers = [f64::NEG_INFINITY, f64::MIN, -2.0, -1.0, -5e-324, 0.0, 5e-324, 1e-310, 1e-300, 1.0, f64::MAX];
        let buckets: Vec<i32> = numbers.into_iter().chain([f64::INFINITY, f64::NAN]).map(bucket).collect();
        assert!(buckets.is_sorted_by(|a, b| a < b), "{buckets:?}");
    }
}
