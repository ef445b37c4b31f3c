//! The weight of a record that fades: 2^(−age / half-life), as the nearest double.
//!
//! Not the platform's `exp2`, whose last bit differs between machines. The power is computed in fixed point with 128
//! bits after the point: a table of 2^(−j/256), and Taylor's series for the rest. Its error is below 2^-120, so the
//! double is the nearest one unless the true value lies that close to the middle of two doubles; and it is the same one
//! on every machine, since nothing but whole numbers is computed with. Not here: the sum (`partial.rs`).

use tandem_definitions::Micros;

use crate::sum::round;

/// ln 2 · 2^128.
const LN_2: u128 = 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af;
/// 2^(−j/256) · 2^128; that of 0 would be 2^128, and is not used.
static TABLE: [u128; 256] = table();
/// Terms after which Taylor's series is exact to 128 bits below 2^(−1/256), and below 1.
const FEW: usize = 13;
const MANY: usize = 36;
/// 1/k, cut: a multiplication is many times faster than a division of 128 bits.
static RECIPROCALS: [u128; MANY + 1] = reciprocals();

const fn reciprocals() -> [u128; MANY + 1] {
    let mut list = [0; MANY + 1];
    let mut k = 1;
    while k <= MANY {
        list[k] = u128::MAX / k as u128;
        k += 1;
    }
    list
}

const fn table() -> [u128; 256] {
    let mut table = [0; 256];
    let mut j = 1;
    while j < 256 {
        table[j] = power(LN_2 / 256 * j as u128, MANY);
        j += 1;
    }
    table
}

/// e^(−y), for 0 < y < 1, all in units of 2^-128.
const fn power(y: u128, terms: usize) -> u128 {
    // 1 − e^(−y) = y(1 − y/2(1 − y/3(1 − …))), which stays below 1.
    let mut rest = 0;
    let mut k = terms;
    while k > 1 {
        let part = high(y, RECIPROCALS[k]);
        rest = part - high(part, rest);
        k -= 1;
    }
    rest = y - high(y, rest);
    rest.wrapping_neg()
}

/// The product of two fractions, in units of 2^-128, cut.
const fn high(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let middle = a1 * b0 + ((a0 * b0) >> 64);
    let more = a0 * b1 + (middle & LOW);
    a1 * b1 + (middle >> 64) + (more >> 64)
}

/// 2^(−age / half-life); `age` is not negative, `half_life` is positive.
pub(crate) fn weight(age: i128, half_life: Micros) -> f64 {
    let (age, half_life) = (age.unsigned_abs(), u128::from(half_life.unsigned_abs().max(1)));
    let (halvings, rest) = (age / half_life, age % half_life);
    if halvings > 1_080 {
        return 0.0;
    }
    let halvings = halvings as i32;
    if rest == 0 {
        return round(&[1], -halvings, false);
    }
    // rest / half-life in units of 2^-128, by long division: both are below 2^64.
    let (first, left) = ((rest << 64) / half_life, (rest << 64) % half_life);
    let part = (first << 64) | ((left << 64) / half_life);
    let (j, small) = ((part >> 120) as usize, part & (u128::MAX >> 8));
    let y = high(small, LN_2);
    let fraction = match (j, y) {
        (0, 0) => return round(&[1], -halvings, false),
        (j, 0) => TABLE[j],
        (0, y) => power(y, FEW),
        (j, y) => high(TABLE[j], power(y, FEW)),
    };
    nearest(fraction, halvings)
}

/// `fraction · 2^(−128 − halvings)`, rounded to the nearest double.
fn nearest(fraction: u128, halvings: i32) -> f64 {
    let shift = 75 - fraction.leading_zeros();
    let scale = shift as i32 - 128 - halvings;
    if scale < -1_070 {
        let limbs: Vec<u32> = (0..4).map(|i| (fraction >> (32 * i)) as u32).collect();
        return round(&limbs, -128 - halvings, true);
    }
    let mantissa = (fraction >> shift) as u64;
    let below = fraction & ((1 << shift) - 1);
    // A tie is never met: the true value is not a fraction of two powers of two.
    let mantissa = mantissa + u64::from(below >> (shift - 1) == 1);
    mantissa as f64 * power_of_two(scale)
}

fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1_022 {
        return f64::from_bits(1 << (exponent + 1_074));
    }
    f64::from_bits(((1_023 + exponent) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_half_lives_are_powers_of_two() {
        assert_eq!(weight(0, 7), 1.0);
        assert_eq!(weight(7, 7), 0.5);
        assert_eq!(weight(70, 7), 0.5f64.powi(10));
        assert_eq!(weight(1_074 * 7, 7), 5e-324);
        assert_eq!(weight(1_075 * 7, 7), 0.0);
        assert_eq!(weight(i128::from(i64::MAX) * 2, 1), 0.0);
    }

    #[test]
    fn halves_are_roots() {
        assert_eq!(weight(1, 2), std::f64::consts::FRAC_1_SQRT_2);
        assert_eq!(weight(3, 2), std::f64::consts::FRAC_1_SQRT_2 / 2.0);
        assert!(weight(1, i64::MAX) == 1.0);
        let mut last = 1.0;
        for age in 0..5_000 {
            let now = weight(age, 997);
            assert!(now <= last && (now - (-(age as f64) / 997.0).exp2()).abs() <= 2e-15 * now, "{age}");
            last = now;
        }
    }
}
