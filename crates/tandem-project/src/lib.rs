//! The use cases: check, replay, train, release, parity, explain, scenarios.
pub mod scenario;
