//! `tandem test`: the scenarios of a project, and the recorded tests of its adopted notebooks.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use tandem_definitions::{Adopted, Diagnostic, File};
use tandem_project::Loaded;
use tandem_project::adopt::{Event, recorded};
use tandem_project::scenario::{self, Failure as Broken, InMemory};

use super::notebook::{adopt::watch, with_traceback};
use crate::context::Context;
use crate::failure::{Failure, counted};
use crate::render::{Format, Promise, Report};

/// The scenarios, examples in prose that are run as tests; and the recorded tests of adopted notebooks
///
/// A scenario is a Markdown file in scenarios/ that the whole team can read: prose, the records that are given, and the
/// values that the features must have. It stands on the project's own definitions, or brings some along. An adopted notebook
/// (`tandem notebook adopt`) runs in its locked environment, and what it computes is compared with what was recorded; it
/// runs again only when it, its lock, its inputs or the calls in its tests have changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem test
  tandem test landing                  only those with `landing` in their path, title or name
  tandem test --format junit > report.xml

A scenario has three kinds of fenced block: ```csv SOURCE (given records), ```csv expect (the
entities, `at`, and a column for each expected feature), ```yaml PATH (definitions, if it brings its own).")]
pub struct Test {
    /// Only scenarios whose path or title contains this, and notebooks whose name does
    only: Option<String>,
    /// How the report is drawn
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// How many seconds one cell of an adopted notebook may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    cell_limit: Option<u64>,
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
        for adopted in &loaded.project.adopted {
            if self.only.as_ref().is_none_or(|text| adopted.name.contains(text) || adopted.notebook.contains(text)) {
                self.recorded(context, &loaded, adopted, &mut report)?;
            }
        }
        if report.promises.is_empty() {
            return Err(nothing(self.only.as_deref(), &folder));
        }
        report.show(self.format, context.terminal)
    }

    /// The recorded tests of an adopted notebook.
    fn recorded(
        &self,
        context: &Context,
        loaded: &Loaded,
        adopted: &Adopted,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let spinner = context.terminal.spinner(&adopted.name);
        let limit = self.cell_limit.map(Duration::from_secs);
        let outcome = recorded::run(loaded, adopted, limit, &mut |event| match event {
            Event::Environment(line) => spinner.message(&line),
            Event::Run(_) => spinner.message("runs"),
            Event::Notebook(event) => watch(context, &spinner, &event),
        });
        let outcome = outcome.map_err(with_traceback)?;
        let found = outcome.findings.len();
        let known = if outcome.ran { "" } else { ", known from the last run" };
        let compared = counted(outcome.compared, "value");
        let detail = match (found, outcome.compared) {
            (0, _) => format!("{compared} compared{known}"),
            (_, 0) => "not compared".to_owned(),
            _ => format!("{} among {compared}{known}", counted(found, "difference")),
        };
        report.promises.push(Promise { name: format!("notebook {}", adopted.name), kept: found == 0, detail });
        report.findings.extend(outcome.findings);
        report.files.extend(outcome.files);
        Ok(())
    }
}

fn nothing(only: Option<&str>, folder: &Path) -> Failure {
    match only {
        Some(text) => {
            Failure::project(format!("no scenario has `{text}` in its path or title, and no notebook in its name"))
                .hint("`tandem test` alone runs all of them")
        }
        None => Failure::project(format!("there is no scenario in {}, and no adopted notebook", folder.display()))
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
