//! Runs notebooks: a Python environment from a lock ([`environment`]), the notebook's file ([`ipynb`]), its cells in a
//! fresh kernel of another process ([`run`]), and what a run records beside its outputs ([`probe`]). What can be said without
//! running one is in [`check`].
//!
//! Blocking functions with plain data; progress goes to a callback of the caller.
//! Not here: printing, what a notebook is run *for* (tandem-project), and any rewriting of a user's file.

pub mod check;
pub mod environment;
pub mod ipynb;
pub mod probe;
pub mod reproduce;
pub mod run;
pub mod workspace;

pub use check::{Checked, InCell, Located};
pub use environment::{AsOf, Environment, EnvironmentError, EnvironmentRequest, Prepared, Wanted};
pub use ipynb::{CodeCell, Notebook, NotebookError};
pub use run::{CellFailure, CellRun, CellTrouble, Event, Executed, Fork, NotebookRun, Nursery, RunError, Stream};
pub use workspace::{Workspace, WorkspaceError};
