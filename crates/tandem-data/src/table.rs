//! Values between rows and columns, and small tables in files: observations read from one, features written to one.
//! Deliberately not here: logs, which are read by `crate::read`, batch by batch.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::{Map, Value as Json};
use tandem_definitions::{Datum, Format, Type, Value};

use crate::json::to_json;
pub use crate::nested::value;
use crate::parquet_out::ParquetOut;
use crate::read::Builder;
pub use crate::read::{data_type, read_table};

/// A column of single values, of one of their five types, to be read by row.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Booleans.
    Bool(&'a BooleanArray),
    /// Integers.
    Int(&'a Int64Array),
    /// Numbers.
    Float(&'a Float64Array),
    /// Texts.
    Text(&'a StringArray),
    /// Texts that refer to a dictionary, as a replay reads them from Parquet.
    Dictionary(&'a DictionaryArray<Int32Type>, &'a StringArray),
    /// Instants.
    Time(&'a TimestampMicrosecondArray),
}

impl<'a> Column<'a> {
    /// The column; `None` when it is of none of the five types.
    pub fn new(array: &'a ArrayRef) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Int64 => Self::Int(array.as_primitive()),
            DataType::Float64 => Self::Float(array.as_primitive()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let array = array.as_dictionary::<Int32Type>();
                Self::Dictionary(array, array.values().as_string_opt()?)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Time(array.as_primitive()),
            _ => return None,
        })
    }

    /// The value in a row, borrowed from the column.
    #[inline]
    pub fn get(&self, row: usize) -> Datum<'a> {
        match self {
            Self::Bool(a) if a.is_valid(row) => Datum::Bool(a.value(row)),
            Self::Int(a) if a.is_valid(row) => Datum::Int(a.value(row)),
            Self::Float(a) if a.is_valid(row) => Datum::Float(a.value(row)),
            Self::Text(a) if a.is_valid(row) => Datum::Text(a.value(row)),
            Self::Dictionary(a, texts) if a.is_valid(row) => {
                let at = a.keys().value(row) as usize;
                if texts.is_valid(at) { Datum::Text(texts.value(at)) } else { Datum::Null }
            }
            Self::Time(a) if a.is_valid(row) => Datum::Time(a.value(row)),
            _ => Datum::Null,
        }
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Text(_) | Self::Dictionary(..) => Type::Text,
            Self::Time(_) => Type::Time,
        }
    }
}

/// The columns, to be read by row; `None` when one is of none of the five types.
pub fn columns(arrays: &[ArrayRef]) -> Option<Vec<Column<'_>>> {
    arrays.iter().map(Column::new).collect()
}

/// Values as a column of a type. An integer widens into a column of numbers.
///
/// # Panics
/// When a value is of another type: the engine's outputs have the types that its plan states, so that is our own mistake.
pub fn array<'a>(ty: Type, values: impl IntoIterator<Item = Datum<'a>>) -> ArrayRef {
    let values = values.into_iter();
    let mut builder = Builder::new(ty, values.size_hint().0);
    for value in values {
        assert!(builder.push(value), "a value {value:?} in a column of type {ty}: please report this");
    }
    builder.finish()
}

/// Owned values as a column of a type; see [`array`].
///
/// # Panics
/// As [`array`] does.
pub fn array_of(ty: Type, values: &[Value]) -> ArrayRef {
    array(ty, values.iter().map(Value::as_datum))
}

/// The schema of a table that others read: times say that they are UTC.
pub fn schema(columns: &[(String, Type)]) -> SchemaRef {
    let field = |(name, ty): &(String, Type)| {
        let stored = match ty {
            Type::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            other => data_type(*other),
        };
        Field::new(name, stored, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// A batch of such a table.
pub fn batch(schema: &SchemaRef, columns: &[ArrayRef]) -> Result<RecordBatch, ArrowError> {
    let columns = columns.iter().zip(schema.fields()).map(|(column, field)| {
        let DataType::Timestamp(_, Some(zone)) = field.data_type() else { return Arc::clone(column) };
        match column.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(times) => Arc::new(times.clone().with_timezone(Arc::clone(zone))) as ArrayRef,
            None => Arc::clone(column),
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect())
}

/// Why a table could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The name tells no format.
    #[error("{} tells no format. Give it the ending .parquet, .csv or .jsonl", .0.display())]
    NoFormat(PathBuf),
    /// The operating system refused.
    #[error("{} could not be written: {error}. Check that the folder is there, that you may write in it, and that the disk is not full", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The columns cannot be written in the format.
    #[error("{} could not be written: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The columns do not make a table: our own mistake.
    #[error("the columns do not make a table: {0}. Please report this")]
    Columns(#[from] ArrowError),
}

impl TableError {
    pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Unwritable { path: path.to_path_buf(), error }
    }

    pub(crate) fn refused(path: &Path, error: &dyn std::error::Error) -> Self {
        // What lies beneath is mostly a full disk, and says so.
        Self::Refused { path: path.to_path_buf(), reason: error.to_string() }
    }
}

/// The format that a file's ending tells.
pub fn format_of(path: &Path) -> Result<Format, TableError> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("parquet" | "pq") => Ok(Format::Parquet),
        Some("csv") => Ok(Format::Csv),
        Some("jsonl" | "ndjson" | "json") => Ok(Format::Jsonl),
        _ => Err(TableError::NoFormat(path.to_path_buf())),
    }
}

/// Writes a table (made by [`batch`]) in the format that the file's ending tells; never half of it.
pub fn write_table(path: &Path, table: &RecordBatch) -> Result<(), TableError> {
    let format = format_of(path)?;
    write_whole(path, |file| match format {
        Format::Parquet => {
            let refused = |e: parquet::errors::ParquetError| TableError::refused(path, &e);
            let mut parquet = ParquetOut::create(file, &table.schema()).map_err(refused)?;
            parquet.write(table).and_then(|()| parquet.finish()).map(|_| ()).map_err(refused)
        }
        Format::Csv => {
            let table = for_cells(table)?;
            let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(io::BufWriter::new(file));
            writer.write(&table).map_err(|e| TableError::refused(path, &e))
        }
        Format::Jsonl => {
            let mut writer = io::BufWriter::new(file);
            let schema = table.schema();
            for row in 0..table.num_rows() {
                let cells = schema.fields().iter().zip(table.columns());
                let row: Map<String, Json> = cells.map(|(f, c)| (f.name().clone(), to_json(&value(c, row)))).collect();
                writeln!(writer, "{}", Json::Object(row)).map_err(TableError::unwritable(path))?;
            }
            writer.flush().map_err(TableError::unwritable(path))
        }
    })
}

/// What a CSV cell can hold: times by their offset, since the writer knows no names of zones, and lists and maps as JSON.
fn for_cells(table: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let cells = |column: &ArrayRef| match column.data_type() {
        DataType::List(_) | DataType::Map(..) => {
            let text = |row| column.is_valid(row).then(|| to_json(&value(column, row)).to_string());
            Arc::new((0..column.len()).map(text).collect::<StringArray>()) as ArrayRef
        }
        _ => match column.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(times) => Arc::new(times.clone().with_timezone("+00:00")),
            None => Arc::clone(column),
        },
    };
    let columns: Vec<ArrayRef> = table.columns().iter().map(cells).collect();
    let schema = table.schema();
    let fields = schema.fields().iter().zip(&columns).map(|(f, c)| Field::new(f.name(), c.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)
}

/// Writes a file under another name in the same folder, and gives it its own when it is whole and on the disk.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut file = temporary_beside(path)?;
    write(file.as_file_mut())?;
    put_in_place(file, path)
}

/// A temporary file in the folder of `path`; it goes away when it is dropped.
pub(crate) fn temporary_beside(path: &Path) -> Result<tempfile::NamedTempFile, TableError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(TableError::unwritable(path))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(TableError::unwritable(path))
}

/// Syncs a temporary file and gives it its name.
pub(crate) fn put_in_place(file: tempfile::NamedTempFile, path: &Path) -> Result<(), TableError> {
    file.as_file().sync_all().map_err(TableError::unwritable(path))?;
    file.persist(path).map(|_| ()).map_err(|e| TableError::unwritable(path)(e.error))
}
