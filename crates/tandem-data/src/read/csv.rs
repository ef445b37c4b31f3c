//! Records from CSV with a header line: fields as text by arrow's reader, then converted by column. An empty field is null.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use arrow_csv::reader::{Format as CsvFormat, ReaderBuilder};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use tandem_definitions::Format;

use super::convert::Site;
use super::error::nearest;
use super::{BATCH_ROWS, Conversion, Part, Raw, ReadError, Shape, convert};

pub(super) struct Reader {
    file: Arc<Path>,
    rows: arrow_csv::Reader<File>,
    next_row: u64,
}

impl Reader {
    pub(super) fn open(part: &Part, shape: &Shape) -> Result<Self, ReadError> {
        let unreadable = |e| ReadError::unreadable(&part.file, e);
        let mut file = File::open(&part.file).map_err(unreadable)?;
        let start = after_byte_order_mark(&mut file).map_err(unreadable)?;
        let (header, _) = CsvFormat::default()
            .with_header(true)
            .infer_schema(BufReader::new(&file), Some(0))
            .map_err(|e| broken(&part.file, &e))?;
        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        let names: Vec<&str> = header.fields().iter().map(|f| f.name().trim()).collect();
        let mut columns = Vec::with_capacity(shape.needed.len());
        for needed in &shape.needed {
            let at = names.iter().position(|n| *n == needed.name).ok_or_else(|| ReadError::MissingColumn {
                source_name: shape.source_name.clone(),
                file: Arc::clone(&part.file),
                column: needed.name.clone(),
                nearest: nearest(&needed.name, names.iter().copied()),
            })?;
            columns.push(at);
        }
        let schema = Schema::new(names.iter().map(|n| Field::new(*n, DataType::Utf8, true)).collect::<Vec<_>>());
        let rows = ReaderBuilder::new(Arc::new(schema))
            .with_header(true)
            .with_batch_size(BATCH_ROWS)
            .with_projection(columns)
            .build(file)
            .map_err(|e| broken(&part.file, &e))?;
        Ok(Self { file: Arc::clone(&part.file), rows, next_row: 1 })
    }

    pub(super) fn next(&mut self, shape: &Shape, conversion: &mut Conversion) -> Result<Option<Raw>, ReadError> {
        let Some(batch) = self.rows.next() else { return Ok(None) };
        let batch = batch.map_err(|e| broken(&self.file, &e))?;
        let first_row = self.next_row;
        self.next_row += batch.num_rows() as u64;
        let mut columns = Vec::with_capacity(shape.needed.len());
        for (needed, column) in shape.needed.iter().zip(batch.columns()) {
            let site = Site { file: &self.file, column: &needed.name, first_row };
            columns.push(convert(column, needed.ty, conversion, &site)?);
        }
        Ok(Some(Raw { columns, first_row, lines: None }))
    }
}

/// Where the text begins; the file is left there.
fn after_byte_order_mark(file: &mut File) -> std::io::Result<u64> {
    let mut mark = [0; 3];
    let read = file.read(&mut mark)?;
    let start = if mark[..read] == *b"\xEF\xBB\xBF" { 3 } else { 0 };
    file.seek(SeekFrom::Start(start))
}

fn broken(file: &Arc<Path>, error: &ArrowError) -> ReadError {
    let reason = match error {
        ArrowError::CsvError(reason) => reason.clone(),
        other => other.to_string(),
    };
    // Arrow counts the header as line 0.
    ReadError::BadRow { file: Arc::clone(file), format: Format::Csv, line: None, reason }
}
