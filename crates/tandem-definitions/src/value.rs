//! One value of a record or a feature, owned ([`Value`]) or borrowed ([`Datum`]), and the one order among values.
//! Not here: columns of values (tandem-data) and how expressions compute with them (tandem-engine).

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An instant or a span in microseconds; instants count from 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// The type of a field, an expression or a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number of 64 bits, IEEE 754.
    Float,
    /// Unicode text.
    Text,
    /// An instant, microseconds since 1970 in UTC.
    Time,
}

impl Type {
    /// The word that people read and write in definitions: `boolean`, `integer`, `number`, `string`, `timestamp`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "integer",
            Self::Float => "number",
            Self::Text => "string",
            Self::Time => "timestamp",
        }
    }

    /// The word with its article: `an integer`, `a number`.
    pub fn with_article(self) -> String {
        let article = if self == Self::Int { "an" } else { "a" };
        format!("{article} {}", self.word())
    }

    /// Whether arithmetic is defined on it.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An owned value. Equality is that of [`Datum::order`]: all NaNs are one value, −0 equals 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Value {
    /// Nothing is known.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// An instant, microseconds since 1970 in UTC.
    Time(Micros),
}

/// A borrowed value: what a driver hands to the engine, without allocating.
#[derive(Clone, Copy, Debug)]
pub enum Datum<'a> {
    /// Nothing is known.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// An instant, microseconds since 1970 in UTC.
    Time(Micros),
}

impl Value {
    /// The value, borrowed.
    pub fn as_datum(&self) -> Datum<'_> {
        match self {
            Self::Null => Datum::Null,
            Self::Bool(b) => Datum::Bool(*b),
            Self::Int(i) => Datum::Int(*i),
            Self::Float(x) => Datum::Float(*x),
            Self::Text(s) => Datum::Text(s),
            Self::Time(t) => Datum::Time(*t),
        }
    }

    /// Its type; `None` for null.
    pub fn type_of(&self) -> Option<Type> {
        self.as_datum().type_of()
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether both hold the same bits: what parity demands. NaNs are one value, and −0 is 0, since the engine makes them so.
    pub fn same_bits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => canonical_bits(*a) == canonical_bits(*b),
            (a, b) => a.type_of() == b.type_of() && a == b,
        }
    }
}

impl Datum<'_> {
    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Int(i) => Value::Int(i),
            Self::Float(x) => Value::Float(x),
            Self::Text(s) => Value::Text(Arc::from(s)),
            Self::Time(t) => Value::Time(t),
        }
    }

    /// Its type; `None` for null.
    pub fn type_of(self) -> Option<Type> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Text(_) => Type::Text,
            Self::Time(_) => Type::Time,
        })
    }

    /// Whether it is null.
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number in it, integers widened; `None` for everything else.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Int(i) => Some(i as f64),
            Self::Float(x) => Some(x),
            _ => None,
        }
    }

    /// The one order: null first, then by type, then by value; NaN is the greatest number and equal to itself, −0 equals 0.
    /// Integers and floats compare by value, exactly (no rounding of the integer).
    pub fn order(self, other: Datum<'_>) -> Ordering {
        use Datum::{Bool, Float, Int, Text, Time};
        match (self, other) {
            (Bool(a), Bool(b)) => a.cmp(&b),
            (Int(a), Int(b)) | (Time(a), Time(b)) => a.cmp(&b),
            (Float(a), Float(b)) => order_floats(a, b),
            (Int(a), Float(b)) => order_int_float(a, b),
            (Float(a), Int(b)) => order_int_float(b, a).reverse(),
            (Text(a), Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) => 2,
            Self::Text(_) => 3,
            Self::Time(_) => 4,
        }
    }
}

/// Floats in the one order: NaN greatest and equal to itself, −0 equal to 0.
pub fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn order_int_float(a: i64, b: f64) -> Ordering {
    // 2^63 and above, or NaN: greater than every integer.
    if b.is_nan() || b >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    if b < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    let whole = b.trunc();
    a.cmp(&(whole as i64)).then_with(|| order_floats(0.0, b - whole))
}

/// The bits of a float with one NaN and one zero: two values that are equal have equal bits.
pub fn canonical_bits(x: f64) -> u64 {
    if x.is_nan() {
        f64::NAN.to_bits()
    } else if x == 0.0 {
        0
    } else {
        x.to_bits()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_datum() == other.as_datum()
    }
}

impl Eq for Value {}

impl PartialEq for Datum<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.order(*other) == Ordering::Equal
    }
}

impl Eq for Datum<'_> {}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => 0u8.hash(state),
            Self::Bool(b) => (1u8, b).hash(state),
            // An integer and the float of the same value are equal, so they hash alike.
            Self::Int(i) => (2u8, canonical_bits(*i as f64)).hash(state),
            Self::Float(x) => (2u8, canonical_bits(*x)).hash(state),
            Self::Text(s) => (3u8, s).hash(state),
            Self::Time(t) => (4u8, t).hash(state),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_datum().fmt(f)
    }
}

impl fmt::Display for Datum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Text(s) => f.write_str(s),
            Self::Time(t) => f.write_str(&crate::time::format_instant(*t)),
        }
    }
}
