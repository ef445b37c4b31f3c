//! One value of a record or a feature, owned ([`Value`]) or borrowed ([`Datum`]), and the one order among values.
//! Not here: types (`types.rs`), columns of values (tandem-data), and how expressions compute with them (tandem-engine).

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::types::{Element, Type};

/// An instant or a span in microseconds; instants count from 1970-01-01T00:00:00Z.
pub type Micros = i64;

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
    /// Values of one type.
    List(Arc<[Value]>),
    /// A value for each key, by the keys in the one order; no key twice.
    Map(Arc<[(Value, Value)]>),
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
    /// Values of one type.
    List(&'a [Value]),
    /// A value for each key, by the keys in the one order; no key twice.
    Map(&'a [(Value, Value)]),
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
            Self::List(values) => Datum::List(values),
            Self::Map(entries) => Datum::Map(entries),
        }
    }

    /// Its type; `None` for null, and for lists and maps, which do not say it when they are empty.
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
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same_bits(b)),
            (Self::Map(a), Self::Map(b)) => {
                let same = |((k, v), (l, w)): (&(Self, Self), &(Self, Self))| k.same_bits(l) && v.same_bits(w);
                a.len() == b.len() && a.iter().zip(b.iter()).all(same)
            }
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
            Self::List(values) => Value::List(Arc::from(values)),
            Self::Map(entries) => Value::Map(Arc::from(entries)),
        }
    }

    /// Its type; `None` for null, and for lists and maps, which do not say it when they are empty.
    pub fn type_of(self) -> Option<Type> {
        Some(match self {
            Self::Null | Self::List(_) | Self::Map(_) => return None,
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
    /// Integers and floats compare by value, exactly (no rounding of the integer). Lists and maps compare by their first
    /// difference; of two that begin alike, the shorter comes first.
    pub fn order(self, other: Datum<'_>) -> Ordering {
        use Datum::{Bool, Float, Int, List, Map, Text, Time};
        match (self, other) {
            (Bool(a), Bool(b)) => a.cmp(&b),
            (Int(a), Int(b)) | (Time(a), Time(b)) => a.cmp(&b),
            (Float(a), Float(b)) => order_floats(a, b),
            (Int(a), Float(b)) => order_int_float(a, b),
            (Float(a), Int(b)) => order_int_float(b, a).reverse(),
            (Text(a), Text(b)) => a.cmp(b),
            (List(a), List(b)) => a.cmp(b),
            (Map(a), Map(b)) => a.cmp(b),
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
            Self::List(_) => 5,
            Self::Map(_) => 6,
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

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_datum().order(other.as_datum())
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

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
            Self::List(values) => (5u8, values).hash(state),
            Self::Map(entries) => (6u8, entries).hash(state),
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
            Self::List(values) => f.debug_list().entries(values.iter().map(Shown)).finish(),
            Self::Map(entries) => f.debug_map().entries(entries.iter().map(|(k, v)| (Shown(k), Shown(v)))).finish(),
        }
    }
}

/// An element as it is shown within a list or a map: a text in quotes, so that what it holds is not taken for more elements.
struct Shown<'v>(&'v Value);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => write!(f, "{text:?}"),
            other => fmt::Display::fmt(other, f),
        }
    }
}
