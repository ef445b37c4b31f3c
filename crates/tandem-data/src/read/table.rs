//! One small table from a file, by the same readers as logs: an observations file. It has no event or arrival time of its own.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_select::concat::concat;
use tandem_definitions::{Format, Normalise, Type};

use super::convert::data_type;
use super::{Conversion, LocalClock, Part, ReadError, Shape, Step, locate};
use crate::finding::Findings;

/// The columns of a table in a file, in the order given, whole. All must be there; values may be null. Times without an
/// offset are read in `time_zone`, UTC without one; the findings say what was odd about them.
pub fn read_table(
    file: &Path,
    format: Format,
    columns: &[(String, Type)],
    time_zone: Option<&str>,
) -> Result<(Vec<ArrayRef>, Findings), ReadError> {
    let name = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let clock = LocalClock::new(time_zone).ok_or_else(|| ReadError::UnknownTimeZone {
        source_name: name.clone(),
        zone: time_zone.unwrap_or_default().to_owned(),
    })?;
    if !file.exists() {
        return Err(ReadError::Missing { source_name: name, path: file.to_path_buf() });
    }
    let shape = Shape::of_table(name, columns);
    let wanted = |error| match error {
        ReadError::MissingColumn { file, column, nearest, .. } => {
            let wanted = shape.needed.iter().map(|n| n.name.clone()).collect();
            ReadError::MissingTableColumn { file, column, nearest, wanted }
        }
        other => other,
    };
    let mut conversion = Conversion { clock, dictionaries: false, findings: Findings::default() };
    let mut chunks: Vec<Vec<ArrayRef>> = columns.iter().map(|_| Vec::new()).collect();
    let mut parts: Vec<Part> = Vec::new();
    locate::add(&mut parts, file.to_path_buf(), format, false)?;
    for part in &parts {
        let mut step = Step::open(part, &shape, false).map_err(wanted)?;
        while let Some(raw) = step.next(&shape, &mut conversion).map_err(wanted)? {
            conversion.findings.records += raw.columns.first().map_or(0, |c| c.len() as u64);
            chunks.iter_mut().zip(&shape.wanted).for_each(|(chunk, &at)| chunk.push(raw.columns[at].clone()));
        }
    }
    let whole = chunks.iter().zip(columns).map(|(chunk, (_, ty))| {
        let chunk: Vec<&dyn Array> = chunk.iter().map(AsRef::as_ref).collect();
        if chunk.is_empty() {
            return Ok(arrow_array::new_empty_array(&data_type(*ty)));
        }
        concat(&chunk).map_err(|e| ReadError::NotInFormat { file: file.into(), format, reason: e.to_string() })
    });
    Ok((whole.collect::<Result<_, _>>()?, conversion.findings))
}

/// A column of texts in the form in which they are compared; every other one as it is.
pub fn normalised(column: &ArrayRef, how: Normalise) -> ArrayRef {
    let texts =
        |texts: &StringArray| -> StringArray { texts.iter().map(|text| text.map(|text| how.text(text))).collect() };
    if how.is_nothing() {
        return Arc::clone(column);
    }
    if let Some(plain) = column.as_string_opt::<i32>() {
        return Arc::new(texts(plain));
    }
    match column.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => Arc::new(dictionary.with_values(Arc::new(texts(dictionary.values().as_string())))),
        None => Arc::clone(column),
    }
}
