//! The sizes: 400 lines a file, 70 a function. What exceeds them stands in `ratchet.txt` with its exact size; a ceiling that
//! is higher than its file or function needs is a finding as well, so that it can only fall.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::files::File;
use super::lexer;
use crate::shell;

const FILE: usize = 400;
const FUNCTION: usize = 70;
const RATCHET: &str = "xtask/src/tidy/ratchet.txt";
const OPENING: &str = "\
# What is longer than a file's 400 or a function's 70 lines, and how long exactly. A ceiling may only fall:
# `cargo xtask tidy --ratchet` lowers them. A new line here needs a reason in the commit that adds it.
";

/// `file PATH` or `function PATH NAME` with its lines.
type Sizes = BTreeMap<String, usize>;

/// What is too large and not in the ratchet, larger than its ceiling, or smaller.
pub fn findings(files: &[File]) -> Result<Vec<String>, String> {
    let (sizes, ceilings) = (measure(files), read()?);
    let mut findings = Vec::new();
    for (what, lines) in &sizes {
        match ceilings.get(what) {
            None => findings
                .push(format!("{what} has {lines} lines: split it (a file has at most {FILE}, a function {FUNCTION})")),
            Some(ceiling) if lines > ceiling => {
                findings.push(format!("{what} grew from {ceiling} to {lines} lines: split it"));
            }
            Some(ceiling) if lines < ceiling => {
                findings.push(format!("{what} has {lines} lines now, not {ceiling}: run `cargo xtask tidy --ratchet`"));
            }
            Some(_) => {}
        }
    }
    for what in ceilings.keys().filter(|what| !sizes.contains_key(*what)) {
        findings.push(format!("{what} needs no ceiling any more: run `cargo xtask tidy --ratchet`"));
    }
    Ok(findings)
}

/// Lowers the ceilings to what is needed; with `take_in`, also takes in what is too long without one.
pub fn lower(files: &[File], take_in: bool) -> Result<(), String> {
    let sizes = measure(files);
    let mut ceilings = read()?;
    if take_in {
        for (what, lines) in &sizes {
            ceilings.entry(what.clone()).or_insert(*lines);
        }
    }
    let mut text = OPENING.to_owned();
    for (what, ceiling) in ceilings {
        if let Some(lines) = sizes.get(&what) {
            let _ = writeln!(text, "{what} {}", ceiling.min(*lines));
        }
    }
    fs::write(shell::root().join(RATCHET), text).map_err(|error| format!("{RATCHET}: {error}"))
}

/// Everything above the aims.
fn measure(files: &[File]) -> Sizes {
    let mut sizes = Sizes::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        if lines > FILE {
            sizes.insert(format!("file {}", file.path), lines);
        }
        for function in lexer::functions(&file.code).into_iter().filter(|function| function.lines > FUNCTION) {
            // Two of one name in one file share a ceiling: the longer one's.
            let longest = sizes.entry(format!("function {} {}", file.path, function.name)).or_default();
            *longest = function.lines.max(*longest);
        }
    }
    sizes
}

fn read() -> Result<Sizes, String> {
    let text = fs::read_to_string(shell::root().join(RATCHET)).map_err(|error| format!("{RATCHET}: {error}"))?;
    let entries = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    entries
        .map(|line| {
            let entry = line.rsplit_once(' ').and_then(|(what, lines)| Some((what.to_owned(), lines.parse().ok()?)));
            entry.ok_or_else(|| format!("{RATCHET}: no ceiling: {line}"))
        })
        .collect()
}
