//! A column's content in the store.
//! Not here: which columns a frame has.

use std::path::Path;

use serde_json::Value;

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its values.
    pub values: Values,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Whole numbers.
    Int(Vec<i64>),
    /// Numbers; NaN is a missing one.
    Float(Vec<f64>),
    /// Nanoseconds since 1970 in UTC; `i64::MIN` is a missing one.
    Time(Vec<i64>),
    /// Texts.
    Text(Vec<Option<String>>),
}

impl Column {
    /// Reads it.
    pub fn read(store: &Path, name: &str) -> std::io::Result<Self> {
        let bytes = std::fs::read(store.join(name))?;
        let broken = || std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{name}: no recorded column"));
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(broken)?;
        let head: Value = serde_json::from_slice(&bytes[..end])?;
        let rows = head["rows"].as_u64().ok_or_else(broken)? as usize;
        let content = &bytes[end + 1..];
        let words = || content.as_chunks::<8>().0.iter().copied();
        let values = match head["kind"].as_str() {
            Some("int") => Values::Int(words().map(i64::from_le_bytes).collect()),
            Some("float") => Values::Float(words().map(f64::from_le_bytes).collect()),
            Some("time") => Values::Time(words().map(i64::from_le_bytes).collect()),
            Some("text") => Values::Text(texts(content, rows).ok_or_else(broken)?),
            _ => return Err(broken()),
        };
        if values.len() == rows { Ok(Self { values }) } else { Err(broken()) }
    }
}

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(values) | Self::Time(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<String>| size_of::<Option<String>>() + text.as_ref().map_or(0, String::len);
        match self {
            Self::Text(values) => values.iter().map(text).sum(),
            _ => 8 * self.len(),
        }
    }

    /// Whether all of them are missing.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Int(values) => values.is_empty(),
            Self::Float(values) => values.iter().all(|value| value.is_nan()),
            Self::Time(values) => values.iter().all(|value| *value == i64::MIN),
            Self::Text(values) => values.iter().all(Option::is_none),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Lengths, then the texts one after the other.
fn texts(content: &[u8], rows: usize) -> Option<Vec<Option<String>>> {
    let (lengths, mut rest) = content.split_at_checked(rows.checked_mul(4)?)?;
    let mut texts = Vec::with_capacity(rows);
    for length in lengths.as_chunks::<4>().0 {
        let length = i32::from_le_bytes(*length);
        let Ok(length) = usize::try_from(length) else {
            texts.push(None);
            continue;
        };
        let (text, after) = rest.split_at_checked(length)?;
        texts.push(Some(String::from_utf8_lossy(text).into_owned()));
        rest = after;
    }
    Some(texts)
}
