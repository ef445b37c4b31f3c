//! The use cases: everything that a command, the service or a notebook asks of a project.
//!
//! Each is a function from plain data to a plain report; what a terminal, a page or a pull request makes of the report
//! is not decided here. Deliberately absent: printing, HTTP, the wall clock (instants are handed in), SQL, ONNX, Jupyter.

pub mod account;
pub mod adopt;
mod arithmetic;
pub mod ask;
pub mod bundle;
pub mod check;
pub mod compare;
mod error;
pub mod explain;
pub mod foresight;
pub mod history;
pub mod load;
pub mod measure;
pub mod observe;
pub mod parity;
pub mod python;
pub mod records;
pub mod release;
pub mod scenario;
pub mod served;
pub mod train;
pub mod training;
mod words;

pub use error::Error;
pub use load::Loaded;
pub use tandem_data::read::Origin;
pub use tandem_data::replay::Options;
