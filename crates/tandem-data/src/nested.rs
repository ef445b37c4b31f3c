//! Lists and maps as columns: arrow's `List` and `Map`, built value by value and read back by row. Times in them say that
//! they are UTC, as in every table that others read. Not here: columns of single values (`table.rs`, `read/columns.rs`).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use tandem_definitions::{Datum, Element, Type, Value};

use crate::read::Builder;
use crate::table::Column;

/// A column of lists or maps that grows.
pub(crate) struct Nested {
    ty: Type,
    /// Where each row ends among the values.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
    /// Of a map, the keys.
    keys: Option<Builder>,
    values: Builder,
}

impl Nested {
    /// Of lists.
    pub fn lists(of: Element, rows: usize) -> Self {
        Self::new(Type::List(of), None, of, rows)
    }

    /// Of maps.
    pub fn maps(key: Element, value: Element, rows: usize) -> Self {
        Self::new(Type::Map(key, value), Some(Builder::new(key.into(), rows)), value, rows)
    }

    fn new(ty: Type, keys: Option<Builder>, value: Element, rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { ty, ends, nulls: NullBufferBuilder::new(rows), keys, values: Builder::new(value.into(), rows) }
    }

    pub fn null(&mut self) {
        self.end(0, false);
    }

    /// Appends a list or a map. `false`: it, or a value in it, is of another type; the column is of no use then.
    pub fn push(&mut self, value: Datum<'_>) -> bool {
        match (value, &mut self.keys) {
            (Datum::List(values), None) => {
                self.end(values.len(), true);
                values.iter().all(|value| self.values.push(value.as_datum()))
            }
            (Datum::Map(entries), Some(keys)) => {
                let fits =
                    entries.iter().all(|(key, value)| keys.push(key.as_datum()) && self.values.push(value.as_datum()));
                self.end(entries.len(), true);
                fits
            }
            _ => false,
        }
    }

    fn end(&mut self, values: usize, valid: bool) {
        let end = self.ends.last().copied().unwrap_or(0) + values as i32;
        self.ends.push(end);
        self.nulls.append(valid);
    }

    /// The column; the builder starts afresh.
    pub fn finish(&mut self) -> ArrayRef {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let (offsets, nulls) = (OffsetBuffer::new(ends.into()), self.nulls.finish());
        let values = self.values.finish();
        let values = match values.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(times) => Arc::new(times.clone().with_timezone("UTC")),
            None => values,
        };
        match (data_type(self.ty), &mut self.keys) {
            (DataType::Map(entries, sorted), Some(keys)) => {
                let columns = vec![keys.finish(), values];
                let entries_of = StructArray::new(fields(&entries), columns, None);
                Arc::new(MapArray::new(entries, offsets, entries_of, nulls, sorted))
            }
            (DataType::List(of), _) => Arc::new(ListArray::new(of, offsets, values, nulls)),
            (other, _) => unreachable!("a column of lists or maps of the type {other:?}"),
        }
    }
}

fn fields(entries: &FieldRef) -> Fields {
    match entries.data_type() {
        DataType::Struct(fields) => fields.clone(),
        _ => Fields::empty(),
    }
}

/// The arrow type of lists and maps.
pub(crate) fn data_type(ty: Type) -> DataType {
    let of = |element: Element| match element {
        Element::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        other => crate::read::data_type(other.into()),
    };
    match ty {
        Type::List(element) => DataType::List(Arc::new(Field::new_list_field(of(element), true))),
        Type::Map(key, value) => {
            let entries = Fields::from(vec![Field::new("key", of(key), false), Field::new("value", of(value), true)]);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
        }
        single => crate::read::data_type(single),
    }
}

/// The value in a row of a column of any type; of a column of another type, null.
pub fn value(array: &ArrayRef, row: usize) -> Value {
    let all = |array: &ArrayRef| -> Vec<Value> { (0..array.len()).map(|row| value(array, row)).collect() };
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::List(_) => Value::List(all(&array.as_list::<i32>().value(row)).into()),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            Value::Map(all(entries.column(0)).into_iter().zip(all(entries.column(1))).collect())
        }
        _ => Column::new(array).map_or(Value::Null, |column| column.get(row).to_value()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::array_of;

    #[test]
    fn lists_and_maps_come_back_from_columns() {
        let texts = |texts: &[&str]| texts.iter().map(|t| Value::Text((*t).into())).collect::<Vec<_>>();
        let times = Value::List(vec![Value::Time(5), Value::Null, Value::Time(-7)].into());
        let entries = texts(&["a", "b"]).into_iter().zip([Value::Float(f64::NAN), Value::Null]);
        for (ty, values) in [
            (
                Type::List(Element::Text),
                vec![Value::Null, Value::List(texts(&["b", "a"]).into()), Value::List([].into())],
            ),
            (Type::List(Element::Time), vec![times, Value::Null]),
            (
                Type::Map(Element::Text, Element::Float),
                vec![Value::Map([].into()), Value::Map(entries.collect()), Value::Null],
            ),
            (Type::Map(Element::Int, Element::Bool), vec![Value::Map([(Value::Int(-3), Value::Bool(true))].into())]),
        ] {
            let array = array_of(ty, &values);
            let read: Vec<Value> = (0..array.len()).map(|row| value(&array, row)).collect();
            assert!(values.iter().zip(&read).all(|(a, b)| a.same_bits(b)), "{values:?} {read:?}");
        }
    }
}
