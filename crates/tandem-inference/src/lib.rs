//! Runs ONNX models in a process of their own, by the `onnxruntime` of the model's locked environment.
//!
//! [`Worker`] is the side of the caller, [`worker_main`] what the other process does; between them are small messages.
//! A model that crashes or hangs is a named error, and the next question starts a new process.
//! [`Model`] asks it by features.
//! Not here: which values a model is asked about, and printing.

mod answer;
mod column;
mod message;
mod model;
mod session;
mod signature;
mod worker;

pub use answer::worker_main;
pub use column::Column;
pub use model::Model;
pub use signature::{Answer, Input, Kind, Mismatch, Output, Signature, check_signature};
pub use worker::{InferenceError, Worker, library_of};
