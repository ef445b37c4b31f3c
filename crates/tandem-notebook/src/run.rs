//! Running a notebook: its code cells in order, in a fresh kernel of another process, up to the first that fails.
//!
//! Output streams through a callback; the executed copy is always kept; the user's file is never written.
//! Not here: making environments, and what a run is for.

mod fork;
mod kernel;
mod outputs;
mod process;
mod session;
mod traceback;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::Instant;

use crate::ipynb::{Notebook, NotebookError};
pub use fork::{Fork, Nursery};
use kernel::{Kernel, StartTrouble};
use session::Session;

/// What to run, where, and within which limits.
#[derive(Clone, Debug)]
pub struct NotebookRun {
    /// The notebook.
    pub notebook: PathBuf,
    /// The Python whose environment has `ipykernel`.
    pub python: PathBuf,
    /// The working folder of the kernel.
    pub folder: PathBuf,
    /// Environment variables to set, beside our own.
    pub env: Vec<(String, String)>,
    /// Where the executed copy goes (folders are made).
    pub executed: PathBuf,
    /// How long one cell may take; `None` is no limit.
    pub cell_limit: Option<Duration>,
    /// How long the kernel may take to answer at first.
    pub start_limit: Duration,
    /// How many bytes of output are kept of one cell.
    pub output_limit: usize,
}

impl NotebookRun {
    /// A run without a limit of time for a cell, with 60 seconds for the start and 4 MB of output for a cell.
    pub fn new(notebook: &Path, python: &Path, folder: &Path, executed: &Path) -> Self {
        Self {
            notebook: notebook.to_path_buf(),
            python: python.to_path_buf(),
            folder: folder.to_path_buf(),
            env: Vec::new(),
            executed: executed.to_path_buf(),
            cell_limit: None,
            start_limit: Duration::from_mins(1),
            output_limit: 4_000_000,
        }
    }
}

/// Where a text of a cell went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Printed.
    Stdout,
    /// Printed as an error or a warning.
    Stderr,
    /// The value of the cell, or something displayed, as plain text.
    Shown,
}

/// What happens during a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// The kernel has answered.
    KernelStarted {
        /// The language and its version, such as `python 3.11.7`.
        language: String,
    },
    /// A cell begins.
    CellStarted {
        /// Which code cell, from 1.
        number: usize,
        /// How many code cells there are.
        of: usize,
        /// Its first line of code.
        first_line: String,
    },
    /// A cell put something out; a long text comes in several.
    Output {
        /// Which code cell, from 1.
        number: usize,
        /// Where it went.
        stream: Stream,
        /// The text, in plain characters.
        text: String,
    },
    /// A cell is done.
    CellFinished {
        /// Which code cell, from 1.
        number: usize,
        /// How long it took.
        seconds: f64,
    },
}

/// A cell that ran.
#[derive(Clone, Copy, Debug)]
pub struct CellRun {
    /// Which code cell, from 1.
    pub number: usize,
    /// How long it took.
    pub seconds: f64,
    /// Whether some of its output was left out.
    pub cut: bool,
}

/// A run that came to its end.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The executed copy.
    pub path: PathBuf,
    /// The cells, in order, without the empty ones.
    pub cells: Vec<CellRun>,
    /// From the start of the kernel to its end.
    pub seconds: f64,
}

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
    /// The kernel's process ended.
    KernelDied {
        /// With which exit code or signal, in words.
        how: String,
        /// The end of what the process printed.
        log: String,
    },
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
    #[error("the Jupyter kernel of {python} {how} before it ran a cell. What it printed:\n{log}", python = python.display())]
    KernelEnded {
        /// The Python.
        python: PathBuf,
        /// With which exit code or signal, in words.
        how: String,
        /// What it printed.
        log: String,
    },
    /// The kernel did not answer.
    #[error("the Jupyter kernel of {python} did not answer within {seconds} seconds. What it printed:\n{log}", python = python.display())]
    KernelSilent {
        /// The Python.
        python: PathBuf,
        /// The limit.
        seconds: u64,
        /// What it printed.
        log: String,
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

/// Runs a notebook. Blocks; must not be called on a thread that drives an async runtime.
pub fn run(run: &NotebookRun, on_event: &mut dyn FnMut(Event)) -> Result<Executed, RunError> {
    let python = absolute(&run.python);
    let kernel = || Kernel::start(&python, &run.folder, &run.env, run.start_limit);
    run_on(run, kernel, on_event)
}

/// Runs a notebook in a kernel forked from a nursery, whose Python it is. Blocks, as [`run`] does.
pub fn run_forked(
    run: &NotebookRun,
    nursery: &Nursery,
    fork: &Fork,
    on_event: &mut dyn FnMut(Event),
) -> Result<Executed, RunError> {
    let kernel = || Kernel::fork(nursery, &run.folder, &run.env, fork, run.start_limit);
    run_on(run, kernel, on_event)
}

fn run_on<K>(
    run: &NotebookRun,
    kernel: impl FnOnce() -> K,
    on_event: &mut dyn FnMut(Event),
) -> Result<Executed, RunError>
where
    K: Future<Output = Result<Kernel, StartTrouble>>,
{
    let notebook = Notebook::read(&run.notebook)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| RunError::Start { python: run.python.clone(), folder: run.folder.clone(), source })?;
    runtime.block_on(async {
        let start = Instant::now();
        let kernel = kernel().await.map_err(|trouble| start_error(run, trouble))?;
        let info = &kernel.info().language_info;
        on_event(Event::KernelStarted { language: format!("{} {}", info.name, info.version) });
        let language_info = serde_json::to_value(info).ok();
        let mut session = Session::new(run, &notebook, kernel, on_event);
        let ended = session.run_all().await;
        // First the copy: whatever happened, it shows it.
        let written = write_copy(&run.executed, &session.executed_copy(language_info));
        session.kernel.shut_down().await;
        let cells = ended?;
        written?;
        Ok(Executed { path: run.executed.clone(), cells, seconds: start.elapsed().as_secs_f64() })
    })
}

/// The program as it is found from the kernel's working folder, too; a plain name is looked up on the PATH.
fn absolute(program: &Path) -> PathBuf {
    if program.components().count() < 2 {
        return program.to_path_buf();
    }
    std::path::absolute(program).unwrap_or_else(|_| program.to_path_buf())
}

fn start_error(run: &NotebookRun, trouble: StartTrouble) -> RunError {
    let python = run.python.clone();
    match trouble {
        StartTrouble::Spawn(source) => RunError::Start { python, folder: run.folder.clone(), source },
        StartTrouble::Exited(_, log) if log.contains("No module named") && log.contains("ipykernel") => {
            RunError::NoKernel { python }
        }
        StartTrouble::Exited(status, log) => RunError::KernelEnded { python, how: in_words(status), log },
        StartTrouble::Silent(log) => RunError::KernelSilent { python, seconds: run.start_limit.as_secs(), log },
    }
}

fn write_copy(path: &Path, text: &str) -> Result<(), RunError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|source| RunError::Write { path: path.to_path_buf(), source })
}

/// How a process ended, as the end of "the process …".
fn in_words(status: ExitStatus) -> String {
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
