//! Readers never panic, whatever stands in a file: whole files of each format are damaged in a few places, and read. What comes
//! back is records or an error that says what to do. `TANDEM_CASES` draws more, `TANDEM_SEED` others; fuzz/ does the same
//! guided by coverage.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tandem_data::table;
use tandem_definitions::Format;

/// What mutations put in: what separates, quotes and ends, and numbers at the edge of what fits.
const BITS: &[&[u8]] = &[
    b"",
    b"\0",
    b"\n",
    b"\r\n",
    b",",
    b"\"",
    b"\"\"",
    b"{",
    b"}",
    b"[[[[",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"9007199254740993.0",
    b"0001-01-01",
    b"9999-12-31T23:59:60Z",
    b"-0001-13-45T99:99:99+99:99",
    b"\xff\xfe",
    b"\xEF\xBB\xBF",
    b"\xf0\x9f\x9b\xa9",
    b"PAR1",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
];

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * n as u128) >> 64) as usize
    }
}

/// A few places of a file put in disorder.
fn damaged(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        // Half of the damage near the end, where Parquet says what is where.
        let at = if random.below(2) == 0 { bytes.len() - at.min(random.below(600)).min(bytes.len()) } else { at };
        let until = (at + random.below(9)).min(bytes.len());
        match random.below(4) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => {
                let again = bytes[at..until].to_vec();
                bytes.splice(at..at, again);
            }
            _ => drop(bytes.splice(at..until, BITS[random.below(BITS.len())].iter().copied())),
        }
    }
    bytes
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

fn hold(format: Format, ending: &str, count: u64) {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("damaged.{ending}");
    let path = folder.path().join(&name);
    table::write_table(&path, &records(0, 200)).unwrap();
    let whole = fs::read(&path).unwrap();
    let (seed, mut refused, cases) = (setting("TANDEM_SEED", 1), 0, setting("TANDEM_CASES", count));
    let mut random = Random(seed);
    for case in 0..cases {
        let bytes = damaged(&whole, &mut random);
        fs::write(&path, &bytes).unwrap();
        let read = catch_unwind(AssertUnwindSafe(|| read(folder.path(), &name, format)));
        let read = read.unwrap_or_else(|_| {
            panic!("TANDEM_SEED={seed}, {format:?}, case {case}: the reader panicked on {} bytes", bytes.len())
        });
        match read {
            Ok((rows, reader)) => assert_eq!(rows.len() as u64, reader.position()),
            Err(error) => {
                assert!(!error.to_string().is_empty() && !error.remedy().is_empty());
                refused += 1;
            }
        }
    }
    assert!(
        refused * 10 > cases && refused < cases,
        "{refused} of {cases} were refused: the damage is too small or too great"
    );
}

#[test]
fn damaged_csv() {
    hold(Format::Csv, "csv", 1_500);
}

#[test]
fn damaged_json_lines() {
    hold(Format::Jsonl, "jsonl", 1_500);
}

#[test]
fn damaged_parquet() {
    hold(Format::Parquet, "parquet", 1_500);
}
