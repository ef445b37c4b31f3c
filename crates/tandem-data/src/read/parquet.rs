//! Records from Parquet: only the columns needed, a part's row groups, batch by batch.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Encoding;
use tandem_definitions::{Format, Type};

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
    /// With `dictionaries`, texts that lie in one throughout come in it: they need not be copied out for every record.
    pub(super) fn open(part: &Part, shape: &Shape, dictionaries: bool) -> Result<Self, ReadError> {
        let broken =
            |reason: String| ReadError::NotInFormat { file: Arc::clone(&part.file), format: Format::Parquet, reason };
        let file = File::open(&part.file).map_err(|e| ReadError::unreadable(&part.file, e))?;
        let Some((metadata, groups)) = part.parquet.clone() else {
            return Err(broken("its footer was not read".to_owned()));
        };
        let metadata = if dictionaries { keep_dictionaries(metadata, &groups, shape) } else { metadata };
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

/// The same file, read so that texts stay in their dictionaries.
fn keep_dictionaries(metadata: ArrowReaderMetadata, groups: &Range<usize>, shape: &Shape) -> ArrowReaderMetadata {
    let wanted = |name: &str| shape.needed.iter().any(|needed| needed.ty == Type::Text && needed.name == name);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = metadata.schema();
    let fields = schema.fields().iter().map(|field| {
        let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let keeps = is_text && wanted(field.name()) && is_in_dictionary(&metadata, groups, field.name());
        if keeps { Arc::new(field.as_ref().clone().with_data_type(dictionary.clone())) } else { Arc::clone(field) }
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    // A file whose schema does not allow it is read as it is.
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or(metadata)
}

/// Whether all values of a column lie in dictionaries; a writer gives a dictionary up when it grows too large.
fn is_in_dictionary(metadata: &ArrowReaderMetadata, groups: &Range<usize>, name: &str) -> bool {
    let in_dictionary = |group: usize| {
        let group = metadata.metadata().row_group(group);
        let column = group.columns().iter().find(|column| column.column_path().parts() == [name]);
        column
            .and_then(|column| column.page_encoding_stats_mask())
            .is_some_and(|pages| pages.is_only(Encoding::RLE_DICTIONARY) || pages.is_only(Encoding::PLAIN_DICTIONARY))
    };
    groups.clone().all(in_dictionary)
}
