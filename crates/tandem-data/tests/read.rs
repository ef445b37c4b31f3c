//! The same records in every format and layout give the same batches, and bad input is told with its place and remedy.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, cast::AsArray,
};
use arrow_schema::{Field as ArrowField, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tandem_data::read::{Origin, ReadError, Reader, open, open_parts, parts, read_table};
use tandem_data::table::{self, Column};
use tandem_definitions::{Arrival, Code, Datum, Field, Format, Location, Place, Source, Type, Value};

/// flight, delay, cancelled, at, note, seen: seen is the declared arrival.
fn source(path: &str, format: Format) -> Source {
    let field = |name: &str, ty, required| Field {
        name: name.to_owned(),
        ty,
        required,
        meaning: String::new(),
        place: Place::default(),
    };
    Source {
        name: "landings".to_owned(),
        version: "1.0.0".to_owned(),
        meaning: String::new(),
        locations: vec![Location { server: "production".to_owned(), path: path.to_owned(), format }],
        fields: vec![
            field("flight", Type::Int, true),
            field("delay", Type::Float, false),
            field("cancelled", Type::Bool, false),
            field("at", Type::Time, true),
            field("note", Type::Text, false),
            field("seen", Type::Time, true),
        ],
        event: 3,
        arrival: Arrival::Declared { field: 5 },
        identity: vec![],
        touches: vec![],
        time_zone: None,
        place: Place::default(),
    }
}

const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];

fn columns() -> Vec<(String, Type)> {
    source("", Format::Csv).fields.iter().map(|f| (f.name.clone(), f.ty)).collect()
}

/// Records `from..until`, with nulls and awkward texts, as a table.
fn records(from: i64, until: i64) -> RecordBatch {
    let start = 1_372_636_800_000_000;
    let column = |ty, value: &dyn Fn(i64) -> Value| table::array_of(ty, &(from..until).map(value).collect::<Vec<_>>());
    let null = |is: bool, value: Value| if is { Value::Null } else { value };
    let notes = ["plain", "a \"quoted\", comma", "zwölf", "two\nlines"];
    table::batch(
        &table::schema(&columns()),
        &[
            column(Type::Int, &Value::Int),
            column(Type::Float, &|i| null(i % 7 == 0, Value::Float(i as f64 / 3.0 - 11.0))),
            column(Type::Bool, &|i| null(i % 11 == 0, Value::Bool(i % 2 == 0))),
            column(Type::Time, &|i| Value::Time(start + i * 60_000_001)),
            column(Type::Text, &|i| null(i % 5 == 0, Value::Text(notes[(i % 4) as usize].into()))),
            column(Type::Time, &|i| Value::Time(start + i * 60_000_001 + i % 3_600 * 1_000_000)),
        ],
    )
    .unwrap()
}

fn origin(base: &Path) -> Origin {
    Origin { base: base.to_path_buf(), server: None, log: None }
}

/// Every record as its values, times and position; and the reader at its end.
type Row = (u64, bool, i64, i64, Vec<Value>);

fn drain(mut reader: Reader) -> Result<(Vec<Row>, Reader), ReadError> {
    let mut rows = Vec::new();
    for batch in &mut reader {
        let batch = batch?;
        let columns = table::columns(&batch.columns).unwrap();
        for row in 0..batch.len() {
            let values = columns.iter().map(|c: &Column<'_>| c.get(row).to_value()).collect();
            rows.push((
                batch.first_position + row as u64,
                batch.is_usable(row),
                batch.event[row],
                batch.arrival[row],
                values,
            ));
        }
    }
    Ok((rows, reader))
}

fn read(base: &Path, path: &str, format: Format) -> Result<(Vec<Row>, Reader), ReadError> {
    drain(open(&source(path, format), &origin(base), &ALL)?)
}

#[test]
fn formats_and_layouts_agree() {
    // More than a batch, so that positions and rows cross batches.
    let (middle, end) = (40_000, 70_000);
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let mut expected: Option<Vec<Row>> = None;
    for (format, ending) in [(Format::Parquet, "parquet"), (Format::Csv, "csv"), (Format::Jsonl, "jsonl")] {
        table::write_table(&base.join(format!("one.{ending}")), &records(0, end)).unwrap();
        let many = base.join(format!("{ending}-many"));
        table::write_table(&many.join(format!("2013-07/a.{ending}")), &records(0, middle)).unwrap();
        table::write_table(&many.join(format!("2013-08/b.{ending}")), &records(middle, end)).unwrap();
        fs::write(many.join("_SUCCESS"), "").unwrap();
        fs::write(many.join("readme.txt"), "not a record").unwrap();
        for path in [
            format!("one.{ending}"),
            format!("{ending}-many"),
            format!("{ending}-many/2013-*/*.{ending}"),
            format!("{ending}-man?"),
            base.join(format!("one.{ending}")).to_string_lossy().into_owned(),
        ] {
            let (rows, reader) = read(base, &path, format).unwrap();
            assert_eq!(rows.len(), end as usize, "{path}");
            assert_eq!((reader.position(), reader.findings().records), (end as u64, end as u64));
            assert_eq!(reader.findings().left_out(), 0);
            assert_eq!(reader.rows(), (format == Format::Parquet).then_some(end as u64));
            let expected = expected.get_or_insert_with(|| rows.clone());
            for (mine, theirs) in rows.iter().zip(&*expected) {
                assert_eq!(mine, theirs, "{path}");
                assert!(mine.4.iter().zip(&theirs.4).all(|(a, b)| a.same_bits(b)));
            }
        }
    }
    let expected = expected.unwrap();
    assert_eq!(expected[3].4[4], Value::Text("two\nlines".into()));
    assert_eq!((expected[7].0, expected[7].2), (7, 1_372_636_800_000_000 + 7 * 60_000_001));
}

#[test]
fn only_wanted_fields_in_the_order_wanted_and_parts_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("l.parquet")).unwrap();
    let small = WriterProperties::builder().set_max_row_group_row_count(Some(70_000)).build();
    let mut writer = ArrowWriter::try_new(file, records(0, 1).schema(), Some(small)).unwrap();
    writer.write(&records(0, 300_000)).unwrap();
    writer.close().unwrap();
    let source = source("l.parquet", Format::Parquet);
    let (whole, _) = drain(open(&source, &origin(folder.path()), &[4, 0]).unwrap()).unwrap();
    assert_eq!(whole[1].4, [Value::Text("a \"quoted\", comma".into()), Value::Int(1)]);
    let parts = parts(&source, &origin(folder.path())).unwrap();
    assert_eq!(parts.iter().map(|p| p.first_position).collect::<Vec<_>>(), [Some(0), Some(140_000), Some(280_000)]);
    let apart: Vec<Row> = parts
        .into_iter()
        .rev()
        .map(|part| drain(open_parts(&source, vec![part], &[4, 0]).unwrap()).unwrap().0)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .flatten()
        .collect();
    assert_eq!(apart, whole);
}

#[test]
fn other_types_of_parquet_are_read_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let micros = [1_372_636_800_000_000, 1_372_636_860_000_000];
    let notes: DictionaryArray<Int32Type> = vec![Some("x"), None].into_iter().collect();
    let base_columns: Vec<(&str, ArrayRef)> = vec![
        ("flight", Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0)]))),
        ("delay", Arc::new(Int32Array::from(vec![Some(5), None]))),
        ("cancelled", Arc::new(LargeStringArray::from(vec![Some("true"), Some("F")]))),
        ("at", Arc::new(TimestampMillisecondArray::from(micros.map(|m| m / 1_000).to_vec()).with_timezone("UTC"))),
        ("note", Arc::new(notes)),
        ("seen", Arc::new(TimestampNanosecondArray::from(micros.map(|m| m * 1_000 + 1_500).to_vec()))),
    ];
    write_parquet(&folder.path().join("l.parquet"), base_columns);
    let (rows, reader) = read(folder.path(), "l.parquet", Format::Parquet).unwrap();
    let (a, b) = (micros[0], micros[1]);
    let text = |s: &str| Value::Text(s.into());
    assert_eq!(
        rows[0].4,
        [Value::Int(1), Value::Float(5.0), Value::Bool(true), Value::Time(a), text("x"), Value::Time(a + 1)]
    );
    assert_eq!(
        rows[1].4,
        [Value::Int(2), Value::Null, Value::Bool(false), Value::Time(b), Value::Null, Value::Time(b + 1)]
    );
    assert_eq!(reader.findings().finer_than_microsecond.count, 2);
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<_> = columns.iter().map(|(n, c)| ArrowField::new(*n, c.data_type().clone(), true)).collect();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, c)| c).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn local_times_follow_the_stated_rule_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    // New York 2013: 02:30 on 10 March did not exist, 01:30 on 3 November came twice.
    let local = ["2013-03-10 02:30:00", "2013-11-03 01:30:00", "2013-07-01 12:00:00"];
    let expected = ["2013-03-10T07:30:00Z", "2013-11-03T05:30:00Z", "2013-07-01T16:00:00Z"];
    let csv: String = local.map(|t| format!("1,,,{t},,2013-12-01T00:00:00-05:00\n")).concat();
    fs::write(base.join("l.csv"), format!("flight,delay,cancelled,at,note,seen\n{csv}")).unwrap();
    let naive: Vec<i64> = expected.iter().zip(local).map(|(_, l)| utc(l)).collect();
    write_parquet(
        &base.join("l.parquet"),
        vec![
            ("at", Arc::new(TimestampMicrosecondArray::from(naive)) as ArrayRef),
            (
                "seen",
                Arc::new(TimestampMicrosecondArray::from(vec![utc("2013-12-01T05:00:00Z"); 3]).with_timezone("UTC")),
            ),
        ],
    );
    for (path, format) in [("l.csv", Format::Csv), ("l.parquet", Format::Parquet)] {
        let mut source = source(path, format);
        source.time_zone = Some("America/New_York".to_owned());
        let (rows, reader) = drain(open(&source, &origin(base), &[3, 5]).unwrap()).unwrap();
        let read: Vec<String> = rows.iter().map(|r| tandem_definitions::time::format_instant(r.2)).collect();
        assert_eq!(read, expected, "{path}");
        assert_eq!(rows[0].3, utc("2013-12-01T05:00:00Z"));
        let findings = reader.findings();
        assert_eq!((findings.nonexistent_local_time.count, findings.ambiguous_local_time.count), (1, 1), "{path}");
        assert_eq!(
            (findings.nonexistent_local_time.examples[0].row, findings.ambiguous_local_time.examples[0].row),
            (1, 2)
        );
    }
    let mut source = source("l.csv", Format::Csv);
    source.time_zone = Some("Atlantis".to_owned());
    told(open(&source, &origin(base), &ALL).err(), Code::ColumnType, &["Atlantis", "IANA"]);
}

fn utc(text: &str) -> i64 {
    tandem_definitions::time::parse_instant(text, None).unwrap()
}

#[test]
fn arrival_is_declared_observed_or_assumed_and_our_own_log_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let line = |flight: i64, more: &str| format!("{{\"flight\":{flight},\"at\":\"2013-07-01T00:00:00Z\"{more}}}\n");
    fs::write(base.join("l.jsonl"), line(0, ",\"_arrived_at\":\"2013-07-01T00:01:00Z\"")).unwrap();
    let log = base.join(".tandem/log");
    fs::create_dir_all(log.join("landings")).unwrap();
    let served = |n| line(n, ",\"seen\":\"2013-07-01T00:02:00Z\",\"_arrived_at\":1372636980000000");
    fs::write(log.join("landings/000001.jsonl"), served(1) + &served(2)).unwrap();
    // The last line has no end: it was never acknowledged.
    fs::write(log.join("landings/000002.jsonl"), served(3) + "{\"flight\":4").unwrap();
    let origin = Origin { log: Some(log), ..origin(base) };
    let minute = 60_000_000;
    let start = utc("2013-07-01T00:00:00Z");
    let mut source = source("l.jsonl", Format::Jsonl);
    for (arrival, minutes) in
        [(Arrival::Observed, [1, 3, 3, 3]), (Arrival::Assumed { delay: 5 * minute }, [5, 5, 5, 5])]
    {
        source.arrival = arrival;
        let (rows, reader) = drain(open(&source, &origin, &[0]).unwrap()).unwrap();
        assert_eq!(rows.iter().map(|r| r.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(rows.iter().map(|r| r.4[0].clone()).collect::<Vec<_>>(), [0, 1, 2, 3].map(Value::Int));
        assert_eq!(rows.iter().map(|r| (r.3 - start) / minute).collect::<Vec<_>>(), minutes);
        assert_eq!(reader.findings().left_out(), 0);
    }
    // The service alone: a source without a location has its own log.
    source.locations.clear();
    assert_eq!(drain(open(&source, &origin, &[0]).unwrap()).unwrap().0.len(), 3);
}

#[test]
fn records_without_times_are_left_out_and_early_ones_moved() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "flight,delay,cancelled,at,note,seen\n\
        1,,,2013-07-01T00:00:00Z,,2013-07-01T01:00:00Z\n\
        2,,,,,2013-07-01T01:00:00Z\n\
        3,,,2013-07-01T00:00:00Z,,\n\
        ,,,2013-07-01T02:00:00Z,,2013-07-01T01:00:00Z\n";
    fs::write(folder.path().join("l.csv"), csv).unwrap();
    let (rows, reader) = read(folder.path(), "l.csv", Format::Csv).unwrap();
    assert_eq!(rows.iter().map(|r| r.1).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(rows[3].3, rows[3].2, "taken as arrived when it happened");
    let source = source("l.csv", Format::Csv);
    let told: Vec<String> = reader
        .findings()
        .diagnostics(&source)
        .iter()
        .map(|d| format!("{:?} {} [{}]", d.code, d.message, d.text))
        .collect();
    let file = folder.path().join("l.csv").display().to_string();
    assert_eq!(
        told,
        [
            format!("RecordWithoutEventTime landings: 1 record without an event time (`at`), left out [{file} row 2]"),
            format!("RecordWithoutArrival landings: 1 record without an arrival time, left out [{file} row 3]"),
            format!(
                "ArrivedBefore landings: 1 record arrived before they happened; taken as arrived when they happened [{file} row 4]"
            ),
            format!(
                "RequiredFieldEmpty landings: 1 record without `flight`, which the contract requires; used all the same [{file} row 4]"
            ),
            format!(
                "RequiredFieldEmpty landings: 1 record without `at`, which the contract requires; used all the same [{file} row 2]"
            ),
            format!(
                "RequiredFieldEmpty landings: 1 record without `seen`, which the contract requires; used all the same [{file} row 3]"
            ),
        ]
    );
}

/// The error has the code, and says all of these.
#[track_caller]
fn told(error: Option<ReadError>, code: Code, says: &[&str]) {
    let error = error.expect("bad input must be an error");
    let text = error.to_string();
    for part in says {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
    assert_eq!(error.code(), code, "{text}");
    assert!(!error.remedy().is_empty());
}

#[test]
fn bad_files_are_told_with_place_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let fails = |path: &str, format| read(base, path, format).err();
    let path = "correct `path` under `servers`";
    told(fails("none.parquet", Format::Parquet), Code::SourceFileMissing, &["landings", "none.parquet", path]);
    told(fails("none/*.csv", Format::Csv), Code::SourceFileMissing, &["none/*.csv", path]);
    told(fails("a[", Format::Csv), Code::SourceFileMissing, &["a[", "pattern", path]);
    fs::create_dir(base.join("folder")).unwrap();
    fs::write(base.join("folder/l.csv"), "x").unwrap();
    told(fails("folder", Format::Parquet), Code::SourceEmpty, &["folder", "no Parquet file", path_or_format()]);
    for (format, ending) in [(Format::Parquet, "parquet"), (Format::Csv, "csv"), (Format::Jsonl, "jsonl")] {
        fs::write(base.join(format!("e.{ending}")), "").unwrap();
        told(
            fails(&format!("e.{ending}"), format),
            Code::SourceEmpty,
            &[&format!("e.{ending} is empty"), "Write its records"],
        );
    }

    table::write_table(&base.join("whole.parquet"), &records(0, 5_000)).unwrap();
    let bytes = fs::read(base.join("whole.parquet")).unwrap();
    for cut in [3, bytes.len() / 2, bytes.len() - 1] {
        fs::write(base.join("cut.parquet"), &bytes[..cut]).unwrap();
        told(fails("cut.parquet", Format::Parquet), Code::SourceUnreadable, &["cut.parquet", "cut off", "`format`"]);
    }
    let mut damaged = bytes.clone();
    // The first page's header; Parquet without checksums cannot tell when only values are damaged.
    damaged[4..30].fill(0xFF);
    fs::write(base.join("cut.parquet"), &damaged).unwrap();
    told(fails("cut.parquet", Format::Parquet), Code::SourceUnreadable, &["cut.parquet", "Write the file again"]);
    fs::write(base.join("csv.parquet"), "flight,at\n1,2\n").unwrap();
    told(fails("csv.parquet", Format::Parquet), Code::SourceUnreadable, &["csv.parquet is not a whole Parquet file"]);

    let mut wrong_server = origin(base);
    wrong_server.server = Some("staging".to_owned());
    let error = open(&source("whole.parquet", Format::Parquet), &wrong_server, &ALL).err();
    told(error, Code::SourceFileMissing, &["no server `staging`", "It has: production"]);
}

fn path_or_format() -> &'static str {
    "correct `path` or `format`"
}

#[test]
fn other_schemas_are_told_with_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let fails = |path: &str, format| read(base, path, format).err();
    fs::write(base.join("s.csv"), "flight,Delays,cancelled,at,note,seen\n").unwrap();
    told(fails("s.csv", Format::Csv), Code::ColumnMissing, &["s.csv", "`delay`", "Did you mean `Delays`?"]);
    fs::write(base.join("s.jsonl"), "{\"flight\":1,\"at\":\"2013-07-01\",\"sen\":\"2013-07-01\"}\n").unwrap();
    told(fails("s.jsonl", Format::Jsonl), Code::ColumnMissing, &["s.jsonl", "`seen`", "Did you mean `sen`?"]);
    let one = |name, column: ArrayRef| {
        let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, 0]));
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("flight", Arc::new(Int64Array::from(vec![1, 2]))),
            ("delay", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
            ("cancelled", Arc::new(StringArray::from(vec!["true", "false"]))),
            ("at", Arc::clone(&times)),
            ("note", Arc::new(StringArray::from(vec!["", ""]))),
            ("seen", times),
        ];
        columns.iter_mut().filter(|(n, _)| *n == name).for_each(|(_, c)| *c = Arc::clone(&column));
        write_parquet(&base.join("s.parquet"), columns);
        fails("s.parquet", Format::Parquet)
    };
    let wrong = Code::ColumnType;
    told(
        one("note", Arc::new(Int64Array::from(vec![1, 2]))),
        wrong,
        &["s.parquet", "`note` is integer", "says string", "`logicalType`"],
    );
    told(one("at", Arc::new(Int64Array::from(vec![1, 2]))), wrong, &["`at` is integer", "says timestamp", "RFC 3339"]);
    told(one("cancelled", Arc::new(Int64Array::from(vec![1, 2]))), wrong, &["`cancelled` is integer", "says boolean"]);
    let bad = Code::ValueBreaksContract;
    told(
        one("flight", Arc::new(Float64Array::from(vec![1.0, 2.5]))),
        bad,
        &["s.parquet, row 2, column `flight`: `2.5`", "integer"],
    );
    told(
        one("delay", Arc::new(StringArray::from(vec!["1", "many"]))),
        bad,
        &["row 2, column `delay`: `many` is not a number"],
    );
    told(
        one("flight", Arc::new(arrow_array::UInt64Array::from(vec![1, u64::MAX]))),
        bad,
        &["row 2", "`18446744073709551615`"],
    );
}

#[test]
fn values_that_break_the_contract_are_told_with_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let csv = |row: &str| {
        let good = "1,2.5,true,2013-07-01T00:00:00Z,x,2013-07-01T00:00:00Z\n";
        fs::write(base.join("v.csv"), format!("flight,delay,cancelled,at,note,seen\n{good}{row}\n")).unwrap();
        read(base, "v.csv", Format::Csv).err()
    };
    let (bad, time) = (Code::ValueBreaksContract, "2013-07-01");
    told(
        csv(&format!("1.5,,,{time},,{time}")),
        bad,
        &["v.csv, row 2, column `flight`: `1.5` is not an integer", "Correct the value"],
    );
    told(csv(&format!("1,NA,,{time},,{time}")), bad, &["row 2, column `delay`: `NA` is not a number"]);
    told(csv(&format!("1,,maybe,{time},,{time}")), bad, &["column `cancelled`: `maybe` is not a boolean"]);
    told(csv(&format!("1,,,2013-02-30,,{time}")), bad, &["column `at`: `2013-02-30`", "2013-11-01T17:30:00Z"]);
    told(csv("1,2"), Code::SourceUnreadable, &["v.csv", "as many fields as the header"]);

    let json = |line: &str| {
        let good = format!("{{\"flight\":1,\"at\":\"{time}\",\"seen\":\"{time}\",\"more\":[{{}}]}}\n\n");
        fs::write(base.join("v.jsonl"), format!("{good}{line}")).unwrap();
        read(base, "v.jsonl", Format::Jsonl).err()
    };
    told(
        json("{\"flight\":\"5\"}\n"),
        bad,
        &["v.jsonl, row 3, column `flight`: `\"5\"` is not an integer", "Correct the value"],
    );
    told(json("{\"flight\":9223372036854775808}\n"), bad, &["row 3, column `flight`"]);
    told(json("{\"delay\":true}\n"), bad, &["column `delay`: `true` is not a number"]);
    told(json("{\"note\":{\"a\":[1]}}\n"), bad, &["column `note`: `{…}` is not a string"]);
    told(json("{\"at\":1372636800}\n"), bad, &["column `at`: `1372636800` is not a timestamp"]);
    let broken = Code::SourceUnreadable;
    told(json("{\"flight\":1,"), broken, &["v.jsonl, line 3", "cut off", "one whole JSON object"]);
    told(json("{\"flight\":1,}\n"), broken, &["v.jsonl, line 3", "at column"]);
    told(json("[1,2]\n"), broken, &["v.jsonl, line 3", "one JSON object"]);
    told(json("{\"a\":1} {\"b\":2}\n"), broken, &["v.jsonl, line 3"]);
}

#[test]
fn a_reader_ends_after_its_first_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("l.jsonl"), "{\"flight\":1\n{\"flight\":2}\n").unwrap();
    let mut reader = open(&source("l.jsonl", Format::Jsonl), &origin(folder.path()), &ALL).unwrap();
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn small_tables_and_training_sets_come_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let written = records(0, 1_000);
    for (ending, format) in [("parquet", Format::Parquet), ("csv", Format::Csv), ("jsonl", Format::Jsonl)] {
        let path = folder.path().join(format!("new/folder/t.{ending}"));
        table::write_table(&path, &written).unwrap();
        let (read, findings) = read_table(&path, format, &columns(), None).unwrap();
        let again = table::batch(&written.schema(), &read).unwrap();
        assert_eq!((&again, findings.records), (&written, 1_000), "{ending}");
        let missing = read_table(&path, format, &[("fligth".to_owned(), Type::Int)], None).err();
        told(missing, Code::ColumnMissing, &["`fligth`", "Did you mean `flight`?"]);
    }
    let mut stream = Vec::new();
    table::write_stream(&mut stream, &written.schema(), [written.clone()]).unwrap();
    let back: Vec<RecordBatch> = table::read_stream(&stream[..]).unwrap().map(Result::unwrap).collect();
    assert_eq!(back, std::slice::from_ref(&written));

    let path = folder.path().join("runs/late/train.parquet");
    let mut writer = tandem_data::training_set::Writer::create(&path, &columns()).unwrap();
    writer.write(written.columns()).unwrap();
    writer.write(written.columns()).unwrap();
    assert!(!path.exists(), "not before it is whole");
    let about = serde_json::json!({"definitions": "abc", "left_out": {"cancelled": 3}});
    assert_eq!(writer.finish(&about).unwrap(), 2_000);
    assert_eq!(tandem_data::training_set::metadata(&path).unwrap(), (Some(about), 2_000));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays behind");
    let (read, _) = read_table(&path, Format::Parquet, &columns(), None).unwrap();
    assert_eq!(
        read[3].as_primitive::<TimestampMicrosecondType>().value(1_999),
        1_372_636_800_000_000 + 999 * 60_000_001
    );
    assert!(matches!(Column::new(&read[4]).unwrap().get(1_001), Datum::Text("a \"quoted\", comma")));
    drop(tandem_data::training_set::Writer::create(&folder.path().join("x/y.parquet"), &columns()).unwrap());
    assert_eq!(fs::read_dir(folder.path().join("x")).unwrap().count(), 0, "nor one that was given up");
}
