//! JSON lines: lines kept verbatim; an object is written anew only where a value of it is replaced.
//! Not here: types.

use serde_json::{Map, Value};

use super::{Content, Form};

type Read = (Vec<String>, Vec<Vec<Option<String>>>, Content);

/// Reads a file of one object a line.
pub fn read(bytes: Vec<u8>) -> Result<Read, String> {
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    let mut start = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let range = start..start + line.len();
        start = range.end;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let object: Map<String, Value> =
            serde_json::from_slice(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        rows.push(range);
        objects.push(object);
    }
    let mut columns: Vec<String> = Vec::new();
    for object in &objects {
        for key in object.keys().filter(|key| !columns.contains(key)).cloned().collect::<Vec<_>>() {
            columns.push(key);
        }
    }
    let cell = |object: &Map<String, Value>, key: &String| match object.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let cells = columns.iter().map(|key| objects.iter().map(|object| cell(object, key)).collect()).collect();
    Ok((columns, cells, Content::Lines { bytes, form: Form::Json, rows }))
}

/// The line with some values replaced; a number stays a number.
pub fn replace(
    out: &mut Vec<u8>,
    line: &[u8],
    columns: &[String],
    cells: &[(usize, Option<&str>)],
) -> Result<(), String> {
    let mut object: Map<String, Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    for (column, cell) in cells {
        let Some(value) = object.get_mut(&columns[*column]) else { continue };
        *value = match cell {
            None => Value::Null,
            Some(text) if value.is_string() => Value::String((*text).to_owned()),
            Some(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String((*text).to_owned())),
        };
    }
    serde_json::to_writer(&mut *out, &object).map_err(|error| error.to_string())?;
    out.push(b'\n');
    Ok(())
}
