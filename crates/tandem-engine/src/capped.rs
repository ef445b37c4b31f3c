//! What a driver has to count: maps that are null because more categories than the cap were in the window. Every other map
//! of an aggregation is there, if only an empty one, so its being null says that and nothing else.

/// A feature by category, among those that a plan computes: asked for itself, or only read by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capped {
    /// The feature's index in the project.
    pub feature: usize,
    /// The cap.
    pub most: u32,
    /// Where its map stands among the aggregates of all slots, as [`crate::Plan::conclude`] takes them.
    pub aggregate: usize,
}
