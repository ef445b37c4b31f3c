//! Writes Parquet, the columns of each row group on several threads. What is written does not depend on their number.
//! Not here: which file, and what its metadata says (`training_set.rs`, `table.rs`).

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

/// The most rows in a row group.
const ROW_GROUP: usize = 131_072;

/// A Parquet file that is being written.
pub(crate) struct ParquetOut<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    groups: usize,
}

impl<W: Write + Send> ParquetOut<W> {
    /// Begins a file.
    pub fn create(file: W, schema: &SchemaRef) -> Result<Self, ParquetError> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_created_by("tandem".to_owned());
        // Sums, means and spans of time seldom repeat: a dictionary of them is made and then given up.
        for field in schema.fields().iter().filter(|field| *field.data_type() == DataType::Float64) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(field.name().clone()), false);
        }
        let properties = properties.build();
        let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))?;
        let (writer, factory) = writer.into_serialized_writer()?;
        Ok(Self { writer, factory, groups: 0 })
    }

    /// Adds rows, in row groups of their own.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        for start in (0..batch.num_rows()).step_by(ROW_GROUP) {
            self.group(&batch.slice(start, ROW_GROUP.min(batch.num_rows() - start)))?;
        }
        Ok(())
    }

    fn group(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let mut leaves: Vec<ArrowLeafColumn> = Vec::new();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            leaves.extend(compute_leaves(field, column)?);
        }
        let writers = self.factory.create_column_writers(self.groups)?;
        self.groups += 1;
        let mut group = self.writer.next_row_group()?;
        for chunk in encode(writers, &leaves) {
            chunk?.append_to_row_group(&mut group)?;
        }
        group.close().map(|_| ())
    }

    /// Adds a text to the file's metadata.
    pub fn note(&mut self, key: &str, text: String) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), text));
    }

    /// Ends the file.
    pub fn finish(self) -> Result<W, ParquetError> {
        self.writer.into_inner()
    }
}

/// The columns' chunks in their order; the first thread takes the first, the second the second, and so on round.
fn encode(writers: Vec<ArrowColumnWriter>, leaves: &[ArrowLeafColumn]) -> Vec<Result<ArrowColumnChunk, ParquetError>> {
    let columns = writers.len();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, columns.max(1));
    let mut shares: Vec<Vec<(ArrowColumnWriter, &ArrowLeafColumn)>> = (0..threads).map(|_| Vec::new()).collect();
    for (i, pair) in writers.into_iter().zip(leaves).enumerate() {
        shares[i % threads].push(pair);
    }
    let one = |(mut writer, leaf): (ArrowColumnWriter, &ArrowLeafColumn)| {
        writer.write(leaf)?;
        writer.close()
    };
    let mut encoded: Vec<_> = std::thread::scope(|scope| {
        let work = |share: Vec<_>| scope.spawn(move || share.into_iter().map(one).collect::<Vec<_>>());
        let handles: Vec<_> = shares.into_iter().map(work).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).into_iter()
        };
        handles.into_iter().map(join).collect()
    });
    (0..columns).filter_map(|i| encoded[i % threads].next()).collect()
}
