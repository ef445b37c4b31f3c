//! A source with a field of every type, its records, and how they are written and read.

#![allow(dead_code)] // each test file uses its part
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Field as ArrowField, Schema};
use parquet::arrow::ArrowWriter;
use tandem_data::read::{Origin, ReadError, Reader, open};
use tandem_data::table::{self, Column};
use tandem_definitions::{Arrival, Code, Field, Format, Location, Place, Source, Treatment, Type, Value};

/// flight, delay, cancelled, at, note, seen: seen is the declared arrival.
pub fn source(path: &str, format: Format) -> Source {
    let field = |name: &str, ty, required| Field {
        name: name.to_owned(),
        ty,
        normalise: tandem_definitions::Normalise::default(),
        required,
        arrives: None,
        meaning: String::new(),
        place: Place::default(),
    };
    Source {
        name: "landings".to_owned(),
        version: "1.0.0".to_owned(),
        meaning: String::new(),
        locations: vec![Location { server: "production".to_owned(), path: path.to_owned(), format }],
        fields: vec![
            field("flight", Type::Int, true),
            field("delay", Type::Float, false),
            field("cancelled", Type::Bool, false),
            field("at", Type::Time, true),
            field("note", Type::Text, false),
            field("seen", Type::Time, true),
        ],
        event: 3,
        arrival: Arrival::Declared { field: 5 },
        identity: vec![],
        corrects: false,
        tombstone: None,
        retention: None,
        treatment: Treatment::default(),
        touches: vec![],
        time_zone: None,
        place: Place::default(),
    }
}

pub const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];

pub fn columns() -> Vec<(String, Type)> {
    source("", Format::Csv).fields.iter().map(|f| (f.name.clone(), f.ty)).collect()
}

/// Records `from..until`, with nulls and awkward texts, as a table.
pub fn records(from: i64, until: i64) -> RecordBatch {
    let start = 1_372_636_800_000_000;
    let column = |ty, value: &dyn Fn(i64) -> Value| table::array_of(ty, &(from..until).map(value).collect::<Vec<_>>());
    let null = |is: bool, value: Value| if is { Value::Null } else { value };
    let notes = ["plain", "a \"quoted\", comma", "zwölf", "two\nlines"];
    table::batch(
        &table::schema(&columns()),
        &[
            column(Type::Int, &Value::Int),
            column(Type::Float, &|i| null(i % 7 == 0, Value::Float(i as f64 / 3.0 - 11.0))),
            column(Type::Bool, &|i| null(i % 11 == 0, Value::Bool(i % 2 == 0))),
            column(Type::Time, &|i| Value::Time(start + i * 60_000_001)),
            column(Type::Text, &|i| null(i % 5 == 0, Value::Text(notes[(i % 4) as usize].into()))),
            column(Type::Time, &|i| Value::Time(start + i * 60_000_001 + i % 3_600 * 1_000_000)),
        ],
    )
    .unwrap()
}

pub fn origin(base: &Path) -> Origin {
    Origin { base: base.to_path_buf(), server: None, log: None }
}

/// Every record as its values, times and position; and the reader at its end.
pub type Row = (u64, bool, i64, i64, Vec<Value>);

pub fn drain(mut reader: Reader) -> Result<(Vec<Row>, Reader), ReadError> {
    let mut rows = Vec::new();
    for batch in &mut reader {
        let batch = batch?;
        let columns = table::columns(&batch.columns).unwrap();
        for row in 0..batch.len() {
            let values = columns.iter().map(|c: &Column<'_>| c.get(row).to_value()).collect();
            rows.push((
                batch.first_position + row as u64,
                batch.is_usable(row),
                batch.event[row],
                batch.arrival[row],
                values,
            ));
        }
    }
    Ok((rows, reader))
}

pub fn read(base: &Path, path: &str, format: Format) -> Result<(Vec<Row>, Reader), ReadError> {
    drain(open(&source(path, format), &origin(base), &ALL)?)
}

pub fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<_> = columns.iter().map(|(n, c)| ArrowField::new(*n, c.data_type().clone(), true)).collect();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, c)| c).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The error has the code, and says all of these.
#[track_caller]
pub fn told(error: Option<ReadError>, code: Code, says: &[&str]) {
    let error = error.expect("bad input must be an error");
    let text = error.to_string();
    for part in says {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
    assert_eq!(error.code(), code, "{text}");
    assert!(!error.remedy().is_empty());
}
