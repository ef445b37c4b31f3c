//! `tandem notebook`: a notebook that was handed over. One file a command; here is what they share.

mod check;
mod report;
mod run;

use clap::{Args, Subcommand};
use tandem_notebook::{Event, Stream};

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Bar, Terminal};

/// A notebook that was handed over: can it be run at all?
#[derive(Debug, Args)]
pub struct Notebook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Run(run::Run),
}

impl Notebook {
    /// Runs the inner command.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self.command {
            Command::Check(check) => check.run(context),
            Command::Run(run) => run.run(context),
        }
    }
}

/// A failure of a notebook, with the traceback of the cell as its cause.
pub fn with_traceback(error: tandem_project::Error) -> Failure {
    let traceback = match &error {
        tandem_project::Error::Notebook(tandem_notebook::RunError::Cell(cell)) => cell.traceback.clone(),
        _ => String::new(),
    };
    let failure = Failure::from(error);
    if traceback.is_empty() { failure } else { failure.because(traceback) }
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
