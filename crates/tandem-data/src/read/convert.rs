//! A column of whatever type a file has, as one of the five types. Every conversion is exact or refused; what is odd but
//! readable (a local time that the clock skipped, nanoseconds) is counted.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, PrimitiveArray, StringArray, TimestampMicrosecondArray};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use tandem_definitions::time::Clock;
use tandem_definitions::{Micros, Type};

use super::ReadError;
use super::local_time::LocalClock;
use super::numbers;
use crate::finding::Findings;
use crate::json::integer;
use crate::nested;

/// What conversions need beside the values, and what they count.
pub(crate) struct Conversion {
    pub(crate) clock: LocalClock,
    /// Whether texts may stay in a dictionary where the file has them in one.
    pub(crate) dictionaries: bool,
    pub(crate) findings: Findings,
}

/// Where a column's values stand.
pub(crate) struct Site<'a> {
    pub(crate) file: &'a Arc<Path>,
    pub(crate) column: &'a str,
    pub(crate) first_row: u64,
}

impl Site<'_> {
    fn row(&self, index: usize) -> u64 {
        self.first_row + index as u64
    }

    fn bad_value(&self, index: usize, value: &str, expected: Type) -> ReadError {
        bad_value(self.file, self.row(index), self.column, value, expected)
    }
}

pub(crate) fn bad_value(file: &Arc<Path>, row: u64, column: &str, value: &str, expected: Type) -> ReadError {
    let mut shown: String = value.chars().take(80).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    ReadError::BadValue { file: Arc::clone(file), row, column: column.to_owned(), value: shown, expected }
}

impl Conversion {
    /// The instant of a time written as text; `None` when it is none.
    #[inline]
    pub(crate) fn text(&mut self, text: &str, file: &Arc<Path>, row: u64) -> Option<Micros> {
        let (at, clock) = self.clock.of_text(text)?;
        self.count(clock, file, row);
        Some(at)
    }

    #[inline]
    fn local(&mut self, local: Micros, file: &Arc<Path>, row: u64) -> Option<Micros> {
        let (at, clock) = self.clock.of_local(local)?;
        self.count(clock, file, row);
        Some(at)
    }

    #[inline]
    fn count(&mut self, clock: Clock, file: &Arc<Path>, row: u64) {
        match clock {
            Clock::Exact => {}
            Clock::Nonexistent => self.findings.nonexistent_local_time.add(file, row),
            Clock::Ambiguous => self.findings.ambiguous_local_time.add(file, row),
        }
    }
}

/// The column as `ty`: exactly Boolean, Int64, Float64, Utf8 or Timestamp(µs, no zone).
pub(crate) fn convert(
    array: &ArrayRef,
    ty: Type,
    conversion: &mut Conversion,
    site: &Site<'_>,
) -> Result<ArrayRef, ReadError> {
    use DataType as D;
    let refused = || ReadError::WrongColumnType {
        file: Arc::clone(site.file),
        column: site.column.to_owned(),
        found: found(array.data_type()),
        expected: ty,
    };
    let plain = |to: &DataType| cast(array, to).map_err(|_| refused());
    match (array.data_type(), ty) {
        // The fields of a source, and what is asked about, are single values.
        (_, Type::List(_) | Type::Map(..)) => Err(refused()),
        (D::Null, _) => Ok(arrow_array::new_null_array(&data_type(ty), array.len())),
        (D::Dictionary(key, values), Type::Text)
            if conversion.dictionaries && **key == D::Int32 && **values == D::Utf8 =>
        {
            Ok(Arc::clone(array))
        }
        (D::Dictionary(_, values), _) => convert(&plain(values)?, ty, conversion, site),
        (D::Boolean, Type::Bool) | (D::Int64, Type::Int) | (D::Float64, Type::Float) | (D::Utf8, Type::Text) => {
            Ok(Arc::clone(array))
        }
        (D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 | D::UInt32, Type::Int) => plain(&D::Int64),
        (D::Float16 | D::Float32 | D::Float64, Type::Int) => whole(&plain(&D::Float64)?, site),
        (
            D::UInt64 | D::Decimal32(_, 0) | D::Decimal64(_, 0) | D::Decimal128(_, 0) | D::Decimal256(_, 0),
            Type::Int,
        )
        | (D::Binary | D::LargeBinary | D::BinaryView, Type::Text) => exact(array, ty, site, &refused),
        (D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..), Type::Float) => {
            numbers::of_decimals(array).map_err(|_| refused())
        }
        (from, Type::Float) if from.is_numeric() => plain(&D::Float64),
        (D::LargeUtf8 | D::Utf8View, Type::Text) => plain(&D::Utf8),
        (D::Utf8, _) => parse_text(array.as_string(), ty, conversion, site),
        (D::LargeUtf8 | D::Utf8View, _) => convert(&plain(&D::Utf8)?, ty, conversion, site),
        (D::Date32 | D::Date64, Type::Time) => Ok(strip_zone(&plain(&D::Timestamp(TimeUnit::Microsecond, None))?)),
        (D::Timestamp(unit, zone), Type::Time) => timestamps(array, *unit, zone.is_none(), conversion, site),
        _ => Err(refused()),
    }
}

/// The arrow type of each type.
pub fn data_type(ty: Type) -> DataType {
    match ty {
        Type::List(_) | Type::Map(..) => nested::data_type(ty),
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Text => DataType::Utf8,
        Type::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

/// How a column's type is called in a message.
fn found(from: &DataType) -> String {
    match from {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        from if from.is_integer() => "integer".to_owned(),
        from if from.is_floating() => "number".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        from if from.is_nested() => "nested".to_owned(),
        other => other.to_string(),
    }
}

/// A cast that must not lose a value.
fn exact(array: &ArrayRef, ty: Type, site: &Site<'_>, refused: &dyn Fn() -> ReadError) -> Result<ArrayRef, ReadError> {
    let lenient = CastOptions { safe: true, ..CastOptions::default() };
    let result = cast_with_options(array, &data_type(ty), &lenient).map_err(|_| refused())?;
    if result.null_count() > array.null_count() {
        let lost = (0..array.len()).find(|i| result.is_null(*i) && array.is_valid(*i)).unwrap_or(0);
        let text = cast(&array.slice(lost, 1), &DataType::Utf8);
        let shown = text.as_ref().map_or("bytes that are no text", |t| t.as_string::<i32>().value(0));
        return Err(site.bad_value(lost, shown, ty));
    }
    Ok(result)
}

/// Numbers that must be integers: what pandas makes of integers with gaps.
fn whole(array: &ArrayRef, site: &Site<'_>) -> Result<ArrayRef, ReadError> {
    let array = array.as_primitive::<Float64Type>();
    let mut values = Vec::with_capacity(array.len());
    let mut nulls = Vec::with_capacity(array.len());
    for (i, x) in array.iter().enumerate() {
        // In such a column NaN is how a gap was written.
        let x = x.filter(|x| !x.is_nan());
        let value = x.map(|x| integer(x).ok_or_else(|| site.bad_value(i, &x.to_string(), Type::Int))).transpose()?;
        values.push(value.unwrap_or(0));
        nulls.push(value.is_some());
    }
    let nulls = NullBuffer::from(nulls);
    Ok(Arc::new(Int64Array::new(values.into(), Some(nulls).filter(|n| n.null_count() > 0))))
}

fn parse_text(
    array: &StringArray,
    ty: Type,
    conversion: &mut Conversion,
    site: &Site<'_>,
) -> Result<ArrayRef, ReadError> {
    let bad = |i: usize| site.bad_value(i, array.value(i), ty);
    let nulls = array.nulls().cloned();
    Ok(match ty {
        Type::List(_) | Type::Map(..) => return Err(bad(0)),
        Type::Text => Arc::new(array.clone()),
        Type::Bool => {
            let values: Vec<bool> = parse_each(array, parse_bool).map_err(bad)?;
            Arc::new(arrow_array::BooleanArray::new(values.into(), nulls))
        }
        Type::Int => Arc::new(Int64Array::new(parse_each(array, numbers::whole_of_text).map_err(bad)?.into(), nulls)),
        Type::Float => Arc::new(Float64Array::new(parse_each(array, numbers::of_text).map_err(bad)?.into(), nulls)),
        Type::Time => {
            let mut values = Vec::with_capacity(array.len());
            for (i, text) in array.iter().enumerate() {
                values.push(match text {
                    Some(text) => conversion.text(text, site.file, site.row(i)).ok_or_else(|| bad(i))?,
                    None => 0,
                });
            }
            Arc::new(TimestampMicrosecondArray::new(values.into(), nulls))
        }
    })
}

/// Every value, or the index of the first that is none; nulls give the default.
fn parse_each<T: Default>(array: &StringArray, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, usize> {
    array.iter().enumerate().map(|(i, text)| text.map_or(Some(T::default()), &parse).ok_or(i)).collect()
}

fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |words: [&str; 3]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    if is(["true", "t", "1"]) {
        Some(true)
    } else if is(["false", "f", "0"]) {
        Some(false)
    } else {
        None
    }
}

fn strip_zone(array: &ArrayRef) -> ArrayRef {
    let array = array.as_primitive::<TimestampMicrosecondType>();
    Arc::new(TimestampMicrosecondArray::new(array.values().clone(), array.nulls().cloned()))
}

fn timestamps(
    array: &ArrayRef,
    unit: TimeUnit,
    naive: bool,
    conversion: &mut Conversion,
    site: &Site<'_>,
) -> Result<ArrayRef, ReadError> {
    let micros = to_micros(array, unit, conversion, site)?;
    if !naive || conversion.clock.is_utc() {
        return Ok(Arc::new(micros));
    }
    let mut values = Vec::with_capacity(micros.len());
    for (i, &local) in micros.values().iter().enumerate() {
        values.push(if micros.is_valid(i) {
            let instant = conversion.local(local, site.file, site.row(i));
            instant.ok_or_else(|| site.bad_value(i, &local.to_string(), Type::Time))?
        } else {
            0
        });
    }
    Ok(Arc::new(TimestampMicrosecondArray::new(values.into(), micros.nulls().cloned())))
}

/// Any unit as microseconds, exactly, but for nanoseconds, which are rounded down and counted.
fn to_micros(
    array: &ArrayRef,
    unit: TimeUnit,
    conversion: &mut Conversion,
    site: &Site<'_>,
) -> Result<TimestampMicrosecondArray, ReadError> {
    let raw = cast(array, &DataType::Int64).map_err(|e| ReadError::NotInFormat {
        file: Arc::clone(site.file),
        format: tandem_definitions::Format::Parquet,
        reason: e.to_string(),
    })?;
    let raw: &Int64Array = raw.as_primitive::<Int64Type>();
    let scaled = |factor: i64| -> Result<PrimitiveArray<TimestampMicrosecondType>, ReadError> {
        raw.try_unary(|v| v.checked_mul(factor).ok_or(v)).map_err(|v| {
            site.bad_value(raw.values().iter().position(|x| *x == v).unwrap_or(0), &v.to_string(), Type::Time)
        })
    };
    match unit {
        TimeUnit::Second => scaled(1_000_000),
        TimeUnit::Millisecond => scaled(1_000),
        TimeUnit::Microsecond => Ok(TimestampMicrosecondArray::new(raw.values().clone(), raw.nulls().cloned())),
        TimeUnit::Nanosecond => {
            let nanos = raw.reinterpret_cast::<TimestampNanosecondType>();
            if nanos.values().iter().any(|v| v % 1_000 != 0) {
                let finer = |i: &usize| nanos.is_valid(*i) && nanos.value(*i) % 1_000 != 0;
                let count = &mut conversion.findings.finer_than_microsecond;
                (0..nanos.len()).filter(finer).for_each(|i| count.add(site.file, site.row(i)));
            }
            Ok(nanos.unary(|v| v.div_euclid(1_000)))
        }
    }
}
