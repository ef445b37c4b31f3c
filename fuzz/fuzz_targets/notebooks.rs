//! Any bytes as a notebook, and any text as the cells of one: it is checked, and every finding stands in its cell.
#![no_main]

use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use tandem_notebook::check::{Checked, check_bytes};

/// What the parser of others gives up on, the product catches and says (`tandem-python/src/cell.rs`), but the fuzzer's hook ends
/// the process at any panic. Without it, a panic that nobody catches still ends it.
static QUIET: Once = Once::new();

fuzz_target!(|input: &[u8]| {
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    stand_where_they_say(&check_bytes(input, "a.ipynb", None));
    let Ok(text) = std::str::from_utf8(input) else { return };
    let cells: Vec<serde_json::Value> =
        text.split("\n---\n").map(|source| serde_json::json!({"cell_type": "code", "source": source})).collect();
    let notebook = serde_json::json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells});
    stand_where_they_say(&check_bytes(notebook.to_string().as_bytes(), "a.ipynb", None));
});

fn stand_where_they_say(checked: &Checked) {
    for located in &checked.findings {
        let Some(place) = located.cell else { continue };
        let cell = checked.cells.iter().find(|(number, _)| *number == place.number);
        let there = cell.and_then(|(_, source)| source.get(place.start..place.end));
        assert!(there.is_some_and(|text| text.contains(&located.finding.text)), "{located:?}");
    }
}
