//! `tandem audit`: what a notebook saw of the future, proven by running it on data that is cut.

mod sources;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tandem_audit::report::{html, text};
use tandem_audit::{AuditError, AuditRequest, Label, Progress, Report, Source};
use tandem_definitions::time;
use tandem_notebook::environment::{Wanted, prepare};
use tandem_notebook::{AsOf, Notebook};

use crate::context::{Context, bytes, now, shown};
use crate::failure::Failure;

/// Prove what a notebook saw of the future, by running it on data that is cut
///
/// The notebook runs on all of its data, then again for each cut: with what came later left out, with other values in what
/// came later, and, where records become known late, with those left out. A value that changes in a row before the cut has
/// seen the future: it is named, with the cell, the line, and what production would have said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem audit model.ipynb
  tandem audit model.ipynb --source data/orders.csv --entity customer --event-time ordered_at --arrival-time received_at
  tandem audit model.ipynb --sources audit.yaml --label \"returned=30 days\" --train-end 2024-03-01
  tandem audit model.ipynb --quick
  tandem audit model.ipynb --html audit.html

A file for --sources is a list:
  - file: data/orders.csv
    entity: customer
    event_time: ordered_at
    arrival_time: received_at
Without either, the contracts of the Tandem project that the notebook lies in say it; else the files that the notebook reads
are looked at, and what they seem to be is shown.
Exit codes: 0 nothing changed; 1 a finding; 2 the notebook or a source cannot be used; 3 with --strict, something could not be
judged, or a disk, a network or a process failed.")]
pub struct Audit {
    /// The notebook
    file: PathBuf,
    /// A file of events that the notebook reads; may be given several times
    #[arg(long = "source", value_name = "FILE")]
    sources: Vec<PathBuf>,
    /// A YAML file that lists the files of events, with their columns
    #[arg(long = "sources", value_name = "FILE", conflicts_with = "sources")]
    list: Option<PathBuf>,
    /// The column that says whose event it is; the first belongs to the first --source, and so on
    #[arg(long = "entity", value_name = "COLUMN", requires = "sources")]
    entities: Vec<String>,
    /// The column that says when it happened; the first belongs to the first --source, and so on
    #[arg(long = "event-time", value_name = "COLUMN", requires = "sources")]
    event_times: Vec<String>,
    /// The column that says when it was known; the first belongs to the first --source, and so on
    #[arg(long = "arrival-time", value_name = "COLUMN", requires = "sources")]
    arrival_times: Vec<String>,
    /// The variable or file to audit [default: what the last model was fitted on, else what is written, else the last frame]
    #[arg(long = "output", value_name = "NAME")]
    outputs: Vec<String>,
    /// A column that may know the future, since it is what the model learns; with =SPAN: how far ahead, and no further
    #[arg(long = "label", value_name = "COLUMN[=SPAN]", value_parser = label)]
    labels: Vec<Label>,
    /// Rows before this instant are for training: the data is cut after it [default: what is seen of the model's rows]
    #[arg(long, value_name = "DATE", value_parser = instant)]
    train_end: Option<i64>,
    /// At how many instants the data is cut
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=20))]
    cuts: u8,
    /// One cut only, and only with what came later left out
    #[arg(long, conflicts_with = "cuts")]
    quick: bool,
    /// Exit with 3 when something could not be judged
    #[arg(long)]
    strict: bool,
    /// How the report is written to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write the report as one HTML page, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The pinned and hashed requirements [default: requirements.lock beside the notebook or in its repository]
    #[arg(long, value_name = "FILE", conflicts_with = "python")]
    lock: Option<PathBuf>,
    /// As of when packages are chosen: a date, `today`, or `notebook` for its own date and then today
    #[arg(long, value_name = "DATE", default_value = "notebook")]
    as_of: AsOf,
    /// A Python that has ipykernel and what the notebook needs, instead of an environment that is made
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// How many seconds one cell may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    cell_limit: Option<u64>,
    /// The most that is copied of the notebook's folder, for each run
    #[arg(long, value_name = "BYTES", default_value = "4GB", value_parser = bytes)]
    copy_limit: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Audit {
    /// Runs it.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        if !self.file.is_file() {
            return Err(Failure::project(format!("there is no notebook {}", self.file.display()))
                .hint("name the .ipynb file, from the folder that you are in"));
        }
        let notebook = Notebook::read(&self.file).map_err(|error| Failure::project(error.to_string()))?;
        let request = AuditRequest {
            notebook: self.file.clone(),
            python: self.environment(context, &notebook)?,
            sources: self.declared(context, &notebook)?,
            outputs: self.outputs.clone(),
            labels: self.labels.clone(),
            train_end: self.train_end,
            cuts: usize::from(self.cuts),
            quick: self.quick,
            reach: true,
            cell_limit: self.cell_limit.map(Duration::from_secs),
            copy_limit: self.copy_limit,
        };
        let spinner = Mutex::new(context.terminal.spinner("audit"));
        let report = tandem_audit::audit(&request, &|progress| {
            if let Ok(spinner) = spinner.lock() {
                spinner.message(&in_words(&progress));
            }
        });
        drop(spinner);
        self.show(context, &report.map_err(failure)?)
    }

    fn show(&self, context: &Context, report: &Report) -> Result<(), Failure> {
        match self.format {
            Format::Text => context.terminal.data(&text::draw(report)),
            Format::Json => {
                let json = serde_json::to_string_pretty(report).map_err(|error| Failure::world(error.to_string()))?;
                context.terminal.data(&json);
            }
        }
        if let Some(path) = &self.html {
            std::fs::write(path, html::draw(report)).map_err(|error| Failure::file("write", path, &error))?;
            context.terminal.say(&format!("report: {}", shown(path)));
        }
        if report.findings().next().is_some() {
            return Err(Failure::shown());
        }
        if self.strict && report.has_unjudged() {
            return Err(Failure::world("something could not be judged, and --strict asks that all is"));
        }
        Ok(())
    }

    /// The sources that were named; else those of the list; else those of the project. None: they are guessed.
    fn declared(&self, context: &Context, notebook: &Notebook) -> Result<Vec<Source>, Failure> {
        if let Some(list) = &self.list {
            return sources::listed(list);
        }
        if self.sources.is_empty() {
            return Ok(sources::of_project(context, notebook));
        }
        let source = |(number, path): (usize, &PathBuf)| Source {
            path: path.clone(),
            entities: self.entities.get(number).cloned().into_iter().collect(),
            event_time: self.event_times.get(number).cloned(),
            arrival_time: self.arrival_times.get(number).cloned(),
            guessed: false,
        };
        Ok(self.sources.iter().enumerate().map(source).collect())
    }

    /// The Python that was named, or that of the notebook's environment.
    fn environment(&self, context: &Context, notebook: &Notebook) -> Result<PathBuf, Failure> {
        if let Some(python) = &self.python {
            return std::path::absolute(python).map_err(|error| Failure::file("use", python, &error));
        }
        let state = context.state_dir()?;
        let today: String = time::format_instant(now()?).chars().take(10).collect();
        let spinner = context.terminal.spinner("environment");
        let wanted = Wanted {
            notebook,
            lock: self.lock.as_deref(),
            requirements: None,
            as_of: self.as_of.clone(),
            python: None,
            folder: &state.join("environments"),
            tools: &state.join("tools"),
            today: &today,
        };
        let prepared = prepare(&wanted, &mut |line| spinner.message(line)).map_err(tandem_project::Error::from)?;
        drop(spinner);
        for note in &prepared.notes {
            context.terminal.say(note);
        }
        context.terminal.say(&format!("environment: made from {}", prepared.source));
        Ok(prepared.environment.python)
    }
}

/// `returned` or `returned=30 days`.
fn label(text: &str) -> Result<Label, String> {
    let Some((column, span)) = text.split_once('=') else {
        return Ok(Label { column: text.to_owned(), horizon: None });
    };
    let span = time::parse_duration(span).filter(|span| *span > 0).and_then(|span| span.checked_mul(1000));
    let horizon = span.ok_or("after `=` stands how far ahead it sees, as in `returned=30 days`")?;
    Ok(Label { column: column.trim().to_owned(), horizon: Some(horizon) })
}

/// An instant in nanoseconds since 1970; without a time zone it is one of UTC, as the notebook's times are read.
fn instant(text: &str) -> Result<i64, String> {
    let micros = time::parse_instant(text, Some("UTC")).and_then(|micros| micros.checked_mul(1000));
    micros.ok_or_else(|| "write it as 2024-03-01 or 2024-03-01 13:00".to_owned())
}

/// How far an audit is.
pub fn in_words(progress: &Progress) -> String {
    match progress {
        Progress::Step(text) => text.clone(),
        Progress::Run { done, of, left } => format!("run {done} of {of}, about {left:.0} s left"),
    }
}

/// Why there is no audit, and what to do.
pub fn failure(error: AuditError) -> Failure {
    match error {
        AuditError::Folder(_) => Failure::world(error.to_string()),
        AuditError::Fails(_) => Failure::project(error.to_string()).hint("`tandem notebook run` shows where and why"),
        AuditError::Source { ref path, .. } if !path.is_file() => {
            Failure::project(format!("there is no source {}", shown(path)))
                .hint("name a file that the notebook reads: --source is relative to the folder that you are in, a list to its own")
        }
        AuditError::Source { .. } => Failure::project(error.to_string())
            .hint("name the file's columns with --source, --entity, --event-time and --arrival-time"),
        AuditError::Workspace(error) => tandem_project::Error::from(error).into(),
        AuditError::Run(error) => tandem_project::Error::from(error).into(),
        AuditError::Notebook(_) => Failure::project(error.to_string()),
    }
}
