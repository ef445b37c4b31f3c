//! A finding about a notebook's Python: where in which cell, what, and what to do.
//! Not here: the notebook's file, which the caller knows.

use ruff_text_size::Ranged;
use tandem_definitions::{Code, Severity};

use crate::program::Program;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// The number of the code cell, from 1.
    pub cell: usize,
    /// The line in the cell, from 1.
    pub line: usize,
    /// Where the marked text begins in the cell, in bytes.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// A finding at a place in the cell of this index.
    pub fn new(
        program: &Program,
        code: Code,
        cell: usize,
        at: &impl Ranged,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let (start, end) = (at.start().to_usize(), at.end().to_usize());
        Self::in_text(program, code, cell, start..end, message, help)
    }

    /// A finding at a span of bytes in the cell of this index.
    pub fn in_text(
        program: &Program,
        code: Code,
        cell: usize,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: code.severity(),
            cell: program.cells[cell].number,
            line: program.read[cell].line(span.start),
            start: program.cells[cell].place_of(&program.read[cell], span.start),
            end: program.cells[cell].place_of(&program.read[cell], span.end),
            message: message.into(),
            help: help.into(),
        }
    }

    /// The same finding with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
