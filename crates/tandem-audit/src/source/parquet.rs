//! Parquet: rows filtered and cells replaced with the same schema. The reading itself is tandem-data's.
//! Not here: types other than those that a text can be cast to.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;

use super::{Content, Replaced};

type Read = (Vec<String>, Vec<Vec<Option<String>>>, Content);

/// Reads a file; a column that is no text, number or time has no cells.
pub fn read(path: &Path) -> Result<Read, String> {
    let batch = tandem_data::rows::read(path).map_err(|error| error.reason)?;
    let columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let cells = batch.columns().iter().map(texts).collect();
    Ok((columns, cells, Content::Rows(batch)))
}

/// Writes the rows that are kept, with the replaced cells cast to the type of their column.
pub fn write(path: &Path, batch: &RecordBatch, keep: &[bool], replaced: &Replaced) -> Result<(), String> {
    let mut columns = batch.columns().to_vec();
    for (column, cells) in &replaced.0 {
        let mut all = texts(&columns[*column]);
        for (row, cell) in cells {
            all[*row].clone_from(cell);
        }
        let new: ArrayRef = Arc::new(StringArray::from(all));
        columns[*column] = cast(&new, columns[*column].data_type())?;
    }
    let whole = RecordBatch::try_new(batch.schema(), columns).map_err(|error| error.to_string())?;
    let kept = filter_record_batch(&whole, &BooleanArray::from(keep.to_vec())).map_err(|error| error.to_string())?;
    tandem_data::rows::write(path, &kept).map_err(|error| error.reason)
}

fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let Ok(array) = cast(column, &DataType::Utf8) else { return vec![None; column.len()] };
    let Some(array) = array.as_any().downcast_ref::<StringArray>() else { return vec![None; column.len()] };
    array.iter().map(|text| text.map(str::to_owned)).collect()
}

fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    cast_with_options(column, to, &CastOptions::default()).map_err(|error| error.to_string())
}
