//! The audit: what a notebook saw of the future, by running it on data that is cut.
//!
//! Blocking functions with plain data in and out. Not here: printing, the project's definitions (tandem-project), and kernels
//! (tandem-notebook).

mod audit;
mod confirm;
mod cuts;
mod diff;
mod frame;
mod instant;
mod localise;
mod needed;
mod reach;
pub mod report;
mod runs;
mod source;
mod target;
mod text;
mod trace;
mod variant;
mod verdict;
mod words;

use std::path::PathBuf;
use std::time::Duration;

pub use audit::{audit, audit_in};
pub use report::{Judgement, Outcome, ROWS, Report, Suspected, Verdict};
pub use source::{Source, guess};
pub use text::{modules, named_files};

/// What to audit.
#[derive(Clone, Debug)]
pub struct AuditRequest {
    /// The notebook.
    pub notebook: PathBuf,
    /// The Python whose environment has `ipykernel` and what the notebook needs.
    pub python: PathBuf,
    /// The files of events; none: they are guessed from what the notebook reads.
    pub sources: Vec<Source>,
    /// Variables or files to audit; none: what the last model was fitted on, and so on.
    pub outputs: Vec<String>,
    /// Columns that may know the future, beside what a model is fitted to.
    pub labels: Vec<Label>,
    /// The end of the training rows, in nanoseconds since 1970: all cuts but one lie after it. None: what is detected.
    pub train_end: Option<i64>,
    /// How many cuts.
    pub cuts: usize,
    /// One cut, and only dropped rows.
    pub quick: bool,
    /// Whether to measure how far ahead findings see and what they are made of, with up to ten runs more.
    pub reach: bool,
    /// How long one cell may take.
    pub cell_limit: Option<Duration>,
    /// Each run works on a copy of the notebook's folder: at most so many bytes.
    pub copy_limit: u64,
}

/// A column that may know the future, since it is what a model learns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub column: String,
    /// How far ahead it sees, in nanoseconds, where that is declared: then it is a finding when it sees further.
    pub horizon: Option<i64>,
}

/// What happens during an audit.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Something begins, in words.
    Step(String),
    /// A run is done: how many, of how many that are planned, and the seconds that are left.
    Run {
        /// How many are done.
        done: usize,
        /// Of how many.
        of: usize,
        /// How long the rest takes, as far as is known.
        left: f64,
    },
}

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The notebook cannot be read or run at all.
    #[error(transparent)]
    Run(#[from] tandem_notebook::RunError),
    /// The notebook cannot be read.
    #[error(transparent)]
    Notebook(#[from] tandem_notebook::NotebookError),
    /// The notebook's folder cannot be copied.
    #[error(transparent)]
    Workspace(#[from] tandem_notebook::WorkspaceError),
    /// A file of events cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The notebook fails on its own data.
    #[error("the notebook does not run to its end on its own data, so there is nothing to compare: {0}")]
    Fails(String),
    /// A working folder could not be made or read.
    #[error(
        "a working copy could not be made: {0}. Check the space and the permissions of the folder for temporary files."
    )]
    Folder(std::io::Error),
}
