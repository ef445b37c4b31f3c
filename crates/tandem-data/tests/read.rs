//! The same records in every format and layout give the same batches, and bad input is told with its place and remedy.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use std::fs;
use std::sync::Arc;

use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int32Array, LargeStringArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, cast::AsArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tandem_data::append::{self, AppendLog};
use tandem_data::read::{Origin, open, read_table};
use tandem_data::table::{self, Column};
use tandem_definitions::{Arrival, Code, Datum, Format, Normalise, Type, Value};

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
fn only_wanted_fields_in_the_order_wanted_over_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("l.parquet")).unwrap();
    let small = WriterProperties::builder().set_max_row_group_row_count(Some(70_000)).build();
    let mut writer = ArrowWriter::try_new(file, records(0, 1).schema(), Some(small)).unwrap();
    writer.write(&records(0, 300_000)).unwrap();
    writer.close().unwrap();
    let source = source("l.parquet", Format::Parquet);
    let (whole, _) = drain(open(&source, &origin(folder.path()), &[4, 0]).unwrap()).unwrap();
    assert_eq!(whole[1].4, [Value::Text("a \"quoted\", comma".into()), Value::Int(1)]);
    assert_eq!((whole.len(), &whole[299_999].4[1]), (300_000, &Value::Int(299_999)));
}

#[test]
fn a_field_wanted_twice_is_read_once_and_handed_out_twice() {
    let folder = tempfile::tempdir().unwrap();
    for (format, ending) in [(Format::Parquet, "parquet"), (Format::Csv, "csv"), (Format::Jsonl, "jsonl")] {
        let path = format!("l.{ending}");
        table::write_table(&folder.path().join(&path), &records(0, 100)).unwrap();
        // The event time, the arrival time, an optional and a required field, each more than once.
        let wanted = [4, 0, 4, 3, 3, 5, 0, 4];
        let (rows, _) = drain(open(&source(&path, format), &origin(folder.path()), &wanted).unwrap()).unwrap();
        let (all, _) = read(folder.path(), &path, format).unwrap();
        for (row, all) in rows.iter().zip(&all) {
            let expected: Vec<Value> = wanted.iter().map(|&field| all.4[field].clone()).collect();
            assert_eq!((row.2, row.3, &row.4), (all.2, all.3, &expected), "{ending}");
        }
        let twice =
            [("flight".to_owned(), Type::Int), ("note".to_owned(), Type::Text), ("flight".to_owned(), Type::Int)];
        let (columns, _) = read_table(&folder.path().join(&path), format, &twice, None).unwrap();
        assert_eq!((&columns[0], columns[1].len()), (&columns[2], 100), "{ending}");
    }
}

#[test]
fn a_key_is_read_in_the_form_that_its_entity_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    for (format, ending) in [(Format::Parquet, "parquet"), (Format::Csv, "csv"), (Format::Jsonl, "jsonl")] {
        let path = format!("l.{ending}");
        let plain = records(0, 100);
        let shouted: StringArray = plain
            .column(4)
            .as_string::<i32>()
            .iter()
            .map(|note| note.map(|note| format!(" {} ", note.to_uppercase())))
            .collect();
        let mut columns = plain.columns().to_vec();
        columns[4] = Arc::new(shouted);
        let table = RecordBatch::try_new(plain.schema(), columns).unwrap();
        table::write_table(&folder.path().join(&path), &table).unwrap();
        let mut source = source(&path, format);
        source.fields[4].normalise = Normalise { trim: true, lower: true };
        let read =
            |source: &tandem_definitions::Source| drain(open(source, &origin(folder.path()), &[4]).unwrap()).unwrap().0;
        let (mine, mut changed) = (read(&source), 0);
        source.fields[4].normalise = Normalise::default();
        for (row, raw) in mine.iter().zip(read(&source)) {
            let Value::Text(raw) = &raw.4[0] else {
                assert!(row.4[0].is_null());
                continue;
            };
            assert_eq!(row.4[0], Value::Text(raw.trim().to_lowercase().as_str().into()), "{ending}");
            changed += usize::from(raw.trim().to_lowercase() != **raw);
        }
        assert!(changed > 0, "{ending}: some have capitals or blanks");
    }
}

#[test]
fn times_that_no_calendar_has_make_a_record_unusable_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let (first, last, good) = (utc("0001-01-01T00:00:00Z"), utc("9999-12-31T23:59:59.999999Z"), utc("2013-07-01"));
    let times = [(good, good), (first - 86_400_000_000, good), (good, last + 1), (first, last), (i64::MIN, i64::MAX)];
    let column = |of: fn(&(i64, i64)) -> i64| times.iter().map(of).collect::<Vec<_>>();
    let seen = TimestampMicrosecondArray::from(column(|t| t.1)).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("flight", Arc::new(arrow_array::Int64Array::from(vec![1; 5]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(column(|t| t.0)))),
        ("seen", Arc::new(seen)),
    ];
    write_parquet(&base.join("l.parquet"), columns);
    for zone in [None, Some("America/New_York")] {
        let mut source = source("l.parquet", Format::Parquet);
        source.time_zone = zone.map(str::to_owned);
        let (rows, reader) = drain(open(&source, &origin(base), &[0]).unwrap()).unwrap();
        assert_eq!(rows.iter().map(|r| r.1).collect::<Vec<_>>(), [true, false, false, true, false], "{zone:?}");
        assert_eq!((reader.findings().outside_the_calendar.count, reader.findings().left_out()), (3, 3));
        let told = reader.findings().diagnostics(&source);
        assert!(
            told.iter().any(|d| d.message.contains("3 records with a time outside the years 1 to 9999")),
            "{told:?}"
        );
    }
    // The texts: a year beyond, and a delay that leads beyond.
    fs::write(base.join("l.csv"), "flight,at\n1,2013-07-01\n1,9999-12-31T23:59:00Z\n").unwrap();
    fs::write(
        base.join("l.jsonl"),
        "{\"flight\":1,\"at\":\"2013-07-01\"}\n{\"flight\":1,\"at\":\"9999-12-31T23:59:00Z\"}\n",
    )
    .unwrap();
    for (path, format) in [("l.csv", Format::Csv), ("l.jsonl", Format::Jsonl)] {
        let mut source = source(path, format);
        source.arrival = Arrival::Assumed { delay: 60_000_000 };
        let (rows, _) = drain(open(&source, &origin(base), &[0]).unwrap()).unwrap();
        assert_eq!(rows.iter().map(|r| r.1).collect::<Vec<_>>(), [true, false], "{path}");
    }
}

#[test]
fn positions_of_the_own_log_do_not_move_when_the_location_changes() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    fs::create_dir_all(base.join("logs")).unwrap();
    let line = |flight: i64| {
        format!("{{\"flight\":{flight},\"at\":\"2013-07-01T00:00:00Z\",\"seen\":\"2013-07-01T00:00:01Z\"}}\n")
    };
    fs::write(base.join("logs/a.jsonl"), line(1) + &line(2)).unwrap();
    let origin = Origin { log: Some(base.join(".tandem/log")), ..origin(base) };
    let source = source("logs", Format::Jsonl);
    let read = || drain(open(&source, &origin, &[0]).unwrap());
    assert_eq!(read().unwrap().1.own_log_begins(), 2, "without an own log it would begin at the end");
    let (log, _) = AppendLog::open(&base.join(".tandem/log/landings")).unwrap();
    log.set_begins_at(2).unwrap();
    // Before the first own record, the location may still grow: nothing was answered from own positions.
    fs::write(base.join("logs/b.jsonl"), line(3)).unwrap();
    assert_eq!(read().unwrap().0.len(), 3);
    log.set_begins_at(3).unwrap();
    assert_eq!(append::begins_at(&base.join(".tandem/log/landings")).unwrap(), Some(3));
    log.append(&[line(4).trim()]).unwrap();
    let (rows, reader) = read().unwrap();
    assert_eq!((rows.len(), rows[3].0, reader.own_log_begins()), (4, 3, 3));
    fs::write(base.join("logs/aa.jsonl"), line(5)).unwrap();
    let says = ["had 3 records", "has 4 now", "/v1/sources/landings/records", "fresh state"];
    told(read().err(), Code::SourceUnreadable, &says);
    fs::remove_file(base.join("logs/aa.jsonl")).unwrap();
    fs::remove_file(base.join("logs/b.jsonl")).unwrap();
    told(read().err(), Code::SourceUnreadable, &["had 3 records", "has 2 now"]);
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
        ]
    );
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
        let two = [("flight".to_owned(), Type::Int), ("zzz".to_owned(), Type::Int)];
        let text = read_table(&path, format, &two, None).err().unwrap().to_string();
        assert!(text.contains("these columns: flight, zzz") && !text.contains("contract"), "{text}");
    }
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
