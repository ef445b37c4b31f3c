//! The records of a source as they were known at an instant, for a notebook or a laptop.

use std::path::Path;

use arrow_array::BooleanArray;
use arrow_select::filter::filter;
use tandem_data::read;
use tandem_data::training_set::Writer;
use tandem_definitions::{Micros, Type};

use crate::error::Error;
use crate::load::Loaded;

/// Writes the records of a source that had arrived before an instant (without one: all) to a Parquet file, in the order
/// of the log. Gives how many.
///
/// # Errors
/// [`Error::NoSuch`] for an unknown source; what reading and writing can say.
pub fn records(loaded: &Loaded, source: &str, as_of: Option<Micros>, out: &Path) -> Result<u64, Error> {
    let source = &loaded.project.sources[loaded.source(source)?];
    let columns: Vec<(String, Type)> = source.fields.iter().map(|f| (f.name.clone(), f.ty)).collect();
    let wanted: Vec<usize> = (0..columns.len()).collect();
    let mut writer = Writer::create(out, &columns)?;
    for batch in read::open(source, &loaded.origin, &wanted)? {
        let batch = batch?;
        let known = |row: usize| batch.is_usable(row) && as_of.is_none_or(|at| batch.arrival[row] < at);
        let mask: BooleanArray = (0..batch.len()).map(|row| Some(known(row))).collect();
        let kept = batch.columns.iter().map(|column| filter(column, &mask).expect("a mask as long as the column"));
        writer.write(&kept.collect::<Vec<_>>())?;
    }
    let about = serde_json::json!({
        "source": source.name,
        "as_of": as_of.map(tandem_definitions::time::format_instant),
        "definitions": loaded.hash,
    });
    Ok(writer.finish(&about)?)
}
