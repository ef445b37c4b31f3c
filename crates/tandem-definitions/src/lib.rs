//! The team's words: YAML and SQL in, a project and its findings out. Pure: no I/O, no clock, no randomness.
//!
//! [`read`] takes the text of the project's files and gives a [`Project`] beside every finding at once.
//! [`schemas`] gives the JSON Schema of every kind of file, from the same tables.

mod aggregation;
mod calendar;
pub mod codes;
mod diagnostic;
mod expression;
mod findings;
mod history;
mod normalise;
mod project;
mod question;
mod read;
mod schemas;
mod shape;
mod shapes;
mod sql;
pub mod time;
mod types;
mod value;
mod window;
mod yaml;

pub use codes::Code;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use expression::{Binary, Expr, Scalar};
pub use findings::nearest;
pub use history::History;
pub use normalise::Normalise;
pub use project::*;
pub use question::{
    Calendar, Days, Fold, Metric, Observe, OnCalendar, OnRecord, Outcome, Question, Rule, Split, Success,
};
pub use read::{File, read};
pub use schemas::{Schema, schemas};
pub use value::{Datum, Element, Micros, Type, Value, canonical_bits, order_floats};
pub use yaml::yaml_to_json;
