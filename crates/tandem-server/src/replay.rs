//! The past, at start: every record of the sources' files and of the service's own log, by position, into the states.
//! Not here: records that come later (`ingest.rs`); both end in [`States::take`].

use std::sync::atomic::{AtomicBool, Ordering};

use tandem_data::read::{self, Batch, Origin, ReadError};
use tandem_data::table;
use tandem_definitions::{Arrival, Datum, Micros, Project};
use tandem_engine::{Admission, Record};

use crate::states::States;

/// What a replay leaves behind.
pub struct Replayed {
    /// The states after the last record.
    pub states: States,
    /// The identities seen, by source.
    pub admissions: Vec<Admission>,
    /// How many records were read.
    pub records: u64,
    /// For each source, how many of them lie before the service's own log.
    pub begins: Vec<u64>,
}

/// Replays all sources as they are known at `now`; `progress` hears how many records have been read. `None`: it was told to stop.
pub fn replay(
    project: &Project,
    origin: &Origin,
    now: Micros,
    stop: &AtomicBool,
    progress: impl Fn(u64),
) -> Result<Option<Replayed>, ReadError> {
    let mut states = States::new(project);
    let mut admissions: Vec<Admission> = project.sources.iter().map(|_| Admission::default()).collect();
    let mut records = 0;
    let mut begins = Vec::with_capacity(project.sources.len());
    for (index, source) in project.sources.iter().enumerate() {
        // The fields that the plan reads come first, so that a record is a prefix of the row.
        let mut wanted = states.fields(index).to_vec();
        let reads = wanted.len();
        wanted.extend(&source.identity);
        let mut reader = read::open(source, origin, &wanted)?;
        for batch in &mut reader {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let batch = batch?;
            take_batch(&mut states, &mut admissions[index], (index, source.corrects), &batch, reads, now);
            if batch.own_log && source.arrival == Arrival::Observed {
                states.resume(last_stamp(&batch), None);
            }
            records += batch.len() as u64;
            progress(records);
        }
        states.advance(index, reader.position());
        begins.push(reader.own_log_begins());
    }
    Ok(Some(Replayed { states, admissions, records, begins }))
}

/// The latest stamp that the service gave in this batch. Where it lay before the event, the reader has moved it, and it says
/// nothing.
fn last_stamp(batch: &Batch) -> Option<Micros> {
    let stamped = |i: &usize| batch.is_usable(*i) && batch.arrival[*i] > batch.event[*i];
    (0..batch.len()).filter(stamped).map(|i| batch.arrival[i]).max()
}

fn take_batch(
    states: &mut States,
    admission: &mut Admission,
    (source, corrects): (usize, bool),
    batch: &Batch,
    reads: usize,
    now: Micros,
) {
    let columns = table::columns(&batch.columns).expect("readers give columns of the five types: please report this");
    let mut row: Vec<Datum<'_>> = Vec::with_capacity(columns.len());
    for i in (0..batch.len()).filter(|i| batch.is_usable(*i)) {
        row.clear();
        row.extend(columns.iter().map(|column| column.get(i)));
        let (fields, identity) = row.split_at(reads);
        // Where records correct, one of a known identity is no repetition: the states' ledger says which counts.
        if !admission.admit(identity) && !corrects {
            continue;
        }
        let position = batch.first_position + i as u64;
        states.take(&Record { source, position, event: batch.event[i], arrival: batch.arrival[i], fields }, now);
    }
}
