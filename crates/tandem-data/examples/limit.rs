//! What a replay cannot do without: reads the six columns of the benchmarks' log from Parquet, partitions the records by
//! entity, keeping the order of the log, and writes them to Parquet. Run beside the replay by `cargo xtask bench limit`.
//! Not here: any feature. It knows the workload's columns, and takes what it can from that.
//!
//! ```text
//! limit LOG OUT THREADS        writes OUT.0, OUT.1, … a file a thread
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;

type Failure = Box<dyn Error + Send + Sync>;

/// The names of the columns of whole numbers: the entity first, then the two times.
const WHOLE: [&str; 4] = ["entity_id", "event_time", "known_time", "item_id"];
const KINDS: [&str; 8] = ["view", "search", "click", "add_to_cart", "remove", "checkout", "refund", "support"];
/// Entities are divided among so many partitions, which fit the caches.
const PARTITIONS: usize = 256;

/// Records, column by column.
#[derive(Clone, Default)]
struct Records {
    whole: [Vec<i64>; 4],
    amount: Vec<f64>,
    kind: Vec<u8>,
}

impl Records {
    fn len(&self) -> usize {
        self.amount.len()
    }

    fn push(&mut self, from: &Self, row: usize) {
        for (to, from) in self.whole.iter_mut().zip(&from.whole) {
            to.push(from[row]);
        }
        self.amount.push(from.amount[row]);
        self.kind.push(from.kind[row]);
    }

    fn append(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("the log has no column {name}"));
        for (to, name) in self.whole.iter_mut().zip(WHOLE) {
            let column = column(name)?;
            match column.as_primitive_opt::<Int64Type>() {
                Some(whole) => to.extend_from_slice(whole.values()),
                None => to.extend_from_slice(column.as_primitive::<TimestampMicrosecondType>().values()),
            }
        }
        self.amount.extend_from_slice(column("amount")?.as_primitive::<Float64Type>().values());
        let kind = column("kind")?.as_dictionary::<Int32Type>();
        let code = |word: Option<&str>| KINDS.iter().position(|kind| Some(*kind) == word).map_or(0, |code| code as u8);
        let codes: Vec<u8> = kind.values().as_string::<i32>().iter().map(code).collect();
        self.kind.extend(kind.keys().values().iter().map(|key| codes[*key as usize]));
        Ok(())
    }

    fn batch(&self) -> Result<RecordBatch, Failure> {
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for (name, values) in WHOLE.iter().zip(&self.whole) {
            columns.push((name, Arc::new(Int64Array::from(values.clone()))));
        }
        columns.push(("amount", Arc::new(Float64Array::from(self.amount.clone()))));
        let keys = Int32Array::from_iter_values(self.kind.iter().map(|code| i32::from(*code)));
        let words = Arc::new(StringArray::from(KINDS.to_vec()));
        columns.push(("kind", Arc::new(DictionaryArray::new(keys, words))));
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// The row groups of one thread (every `of`-th), each divided among the partitions.
fn read(log: &Path, thread: usize, of: usize) -> Result<Vec<(usize, Vec<Records>)>, Failure> {
    let plain = ParquetRecordBatchReaderBuilder::try_new(File::open(log)?)?;
    let fields = plain.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Field::new(field.name(), dictionary, field.is_nullable())
        }
        _ => field.as_ref().clone(),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let groups = plain.metadata().num_row_groups();
    let mut all = Vec::new();
    for group in (thread..groups).step_by(of) {
        let options = ArrowReaderOptions::new().with_schema(Arc::clone(&schema));
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(log)?, options)?;
        let mut records = Records::default();
        for batch in builder.with_row_groups(vec![group]).with_batch_size(65_536).build()? {
            records.append(&batch?)?;
        }
        let mut parts = vec![Records::default(); PARTITIONS];
        for (row, entity) in records.whole[0].iter().enumerate() {
            parts[(FxBuildHasher.hash_one(entity) >> 56) as usize % PARTITIONS].push(&records, row);
        }
        all.push((group, parts));
    }
    Ok(all)
}

/// A partition's records, those of an entity behind each other: counted, then put in their places.
fn by_entity(parts: &[&Records]) -> Records {
    let mut numbers: FxHashMap<i64, u32> = FxHashMap::default();
    let mut counts: Vec<usize> = Vec::new();
    let mut number_of = Vec::new();
    for entity in parts.iter().flat_map(|part| &part.whole[0]) {
        let next = numbers.len() as u32;
        let number = *numbers.entry(*entity).or_insert(next);
        if number == next {
            counts.push(0);
        }
        counts[number as usize] += 1;
        number_of.push(number);
    }
    let mut place = 0;
    for count in &mut counts {
        (*count, place) = (place, place + *count);
    }
    let rows = number_of.len();
    let mut grouped =
        Records { whole: std::array::from_fn(|_| vec![0; rows]), amount: vec![0.0; rows], kind: vec![0; rows] };
    let of_all = parts.iter().flat_map(|part| (0..part.len()).map(move |row| (part, row)));
    for ((part, row), number) in of_all.zip(number_of) {
        let to = counts[number as usize];
        counts[number as usize] += 1;
        for (column, from) in grouped.whole.iter_mut().zip(&part.whole) {
            column[to] = from[row];
        }
        grouped.amount[to] = part.amount[row];
        grouped.kind[to] = part.kind[row];
    }
    grouped
}

/// Groups and writes one thread's partitions (every `of`-th) into a file; how many records.
fn write(groups: &[Vec<Records>], out: &str, thread: usize, of: usize) -> Result<usize, Failure> {
    let file = File::create(format!("{out}.{thread}"))?;
    let mut writer = ArrowWriter::try_new(file, Records::default().batch()?.schema(), None)?;
    let mut rows = 0;
    for partition in (thread..PARTITIONS).step_by(of) {
        let parts: Vec<&Records> = groups.iter().map(|group| &group[partition]).collect();
        let grouped = by_entity(&parts);
        rows += grouped.len();
        writer.write(&grouped.batch()?)?;
    }
    writer.close()?;
    Ok(rows)
}

/// One piece of work on each of the threads.
fn on_threads<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T, Failure> + Sync) -> Result<Vec<T>, Failure> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        running.into_iter().map(|one| one.join().map_err(|_| "a thread panicked")?).collect()
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [log, out, threads] = arguments.as_slice() else { return Err("usage: limit LOG OUT THREADS".into()) };
    let threads = threads.parse()?;
    let begun = Instant::now();
    let mut groups: Vec<(usize, Vec<Records>)> =
        on_threads(threads, |thread| read(Path::new(log), thread, threads))?.into_iter().flatten().collect();
    groups.sort_by_key(|(group, _)| *group); // the order of the log
    let groups: Vec<Vec<Records>> = groups.into_iter().map(|(_, parts)| parts).collect();
    let read = begun.elapsed().as_secs_f64();
    let rows: usize = on_threads(threads, |thread| write(&groups, out, thread, threads))?.into_iter().sum();
    let written = begun.elapsed().as_secs_f64() - read;
    println!("{rows} records: read and divided {read:.2} s, grouped and written {written:.2} s");
    Ok(())
}
