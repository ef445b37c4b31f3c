//! The sketches of approximate aggregations, by their definition and nothing more: one register after the other, one value
//! looked up after all are sorted. Shares no code with the engine.

use tandem_definitions::Value;

/// How many different values there are, about: `HyperLogLog` with 2^12 registers.
pub fn count_distinct(values: &[&Value]) -> i64 {
    let mut registers = [0_u32; 4096];
    for value in values {
        let hash = match value {
            Value::Text(text) => hash(text.as_bytes()),
            Value::Bool(b) => hash(&u64::from(*b).to_le_bytes()),
            Value::Int(i) | Value::Time(i) => hash(&i.to_le_bytes()),
            Value::Float(x) if x.is_nan() => hash(&f64::NAN.to_bits().to_le_bytes()),
            // −0 and 0 are one value.
            Value::Float(x) => hash(&(x + 0.0).to_bits().to_le_bytes()),
            Value::Null | Value::List(_) | Value::Map(_) => continue,
        };
        let register = &mut registers[(hash / (1 << 52)) as usize];
        // The place of the first 1 among the other 52 bits.
        let place = (1..=52).find(|place| hash >> (52 - place) & 1 == 1).unwrap_or(53);
        *register = place.max(*register);
    }
    let count = 4096.0;
    let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(*rank as i32)).sum();
    let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    if raw <= 2.5 * count && empty > 0 {
        return (count * (count / empty as f64).ln()).round() as i64;
    }
    raw.round() as i64
}

fn hash(bytes: &[u8]) -> u64 {
    // FNV-1a.
    let mut hash = 14_695_981_039_346_656_037_u64;
    for byte in bytes {
        hash ^= u64::from(*byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    // The finish of SplitMix64.
    hash ^= hash >> 30;
    hash = hash.wrapping_mul(13_787_848_793_156_543_929);
    hash ^= hash >> 27;
    hash = hash.wrapping_mul(10_723_151_780_598_845_931);
    hash ^ hash >> 31
}

/// About the value that lies (n − 1) · `at` (in billionths) of the way along sorted values, the lower of two.
pub fn percentile(sorted: &[&Value], at: u64) -> Value {
    let place = (sorted.len() as u128 - 1) * u128::from(at) / 1_000_000_000;
    Value::Float(middle(sorted[place as usize].as_datum().as_f64().unwrap_or(f64::NAN)))
}

/// Each power of two is cut into 64 buckets of one width; a number is told as the middle of its own, in proportion.
fn middle(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (mut part, mut exponent) = (x.abs(), 0);
    while part < 1.0 {
        part *= 2.0;
        exponent -= 1;
    }
    while part >= 2.0 {
        part /= 2.0;
        exponent += 1;
    }
    let lower = 1.0 + ((part - 1.0) * 64.0).floor() / 64.0;
    let upper = lower + 1.0 / 64.0;
    let within = 2.0 * lower * upper / (lower + upper);
    // In two steps, the second of which may round: 2^-1074 itself is no factor that a double can hold with others.
    let first = exponent.max(-1000);
    within * 2.0_f64.powi(first) * 2.0_f64.powi(exponent - first) * x.signum()
}
