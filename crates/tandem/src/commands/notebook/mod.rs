//! `tandem notebook`: a notebook that was handed over. One file a command; here is what they share.

pub mod adopt;
mod check;
mod report;
mod run;

use clap::{Args, Subcommand};
use tandem_notebook::{Event, Stream};

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Bar, Terminal};

/// A notebook that was handed over: can it be run at all, and how is it checked in?
#[derive(Debug, Args)]
pub struct Notebook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Run(run::Run),
    Adopt(adopt::Adopt),
}

impl Notebook {
    /// Runs the inner command.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Check(check) => check.run(context),
            Command::Run(run) => run.run(context),
            Command::Adopt(adopt) => adopt.run(context),
        }
    }
}

/// A failure of a notebook, with the traceback of the cell, its likely cause and the remedy.
pub fn with_traceback(error: tandem_project::Error) -> Failure {
    let (traceback, cause) = match &error {
        tandem_project::Error::Notebook(tandem_notebook::RunError::Cell(cell)) => {
            (cell.traceback.clone(), cell.cause())
        }
        _ => (String::new(), None),
    };
    let failure = Failure::from(error);
    let failure = if traceback.is_empty() { failure } else { failure.because(traceback) };
    match cause {
        Some(cause) => failure.hint(format!("likely cause ({}): {} {}", cause.kind, cause.what, cause.remedy)),
        None => failure,
    }
}

/// Shows what happens in a notebook.
pub fn tell(terminal: Terminal, bar: &Bar, event: &Event) {
    match event {
        Event::KernelStarted { language } => bar.say(terminal, &terminal.dim(&format!("      kernel: {language}"))),
        Event::CellStarted { number, of, first_line } => {
            bar.message(&format!("cell {number} of {of}: {}", shorten(first_line.trim(), 60)));
        }
        Event::Output { stream: Stream::Stderr, text, .. } => {
            text.lines().for_each(|line| bar.say(terminal, &terminal.dim(&format!("      {line}"))));
        }
        Event::Output { text, .. } => text.lines().for_each(|line| bar.say(terminal, &format!("      {line}"))),
        Event::CellFinished { number, seconds, .. } if *seconds >= 1.0 => {
            bar.say(terminal, &terminal.dim(&format!("      cell {number} took {seconds:.1} s")));
        }
        Event::CellFinished { .. } | Event::CellFailed { .. } => {}
    }
}

fn shorten(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length).chain(['…']).collect()
}
