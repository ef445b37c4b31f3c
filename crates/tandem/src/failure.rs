//! The one funnel of failures: kind, message, causes, hints and exit code, whatever went wrong.
//!
//! 1: findings, or a promise that is not kept; 2: the command or the user's project is wrong; 3: the world failed (a disk,
//! a network, a process); 101: our own mistake. Not here: findings as values (tandem-definitions) and how they are drawn.

use std::error::Error as _;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use tandem_definitions::{Diagnostic, File};
use tandem_project::Error;

use crate::render;
use crate::terminal::Terminal;

/// What kind of failure: it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Findings, or a promise that is not kept. What was found has been shown already.
    Findings,
    /// The command or the user's project is wrong.
    Project,
    /// A disk, a network, another process.
    World,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Findings => 1,
            Self::Project => 2,
            Self::World => 3,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind.
    pub kind: Kind,
    /// What is wrong, and where; empty when it has been shown.
    pub message: String,
    /// Why, from the nearest to the deepest.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// Findings to show; few failures have any, so they lie apart.
    found: Option<Box<Found>>,
}

/// Findings, with the files that they point into.
#[derive(Clone, Debug)]
struct Found {
    findings: Vec<Diagnostic>,
    files: Vec<File>,
}

impl Failure {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: vec![], hints: vec![], found: None }
    }

    /// The command or the project is wrong.
    pub fn project(message: impl Into<String>) -> Self {
        Self::new(Kind::Project, message)
    }

    /// Something outside failed.
    pub fn world(message: impl Into<String>) -> Self {
        Self::new(Kind::World, message)
    }

    /// A promise is not kept; the report that says so has been shown.
    pub fn shown() -> Self {
        Self::new(Kind::Findings, "")
    }

    /// A promise is not kept.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(Kind::Findings, message)
    }

    /// A file or folder could not be used.
    pub fn file(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Kind::World, format!("cannot {action} {}", path.display())).because(error)
    }

    /// With a cause.
    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With the files that its findings point into.
    #[must_use]
    pub fn in_files(mut self, files: &[File]) -> Self {
        if let Some(found) = self.found.as_mut().filter(|found| found.files.is_empty()) {
            files.clone_into(&mut found.files);
        }
        self
    }

    /// Shows it on standard error; the exit code.
    pub fn report(&self, terminal: Terminal) -> ExitCode {
        if let Some(found) = &self.found {
            for finding in &found.findings {
                terminal.say(render::text::finding(finding, &found.files, terminal.colour()).trim_end());
                terminal.say("");
            }
        }
        let mut lines = self.message.lines();
        if let Some(first) = lines.next() {
            terminal.say(&format!("{} {first}", terminal.red("error:")));
            lines.for_each(|line| terminal.say(&format!("  {line}")));
        }
        for cause in &self.causes {
            terminal.say(&format!("  because: {}", cause.replace('\n', "\n    ")));
        }
        for hint in &self.hints {
            terminal.say(&format!("{} {hint}", terminal.cyan("next:")));
        }
        ExitCode::from(self.kind.code())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Findings(_) => Kind::Findings,
            Error::File { .. }
            | Error::Table(_)
            | Error::Inference(_)
            | Error::Workspace(tandem_notebook::WorkspaceError::Copy { .. }) => Kind::World,
            Error::Environment(e) => environment(e),
            Error::Notebook(e) => notebook(e),
            Error::Read(e) => {
                if e.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>) {
                    Kind::World
                } else {
                    Kind::Project
                }
            }
            _ => Kind::Project,
        };
        let mut failure = Self::new(kind, error.to_string());
        match error {
            Error::Definitions(findings) => failure.found = Some(Box::new(Found { findings, files: vec![] })),
            Error::Findings(findings) => {
                failure.message = format!("{} that must be mended first", counted(findings.len(), "finding"));
                failure.found = Some(Box::new(Found { findings, files: vec![] }));
            }
            Error::Unusable { what, remedy } => {
                failure.message = what;
                failure.hints.push(remedy);
            }
            Error::Read(read) => {
                failure.message = read.message();
                failure.hints.push(read.remedy());
            }
            Error::NoSuch { kind, ref name, ref nearest } => {
                failure.message = match kind {
                    "name" => format!("nothing here is named `{name}`"),
                    kind => format!("there is no {kind} named `{name}`"),
                };
                failure.hints.push(match nearest.as_slice() {
                    [] => format!("the project has no {kind} at all; `tandem check` lists what it has"),
                    [one] => format!("did you mean `{one}`?"),
                    many => format!("there are: {}", many.join(", ")),
                });
            }
            other => {
                // What the message itself does not say yet.
                let mut cause = other.source();
                while let Some(next) = cause {
                    let text = next.to_string();
                    if !failure.message.contains(&text) {
                        failure.causes.push(text);
                    }
                    cause = next.source();
                }
            }
        }
        failure
    }
}

impl From<tandem_project::scenario::LoadError> for Failure {
    fn from(error: tandem_project::scenario::LoadError) -> Self {
        Self::file("read", &error.path, &error.cause)
    }
}

fn environment(error: &tandem_notebook::EnvironmentError) -> Kind {
    use tandem_notebook::EnvironmentError as E;
    match error {
        E::ReadLock { .. } | E::EmptyLock { .. } | E::NoHash { .. } => Kind::Project,
        _ => Kind::World,
    }
}

fn notebook(error: &tandem_notebook::RunError) -> Kind {
    use tandem_notebook::RunError as E;
    match error {
        E::Notebook(_) | E::NoKernel { .. } | E::Cell(_) => Kind::Project,
        _ => Kind::World,
    }
}

/// `1 finding`, `2 findings`.
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// From now on a panic asks for a report, instead of speaking of threads. The exit code stays 101.
pub fn explain_panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let what = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("error: this is a mistake in Tandem itself, not in your project: {what}");
        eprintln!("  at {place}, Tandem {}", env!("CARGO_PKG_VERSION"));
        eprintln!("next: please report it, with the command that you typed and what it printed");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!([Kind::Findings, Kind::Project, Kind::World].map(Kind::code), [1, 2, 3]);
    }

    #[test]
    fn a_name_that_nobody_has_becomes_a_message_and_a_hint() {
        let error = Error::NoSuch { kind: "question", name: "lat".into(), nearest: vec!["late".into()] };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, Kind::Project);
        assert_eq!(failure.hints, ["did you mean `late`?"]);
    }
}
