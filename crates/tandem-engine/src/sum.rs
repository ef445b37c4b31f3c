//! Exact sums of floats: rounded once, whatever the order, the grouping, or what was added before.
//!
//! A float is a whole number times a power of two, and so is a sum of floats: as long as it fits, it is kept as one whole
//! number of 128 bits in the finest unit met. What does not fit goes into a small superaccumulator (Neal 2015, "Fast exact
//! summation using small and large superaccumulators"), which is exact over the whole range of doubles. Not here: which
//! values are summed (`fold.rs`).

use serde::{Deserialize, Serialize};

use crate::big::Big;

/// Bits below the point of 2^-1074, the least positive double.
const LEAST: i32 = -1074;
/// 32-bit limbs: 2^-1074 to 2^1024 are 2,098 bits, and 64 more for the number of values.
const LIMBS: usize = 70;

/// Bits of the whole number in which a sum is kept, without its sign.
const WHOLE_BITS: i32 = 127;

/// The exact sum of any number of floats: `sum · 2^unit`, and whatever did not fit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExactSum {
    sum: i128,
    unit: i32,
    rest: Option<Box<Rest>>,
}

/// What is not a whole number of 128 bits times a power of two.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Rest {
    wide: Wide,
    /// The sum of the values that are not finite: infinities and NaN follow IEEE 754, in any order.
    special: Option<f64>,
}

impl ExactSum {
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, x: f64) {
        self.add_scaled(x, 0);
    }

    /// Adds `x · 2^up`, exactly; `up` is not negative, and at most 64.
    #[inline]
    pub(crate) fn add_scaled(&mut self, x: f64, up: i32) {
        let bits = x.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i32;
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        let (mantissa, unit) = match exponent {
            0x7ff => return self.add_special(x),
            0 => (fraction, LEAST),
            _ => (fraction | 1 << 52, exponent - 1075),
        };
        let signed = if bits >> 63 == 1 { -mantissa } else { mantissa };
        // Mostly something no finer was met before, and there is room for both: 53 bits, moved by 64 at most, and 126.
        let coarser = unit + up - self.unit;
        if (0..=64).contains(&coarser) && self.sum != 0 && self.sum.unsigned_abs() >> (WHOLE_BITS - 1) == 0 {
            self.sum += i128::from(signed) << coarser;
        } else {
            self.add_whole(i128::from(signed), unit + up);
        }
    }

    /// Adds `whole · 2^unit`.
    fn add_whole(&mut self, whole: i128, unit: i32) {
        if whole == 0 {
            return;
        }
        if self.sum == 0 {
            (self.sum, self.unit) = (whole, unit);
            return;
        }
        // To the finer of both units, if that fits.
        let (finer, coarse) = (unit.min(self.unit), unit.max(self.unit));
        let (fine, wide) = if unit < self.unit { (whole, self.sum) } else { (self.sum, whole) };
        match shifted(wide, coarse - finer).and_then(|wide| wide.checked_add(fine)) {
            Some(sum) => (self.sum, self.unit) = (sum, finer),
            None => self.rest().wide.add_whole(whole, unit),
        }
    }

    fn add_special(&mut self, x: f64) {
        let rest = self.rest();
        rest.special = Some(rest.special.map_or(x, |s| s + x));
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    /// Adds another exact sum.
    pub fn merge(&mut self, other: &Self) {
        self.add_whole(other.sum, other.unit);
        if let Some(theirs) = &other.rest {
            let mine = self.rest();
            mine.wide.merge(&theirs.wide);
            if let Some(s) = theirs.special {
                mine.special = Some(mine.special.map_or(s, |mine| mine + s));
            }
        }
    }

    /// Adds the product of two finite values, exactly. Their product must be 0, or lie between 2^-900 and 2^1020, so that
    /// its error is a float, too (error-free `TwoProduct` with a fused multiply-add; Ogita, Rump and Oishi 2005).
    pub(crate) fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        self.add(product);
        self.add(a.mul_add(b, -product));
    }

    /// Whether every value was finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.special().is_none()
    }

    fn special(&self) -> Option<f64> {
        self.rest.as_ref().and_then(|rest| rest.special)
    }

    /// The total of the finite values, exactly.
    pub(crate) fn exact(&self) -> Big {
        let whole = Big::from_integer(self.sum < 0, self.sum.unsigned_abs()).scaled(self.unit);
        self.rest.as_ref().map_or_else(|| whole.clone(), |rest| rest.wide.exact().plus(&whole))
    }

    /// The total of several, each times a power of two, rounded once to the nearest double (ties to even).
    pub(crate) fn total_of<'s>(sums: impl Iterator<Item = (&'s Self, i32)>) -> f64 {
        let (mut total, mut special) = (Big::default(), None);
        for (sum, scale) in sums {
            total = total.plus(&sum.exact().scaled(scale));
            special = sum.special().map(|x| special.map_or(x, |special| special + x)).or(special);
        }
        special.unwrap_or_else(|| total.over(1, 1))
    }

    /// About how many bytes it takes beside itself.
    pub(crate) fn bytes(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| size_of::<Rest>() + size_of::<i64>() * rest.wide.limbs.capacity())
    }

    /// The total, if it is a whole number of at most 53 bits, and nothing did not fit.
    pub(crate) fn whole(&self) -> Option<i128> {
        let whole = match self.unit {
            _ if self.sum == 0 => 0,
            unit if unit >= 0 => shifted(self.sum, unit)?,
            unit if self.sum.trailing_zeros() as i32 >= -unit => self.sum >> -unit,
            _ => return None,
        };
        (self.rest.is_none() && whole.unsigned_abs() < 1 << 53).then_some(whole)
    }

    /// The total, rounded once to the nearest double (ties to even).
    pub fn total(&self) -> f64 {
        self.divided_by(1)
    }

    /// The total divided by `n` (which is not 0), rounded once to the nearest double (ties to even).
    pub fn divided_by(&self, n: u64) -> f64 {
        if let Some(s) = self.special() {
            return s / n as f64;
        }
        if self.rest.is_some() {
            return self.exact().over(n, 1);
        }
        if self.sum == 0 {
            return 0.0;
        }
        let (size, sign) = (self.sum.unsigned_abs(), if self.sum < 0 { -1.0 } else { 1.0 });
        let (quotient, unit) = if n == 1 {
            (size, self.unit)
        } else {
            // 64 bits at least; that something was left over can only matter as the lowest of them.
            let up = size.leading_zeros();
            let whole = size << up;
            ((whole / u128::from(n)) | u128::from(whole % u128::from(n) != 0), self.unit - up as i32)
        };
        // The conversion rounds once; a power of two changes nothing unless the result is below the normal doubles.
        if (-900..=900).contains(&unit) {
            return sign * quotient as f64 * power(unit);
        }
        self.exact().over(n, 1)
    }
}

/// `whole · 2^by`, if it fits.
fn shifted(whole: i128, by: i32) -> Option<i128> {
    let bits = 128 - whole.unsigned_abs().leading_zeros() as i32;
    (bits + by < WHOLE_BITS).then(|| whole << by)
}

/// A power of two that is a normal double.
fn power(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// An exact integer in units of 2^-1074: signed 64-bit limbs, each of weight 2^32 of the one before, with room for
/// carries that are only propagated now and then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wide {
    limbs: Vec<i64>,
    /// Additions since carries were propagated; below 2^29, so that no limb overflows.
    pending: u32,
}

impl Default for Wide {
    fn default() -> Self {
        Self { limbs: vec![0; LIMBS], pending: 0 }
    }
}

impl Wide {
    /// Adds one finite value `n` times.
    pub(crate) fn add_times(&mut self, x: f64, n: u32) {
        // A product touches so many limbs: 53 bits, those of `n`, and up to 31 below.
        const PIECES: usize = 4;
        let bits = x.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        // The mantissa stands at bit `shift` above 2^-1074.
        let (mantissa, shift) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let spread = (u128::from(mantissa) * u128::from(n)) << (shift % 32);
        for (limb, i) in self.limbs[shift / 32..].iter_mut().zip(0..PIECES) {
            let piece = ((spread >> (32 * i)) & 0xffff_ffff) as i64;
            *limb += if x.is_sign_negative() { -piece } else { piece };
        }
        self.count(1);
    }

    /// Adds an integer.
    pub(crate) fn add_integer(&mut self, x: i128) {
        self.add_whole(x, 0);
    }

    /// Adds `x · 2^unit`; the unit is one that doubles have.
    fn add_whole(&mut self, x: i128, unit: i32) {
        let bit = (unit - LEAST) as usize;
        let (limb, shift) = (bit / 32, bit % 32);
        let magnitude = x.unsigned_abs();
        for i in 0..4 {
            let piece = ((magnitude >> (32 * i)) & 0xffff_ffff) as u64;
            let spread = piece << shift;
            let sign = if x < 0 { -1 } else { 1 };
            self.limbs[limb + i] += sign * (spread & 0xffff_ffff) as i64;
            self.limbs[limb + i + 1] += sign * (spread >> 32) as i64;
        }
        self.count(2);
    }

    /// Adds another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.propagate();
        let mut other = other.clone();
        other.propagate();
        for (mine, theirs) in self.limbs.iter_mut().zip(&other.limbs) {
            *mine += theirs;
        }
        self.count(1);
    }

    fn count(&mut self, additions: u32) {
        self.pending += additions;
        if self.pending >= 1 << 29 {
            self.propagate();
        }
    }

    /// Brings every limb but the last into 0..2^32; the last keeps the sign.
    fn propagate(&mut self) {
        let mut carry = 0;
        let last = self.limbs.len() - 1;
        for limb in &mut self.limbs[..last] {
            let full = *limb + carry;
            *limb = full & 0xffff_ffff;
            carry = full >> 32;
        }
        self.limbs[last] += carry;
        self.pending = 1;
    }

    /// The total divided by `n` (not 0), rounded once to the nearest double, ties to even.
    pub(crate) fn divided_by(&self, n: u64) -> f64 {
        self.exact().over(n, 1)
    }

    /// The total.
    pub(crate) fn exact(&self) -> Big {
        let mut exact = self.clone();
        exact.propagate();
        let negative = exact.limbs[exact.limbs.len() - 1] < 0;
        if negative {
            exact.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            exact.propagate();
        }
        Big::new(negative, exact.limbs.iter().map(|&limb| limb as u32).collect(), LEAST)
    }
}

/// The double nearest to the integer in `limbs` (32 bits each, least first) times 2^`exponent`; `more` says that the
/// true value lies a little above. Ties go to even; what is too large is infinite.
pub(crate) fn round(limbs: &[u32], exponent: i32, more: bool) -> f64 {
    let Some(top) = limbs.iter().rposition(|&limb| limb != 0) else { return 0.0 };
    let highest = top as i32 * 32 + 31 - limbs[top].leading_zeros() as i32;
    // The bit that counts for one: 53 bits below the highest, but never below 2^-1074.
    let unit = (highest - 52).max(LEAST - exponent);
    let bit = |i: i32| i >= 0 && limbs.get(i as usize / 32).is_some_and(|limb| limb >> (i % 32) & 1 == 1);
    let mut mantissa: u64 = 0;
    for i in (unit..=highest).rev() {
        mantissa = mantissa << 1 | u64::from(bit(i));
    }
    let half = bit(unit - 1);
    let below = more || (0..unit - 1).any(bit);
    if half && (below || mantissa & 1 == 1) {
        mantissa += 1;
    }
    scale(mantissa, unit + exponent)
}

/// `mantissa` (at most 2^53) times 2^`exponent`, which is representable or too large.
fn scale(mantissa: u64, exponent: i32) -> f64 {
    let mut x = mantissa as f64;
    let mut left = exponent;
    while left < 0 && x != 0.0 {
        // Powers of two down to 2^-1000 are normal, and every product here is exact.
        let step = left.max(-1000);
        x *= f64::from_bits(((1023 + step) as u64) << 52);
        left -= step;
    }
    while left > 0 && x.is_finite() {
        let step = left.min(1000);
        x *= f64::from_bits(((1023 + step) as u64) << 52);
        left -= step;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        values.iter().for_each(|&x| sum.add(x));
        sum.total()
    }

    #[test]
    fn what_entered_and_left_leaves_no_trace() {
        assert_eq!(total(&[1e16, 1.0, -1e16]), 1.0);
        assert_eq!(total(&[1e300, 1e-300, -1e300]), 1e-300);
        assert_eq!(total(&[f64::MAX, f64::MAX, -f64::MAX, -f64::MAX, 5e-324]), 5e-324);
        assert_eq!(total(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(total(&[0.1; 10]), 1.0);
        assert!(total(&[f64::INFINITY, 1.0, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn the_wide_path_gives_the_same_bits() {
        let values: Vec<f64> = (1..2000).map(|i| f64::from(i).sin() * 10f64.powi(i % 25 - 12)).collect();
        let mut wide = Wide::default();
        values.iter().for_each(|&x| wide.add_times(x, 1));
        let mut sum = ExactSum::default();
        values.iter().rev().for_each(|&x| sum.add(x));
        assert_eq!(sum.total().to_bits(), wide.divided_by(1).to_bits());
        for n in [2, 3, 7, 1999, 1_000_003] {
            assert_eq!(sum.divided_by(n).to_bits(), wide.divided_by(n).to_bits(), "n = {n}");
        }
    }

    #[test]
    fn a_merge_is_the_sum_of_both() {
        let (mut a, mut b) = (ExactSum::default(), ExactSum::default());
        [1e100, 3.0, 1e-100].iter().for_each(|&x| a.add(x));
        [-1e100, 4.0].iter().for_each(|&x| b.add(x));
        a.merge(&b);
        assert_eq!(a.total(), 7.0);
        assert_eq!(a.divided_by(2), 3.5);
    }

    #[test]
    fn subnormal_results_are_rounded_once() {
        let mut wide = Wide::default();
        wide.add_times(5e-324, 1);
        wide.add_times(5e-324, 1);
        wide.add_times(5e-324, 1);
        assert_eq!(wide.divided_by(2), 1e-323);
        assert_eq!(wide.divided_by(7), 0.0);
    }

    #[test]
    fn integers_are_exact_beyond_53_bits() {
        let mut wide = Wide::default();
        wide.add_integer(i128::from(i64::MAX));
        wide.add_integer(-i128::from(i64::MAX) + 3);
        assert_eq!(wide.divided_by(2), 1.5);
    }
}
