//! What a run of one notebook came to, and how it is drawn: a line of a table, a page of text, JSON, promises.
//! Not here: running.

use std::path::PathBuf;

use serde_json::{Value, json};
use tandem_notebook::reproduce::{Noise, Reproduction, Verdict};
use tandem_notebook::run::cause::Cause;
use tandem_notebook::workspace::in_words;
use tandem_notebook::{CellFailure, CellTrouble, Prepared};

use crate::context::shown;
use crate::render::Promise;

/// A cell that was run.
pub struct CellLine {
    pub number: usize,
    pub seconds: f64,
    pub memory: u64,
    pub failure: Option<Box<CellFailure>>,
}

/// What came of one notebook.
pub struct Outcome {
    pub file: PathBuf,
    pub prepared: Option<Prepared>,
    pub executed: Option<PathBuf>,
    pub kept: Option<PathBuf>,
    pub cells: Vec<CellLine>,
    pub seconds: f64,
    /// Cells that raised what is stored with them, and the exceptions.
    pub as_stored: Vec<(usize, String)>,
    /// Files that it names which are only pointers of Git LFS.
    pub pointers: Vec<PathBuf>,
    /// Why it did not come to its end, where that is no failure of a cell.
    pub trouble: Option<String>,
    pub stored: Option<Reproduction>,
    pub again: Option<Reproduction>,
}

impl Outcome {
    pub fn new(file: PathBuf) -> Self {
        let cells = Vec::new();
        Self {
            file,
            prepared: None,
            executed: None,
            kept: None,
            cells,
            seconds: 0.0,
            as_stored: Vec::new(),
            pointers: Vec::new(),
            trouble: None,
            stored: None,
            again: None,
        }
    }

    fn failures(&self) -> impl Iterator<Item = &CellFailure> {
        self.cells.iter().filter_map(|cell| cell.failure.as_deref())
    }

    /// Whether all its cells ran.
    pub fn ran(&self) -> bool {
        self.trouble.is_none() && self.failures().next().is_none()
    }

    /// Whether it gave what is stored in it, and the same again when it was asked twice.
    pub fn reproduces(&self) -> bool {
        let compared = || self.stored.iter().chain(&self.again);
        let nothing = |one: &&Reproduction| one.verdict() == Verdict::Nothing;
        self.ran()
            && compared().any(Reproduction::holds)
            && compared().filter(|one| !nothing(one)).all(Reproduction::holds)
    }

    /// The outcome in a few words.
    pub fn words(&self) -> String {
        if let Some(failure) = self.failures().next() {
            let cause = self.cause(failure).map_or(String::new(), |cause| format!(" ({})", cause.kind));
            return format!("fails at cell {} of {}{cause}", failure.number, failure.of);
        }
        if let Some(trouble) = &self.trouble {
            // The file stands before these words already.
            let first = trouble.lines().next().unwrap_or_default();
            let first =
                first.strip_prefix(&self.file.display().to_string()).map_or(first, |rest| rest.trim_start_matches(':'));
            return format!("not run: {}", first.trim_start());
        }
        let again = self.again.as_ref().filter(|again| !again.holds() && again.verdict() != Verdict::Nothing);
        match (again, &self.stored) {
            (Some(again), _) => format!("runs, but two runs differ in substance at {}", cells_of(again)),
            (None, Some(stored)) => match stored.verdict() {
                Verdict::Nothing => "runs; it stores no outputs to compare with".to_owned(),
                Verdict::Same => "runs, and reproduces".to_owned(),
                Verdict::Noise { .. } => format!("runs, and reproduces but for noise ({})", noise_of(stored)),
                Verdict::Substance(_) => format!("runs, but differs in substance at {}", cells_of(stored)),
            },
            (None, None) => "runs".to_owned(),
        }
    }

    /// The likely cause of a failure. A pointer that was read instead of its file explains more than what it led to.
    fn cause(&self, failure: &CellFailure) -> Option<Cause> {
        if self.pointers.is_empty() || !matches!(failure.trouble, CellTrouble::Raised { .. }) {
            return failure.cause();
        }
        let names: Vec<String> = self.pointers.iter().map(|path| format!("`{}`", path.display())).collect();
        Some(Cause {
            kind: "missing file",
            what: format!(
                "The notebook reads {}: here that is a pointer of Git LFS, not the file itself.",
                names.join(", ")
            ),
            remedy: "Fetch it with `git lfs pull`.".to_owned(),
        })
    }

    /// Everything, for people.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("{}: {}", shown(&self.file), self.words())];
        if let Some(prepared) = &self.prepared {
            let python = prepared.environment.version.split(' ').next().unwrap_or_default().to_owned();
            let lock = format!("; locked in {}", shown(&prepared.lock));
            let lock = if prepared.source.starts_with("the lock") { String::new() } else { lock };
            lines.push(format!("  environment: {}; Python {python}{lock}", prepared.source));
            lines.extend(prepared.notes.iter().map(|note| format!("    {note}")));
        }
        let peak = self.cells.iter().map(|cell| cell.memory).max().unwrap_or(0);
        if !self.cells.is_empty() {
            let slowest = self.cells.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
            let slowest = slowest.filter(|cell| cell.seconds >= 1.0).map_or(String::new(), |cell| {
                format!("; the slowest is cell {} with {:.1} s", cell.number, cell.seconds)
            });
            lines.push(format!(
                "  {} {} in {:.1} s, at most {} of memory{slowest}",
                self.cells.len(),
                if self.cells.len() == 1 { "cell" } else { "cells" },
                self.seconds,
                in_words(peak)
            ));
        }
        for failure in self.failures() {
            lines.push(format!("  {failure}"));
            if let Some(cause) = self.cause(failure) {
                lines.push(format!("    likely cause ({}): {}", cause.kind, cause.what));
                lines.push(format!("    what to do: {}", cause.remedy));
            }
        }
        // Its first line stands in the words above.
        lines.extend(self.trouble.iter().flat_map(|trouble| trouble.lines().skip(1)).map(str::to_owned));
        let raised = self.as_stored.iter();
        lines.extend(raised.map(|(number, name)| {
            format!("  cell {number} raises {name}, as it did when it was stored; the run went on")
        }));
        let compared = [("the stored outputs", &self.stored, "then"), ("a second run", &self.again, "first")];
        for (name, found, then) in compared {
            let Some(found) = found.as_ref().filter(|found| found.verdict() != Verdict::Nothing) else { continue };
            lines.push(format!(
                "  compared with {name}: {}",
                match found.verdict() {
                    Verdict::Noise { .. } => format!("the same but for noise ({})", noise_of(found)),
                    Verdict::Substance(_) => format!("other in substance at {}", cells_of(found)),
                    Verdict::Same | Verdict::Nothing => "the same".to_owned(),
                }
            ));
            for cell in found.differing().take(10) {
                let Verdict::Substance(difference) = &cell.verdict else { continue };
                lines.push(format!("    cell {}, {}", cell.number, difference.what));
                lines.push(format!("      {:<6}{}", format!("{then}:"), difference.before));
                lines.push(format!("      {:<6}{}", "now:", difference.after));
            }
        }
        lines.extend(self.executed.iter().map(|path| format!("  executed copy: {}", shown(path))));
        lines.extend(self.kept.iter().map(|path| format!("  the copy of its folder: {}", path.display())));
        lines.join("\n") + "\n"
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let cell = |cell: &CellLine| {
            let failure = cell.failure.as_deref().map(|failure| {
                let cause = self.cause(failure);
                let cause = cause.map(|cause| json!({"kind": cause.kind, "what": cause.what, "remedy": cause.remedy}));
                json!({"message": failure.to_string(), "line": failure.line, "source": failure.source_line,
                    "traceback": failure.traceback, "cause": cause})
            });
            json!({"number": cell.number, "seconds": cell.seconds, "memory": cell.memory, "failure": failure})
        };
        let environment = self.prepared.as_ref().map(|prepared| {
            let date = prepared.date.as_ref().map(|date| json!({"day": date.day, "from": date.from}));
            json!({"source": prepared.source, "notes": prepared.notes, "lock": prepared.lock, "date": date,
                "python": prepared.environment.version, "folder": prepared.environment.root})
        });
        json!({
            "file": self.file, "runs": self.ran(), "reproduces": self.reproduces(), "summary": self.words(),
            "environment": environment, "cells": self.cells.iter().map(cell).collect::<Vec<_>>(), "seconds": self.seconds,
            "raised_as_stored": self.as_stored.iter().map(|(number, name)| json!({"cell": number, "exception": name})).collect::<Vec<_>>(),
            "pointers": self.pointers,
            "trouble": self.trouble, "executed": self.executed, "copy": self.kept,
            "stored": self.stored, "again": self.again,
        })
    }

    /// Why it does not run, with the cause and the remedy.
    fn why_not(&self) -> String {
        let failures = self.failures().map(|failure| match self.cause(failure) {
            Some(cause) => format!("{failure}\nLikely cause ({}): {} {}", cause.kind, cause.what, cause.remedy),
            None => failure.to_string(),
        });
        let all: Vec<String> = failures.chain(self.trouble.clone()).collect();
        if all.is_empty() { self.words() } else { all.join("\n") }
    }

    /// What a CI server shows.
    pub fn promises(&self) -> Vec<Promise> {
        let name = shown(&self.file);
        let mut promises = vec![Promise { name: format!("{name} runs"), kept: self.ran(), detail: self.why_not() }];
        let compared = self.stored.iter().chain(&self.again).any(|one| one.verdict() != Verdict::Nothing);
        if self.ran() && compared {
            promises.push(Promise {
                name: format!("{name} reproduces"),
                kept: self.reproduces(),
                detail: self.words(),
            });
        }
        promises
    }
}

/// The cells that differ: `cell 3`, `cells 3, 4, 9 and 7 more`.
fn cells_of(found: &Reproduction) -> String {
    const MOST: usize = 8;
    let cells: Vec<String> = found.differing().map(|cell| cell.number.to_string()).collect();
    let word = if cells.len() == 1 { "cell" } else { "cells" };
    match cells.len() {
        many if many > MOST + 1 => format!("{word} {} and {} more", cells[..MOST].join(", "), many - MOST),
        _ => format!("{word} {}", cells.join(", ")),
    }
}

fn noise_of(found: &Reproduction) -> String {
    match found.verdict() {
        Verdict::Noise { kinds } => kinds.into_iter().map(Noise::word).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    }
}
