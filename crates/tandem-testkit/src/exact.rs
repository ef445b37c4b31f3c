//! Exact sums and means for the oracle: whole numbers of any size, rounded once. Slow on purpose, and nothing like the
//! engine's accumulator.

use std::sync::OnceLock;

use num_bigint::{BigInt, BigUint, Sign};

/// The least power of two that a 64-bit float can hold: every finite float is a whole number of these.
pub const GRAIN: i64 = -1074;

/// The sum of floats divided by `by`, rounded once to nearest even. NaN and infinities as IEEE 754 adds them, in any order.
pub fn quotient(values: &[f64], by: u64) -> f64 {
    let (up, down) = (values.contains(&f64::INFINITY), values.contains(&f64::NEG_INFINITY));
    if values.iter().any(|x| x.is_nan()) || (up && down) {
        return f64::NAN;
    }
    if up || down {
        return if up { f64::INFINITY } else { f64::NEG_INFINITY };
    }
    let sum: BigInt = values.iter().map(|x| grains(*x)).sum();
    round(&sum, by, GRAIN)
}

/// The sum of whole numbers divided by `by`, rounded once to nearest even.
pub fn whole_quotient(sum: &BigInt, by: u64) -> f64 {
    round(sum, by, 0)
}

/// A finite float as a whole number of grains.
pub fn grains(x: f64) -> BigInt {
    let bits = x.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, shift) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
    let size = BigInt::from(mantissa) << shift;
    if x.is_sign_negative() { -size } else { size }
}

/// `number · 2^scale / by`, rounded once to nearest even.
pub fn round(number: &BigInt, by: u64, scale: i64) -> f64 {
    let float = rational(number.magnitude(), &BigUint::from(by), scale);
    if number.sign() == Sign::Minus { -float } else { float }
}

/// `above / below · 2^scale`, rounded once to nearest even.
pub fn rational(above: &BigUint, below: &BigUint, scale: i64) -> f64 {
    if above.bits() == 0 {
        return 0.0;
    }
    // How many grains, as a fraction of two whole numbers.
    let above = above << (scale - GRAIN).max(0) as u64;
    let below = below << (GRAIN - scale).max(0) as u64;
    // Drop as many low bits as leave 53; the grain itself is never split (subnormals).
    let mut drop = ((&above / &below).bits() as i64 - 53).max(0);
    let mut mantissa = nearest_even(&above, &(&below << drop as u64));
    if mantissa.bits() > 53 {
        drop += 1;
        mantissa = nearest_even(&above, &(&below << drop as u64));
    }
    let digits = mantissa.iter_u64_digits().next().unwrap_or(0);
    // At most 53 bits times a power of two is exact, unless it is too large to be a float.
    if drop > 971 - GRAIN { f64::INFINITY } else { power(digits, drop) }
}

/// The square root of `above / below · 2^scale` (an even power), rounded once to nearest even.
pub fn root(above: &BigUint, below: &BigUint, scale: i64) -> f64 {
    // So many more bits that what is left out can only break a tie; one more bit says that there was something.
    const MORE: u64 = 192;
    let squared = (above << (2 * MORE)) / below;
    let whole = squared.sqrt();
    let left = &whole * &whole * below != above << (2 * MORE);
    rational(&((whole << 1u8) + u8::from(left)), &(BigUint::from(1u8) << (MORE + 1)), scale / 2)
}

/// 2^(−age / half-life), rounded once to nearest even: a product of the square roots of the square roots of one half.
pub fn weight(age: i64, half_life: i64) -> f64 {
    const BITS: usize = 160;
    static ROOTS: OnceLock<Vec<BigUint>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let halved = |root: &BigUint| Some((root << BITS).sqrt());
        std::iter::successors(halved(&(BigUint::from(1u8) << (BITS - 1))), halved).take(BITS).collect()
    });
    let (halvings, mut rest) = (age / half_life, BigUint::from((age % half_life) as u64));
    if halvings > 1_100 {
        return 0.0;
    }
    let half_life = BigUint::from(half_life as u64);
    let mut product = BigUint::from(1u8) << BITS;
    // The binary digits of rest / half-life, one after the other.
    for root in roots {
        rest <<= 1u8;
        if rest >= half_life {
            rest -= &half_life;
            product = (product * root) >> BITS;
        }
    }
    rational(&product, &(BigUint::from(1u8) << (BITS as i64 + halvings) as u64), 0)
}

/// `digits · 2^(drop + GRAIN)`, exactly.
fn power(digits: u64, drop: i64) -> f64 {
    // In two steps, so that neither factor leaves the range: the first product is a normal number or a grain's multiple.
    let float = digits as f64;
    if drop + GRAIN >= -1000 {
        float * two_to(drop + GRAIN)
    } else {
        float * two_to(-1000) * two_to(drop + GRAIN + 1000)
    }
}

fn two_to(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

fn nearest_even(above: &BigUint, below: &BigUint) -> BigUint {
    let whole = above / below;
    let twice_rest = (above - &whole * below) << 1u8;
    let up = match twice_rest.cmp(below) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole.bit(0),
        std::cmp::Ordering::Greater => true,
    };
    if up { whole + 1u8 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_value_is_itself() {
        let tiny = f64::from_bits(1);
        for x in [1.0, -0.1, 1e16, 5e-300, tiny, 3.0 * tiny, f64::MIN_POSITIVE, f64::MAX, -f64::MAX, 123_456.789e-20] {
            assert_eq!(quotient(&[x], 1).to_bits(), x.to_bits(), "{x:e}");
        }
    }

    #[test]
    fn rounded_once() {
        assert_eq!(quotient(&[1e16, 1.0, 1.0, -1e16], 1), 2.0);
        assert_eq!(quotient(&[0.1; 10], 1), 1.0);
        assert_eq!(quotient(&[f64::MAX, f64::MAX], 1), f64::INFINITY);
        assert_eq!(quotient(&[f64::MAX, f64::MAX], 2), f64::MAX);
        assert_eq!(quotient(&[f64::from_bits(3)], 2).to_bits(), 2, "a tie among subnormals goes to even");
        assert_eq!(quotient(&[1.0], 3).to_bits(), (1.0f64 / 3.0).to_bits());
        assert_eq!(whole_quotient(&BigInt::from((1u64 << 53) + 1), 1), 9_007_199_254_740_992.0);
        assert!(quotient(&[f64::INFINITY, f64::NEG_INFINITY], 1).is_nan());
    }
}
