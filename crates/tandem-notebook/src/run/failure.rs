//! How a run can fail: at a cell, or before and beside all cells; with the words for it.
//! Not here: likely causes of an exception (`cause.rs`).

use std::path::PathBuf;
use std::process::ExitStatus;

use crate::ipynb::NotebookError;
use crate::workspace::in_words;

/// The cell at which a run ended.
#[derive(Clone, Debug)]
pub struct CellFailure {
    /// The notebook.
    pub notebook: PathBuf,
    /// Which code cell, from 1.
    pub number: usize,
    /// How many code cells there are.
    pub of: usize,
    /// Its place among all cells, from 0.
    pub index: usize,
    /// The line in the cell, from 1, and its text; the cell's first line of code when the traceback names none.
    pub line: Option<usize>,
    /// The text of that line.
    pub source_line: String,
    /// What went wrong.
    pub trouble: CellTrouble,
    /// The traceback in plain text; empty when there is none.
    pub traceback: String,
}

/// What went wrong in a cell.
#[derive(Clone, Debug)]
pub enum CellTrouble {
    /// It raised an exception.
    Raised {
        /// Its class.
        name: String,
        /// Its message.
        message: String,
    },
    /// It asked for input from a person.
    AskedForInput,
    /// It ran longer than it may.
    TooLong {
        /// The limit in seconds.
        limit: f64,
        /// Whether it also ignored the interrupt, and was killed.
        killed: bool,
    },
    /// All cells together took longer than they may.
    RunTooLong {
        /// The limit in seconds.
        limit: f64,
    },
    /// The kernel and what it started held more memory than they may, and were killed.
    TooMuchMemory {
        /// The limit in bytes.
        limit: u64,
        /// What they held.
        held: u64,
    },
    /// The kernel's process ended.
    KernelDied {
        /// With which exit code or signal, in words.
        how: String,
        /// The end of what the process printed.
        log: String,
    },
}

impl CellFailure {
    /// Whether the kernel can run another cell.
    pub fn kernel_lives(&self) -> bool {
        use CellTrouble as T;
        matches!(self.trouble, T::Raised { .. } | T::AskedForInput | T::TooLong { killed: false, .. })
    }
}

impl std::fmt::Display for CellFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: code cell {} of {}", self.notebook.display(), self.number, self.of)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, " (`{}`) ", self.source_line.trim())?;
        match &self.trouble {
            CellTrouble::Raised { name, message } if message.is_empty() => write!(f, "failed: {name}."),
            CellTrouble::Raised { name, message } => write!(f, "failed: {name}: {message}"),
            CellTrouble::AskedForInput => f.write_str(
                "asks a person for input, and nobody is there when Tandem runs it. Put the value into the cell, or read it from a file or an environment variable.",
            ),
            CellTrouble::TooLong { limit, killed } => {
                let end = if *killed { "ignored the interrupt and was killed" } else { "was interrupted" };
                write!(f, "ran longer than the limit of {limit} seconds and {end}. Make it finish sooner, or raise the limit.")
            }
            CellTrouble::RunTooLong { limit } => {
                write!(f, "was running when the limit of {limit} seconds for the whole notebook was reached. Make it finish sooner, or raise the limit.")
            }
            CellTrouble::TooMuchMemory { limit, held } => {
                let (limit, held) = (in_words(*limit), in_words(*held));
                write!(f, "held {held} of memory, more than the limit of {limit}, and was killed. Read less at once, or raise the limit.")
            }
            CellTrouble::KernelDied { how, log } => {
                write!(f, "ended its kernel: the process {how}.")?;
                if log.is_empty() { Ok(()) } else { write!(f, " Its last words:\n{log}") }
            }
        }
    }
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file is no notebook that can be run.
    #[error(transparent)]
    Notebook(#[from] NotebookError),
    /// The kernel's process could not be started.
    #[error("{python} cannot be started in {folder}: {source}. Make the environment again, and check that the folder exists.", python = python.display(), folder = folder.display())]
    Start {
        /// The Python.
        python: PathBuf,
        /// The working folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The environment has no kernel.
    #[error("{python} has no Jupyter kernel. Add `ipykernel` to the model's requirements.in, and lock it again.", python = python.display())]
    NoKernel {
        /// The Python.
        python: PathBuf,
    },
    /// The kernel ended before its first cell.
    #[error("the Jupyter kernel of {python} {how} before it ran a cell.{said}", python = python.display(), said = printed(log))]
    KernelEnded {
        /// The Python.
        python: PathBuf,
        /// With which exit code or signal, in words.
        how: String,
        /// What it printed.
        log: String,
    },
    /// The kernel did not answer.
    #[error("the Jupyter kernel of {python} was started, and did not say within {seconds} seconds that it is ready. On a machine that is very busy, run it again later; otherwise see whether `{python} -m ipykernel_launcher` starts.{said}", python = python.display(), said = printed(log))]
    KernelSilent {
        /// The Python.
        python: PathBuf,
        /// The limit.
        seconds: u64,
        /// What it printed.
        log: String,
    },
    /// The network cannot be switched off.
    #[error(
        "the network cannot be switched off here: `unshare` cannot make a network of its own ({why}). Run it without switching the network off, or on a Linux that allows user namespaces."
    )]
    NetworkStaysOn {
        /// What the system said.
        why: String,
    },
    /// A cell failed.
    #[error("{0}")]
    Cell(Box<CellFailure>),
    /// The connection to a living kernel broke.
    #[error("the connection to the Jupyter kernel broke: {0}. Run it again.")]
    Connection(String),
    /// The executed copy could not be written.
    #[error("{path}: the executed copy cannot be written: {source}", path = path.display())]
    Write {
        /// The copy.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What a process printed, where it printed anything.
fn printed(log: &str) -> String {
    if log.trim().is_empty() { String::new() } else { format!(" What it printed:\n{log}") }
}

/// How a process ended, as the end of "the process …".
pub(super) fn end_in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = match signal {
            4 => " (SIGILL, an instruction that this machine lacks)",
            6 => " (SIGABRT, it gave up on itself)",
            9 => " (SIGKILL, most often because the memory ran out)",
            11 => " (SIGSEGV, a fault in a compiled library)",
            15 => " (SIGTERM, somebody ended it)",
            _ => "",
        };
        return format!("was killed by signal {signal}{name}");
    }
    status.code().map_or_else(|| "ended".to_owned(), |code| format!("ended with exit code {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_stayed_silent_is_told_with_what_was_waited_for_and_what_it_printed() {
        let told =
            |log: &str| RunError::KernelSilent { python: "py".into(), seconds: 180, log: log.to_owned() }.to_string();
        assert!(told("").starts_with("the Jupyter kernel of py was started, and did not say within 180 seconds"));
        assert!(told(" \n").ends_with("starts."), "{}", told(" \n"));
        assert!(told("no libzmq").ends_with("starts. What it printed:\nno libzmq"));
    }
}
