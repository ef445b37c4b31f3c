//! A Parquet file as rows with its own schema: read whole, and written again with some rows less or other values.
//! Not here: sources as the contracts describe them (`read`).

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Why a Parquet file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
pub struct RowsError {
    /// The file.
    pub path: PathBuf,
    /// What the reader or writer said.
    pub reason: String,
}

/// All rows of a Parquet file, with its schema, in their order.
pub fn read(path: &Path) -> Result<RecordBatch, RowsError> {
    let trouble = |reason: String| RowsError { path: path.to_path_buf(), reason };
    let file = File::open(path).map_err(|error| trouble(error.to_string()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| trouble(error.to_string()))?;
    let schema = std::sync::Arc::clone(builder.schema());
    let reader = builder.build().map_err(|error| trouble(error.to_string()))?;
    let batches: Result<Vec<RecordBatch>, _> = reader.collect();
    let batches = batches.map_err(|error| trouble(error.to_string()))?;
    concat_batches(&schema, &batches).map_err(|error| trouble(error.to_string()))
}

/// Writes rows as a Parquet file.
pub fn write(path: &Path, rows: &RecordBatch) -> Result<(), RowsError> {
    let trouble = |reason: String| RowsError { path: path.to_path_buf(), reason };
    let file = File::create(path).map_err(|error| trouble(error.to_string()))?;
    let written = ArrowWriter::try_new(file, rows.schema(), None).and_then(|mut writer| {
        writer.write(rows)?;
        writer.close().map(|_| ())
    });
    written.map_err(|error| trouble(error.to_string()))
}
