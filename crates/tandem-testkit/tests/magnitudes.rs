//! Sums, means and variances over magnitudes from 1e-12 to 1e12 are those of exact arithmetic, rounded once: in windows that
//! giants enter and leave, in whatever order the records come, and from files with several threads.
#![allow(clippy::unwrap_used)]

use tandem_definitions::{File, Value};
use tandem_project::scenario::{Case, InMemory, Log, LogRecord, Observation, Way};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::{disk, ways};

const SECOND: i64 = 1_000_000;
const RECORDS: u64 = 5_000;

const TANDEM: &str = "name: magnitudes
people: [{name: sam, role: data scientist}]
entities: [{name: meter, meaning: What is read}]
";

const READINGS: &str = "apiVersion: v3.2.0
kind: DataContract
id: readings
version: 1.0.0
status: active
servers: [{server: production, type: local, path: readings.parquet, format: parquet}]
schema:
  - name: readings
    customProperties: [{property: arrivalDelay, value: 0 seconds}]
    properties:
      - {name: meter, logicalType: integer, required: true, customProperties: [{property: entity, value: meter}]}
      - {name: at, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: x, logicalType: number, required: true}
";

const FEATURES: &str = "entity: meter
features:
  - {name: a, meaning: All, owner: sam, from: readings, value: sum(x)}
  - {name: b, meaning: All, owner: sam, from: readings, value: mean(x)}
  - {name: c, meaning: All, owner: sam, from: readings, value: var_samp(x)}
  - {name: d, meaning: Some, owner: sam, from: readings, value: sum(x), over: 10 minutes}
  - {name: e, meaning: Some, owner: sam, from: readings, value: mean(x), over: 10 minutes}
  - {name: f, meaning: Some, owner: sam, from: readings, value: stddev_pop(x), over: 10 minutes}
  - {name: g, meaning: Few, owner: sam, from: readings, value: sum(x), over: 7 seconds}
";

/// Both signs, every magnitude alike, and often the opposite of what came shortly before: then only the small ones are left.
fn readings() -> Vec<LogRecord> {
    let mut seed = 12u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(seed) * u128::from(n)) >> 64) as u64
    };
    let mut values: Vec<f64> = Vec::new();
    for i in 0..RECORDS as usize {
        let magnitude = 10f64.powi(below(25) as i32 - 12) * (1.0 + below(1 << 52) as f64 / (1u64 << 52) as f64);
        let opposite = (i > 8 && below(3) == 0).then(|| -values[i - 1 - below(8) as usize]);
        values.push(opposite.unwrap_or(if below(2) == 0 { magnitude } else { -magnitude }));
    }
    let record = |(i, x): (usize, &f64)| {
        let at = i as i64 * SECOND;
        LogRecord { event: at, arrival: at, fields: vec![Value::Int(1), Value::Time(at), Value::Float(*x)] }
    };
    values.iter().enumerate().map(record).collect()
}

#[test]
fn sums_are_those_of_exact_arithmetic() {
    let files = [("tandem.yaml", TANDEM), ("sources/readings.odcs.yaml", READINGS), ("features/meter.yaml", FEATURES)];
    let files = files.map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() });
    let (project, found) = tandem_definitions::read(&files);
    assert!(found.is_empty(), "{found:#?}");
    let ask = |i: i64| Observation {
        keys: vec![Some(vec![Value::Int(1)])],
        at: (i * RECORDS as i64 / 30) * SECOND + i % 3,
        request: Vec::new(),
    };
    let case = Case {
        project: &project,
        files: &files,
        as_corrected: false,
        logs: vec![Log { source: 0, records: readings() }],
        features: (0..project.features.len()).collect(),
        observations: (0..=30).map(ask).collect(),
    };
    let expected = Oracle.values(&case).unwrap();
    let mut all: Vec<Box<dyn Way>> = vec![Box::new(InMemory), Box::new(ways::Shuffled { seed: 3 })];
    all.extend(disk::on_disk());
    for way in all {
        let got = way.values(&case).unwrap();
        for (row, (got, expected)) in got.iter().zip(&expected).enumerate() {
            for (feature, (got, expected)) in got.iter().zip(expected).enumerate() {
                let name = way.name();
                assert!(got.same_bits(expected), "{name}, row {row}, feature {feature}: {got:?}, exactly {expected:?}");
            }
        }
    }
}
