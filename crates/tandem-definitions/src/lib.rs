//! The team's words: YAML and SQL in, a project and its findings out. Pure: no I/O, no clock, no randomness.
//!
//! [`read`] takes the text of the project's files and gives a [`Project`] beside every finding at once.

pub mod codes;
mod diagnostic;
mod expression;
mod project;
pub mod time;
mod value;

pub use codes::Code;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use expression::{Binary, Expr, Scalar};
pub use project::*;
pub use value::{Datum, Micros, Type, Value, canonical_bits, order_floats};
