//! Sums and means of values that fade, kept so that any instant can ask for them.
//!
//! The weight 2^(−age / half-life) is that at the end of the record's half-life on a fixed grid, times a power of two for
//! the half-lives that have passed since, times what has passed of the half-life in which the instant lies. The first
//! belongs to the record, and its product with the value is rounded once; the second is exact; the third is the same for
//! all records. So sums are kept exactly, without knowing who will ask: docs/decisions/0003-exact-sums.md.
//! Not here: the weights (`decay.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Function, Micros, Value};

use crate::decay::weight;
use crate::sum::ExactSum;

/// Half-lives that share a sum: their powers of two leave room in a whole number of 128 bits.
const HALF_LIVES: i64 = 16;
/// Stretches of so many half-lives after which a record weighs nothing: after 2^-1074 no double is left.
const LASTING: i64 = 68;

/// The records by the stretches in which they happened, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Aged {
    stretches: Vec<Stretch>,
}

/// The records of a stretch, weighed at the end of their half-life, and these times the power of two by which the half-life
/// lies behind the first of the stretch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stretch {
    number: i64,
    sum: ExactSum,
    weights: ExactSum,
}

impl Aged {
    /// Adds a value.
    pub fn add(&mut self, event: Micros, x: f64, half_life: Micros) {
        let half = event.div_euclid(half_life);
        let weight = weight(i128::from(half_life) - i128::from(event.rem_euclid(half_life)), half_life);
        let up = half.rem_euclid(HALF_LIVES) as i32;
        let stretch = self.stretch(half.div_euclid(HALF_LIVES));
        stretch.sum.add_scaled(x * weight, up);
        stretch.weights.add_scaled(weight, up);
    }

    /// Adds the values of another.
    pub fn merge(&mut self, other: &Self) {
        for Stretch { number, sum, weights } in &other.stretches {
            let stretch = self.stretch(*number);
            stretch.sum.merge(sum);
            stretch.weights.merge(weights);
        }
    }

    fn stretch(&mut self, number: i64) -> &mut Stretch {
        let at = self.stretches.partition_point(|stretch| stretch.number < number);
        if self.stretches.get(at).is_none_or(|stretch| stretch.number != number) {
            let (sum, weights) = (ExactSum::default(), ExactSum::default());
            self.stretches.insert(at, Stretch { number, sum, weights });
        }
        &mut self.stretches[at]
    }

    /// Lets go of what weighs nothing any more at every instant that can ask: none lies before the last record.
    pub fn trim(&mut self) {
        let Some(last) = self.stretches.last().map(|last| last.number) else { return };
        self.stretches.retain(|stretch| last - stretch.number < LASTING);
    }

    /// How many stretches there are.
    pub fn len(&self) -> usize {
        self.stretches.len()
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        let sums = self.stretches.iter().map(|stretch| stretch.sum.bytes() + stretch.weights.bytes());
        size_of::<Stretch>() * self.stretches.capacity() + sums.sum::<usize>()
    }

    /// A function's value at an instant; null of no record.
    pub fn value(&self, function: Function, at: Micros) -> Value {
        let (Function::DecayedSum(half_life) | Function::DecayedMean(half_life)) = function else { return Value::Null };
        if self.stretches.is_empty() {
            return Value::Null;
        }
        let half = at.div_euclid(half_life);
        let lasting = self.stretches.iter().filter(|stretch| half.div_euclid(HALF_LIVES) - stretch.number < LASTING);
        let scale = |stretch: &Stretch| (stretch.number * HALF_LIVES - half) as i32;
        let sum = ExactSum::total_of(lasting.clone().map(|stretch| (&stretch.sum, scale(stretch))));
        if matches!(function, Function::DecayedSum(_)) {
            // From the end of a half-life to its beginning is a factor of two.
            return Value::Float(sum * (2.0 * weight(i128::from(at.rem_euclid(half_life)), half_life)));
        }
        // What has passed of this half-life is the same above and below.
        let weights = ExactSum::total_of(lasting.map(|stretch| (&stretch.weights, scale(stretch))));
        if weights == 0.0 { Value::Null } else { Value::Float(sum / weights) }
    }
}
