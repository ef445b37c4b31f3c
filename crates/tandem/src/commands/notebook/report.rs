//! What a run of one notebook came to, and how it is drawn: a line of a table, a page of text, JSON, promises.
//! Not here: running.

use std::path::PathBuf;

use serde_json::{Value, json};
use tandem_notebook::reproduce::{Noise, Reproduction, Verdict};
use tandem_notebook::workspace::in_words;
use tandem_notebook::{CellFailure, Prepared};

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
            && compared().any(|one| one.holds())
            && compared().filter(|one| !nothing(one)).all(Reproduction::holds)
    }

    /// The outcome in a few words.
    pub fn words(&self) -> String {
        if let Some(failure) = self.failures().next() {
            let cause = failure.cause().map_or(String::new(), |cause| format!(" ({})", cause.kind));
            return format!("fails at cell {} of {}{cause}", failure.number, failure.of);
        }
        if let Some(trouble) = &self.trouble {
            return format!("not run: {}", trouble.lines().next().unwrap_or_default());
        }
        let again = self.again.as_ref().filter(|again| !again.holds() && again.verdict() != Verdict::Nothing);
        match (again, &self.stored) {
            (Some(again), _) => format!("runs, and differs between two runs: {}", in_sentence(again)),
            (None, Some(stored)) => format!("runs, {}", in_sentence(stored)),
            (None, None) => "runs".to_owned(),
        }
    }

    /// Everything, for people.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("{}: {}", shown(&self.file), self.words())];
        if let Some(prepared) = &self.prepared {
            let python = prepared.environment.version.split(' ').next().unwrap_or_default().to_owned();
            lines.push(format!(
                "  environment: {}; Python {python}; locked in {}",
                prepared.source,
                shown(&prepared.lock)
            ));
            lines.extend(prepared.notes.iter().map(|note| format!("    {note}")));
        }
        let peak = self.cells.iter().map(|cell| cell.memory).max().unwrap_or(0);
        if !self.cells.is_empty() {
            let slowest = self.cells.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
            let slowest = slowest.map_or(String::new(), |cell| {
                format!("; the slowest is cell {} with {:.1} s", cell.number, cell.seconds)
            });
            lines.push(format!(
                "  {} cells in {:.1} s, at most {} of memory{slowest}",
                self.cells.len(),
                self.seconds,
                in_words(peak)
            ));
        }
        for failure in self.failures() {
            lines.push(format!("  {failure}"));
            if let Some(cause) = failure.cause() {
                lines.push(format!("    likely cause: {}: {}", cause.kind, cause.what));
                lines.push(format!("    what to do: {}", cause.remedy));
            }
        }
        lines.extend(self.trouble.iter().map(|trouble| format!("  {trouble}")));
        for (name, found) in [("stored outputs", &self.stored), ("a second run", &self.again)] {
            let Some(found) = found else { continue };
            lines.push(format!("  against {name}: {}", in_sentence(found)));
            for cell in found.differing().take(10) {
                let Verdict::Substance(difference) = &cell.verdict else { continue };
                lines.push(format!("    cell {}, {}", cell.number, difference.what));
                lines.push(format!("      then: {}", difference.before));
                lines.push(format!("      now:  {}", difference.after));
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
                let cause = failure.cause();
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
            "trouble": self.trouble, "executed": self.executed, "copy": self.kept,
            "stored": self.stored, "again": self.again,
        })
    }

    /// What a CI server shows.
    pub fn promises(&self) -> Vec<Promise> {
        let name = shown(&self.file);
        let mut promises = vec![Promise { name: format!("{name} runs"), kept: self.ran(), detail: self.words() }];
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

fn in_sentence(found: &Reproduction) -> String {
    match found.verdict() {
        Verdict::Nothing => "nothing stored to compare".to_owned(),
        Verdict::Same => "and reproduces".to_owned(),
        Verdict::Noise { kinds } => {
            let kinds: Vec<&str> = kinds.into_iter().map(Noise::word).collect();
            format!("and reproduces but for noise ({})", kinds.join(", "))
        }
        Verdict::Substance(_) => {
            let cells: Vec<String> = found.differing().map(|cell| cell.number.to_string()).collect();
            format!("but differs in substance at cell {}", cells.join(", "))
        }
    }
}
