//! The entities that are asked about, numbered: a record of anybody else need not be looked at.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, StringArray};
use arrow_schema::DataType;
use rustc_hash::FxHashMap;
use tandem_definitions::Value;
use tandem_engine::Key;

use crate::table::Column;

use super::of_five_types;

/// The number of a record or an ask whose entity is nobody's.
pub(super) const NOBODY: u32 = u32::MAX;

/// The keys of the asks, each with its number.
pub(super) struct KeyIndex {
    numbers: Numbers,
    /// For each ask the number of its key; [`NOBODY`] for a key with a null part.
    pub asks: Vec<u32>,
    /// How many there are.
    pub len: usize,
}

/// By the type of the key: one integer and one text, by far the most frequent, without making a tuple a record.
enum Numbers {
    Integer(FxHashMap<i64, u32>),
    Text(FxHashMap<String, u32>),
    Tuple(FxHashMap<Key, u32>),
}

impl KeyIndex {
    /// Numbers the keys whose parts are these columns.
    pub fn new(parts: &[ArrayRef]) -> Self {
        let mut numbers = match parts {
            [only] if *only.data_type() == DataType::Int64 => Numbers::Integer(FxHashMap::default()),
            [only] if *only.data_type() == DataType::Utf8 => Numbers::Text(FxHashMap::default()),
            _ => Numbers::Tuple(FxHashMap::default()),
        };
        let asks = match &mut numbers {
            Numbers::Integer(map) => {
                integers(&parts[0]).iter().map(|key| key.map_or(NOBODY, |k| number(map, k))).collect()
            }
            Numbers::Text(map) => texts(&parts[0])
                .iter()
                .map(|key| match key {
                    None => NOBODY,
                    Some(k) => map.get(k).copied().unwrap_or_else(|| number(map, k.to_owned())),
                })
                .collect(),
            Numbers::Tuple(map) => tuples(parts).map(|key| key.map_or(NOBODY, |k| number(map, k))).collect(),
        };
        let len = match &numbers {
            Numbers::Integer(map) => map.len(),
            Numbers::Text(map) => map.len(),
            Numbers::Tuple(map) => map.len(),
        };
        Self { numbers, asks, len }
    }

    /// The number of each row's key.
    pub fn find(&self, parts: &[&ArrayRef]) -> Vec<u32> {
        let known = |number: Option<&u32>| number.copied().unwrap_or(NOBODY);
        match &self.numbers {
            Numbers::Integer(map) => {
                let keys = integers(parts[0]);
                if keys.null_count() == 0 {
                    return keys.values().iter().map(|k| known(map.get(k))).collect();
                }
                keys.iter().map(|key| key.map_or(NOBODY, |k| known(map.get(&k)))).collect()
            }
            Numbers::Text(map) => match Column::new(parts[0]) {
                Some(Column::Dictionary(rows, values)) => {
                    let numbers: Vec<u32> =
                        values.iter().map(|key| key.map_or(NOBODY, |k| known(map.get(k)))).collect();
                    rows.keys().iter().map(|key| key.map_or(NOBODY, |k| numbers[k as usize])).collect()
                }
                _ => texts(parts[0]).iter().map(|key| key.map_or(NOBODY, |k| known(map.get(k)))).collect(),
            },
            Numbers::Tuple(map) => {
                let parts: Vec<ArrayRef> = parts.iter().map(|&part| part.clone()).collect();
                tuples(&parts).map(|key| key.map_or(NOBODY, |k| known(map.get(&k)))).collect()
            }
        }
    }
}

fn number<K: std::hash::Hash + Eq>(map: &mut FxHashMap<K, u32>, key: K) -> u32 {
    let next = map.len() as u32;
    *map.entry(key).or_insert(next)
}

fn integers(column: &ArrayRef) -> &Int64Array {
    column.as_primitive::<Int64Type>()
}

fn texts(column: &ArrayRef) -> &StringArray {
    column.as_string::<i32>()
}

fn tuples(parts: &[ArrayRef]) -> impl Iterator<Item = Option<Key>> {
    let columns = of_five_types(parts);
    let rows = parts.first().map_or(0, Array::len);
    (0..rows).map(move |row| {
        let values: Vec<Value> = columns.iter().map(|column| column.get(row).to_value()).collect();
        (!values.iter().any(Value::is_null)).then(|| Key(values.into()))
    })
}
