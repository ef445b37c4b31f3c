//! Columns that grow row by row: what JSON lines and values of a table are put into.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use tandem_definitions::{Datum, Type};

use crate::nested::Nested;

/// A column that grows.
pub(crate) enum Builder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
    Nested(Box<Nested>),
}

impl Builder {
    pub(crate) fn new(ty: Type, rows: usize) -> Self {
        match ty {
            Type::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            Type::Int => Self::Int(Int64Builder::with_capacity(rows)),
            Type::Float => Self::Float(Float64Builder::with_capacity(rows)),
            Type::Text => Self::Text(StringBuilder::with_capacity(rows, rows * 8)),
            Type::Time => Self::Time(TimestampMicrosecondBuilder::with_capacity(rows)),
            Type::List(of) => Self::Nested(Box::new(Nested::lists(of, rows))),
            Type::Map(key, value) => Self::Nested(Box::new(Nested::maps(key, value, rows))),
        }
    }

    pub(crate) fn null(&mut self) {
        match self {
            Self::Bool(b) => b.append_null(),
            Self::Int(b) => b.append_null(),
            Self::Float(b) => b.append_null(),
            Self::Text(b) => b.append_null(),
            Self::Time(b) => b.append_null(),
            Self::Nested(b) => b.null(),
        }
    }

    /// Appends the value; an integer widens into a column of numbers. `false`: it is of another type, and the
    /// column is of no use.
    #[must_use]
    pub(crate) fn push(&mut self, value: Datum<'_>) -> bool {
        match (self, value) {
            (builder, Datum::Null) => builder.null(),
            (Self::Bool(b), Datum::Bool(v)) => b.append_value(v),
            (Self::Int(b), Datum::Int(v)) => b.append_value(v),
            (Self::Float(b), Datum::Float(v)) => b.append_value(v),
            (Self::Float(b), Datum::Int(v)) => b.append_value(v as f64),
            (Self::Text(b), Datum::Text(v)) => b.append_value(v),
            (Self::Time(b), Datum::Time(v)) => b.append_value(v),
            (Self::Nested(b), value) => return b.push(value),
            _ => return false,
        }
        true
    }

    /// The column; the builder starts afresh.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Int(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Nested(b) => b.finish(),
        }
    }
}
