//! Numbers that are not written as doubles: decimals, and texts. Each becomes the integer that it is, or the double nearest to
//! it, rounded once; what is neither is refused. Not here: numbers of JSON, which JSON's own rules read (`crate::json`).

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType};

use crate::json::{EACH_A_DOUBLE, sure_integer};

/// The greatest power of ten that is a double exactly.
const GREATEST_POWER: i8 = 22;

/// A column of decimals as the doubles nearest to them.
pub(super) fn of_decimals(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let (DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale)) = array.data_type() else {
        return match array.as_primitive_opt::<Decimal128Type>() {
            Some(_) => nearest_doubles(array),
            None => by_text(array), // 256 bits
        };
    };
    nearest_doubles(&cast(array, &DataType::Decimal128(*precision, *scale))?)
}

/// Of decimals of 128 bits: a quotient of two exact doubles is rounded once; what does not fit that goes by way of its text.
fn nearest_doubles(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let decimals = array.as_primitive::<Decimal128Type>();
    let scale = decimals.scale();
    let fits = |x: i128| x.unsigned_abs() <= EACH_A_DOUBLE as u128;
    if !(0..=GREATEST_POWER).contains(&scale) || !decimals.iter().flatten().all(fits) {
        return by_text(array);
    }
    let power = 10f64.powi(i32::from(scale));
    Ok(std::sync::Arc::new(decimals.unary::<_, arrow_array::types::Float64Type>(|x| x as f64 / power)))
}

/// Digits as text are read as the nearest double, whatever their number.
fn by_text(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let texts = cast(array, &DataType::Utf8)?;
    let doubles: Float64Array = texts.as_string::<i32>().iter().map(|text| text.and_then(of_text)).collect();
    Ok(std::sync::Arc::new(doubles))
}

/// The double nearest to a number written as text; `None` when it is none, or one greater than every double.
pub(super) fn of_text(text: &str) -> Option<f64> {
    let text = text.trim();
    let written_out = || text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    text.parse().ok().filter(|x: &f64| x.is_finite() || x.is_nan() || written_out())
}

/// A whole number written as text; with a point or an exponent (`5.0`, `1e3`) only as far as a double is sure to be it.
pub(super) fn whole_of_text(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| sure_integer(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use arrow_array::{Decimal32Array, Decimal128Array, Decimal256Array};
    use arrow_buffer::i256;

    use super::*;

    fn doubles(array: &ArrayRef) -> Vec<Option<f64>> {
        of_decimals(array).unwrap().as_primitive::<arrow_array::types::Float64Type>().iter().collect()
    }

    #[test]
    fn decimals_are_the_nearest_doubles() {
        let of = |digits: Vec<Option<i128>>, scale| -> ArrayRef {
            Arc::new(Decimal128Array::from(digits).with_precision_and_scale(38, scale).unwrap())
        };
        assert_eq!(doubles(&of(vec![Some(1), None, Some(-12_345)], 1)), [Some(0.1), None, Some(-1234.5)]);
        // 17 digits and more: a division of rounded numbers would be rounded twice.
        for digits in
            ["9007199254740993", "12345678901234567890123456789012345678", "-99999999999999999", "45035996273704985"]
        {
            for scale in [0, 2, 17, 30] {
                let exact: f64 = format!("{digits}e-{scale}").parse().unwrap();
                assert_eq!(
                    doubles(&of(vec![Some(digits.parse().unwrap())], scale)),
                    [Some(exact)],
                    "{digits}e-{scale}"
                );
            }
        }
        let small = Decimal32Array::from(vec![Some(250)]).with_precision_and_scale(9, 2).unwrap();
        assert_eq!(doubles(&(Arc::new(small) as ArrayRef)), [Some(2.5)]);
        let large = Decimal256Array::from(vec![Some(i256::from_i128(15))]).with_precision_and_scale(60, 1).unwrap();
        assert_eq!(doubles(&(Arc::new(large) as ArrayRef)), [Some(1.5)]);
    }

    #[test]
    fn texts_are_numbers_or_refused() {
        let tiny = Some(0.0);
        for (text, number) in [("1e308", Some(1e308)), ("1e309", None), ("-1e999", None), ("1e-999", tiny), ("x", None)]
        {
            assert_eq!(of_text(text), number, "{text}");
        }
        assert_eq!(
            [" inf", "-Infinity", "+INF"].map(of_text),
            [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY].map(Some)
        );
        assert!(of_text("NaN").unwrap().is_nan());
        assert_eq!(
            [" 5 ", "5.0", "-2e3", "9223372036854775807"].map(whole_of_text),
            [5, 5, -2_000, i64::MAX].map(Some)
        );
        for text in ["5.5", "9007199254740993.0", "9223372036854775808", "1e300", "inf", "NaN", ""] {
            assert_eq!(whole_of_text(text), None, "{text}");
        }
    }
}
