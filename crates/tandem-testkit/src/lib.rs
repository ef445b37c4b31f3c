//! Development only: what holds the engine to DESIGN §5.
//!
//! - [`oracle`]: the values computed as naively as the text reads, sharing no code with the engine;
//! - [`ways`]: every way to run a case, which must all give the oracle's bits;
//! - [`production`]: the same cases as a service lives through them, with restarts, checkpoints and repetitions;
//! - [`draft`]: random definitions, logs and observations, written ([`render`]) as Markdown scenarios so that a
//!   failure can be read and pasted into `scenarios/`;
//! - [`suite`]: our own scenarios, for the tests of this crate and of the server.
//!
//! Deliberately absent: anything that a user's project runs (the scenario runner lives in tandem-project).

pub mod disk;
pub mod draft;
pub mod evaluate;
pub mod exact;
pub mod oracle;
pub mod production;
pub mod render;
mod sketches;
pub mod suite;
pub mod ways;
