//! Suspicions of leaks between training and test data (T640, T641, T642, T648), from a graph of how data flow through the
//! cells. After Yang, Brower-Sinning, Lewis and Kästner, "Data leakage in notebooks" (ASE 2022).
//!
//! The cells are evaluated on nodes instead of values: branches are joined, loops run twice, the notebook's own functions are
//! followed into. Where a call is not known, the flow is taken to carry content but not rows, so that doubt stays silent.
//! Not here: running anything.

mod calls;
mod eval;
mod functions;
mod graph;
mod leaks;
mod lists;
mod methods;

use crate::finding::Finding;
use crate::program::Program;

/// The suspicions.
pub fn findings(program: &Program) -> Vec<Finding> {
    // Without a model there is nothing to leak into.
    if !program.says_any(&[".fit", "cross_val", ".train("]) {
        return Vec::new();
    }
    let graph = eval::run(program);
    leaks::findings(program, &graph)
}
