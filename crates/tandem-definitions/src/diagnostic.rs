//! What is wrong in the user's files: a finding as a value, with its code, place, text and remedy.
//! Rendering (terminal, JSON, `JUnit`, annotations) is the terminal's business, not this file's.

use serde::{Deserialize, Serialize};

use crate::codes::Code;

/// A place in one of the team's files. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the project's folder, with `/`.
    pub file: String,
    /// The line, from 1; 0 when the finding is about the whole file.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// Where the marked text begins, in bytes from the start of the file.
    pub start: usize,
    /// Where it ends, in bytes (exclusive).
    pub end: usize,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is broken.
    Note,
    /// Works, but will surprise somebody.
    Warning,
    /// A promise is broken; the road is closed here.
    Error,
}

/// A finding: a place where a promise is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Which promise; unique, never reused.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// The offending text, at most one line of it; empty when the finding is about something that is missing.
    pub text: String,
    /// What is wrong, in one sentence that a product person understands.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Diagnostic {
    /// A finding of the code's own severity.
    pub fn new(code: Code, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), place, text: String::new(), message: message.into(), help: help.into() }
    }

    /// The same finding with the offending text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Whether it closes the road.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
