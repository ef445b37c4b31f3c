//! `tandem test`: the scenarios of a project.

use std::path::Path;

use clap::Args;
use tandem_definitions::{Diagnostic, File};
use tandem_project::scenario::{self, Failure as Broken, InMemory};

use crate::context::Context;
use crate::failure::{Failure, counted};
use crate::render::{Format, Promise, Report};

/// The scenarios: examples in prose, with given records and expected values, run as tests
///
/// A scenario is a Markdown file in scenarios/ that the whole team can read: prose, the records that are given, and the
/// values that the features must have. It stands on the project's own definitions, or brings some along.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem test
  tandem test landing                  only scenarios with `landing` in their path or title
  tandem test --format junit > report.xml

A scenario has three kinds of fenced block: ```csv SOURCE (given records), ```csv expect (the
entities, `at`, and a column for each expected feature), ```yaml PATH (definitions, if it brings its own).")]
pub struct Test {
    /// Only scenarios whose path or title contains this
    only: Option<String>,
    /// How the report is drawn
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Test {
    /// Runs them, and shows the report.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let loaded = context.checked()?;
        let folder = loaded.base.join("scenarios");
        let mut report = Report { name: "test", ..Report::default() };
        for read in scenario::load(&loaded.base, &folder, &loaded.files)? {
            match read {
                Ok(scenario) => {
                    let wanted = |text: &String| scenario.path.contains(text) || scenario.title.contains(text);
                    if self.only.as_ref().is_none_or(wanted) {
                        add(&mut report, &loaded.base, &scenario::run(&scenario, &InMemory));
                    }
                }
                Err(findings) => unreadable(&mut report, &loaded.base, findings),
            }
        }
        if report.promises.is_empty() {
            return Err(nothing(self.only.as_deref(), &folder));
        }
        report.show(self.format, context.terminal)
    }
}

fn nothing(only: Option<&str>, folder: &Path) -> Failure {
    match only {
        Some(text) => Failure::project(format!("no scenario has `{text}` in its path or title"))
            .hint("`tandem test` alone runs all of them"),
        None => Failure::project(format!("there is no scenario in {}", folder.display()))
            .hint("write one: `tandem test --help` says how, and `tandem init` makes a project with an example"),
    }
}

fn add(report: &mut Report, base: &Path, outcome: &scenario::Report) {
    let detail = if outcome.holds() {
        format!("{} compared", counted(outcome.compared, "value"))
    } else {
        format!("{} of {} compared", counted(outcome.failures.len(), "difference"), counted(outcome.compared, "value"))
    };
    report.promises.push(Promise { name: outcome.title.clone(), kept: outcome.holds(), detail });
    if !outcome.holds() {
        let text = open(report, base, &outcome.path);
        report.findings.extend(outcome.failures.iter().map(|broken| finding(broken, &text)));
    }
}

fn unreadable(report: &mut Report, base: &Path, findings: Vec<Diagnostic>) {
    let path = findings.first().map(|f| f.place.file.clone()).unwrap_or_default();
    open(report, base, &path);
    report.promises.push(Promise { name: path, kept: false, detail: "it cannot be read as a scenario".to_owned() });
    report.findings.extend(findings);
}

/// The text of a scenario, put among the files that findings point into.
fn open(report: &mut Report, base: &Path, path: &str) -> String {
    let text = std::fs::read_to_string(base.join(path)).unwrap_or_default();
    report.files.push(File { path: path.to_owned(), text: text.clone() });
    text
}

/// The finding, with the whole line marked.
fn finding(broken: &Broken, text: &str) -> Diagnostic {
    let mut finding = broken.diagnostic();
    let start: usize = text.split_inclusive('\n').take(broken.line.saturating_sub(1)).map(str::len).sum();
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    (finding.place.start, finding.place.end) = (start, start + line.len());
    finding.with_text(line)
}
