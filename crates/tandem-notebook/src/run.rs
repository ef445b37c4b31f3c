//! Running a notebook: its code cells in order, in a fresh kernel of another process, up to the first that fails.
//!
//! Output streams through a callback; the executed copy is always kept; the user's file is never written.
//! Not here: making environments, and what a run is for.

pub mod cause;
mod failure;
mod fork;
mod kernel;
mod memory;
mod outputs;
mod process;
mod session;
mod traceback;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::ipynb::Notebook;
pub use failure::{CellFailure, CellTrouble, RunError};
pub use fork::{Fork, Nursery};
use kernel::{Kernel, StartTrouble};
use session::Session;
pub(crate) use traceback::plain;

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
    /// How long all cells together may take; `None` is no limit.
    pub limit: Option<Duration>,
    /// How many bytes of memory the kernel and what it starts may hold; `None` is no limit. Only on Linux.
    pub memory: Option<u64>,
    /// Whether the cells after one that failed are run, too.
    pub keep_going: bool,
    /// Whether a cell may raise the exception that is stored with it, if cells were run after it then.
    pub as_stored: bool,
    /// Whether the kernel may use the network. Only [`run`] can switch it off, and only on Linux.
    pub network: bool,
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
            start_limit: Duration::from_mins(3),
            output_limit: 4_000_000,
            limit: None,
            memory: None,
            keep_going: false,
            as_stored: false,
            network: true,
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
        /// The most memory that the kernel and what it started held meanwhile, in bytes; 0 where that is not known.
        memory: u64,
    },
    /// A cell failed.
    CellFailed {
        /// How.
        failure: Box<CellFailure>,
        /// How long it took.
        seconds: f64,
        /// As in [`Event::CellFinished`].
        memory: u64,
    },
}

/// A cell that ran.
#[derive(Clone, Copy, Debug)]
pub struct CellRun {
    /// Which code cell, from 1.
    pub number: usize,
    /// How long it took.
    pub seconds: f64,
    /// The most memory that the kernel and what it started held meanwhile, in bytes; 0 where that is not known.
    pub memory: u64,
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
    /// The cells that failed, when the run went on after them.
    pub failures: Vec<CellFailure>,
    /// From the start of the kernel to its end.
    pub seconds: f64,
}

/// Runs a notebook. Blocks; must not be called on a thread that drives an async runtime.
pub fn run(run: &NotebookRun, on_event: &mut dyn FnMut(Event)) -> Result<Executed, RunError> {
    let python = absolute(&run.python);
    if !run.network {
        kernel::network_can_be_off().map_err(|why| RunError::NetworkStaysOn { why })?;
    }
    let kernel = || Kernel::start(&python, run);
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
        let (cells, failures) = ended?;
        written?;
        Ok(Executed { path: run.executed.clone(), cells, failures, seconds: start.elapsed().as_secs_f64() })
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
        StartTrouble::Exited(status, log) => RunError::KernelEnded { python, how: failure::end_in_words(status), log },
        StartTrouble::Silent(log) => RunError::KernelSilent { python, seconds: run.start_limit.as_secs(), log },
    }
}

fn write_copy(path: &Path, text: &str) -> Result<(), RunError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|source| RunError::Write { path: path.to_path_buf(), source })
}
