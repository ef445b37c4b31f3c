//! Whole numbers of any size times a power of two: what a variance is computed with before it is rounded once.
//!
//! Small on purpose: addition, squares, division by counts, and the nearest double of a quotient or of its root.
//! Not here: what is summed (`sum.rs`, `moments.rs`).

use std::cmp::Ordering;

use crate::sum::round;

/// `± limbs · 2^exponent`, limbs of 32 bits, least first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Big {
    negative: bool,
    limbs: Vec<u32>,
    exponent: i32,
}

impl Big {
    /// A magnitude in limbs of 32 bits, least first.
    pub fn new(negative: bool, mut limbs: Vec<u32>, exponent: i32) -> Self {
        // Zeros below cost time in every later step.
        let zeros = limbs.iter().take_while(|&&limb| limb == 0).count();
        limbs.drain(..zeros);
        limbs.truncate(limbs.iter().rposition(|&limb| limb != 0).map_or(0, |top| top + 1));
        let exponent = if limbs.is_empty() { 0 } else { exponent + 32 * zeros as i32 };
        Self { negative, limbs, exponent }
    }

    /// An integer.
    pub fn from_integer(negative: bool, magnitude: u128) -> Self {
        Self::new(negative, (0..4).map(|i| (magnitude >> (32 * i)) as u32).collect(), 0)
    }

    /// The same, 2^`shift` times as large.
    pub fn scaled(mut self, shift: i32) -> Self {
        self.exponent += shift;
        self
    }

    /// The sum of both.
    pub fn plus(&self, other: &Self) -> Self {
        if self.limbs.is_empty() {
            return other.clone();
        }
        if other.limbs.is_empty() {
            return self.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.limbs_at(exponent), other.limbs_at(exponent));
        if self.negative == other.negative {
            return Self::new(self.negative, add(&a, &b), exponent);
        }
        match compare(&a, &b) {
            Ordering::Less => Self::new(other.negative, subtract(&b, &a), exponent),
            _ => Self::new(self.negative, subtract(&a, &b), exponent),
        }
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&Self { negative: !other.negative, ..other.clone() })
    }

    /// Its square.
    pub fn squared(&self) -> Self {
        let mut product = vec![0u32; 2 * self.limbs.len()];
        for (i, &a) in self.limbs.iter().enumerate() {
            let mut carry = 0u64;
            for (j, &b) in self.limbs.iter().enumerate() {
                let full = u64::from(a) * u64::from(b) + u64::from(product[i + j]) + carry;
                product[i + j] = full as u32;
                carry = full >> 32;
            }
            product[i + self.limbs.len()] = carry as u32;
        }
        Self::new(false, product, 2 * self.exponent)
    }

    /// `n` times as much.
    pub fn times(&self, n: u64) -> Self {
        let mut product = Vec::with_capacity(self.limbs.len() + 2);
        let mut carry = 0u128;
        for &limb in &self.limbs {
            let full = u128::from(limb) * u128::from(n) + carry;
            product.push(full as u32);
            carry = full >> 32;
        }
        product.extend([carry as u32, (carry >> 32) as u32]);
        Self::new(self.negative, product, self.exponent)
    }

    /// It over `a · b` (neither 0), rounded once to the nearest double, ties to even.
    pub fn over(&self, a: u64, b: u64) -> f64 {
        let (quotient, exponent, more) = self.divided(a, b);
        let magnitude = round(&quotient, exponent, more);
        if self.negative { -magnitude } else { magnitude }
    }

    /// The square root of its magnitude over `a · b` (neither 0), rounded once to the nearest double, ties to even.
    pub fn root_over(&self, a: u64, b: u64) -> f64 {
        let (quotient, exponent, mut more) = self.divided(a, b);
        let Some(top) = quotient.iter().rposition(|&limb| limb != 0) else { return 0.0 };
        // The highest 126 or 125 bits, so that what is left has an even exponent; the root has 63 of them.
        let highest = 32 * top + 31 - quotient[top].leading_zeros() as usize;
        let mut from = highest - 125;
        from += usize::from((exponent + from as i32) % 2 != 0);
        let head = (from / 32..=top).fold(0, |head, i| {
            let limb = u128::from(quotient[i]);
            head | if 32 * i < from { limb >> (from - 32 * i) } else { limb << (32 * i - from) }
        });
        more |= (0..from).any(|bit| quotient[bit / 32] >> (bit % 32) & 1 == 1);
        let root = head.isqrt();
        more |= root * root != head;
        let exponent = exponent + from as i32;
        round(&[root as u32, (root >> 32) as u32], exponent >> 1, more)
    }

    /// Its magnitude over `a · b`, with at least 128 bits: limbs, their exponent, and whether a remainder is left.
    fn divided(&self, a: u64, b: u64) -> (Vec<u32>, i32, bool) {
        const ROOM: usize = 8;
        let mut quotient = vec![0; ROOM];
        quotient.extend(&self.limbs);
        let mut more = false;
        for n in [a, b] {
            let mut remainder: u128 = 0;
            for limb in quotient.iter_mut().rev() {
                let part = (remainder << 32) | u128::from(*limb);
                *limb = (part / u128::from(n)) as u32;
                remainder = part % u128::from(n);
            }
            more |= remainder != 0;
        }
        (quotient, self.exponent - 32 * ROOM as i32, more)
    }

    /// The limbs of the same magnitude at an exponent that is not greater.
    fn limbs_at(&self, exponent: i32) -> Vec<u32> {
        let shift = (self.exponent - exponent) as usize;
        let mut limbs = vec![0; shift / 32];
        let mut carry = 0u64;
        for &limb in &self.limbs {
            let full = u64::from(limb) << (shift % 32) | carry;
            limbs.push(full as u32);
            carry = full >> 32;
        }
        limbs.push(carry as u32);
        limbs
    }
}

fn add(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut carry = 0u64;
    let mut sum: Vec<u32> = (0..a.len().max(b.len()))
        .map(|i| {
            let full = limb(a, i) + limb(b, i) + carry;
            carry = full >> 32;
            full as u32
        })
        .collect();
    sum.push(carry as u32);
    sum
}

/// `a − b`, where `a` is not less.
fn subtract(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut borrow = 0u64;
    let difference = (0..a.len().max(b.len())).map(|i| {
        let full = (1 << 32) + limb(a, i) - limb(b, i) - borrow;
        borrow = 1 - (full >> 32);
        full as u32
    });
    difference.collect()
}

fn compare(a: &[u32], b: &[u32]) -> Ordering {
    let limbs = (0..a.len().max(b.len())).rev().map(|i| limb(a, i).cmp(&limb(b, i)));
    limbs.fold(Ordering::Equal, Ordering::then)
}

fn limb(limbs: &[u32], i: usize) -> u64 {
    limbs.get(i).map_or(0, |&limb| u64::from(limb))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum::ExactSum;

    fn float(x: f64) -> Big {
        let mut sum = ExactSum::default();
        sum.add(x);
        sum.exact()
    }

    #[test]
    fn floats_come_back_as_they_went_in() {
        for x in [0.0, 1.0, -0.1, 5e-324, f64::MAX, -1e-300, 123_456.789] {
            assert_eq!(float(x).over(1, 1).to_bits(), x.to_bits(), "{x:e}");
            assert_eq!(float(x).squared().root_over(1, 1), x.abs(), "{x:e}");
        }
    }

    #[test]
    fn arithmetic_is_exact() {
        let (a, b) = (float(1e300), float(1e-300));
        assert_eq!(a.plus(&b).minus(&a).over(1, 1), 1e-300);
        assert_eq!(b.minus(&a).plus(&a).times(3).over(3, 1), 1e-300);
        assert_eq!(a.minus(&a).over(7, 7), 0.0);
        assert_eq!(Big::from_integer(true, u128::MAX).plus(&Big::from_integer(false, u128::MAX - 5)).over(2, 1), -2.5);
        assert_eq!(Big::from_integer(false, 2).root_over(1, 1), std::f64::consts::SQRT_2);
        assert_eq!(Big::from_integer(false, 1).root_over(3, 3), 1.0 / 3.0);
    }
}
