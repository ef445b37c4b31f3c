//! The value of a feature: a pure function of the definitions, the log up to a position, and an instant.
//!
//! Four synchronous functions are the whole core, and training and serving are two short drivers around them:
//!
//! 1. [`Plan::compile`]: the project's features become a plan.
//! 2. [`Plan::route`]: the entities that a record touches.
//! 3. [`State::apply`]: a record becomes part of what is known about one entity ([`State::extend`]: many, in columns).
//! 4. [`Plan::features`]: the values at a moment ([`Plan::fold`] for each entity, then [`Plan::conclude`]).
//!
//! Deliberately absent: I/O, clocks, randomness, threads, and any reading that changes something. A driver gets an
//! entity's state by key, calls, and puts it back; where states live and who computes on which is its own business. Beside
//! its states it keeps the [`Texts`] that they refer to.
//! A driver applies exactly the records that were known (arrival before the instant, or a log up to a position) and
//! then asks; the order in which it applied them never matters for a value.

mod admission;
mod aged;
mod batch;
mod big;
mod block;
mod calendar;
mod capped;
mod compile;
mod decay;
mod distinct;
mod evaluate;
mod fold;
mod frequencies;
mod grouped;
mod late;
mod ledger;
mod marks;
mod measure;
mod moments;
mod ordered;
mod partial;
mod plan;
mod record;
mod removal;
mod sketch;
mod sorted;
mod state;
mod sum;
mod texts;
mod track;
mod tree;

pub use admission::Admission;
pub use calendar::instants;
pub use capped::Capped;
pub use evaluate::evaluate;
pub use fold::interval;
pub use late::{Late, as_known, next_version, versions};
pub use ledger::{Arrived, Change, Changing, Ledger};
pub use measure::Measuring;
pub use plan::{Output, Plan, Touch};
pub use record::{Key, Moment, Record, Rows};
pub use state::State;
pub use sum::ExactSum;
pub use texts::Texts;
