//! One report, drawn in the formats that its readers need. Not here: what is in it.

mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
pub mod text;

use clap::ValueEnum;
use tandem_definitions::{Diagnostic, File, Severity};

use crate::failure::{Failure, counted};
use crate::terminal::Terminal;

/// For people or for programs.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum Shape {
    /// Sentences or a table
    #[default]
    Text,
    /// JSON
    Json,
}

/// How a report is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, in a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// `JUnit` XML, for the test page of a CI server.
    Junit,
    /// A table, for the comment on a pull request.
    Markdown,
    /// Annotations of GitHub Actions, beside the lines that they are about.
    Github,
    /// SARIF 2.1, for code scanning.
    Sarif,
}

/// Where in a cell of a notebook a finding stands.
#[derive(Clone, Copy, Debug)]
pub struct InCell {
    /// The number of the code cell, from 1.
    pub number: usize,
    /// The line in the cell, from 1.
    pub line: usize,
    /// The column in the line, from 1.
    pub column: usize,
}

/// A promise and whether it is kept.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What is promised, in a few words.
    pub name: String,
    /// Whether it is kept.
    pub kept: bool,
    /// On what that rests, or how it is broken.
    pub detail: String,
}

/// What a command found: its promises and its findings.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The command: `check`, `test`.
    pub name: &'static str,
    /// What was verified.
    pub promises: Vec<Promise>,
    /// Where a promise is broken.
    pub findings: Vec<Diagnostic>,
    /// The files that findings point into.
    pub files: Vec<File>,
    /// For findings in notebooks, by their index: where in which cell.
    pub cells: Vec<Option<InCell>>,
    /// The report in one line, where promises do not sum it up.
    pub summary: Option<String>,
}

impl Report {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }

    /// How many promises are not kept.
    pub fn broken(&self) -> usize {
        self.promises.iter().filter(|p| !p.kept).count()
    }

    /// Whether everything that was verified holds.
    pub fn holds(&self) -> bool {
        self.broken() == 0 && self.count(Severity::Error) == 0
    }

    /// The report in one line.
    pub fn sentence(&self) -> String {
        if let Some(summary) = &self.summary {
            return summary.clone();
        }
        let kept = self.promises.len() - self.broken();
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let mut text = format!("{}: {kept} of {} kept", self.name, counted(self.promises.len(), "promise"));
        for (count, word) in [(errors, "error"), (warnings, "warning"), (self.count(Severity::Note), "note")] {
            if count > 0 {
                text.push_str(", ");
                text.push_str(&counted(count, word));
            }
        }
        text
    }

    /// Writes it to standard output; a failure when it does not hold.
    pub fn show(&self, format: Format, terminal: Terminal) -> Result<(), Failure> {
        terminal.data(&match format {
            Format::Text => text::report(self, terminal.out_colour()),
            Format::Json => json::report(self),
            Format::Junit => junit::report(self),
            Format::Markdown => markdown::report(self),
            Format::Github => github::report(self),
            Format::Sarif => sarif::report(self),
        });
        if self.holds() { Ok(()) } else { Err(Failure::shown()) }
    }
}

/// A severity's word.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

#[cfg(test)]
pub mod example {
    //! A report with everything in it, for the tests of the formats.
    use tandem_definitions::{Code, Place};

    use super::*;

    pub fn report() -> Report {
        let text = "entity: planes\nfeatures: []\n";
        let place = Place { file: "features/a.yaml".into(), line: 1, column: 9, start: 8, end: 14 };
        let finding =
            Diagnostic::new(Code::UnknownEntity, place, "There is no entity `planes` & co.", "Did you mean \"plane\"?");
        let promise = |name: &str, kept, detail: &str| Promise { name: name.into(), kept, detail: detail.into() };
        Report {
            name: "check",
            promises: vec![promise("definitions", false, "1 error"), promise("sources", true, "4 | readable")],
            findings: vec![finding.with_text("planes")],
            files: vec![File { path: "features/a.yaml".into(), text: text.into() }],
            ..Report::default()
        }
    }
}
