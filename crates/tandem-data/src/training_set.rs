//! Training sets on disk: a Parquet file whose columns stand in the order given, with what it rests on (definitions'
//! hash, log range, what was left out and why) as a JSON text under the key `tandem` in its metadata.
//! A file under its own name is always whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use tandem_definitions::Type;

use crate::parquet_out::ParquetOut;
use crate::read::ReadError;
use crate::table::{self, TableError};

/// The key of the metadata.
pub const METADATA_KEY: &str = "tandem";

/// Writes one training set.
pub struct Writer {
    path: PathBuf,
    schema: SchemaRef,
    parquet: ParquetOut<tempfile::NamedTempFile>,
    rows: u64,
}

impl Writer {
    /// Begins a file that will stand at `path`, with these columns in this order; folders are made.
    pub fn create(path: &Path, columns: &[(String, Type)]) -> Result<Self, TableError> {
        let schema = table::schema(columns);
        let file = table::temporary_beside(path)?;
        let parquet = ParquetOut::create(file, &schema).map_err(|e| TableError::refused(path, &e))?;
        Ok(Self { path: path.to_path_buf(), schema, parquet, rows: 0 })
    }

    /// Adds rows, as columns in the order of the schema ([`table::array`] makes them).
    pub fn write(&mut self, columns: &[ArrayRef]) -> Result<(), TableError> {
        let batch: Result<RecordBatch, ArrowError> = table::batch(&self.schema, columns);
        let batch = batch.map_err(|e| TableError::refused(&self.path, &e))?;
        self.rows += batch.num_rows() as u64;
        self.parquet.write(&batch).map_err(|e| TableError::refused(&self.path, &e))
    }

    /// How many rows were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file with its metadata and puts it in its place. Dropped without this, nothing stays behind.
    pub fn finish(mut self, metadata: &serde_json::Value) -> Result<u64, TableError> {
        let refused = |e| TableError::refused(&self.path, &e);
        self.parquet.note(METADATA_KEY, metadata.to_string());
        let file = self.parquet.finish().map_err(refused)?;
        table::put_in_place(file, &self.path)?;
        Ok(self.rows)
    }
}

/// What a training set says about itself, and how many rows it has. `None`: Tandem did not write it.
pub fn metadata(path: &Path) -> Result<(Option<serde_json::Value>, u64), ReadError> {
    let file = File::open(path).map_err(|e| ReadError::unreadable(path, e))?;
    let loaded = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| ReadError::NotInFormat {
        file: path.into(),
        format: tandem_definitions::Format::Parquet,
        reason: e.to_string(),
    })?;
    let about = loaded.metadata().file_metadata();
    let text = about.key_value_metadata().and_then(|pairs| pairs.iter().find(|pair| pair.key == METADATA_KEY));
    let value = text.and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok());
    Ok((value, about.num_rows() as u64))
}
