//! HTTP: records in, features and predictions out.
//!
//! [`start`] replays the past through one plan, listens, and then takes records (durable before they are acknowledged) and
//! questions (answered from one state of the log, and kept in the served log). Deliberately not here: a second way to compute a
//! value (tandem-engine has the only one), how a release is made or loaded (tandem-project), and the terminal's words.

mod app;
mod ingest;
mod live;
mod onnx;
mod openapi;
mod page;
mod problem;
mod questions;
mod records;
mod replay;
mod routes;
mod running;
mod served;
mod setup;
mod states;

pub use live::Reload;
pub use onnx::OnnxModel;
pub use openapi::document as openapi;
pub use running::{Running, start};
pub use setup::{BODY_LIMIT, BODY_TIME, Event, LiveModel, Predictor, Setup, StartError};
