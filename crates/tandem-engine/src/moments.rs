//! The exact first and second moments of values: what variances and standard deviations come from.
//!
//! With n values, S their sum and Q the sum of their squares, the variance is (n·Q − S²) / n², or / n(n − 1) of a
//! sample. S and Q are exact, and so is the rest of the way: one rounding, at the end, of the root too. No value is
//! shifted, nothing is subtracted that was rounded before, and no order or grouping can show.

use serde::{Deserialize, Serialize};
use tandem_definitions::Function;

use crate::big::Big;
use crate::sum::ExactSum;

/// Values above this, and below 2^-450, are scaled before they are squared: squares and their errors stay in range.
const GREAT: f64 = f64::from_bits((1023 + 500) << 52);
const SMALL: f64 = f64::from_bits((1023 - 450) << 52);
/// Powers of two, so that scaling is exact.
const DOWN: i32 = -600;
const UP: i32 = 700;

/// How many values, and the exact sums of them and of their squares.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Moments {
    /// Of floats.
    Floats { count: u64, sum: ExactSum, squares: Squares },
    /// Of integers; a square has at most 126 bits, and their sum is `high · 2^64 + low`.
    Integers { count: u64, sum: i128, high: u128, low: u128 },
}

/// The exact sum of squares of floats.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Squares {
    ordinary: ExactSum,
    /// Of great values times 2^[`DOWN`], and of small ones times 2^[`UP`].
    outer: Option<Box<(ExactSum, ExactSum)>>,
}

impl Squares {
    fn add(&mut self, x: f64) {
        let size = x.abs();
        if size > GREAT {
            let scaled = x * power(DOWN);
            self.outer.get_or_insert_default().0.add_product(scaled, scaled);
        } else if size < SMALL && size > 0.0 {
            let scaled = x * power(UP);
            self.outer.get_or_insert_default().1.add_product(scaled, scaled);
        } else {
            self.ordinary.add_product(x, x);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.ordinary.merge(&other.ordinary);
        if let Some(theirs) = &other.outer {
            let mine = self.outer.get_or_insert_default();
            mine.0.merge(&theirs.0);
            mine.1.merge(&theirs.1);
        }
    }

    fn exact(&self) -> Big {
        let ordinary = self.ordinary.exact();
        match &self.outer {
            Some(outer) => {
                let great = outer.0.exact().scaled(-2 * DOWN);
                ordinary.plus(&great).plus(&outer.1.exact().scaled(-2 * UP))
            }
            None => ordinary,
        }
    }
}

fn power(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

impl Moments {
    /// Of no floats.
    pub fn of_floats() -> Self {
        Self::Floats { count: 0, sum: ExactSum::default(), squares: Squares::default() }
    }

    /// Of no integers.
    pub fn of_integers() -> Self {
        Self::Integers { count: 0, sum: 0, high: 0, low: 0 }
    }

    /// Adds one value, by its word.
    pub fn add(&mut self, word: u64) {
        match self {
            Self::Floats { count, sum, squares } => {
                let x = f64::from_bits(word);
                *count += 1;
                sum.add(x);
                if x.is_finite() {
                    squares.add(x);
                }
            }
            Self::Integers { count, sum, high, low } => {
                let x = i128::from(word as i64);
                let square = (x * x) as u128;
                *count += 1;
                *sum += x;
                *high += square >> 64;
                *low += square & u128::from(u64::MAX);
            }
        }
    }

    /// Adds what another has added.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (
                Self::Floats { count, sum, squares },
                Self::Floats { count: more, sum: their_sum, squares: their_squares },
            ) => {
                *count += more;
                sum.merge(their_sum);
                squares.merge(their_squares);
            }
            (
                Self::Integers { count, sum, high, low },
                Self::Integers { count: more, sum: their_sum, high: their_high, low: their_low },
            ) => {
                *count += more;
                *sum += their_sum;
                *high += their_high;
                *low += their_low;
            }
            (mine, other) => unreachable!("one fold, two types of values: {mine:?} and {other:?}"),
        }
    }

    /// A variance or standard deviation, rounded once; `None` where it says nothing. NaN when a value is not finite.
    pub fn value(&self, function: Function) -> Option<f64> {
        let count = match self {
            Self::Floats { count, .. } | Self::Integers { count, .. } => *count,
        };
        let sample = matches!(function, Function::VarSamp | Function::StddevSamp);
        let root = matches!(function, Function::StddevPop | Function::StddevSamp);
        let below = if sample { count.saturating_sub(1) } else { count };
        if below == 0 {
            return None;
        }
        if matches!(self, Self::Floats { sum, .. } if !sum.is_finite()) {
            return Some(f64::NAN);
        }
        if let (false, Some(value)) = (root, self.quick_variance(below)) {
            return Some(value);
        }
        let (sum, squares) = match self {
            Self::Floats { sum, squares, .. } => (sum.exact(), squares.exact()),
            Self::Integers { sum, high, low, .. } => {
                let low = Big::from_integer(false, *low);
                let sum = Big::from_integer(*sum < 0, sum.unsigned_abs());
                (sum, Big::from_integer(false, *high).scaled(64).plus(&low))
            }
        };
        let spread = squares.times(count).minus(&sum.squared());
        Some(if root { spread.root_over(count, below) } else { spread.over(count, below) })
    }

    /// The variance of whole numbers that are not great: one division of two doubles that are exact.
    fn quick_variance(&self, below: u64) -> Option<f64> {
        let (count, sum, squares) = match self {
            Self::Floats { count, sum, squares } if squares.outer.is_none() => {
                (*count, sum.whole()?, squares.ordinary.whole()?)
            }
            Self::Integers { count, sum, high: 0, low } => (*count, *sum, i128::try_from(*low).ok()?),
            _ => return None,
        };
        let count = i128::from(count);
        let spread = count.checked_mul(squares)?.checked_sub(sum.checked_mul(sum)?)?;
        let divisor = count * i128::from(below);
        (spread < 1 << 53 && divisor < 1 << 53).then(|| spread as f64 / divisor as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> Moments {
        let mut moments = Moments::of_floats();
        values.iter().for_each(|x| moments.add(x.to_bits()));
        moments
    }

    fn variance(values: &[f64]) -> Option<f64> {
        moments(values).value(Function::VarPop)
    }

    #[test]
    fn a_great_mean_hides_no_spread() {
        // The textbook formula in floats gives 0 or less here.
        assert_eq!(variance(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]), Some(22.5));
        assert_eq!(variance(&[1e15 + 0.5, 1e15 + 1.5]), Some(0.25));
        assert_eq!(moments(&[3.0]).value(Function::VarSamp), None);
        assert_eq!(moments(&[0.1, 0.1, 0.1]).value(Function::StddevSamp), Some(0.0));
    }

    #[test]
    fn magnitudes_that_have_no_square() {
        assert_eq!(moments(&[f64::MAX, -f64::MAX]).value(Function::StddevPop), Some(f64::MAX));
        assert_eq!(variance(&[f64::MAX, -f64::MAX]), Some(f64::INFINITY));
        assert_eq!(moments(&[3e-320, -3e-320, 1e-200, -1e-200]).value(Function::VarPop), Some(0.0));
        assert_eq!(moments(&[2e-310, 0.0]).value(Function::StddevPop), Some(1e-310));
        assert!(variance(&[f64::INFINITY, 1.0]).is_some_and(f64::is_nan));
    }

    #[test]
    fn integers_of_any_size() {
        let mut moments = Moments::of_integers();
        [i64::MAX, i64::MIN].iter().for_each(|&x| moments.add(x as u64));
        assert_eq!(moments.value(Function::StddevPop), Some(9_223_372_036_854_775_808.0));
    }
}
