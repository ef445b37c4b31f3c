//! PURE: what the Python of a notebook says without being run: its statements, imports, files and functions, and what
//! stands in the way of a clean run of it.
//!
//! Text in, facts and findings out. Not here: reading files, the notebook's JSON, and running anything.

pub mod calls;
pub mod cell;
pub mod check;
mod constants;
pub mod facts;
mod files;
pub mod finding;
mod flow;
pub mod modules;
mod names;
pub mod program;
pub mod rules;

pub use cell::{Cell, Parsed, Statement};
pub use check::{Known, Suspicion, check, suspicions};
pub use facts::{Facts, FileHow, FileUse, Function, Import, ImportKind, facts};
pub use finding::Finding;
pub use program::Program;
