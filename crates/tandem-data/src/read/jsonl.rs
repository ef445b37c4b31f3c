//! Records from JSON lines: one object a line. The wanted fields go straight from the text into columns; the rest is
//! skipped unread. Not arrow's JSON reader, because that one turns the text "5" into the number 5 and cannot name the
//! line, field and value that break a contract.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tandem_definitions::{ARRIVED_AT, Datum, Format, Type};

use super::convert::bad_value;
use super::error::nearest;
use super::{BATCH_ROWS, Builder, Conversion, Needed, Part, Raw, ReadError, Shape};
use crate::json::{self, Number};

pub(super) struct Reader {
    file: Arc<Path>,
    text: BufReader<File>,
    own_log: bool,
    line: u64,
    buffer: Vec<u8>,
    builders: Vec<Builder>,
    /// Which needed columns were in some record.
    seen: Vec<bool>,
    records: u64,
    ended: bool,
}

impl Reader {
    pub(super) fn open(part: &Part, shape: &Shape) -> Result<Self, ReadError> {
        let file = File::open(&part.file).map_err(|e| ReadError::unreadable(&part.file, e))?;
        Ok(Self {
            file: Arc::clone(&part.file),
            text: BufReader::with_capacity(1 << 18, file),
            own_log: part.own_log,
            line: 0,
            buffer: Vec::new(),
            builders: shape.needed.iter().map(|n| Builder::new(n.ty, 0)).collect(),
            seen: vec![false; shape.needed.len()],
            records: 0,
            ended: false,
        })
    }

    pub(super) fn next(&mut self, shape: &Shape, conversion: &mut Conversion) -> Result<Option<Raw>, ReadError> {
        let mut lines = Vec::new();
        while !self.ended && lines.len() < BATCH_ROWS {
            if self.read_line()? {
                self.record(shape, conversion)?;
                lines.push(self.line);
            }
        }
        if lines.is_empty() {
            self.check_columns(shape)?;
            return Ok(None);
        }
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        Ok(Some(Raw { columns, first_row: lines[0], lines: Some(lines) }))
    }

    /// The next line into the buffer; `false` when it holds no record.
    fn read_line(&mut self) -> Result<bool, ReadError> {
        self.buffer.clear();
        let read = self.text.read_until(b'\n', &mut self.buffer).map_err(|e| ReadError::unreadable(&self.file, e))?;
        if read == 0 {
            self.ended = true;
            return Ok(false);
        }
        self.line += 1;
        if self.line == 1 && self.buffer.starts_with(b"\xEF\xBB\xBF") {
            self.buffer.drain(..3);
        }
        let torn = self.buffer.last() != Some(&b'\n');
        let blank = self.buffer.iter().all(u8::is_ascii_whitespace);
        Ok(!(blank || torn && self.own_log))
    }

    /// Puts the buffer's record into the columns.
    fn record(&mut self, shape: &Shape, conversion: &mut Conversion) -> Result<(), ReadError> {
        let mut slots: Vec<Slot<'_>> = shape.needed.iter().map(|_| Slot::Absent).collect();
        let mut parser = serde_json::Deserializer::from_slice(&self.buffer);
        let parsed = Object { needed: &shape.needed, slots: &mut slots }.deserialize(&mut parser);
        if let Err(error) = parsed.and_then(|()| parser.end()) {
            let cut_off = error.is_eof() && self.buffer.last() != Some(&b'\n');
            return Err(ReadError::BadRow {
                file: Arc::clone(&self.file),
                format: Format::Jsonl,
                line: Some(self.line),
                reason: if cut_off { "the line is cut off".to_owned() } else { without_line(&error) },
            });
        }
        self.records += 1;
        for (i, (needed, slot)) in shape.needed.iter().zip(&slots).enumerate() {
            self.seen[i] |= !matches!(slot, Slot::Absent);
            let datum = datum(slot, needed, conversion, &self.file, self.line);
            if !datum.is_some_and(|d| self.builders[i].push(d)) {
                return Err(bad_value(&self.file, self.line, &needed.name, &slot.to_string(), needed.ty));
            }
        }
        Ok(())
    }

    /// A field that the contract requires and that no record has is a slip in its name.
    fn check_columns(&self, shape: &Shape) -> Result<(), ReadError> {
        let missing = shape.needed.iter().zip(&self.seen).find(|(n, seen)| n.required && !**seen);
        let Some((needed, _)) = missing.filter(|_| self.records > 0) else { return Ok(()) };
        let keys = first_keys(&self.file);
        Err(ReadError::MissingColumn {
            source_name: shape.source_name.clone(),
            file: Arc::clone(&self.file),
            column: needed.name.clone(),
            nearest: nearest(&needed.name, keys.iter().map(String::as_str)),
        })
    }
}

/// The field names of a file's first record.
fn first_keys(file: &Path) -> Vec<String> {
    let first = File::open(file)
        .ok()
        .and_then(|f| BufReader::new(f).lines().map_while(Result::ok).find(|l| !l.trim().is_empty()));
    let object = first.and_then(|l| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&l).ok());
    object.map(|o| o.keys().cloned().collect()).unwrap_or_default()
}

/// What serde says, without its own "at line 1": our line is that of the file.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) if error.column() > 0 => format!("{} at column {}", &text[..at], error.column()),
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// The value in the column's type; `None` when it does not fit.
fn datum<'a>(
    slot: &'a Slot<'_>,
    needed: &Needed,
    conversion: &mut Conversion,
    file: &Arc<Path>,
    line: u64,
) -> Option<Datum<'a>> {
    Some(match (slot, needed.ty) {
        (Slot::Absent | Slot::Null, _) => Datum::Null,
        (Slot::Bool(b), Type::Bool) => Datum::Bool(*b),
        (Slot::Number(n), Type::Int | Type::Float) => json::of_number(*n, needed.ty)?,
        (Slot::Text(s), Type::Float) => Datum::Float(json::odd_number(s)?),
        (Slot::Text(s), Type::Text) => Datum::Text(s),
        (Slot::Text(s), Type::Time) => Datum::Time(conversion.text(s, file, line)?),
        // Our own stamp may be written as microseconds.
        (Slot::Number(Number::Int(i)), Type::Time) if needed.name == ARRIVED_AT => Datum::Time(*i),
        _ => return None,
    })
}

/// One value of a record, as JSON has it.
enum Slot<'a> {
    Absent,
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl fmt::Display for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent | Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Number(Number::Int(i)) => write!(f, "{i}"),
            Self::Number(Number::Float(x)) => write!(f, "{x}"),
            Self::Text(s) => write!(f, "\"{s}\""),
            Self::List => f.write_str("[…]"),
            Self::Object => f.write_str("{…}"),
        }
    }
}

/// Reads one object, the needed fields into their slots.
struct Object<'s, 'a> {
    needed: &'s [Needed],
    slots: &'s mut [Slot<'a>],
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(self.needed))? {
            match key {
                Some(at) => self.slots[at] = map.next_value_seed(Any)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Which needed field a key is.
struct Key<'s>(&'s [Needed]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|n| n.name == key))
    }
}

/// Reads one value of any kind.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Slot<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Slot<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Slot<'de>, E> {
        Ok(Slot::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Slot<'de>, E> {
        Ok(Slot::Number(Number::Int(v)))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Slot<'de>, E> {
        Ok(Slot::Number(i64::try_from(v).map_or(Number::Float(v as f64), Number::Int)))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Slot<'de>, E> {
        Ok(Slot::Number(Number::Float(v)))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(Cow::Borrowed(v)))
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Slot<'de>, E> {
        Ok(Slot::Text(Cow::Owned(v.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Slot<'de>, E> {
        Ok(Slot::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Slot<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Slot::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slot<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Slot::Object)
    }
}
