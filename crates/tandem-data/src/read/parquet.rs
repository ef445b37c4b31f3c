//! Records from Parquet: only the columns needed, a part's row groups, batch by batch.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tandem_definitions::Format;

use super::convert::Site;
use super::error::nearest;
use super::{BATCH_ROWS, Conversion, Part, Raw, ReadError, Shape, convert};

pub(super) struct Reader {
    file: Arc<Path>,
    batches: ParquetRecordBatchReader,
    /// For each needed column, where it stands in a batch.
    columns: Vec<usize>,
    next_row: u64,
}

impl Reader {
    pub(super) fn open(part: &Part, shape: &Shape) -> Result<Self, ReadError> {
        let broken =
            |reason: String| ReadError::NotInFormat { file: Arc::clone(&part.file), format: Format::Parquet, reason };
        let file = File::open(&part.file).map_err(|e| ReadError::unreadable(&part.file, e))?;
        let Some((metadata, groups)) = part.parquet.clone() else {
            return Err(broken("its footer was not read".to_owned()));
        };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let fields = builder.schema().fields().clone();
        let mut roots = Vec::with_capacity(shape.needed.len());
        for needed in &shape.needed {
            let root =
                fields.iter().position(|f| *f.name() == needed.name).ok_or_else(|| ReadError::MissingColumn {
                    source_name: shape.source_name.clone(),
                    file: Arc::clone(&part.file),
                    column: needed.name.clone(),
                    nearest: nearest(&needed.name, fields.iter().map(|f| f.name().as_str())),
                })?;
            roots.push(root);
        }
        // A batch has the projected columns in the file's order.
        let mut sorted = roots.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let columns = roots.iter().map(|root| sorted.partition_point(|r| r < root)).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), sorted);
        let batches = builder
            .with_projection(mask)
            .with_row_groups(groups.collect())
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| broken(e.to_string()))?;
        Ok(Self { file: Arc::clone(&part.file), batches, columns, next_row: part.rows_before + 1 })
    }

    pub(super) fn next(&mut self, shape: &Shape, conversion: &mut Conversion) -> Result<Option<Raw>, ReadError> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let batch = batch.map_err(|e| ReadError::NotInFormat {
            file: Arc::clone(&self.file),
            format: Format::Parquet,
            reason: e.to_string(),
        })?;
        let first_row = self.next_row;
        self.next_row += batch.num_rows() as u64;
        let mut columns = Vec::with_capacity(shape.needed.len());
        for (needed, &at) in shape.needed.iter().zip(&self.columns) {
            let site = Site { file: &self.file, column: &needed.name, first_row };
            columns.push(convert(batch.column(at), needed.ty, conversion, &site)?);
        }
        Ok(Some(Raw { columns, first_row, lines: None }))
    }
}
