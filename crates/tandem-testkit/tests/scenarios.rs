//! Our own scenarios, in every way: whole, record by record, from checkpoints, shuffled, from files, and by the oracle.
//! Over HTTP they run in the server's own tests.
#![allow(clippy::unwrap_used)]

use tandem_project::scenario::{Way, run};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::{suite, ways};

fn hold(way: &dyn Way) {
    let mut failures = String::new();
    for scenario in suite::scenarios() {
        for failure in run(&scenario, way).failures {
            failures.push_str(&format!("{failure}\n"));
        }
    }
    assert!(failures.is_empty(), "{}:\n{failures}", way.name());
}

#[test]
fn there_are_scenarios() {
    assert!(suite::scenarios().len() >= 20);
}

#[test]
fn the_oracle_agrees() {
    hold(&Oracle);
}

#[test]
fn in_memory() {
    for way in ways::in_memory() {
        hold(way.as_ref());
    }
}
