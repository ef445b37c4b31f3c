//! Kernels forked from a nursery, and what a run records.
//! Not here: what the records say about a notebook, which tandem-audit tests.
#![allow(clippy::unwrap_used)]

mod kernel;

use std::fs;
use std::path::Path;
use std::time::Duration;

use kernel::python;
use serde_json::json;
use tandem_notebook::probe::{self, Described, Fixed, Only, Probe, Record, What};
use tandem_notebook::{Executed, Fork, NotebookRun, Nursery, RunError, run};

struct Ran {
    result: Result<Executed, RunError>,
    records: Vec<Record>,
    folder: tempfile::TempDir,
}

fn fork_run(nursery: &Nursery, cells: &[&str], limit: Option<Duration>) -> Ran {
    recorded(nursery, cells, limit, None)
}

fn recorded(nursery: &Nursery, cells: &[&str], limit: Option<Duration>, only: Option<Only>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let cell = |source: &&str| json!({"cell_type": "code", "source": source, "metadata": {}, "outputs": []});
    let cells: Vec<_> = cells.iter().map(cell).collect();
    let path = folder.path().join("a.ipynb");
    fs::write(&path, json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).to_string()).unwrap();
    let store = folder.path().join("store");
    fs::create_dir(&store).unwrap();
    let out = folder.path().join("log.jsonl");
    let probe = Probe { out: out.clone(), store, entities: vec![], times: vec![], as_of: None, cells: 1000, only };
    let fork = Fork { fixed: Some(Fixed { instant: 1_700_000_000.0, seeds: 0 }), probe: Some(probe) };
    let mut request = NotebookRun::new(&path, nursery.python(), folder.path(), &folder.path().join("b.ipynb"));
    request.cell_limit = limit;
    let result = run::run_forked(&request, nursery, &fork, &mut |_| {});
    let records = probe::read(&out).unwrap_or_default();
    Ran { result, records, folder }
}

fn scalar(ran: &Ran, wanted: &str) -> String {
    let text = ran.records.iter().rev().find_map(|record| match &record.what {
        What::Value { name, value: Described::Scalar { text, .. } } if name == wanted => Some(text.clone()),
        _ => None,
    });
    text.unwrap_or_else(|| panic!("{wanted} was not recorded: {:?} {:?}", ran.result, ran.records))
}

#[test]
fn forked_kernels_start_alike_and_leave_nothing_behind() {
    let nursery = Nursery::start(python(), &["json".to_owned(), "no_such_module".to_owned()]).unwrap();
    let cells = [
        "import random, time, datetime, os\nx = random.random()\ny = 2",
        "now = datetime.datetime.now()\npid = os.getpid()\nx = x + 1",
    ];
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| fork_run(&nursery, &cells, None));
        (fork_run(&nursery, &cells, None), other.join().unwrap())
    });
    first.result.as_ref().unwrap();
    assert_eq!(scalar(&first, "x"), scalar(&second, "x"));
    assert_eq!(scalar(&first, "now"), "datetime.datetime(2023, 11, 14, 22, 13, 20)");
    assert_ne!(scalar(&first, "pid"), scalar(&second, "pid"));
    assert!(!Path::new("/proc").join(scalar(&first, "pid")).exists(), "a forked kernel outlived its run");
    let steps: Vec<(i64, i64)> = first
        .records
        .iter()
        .filter_map(|record| match &record.what {
            What::Value { name, .. } if name == "x" || name == "y" => Some((record.cell, record.step)),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [(0, 1), (0, 2), (1, 5)], "each value is recorded after its own statement");
    assert!(first.folder.path().join("b.ipynb").exists());
}

#[test]
fn the_end_of_a_forked_kernel_is_noticed_and_a_cell_that_never_ends_is_stopped() {
    let nursery = Nursery::start(python(), &[]).unwrap();
    let died = fork_run(&nursery, &["import os", "os._exit(7)"], None);
    assert!(died.result.unwrap_err().to_string().contains("ended with exit code 7"));
    let stuck = fork_run(&nursery, &["while True:\n    pass"], Some(Duration::from_secs(1)));
    assert!(stuck.result.unwrap_err().to_string().contains("was interrupted"));
    let failed = fork_run(&nursery, &["a = 1\nb = 2\nc = nothing"], None);
    let message = failed.result.unwrap_err().to_string();
    assert!(message.contains("line 3") && message.contains("NameError"), "{message}");
}

#[test]
fn a_run_that_is_not_told_in_full_ends_where_nothing_more_is_wanted() {
    let nursery = Nursery::start(python(), &[]).unwrap();
    let mut only = Only { stop: Some(3), ..Only::default() };
    only.values.insert(1, [("x".to_owned(), None)].into());
    only.values.insert(3, [("x".to_owned(), None), ("y".to_owned(), None)].into());
    let cells = ["x = 1\nx = 2", "y = 3\nx = 4\nopen('late.txt', 'w').close()", "z = 5"];
    let told = |ran: &Ran| -> Vec<(i64, String)> {
        let values = ran.records.iter().filter_map(|record| match &record.what {
            What::Value { name, .. } => Some((record.step, name.clone())),
            _ => None,
        });
        values.collect()
    };
    let ran = recorded(&nursery, &cells, None, Some(only.clone()));
    assert_eq!(told(&ran), [(1, "x".to_owned()), (3, "x".to_owned()), (3, "y".to_owned())]);
    assert!(matches!(ran.records.last().unwrap().what, What::Enough), "{:?}", ran.records);
    assert!(ran.result.is_err() && !ran.folder.path().join("late.txt").exists());
    // Where the last that is wanted ends its cell, the next cell does not begin.
    only.stop = Some(4);
    let ran = recorded(&nursery, &cells, None, Some(only));
    assert!(matches!(ran.records.last().unwrap().what, What::Enough) && ran.folder.path().join("late.txt").exists());
    assert!(!told(&ran).iter().any(|(_, name)| name == "z"), "{:?}", ran.records);
}
