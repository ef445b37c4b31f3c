//! Notebooks as text: cells between lines of `---`, an optional `[3]` first for the stored count, `[3!]` where it failed.

use tandem_python::{Cell, Finding, Known, check};

/// The cells of a text.
pub fn cells(text: &str) -> Vec<Cell> {
    let cell = |(index, part): (usize, &str)| {
        let part = part.trim_matches('\n');
        let count = part.strip_prefix('[').and_then(|rest| rest.split_once("]\n"));
        let (count, source) = count.unwrap_or(("", part));
        let failed = count.ends_with('!');
        Cell { number: index + 1, source: source.to_owned(), count: count.trim_end_matches('!').parse().ok(), failed }
    };
    text.split("\n---\n").enumerate().map(cell).collect()
}

/// The findings of a text.
pub fn found(text: &str) -> Vec<Finding> {
    check(&cells(text), Known::default())
}

/// The findings of a text as `T601 1:2`: code, cell, line; those of these codes only.
pub fn said(text: &str, codes: &[&str]) -> Vec<String> {
    let found = found(text);
    let found = found.iter().filter(|one| codes.is_empty() || codes.contains(&one.code.id()));
    found.map(|one| format!("{} {}:{}", one.code, one.cell, one.line)).collect()
}
