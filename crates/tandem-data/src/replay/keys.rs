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
    /// Integers that lie close together, as identities mostly do: the number of each from the first one on.
    Dense(i64, Vec<u32>),
    Integer(FxHashMap<i64, u32>),
    Text(FxHashMap<String, u32>),
    Tuple(FxHashMap<Key, u32>),
}

impl KeyIndex {
    /// Numbers the keys whose parts are these columns.
    pub fn new(parts: &[ArrayRef]) -> Self {
        let mut numbers = match parts {
            [only] if *only.data_type() == DataType::Int64 => Numbers::of_integers(integers(only)),
            [only] if *only.data_type() == DataType::Utf8 => Numbers::Text(FxHashMap::default()),
            _ => Numbers::Tuple(FxHashMap::default()),
        };
        let mut len = 0;
        let asks = match &mut numbers {
            Numbers::Dense(first, dense) => {
                let mut number = |key: i64| {
                    let place = &mut dense[key.wrapping_sub(*first) as usize];
                    if *place == NOBODY {
                        *place = len as u32;
                        len += 1;
                    }
                    *place
                };
                integers(&parts[0]).iter().map(|key| key.map_or(NOBODY, &mut number)).collect()
            }
            Numbers::Integer(map) => {
                let asks = integers(&parts[0]).iter().map(|key| key.map_or(NOBODY, |k| number(map, k))).collect();
                len = map.len();
                asks
            }
            Numbers::Text(map) => {
                let known = |map: &FxHashMap<String, u32>, k: &str| map.get(k).copied();
                let keys = texts(&parts[0]).iter();
                let asks = keys
                    .map(|key| key.map_or(NOBODY, |k| known(map, k).unwrap_or_else(|| number(map, k.to_owned()))))
                    .collect();
                len = map.len();
                asks
            }
            Numbers::Tuple(map) => {
                let asks = tuples(parts).map(|key| key.map_or(NOBODY, |k| number(map, k))).collect();
                len = map.len();
                asks
            }
        };
        Self { numbers, asks, len }
    }

    /// The number of each row's key.
    pub fn find(&self, parts: &[&ArrayRef]) -> Vec<u32> {
        let known = |number: Option<&u32>| number.copied().unwrap_or(NOBODY);
        match &self.numbers {
            Numbers::Dense(first, dense) => {
                // What lies before the first one wraps around, and lies behind the last.
                let known = |key: i64| dense.get(key.wrapping_sub(*first) as usize).copied().unwrap_or(NOBODY);
                let keys = integers(parts[0]);
                if keys.null_count() == 0 {
                    return keys.values().iter().map(|k| known(*k)).collect();
                }
                keys.iter().map(|key| key.map_or(NOBODY, known)).collect()
            }
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

impl Numbers {
    /// Dense where a number for each integer of the range takes no more memory than a map of the keys would.
    fn of_integers(keys: &Int64Array) -> Self {
        let present = || keys.iter().flatten();
        match (present().min(), present().max()) {
            (Some(first), Some(last)) if last.abs_diff(first) < 4 * keys.len() as u64 => {
                Self::Dense(first, vec![NOBODY; last.abs_diff(first) as usize + 1])
            }
            _ => Self::Integer(FxHashMap::default()),
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
