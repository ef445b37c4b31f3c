//! Sources that cannot be read: every error names the place and the remedy.

#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use tandem_data::read::open;
use tandem_data::table::{self};
use tandem_definitions::{Code, Format};

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
