//! PURE: what the Python of a notebook says without being run: its statements, imports, files and functions.
//!
//! Text in, facts and findings out. Not here: reading files, the notebook's JSON, and running anything.

pub mod cell;

pub use cell::{Cell, Parsed, Statement};
