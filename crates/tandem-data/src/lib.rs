//! Sources, training sets and the durable log: everything that Tandem reads and writes as records.
//!
//! [`read`] brings a source's records into columns of five types, whatever format they lie in; [`append`] is the log
//! that the service writes; [`replay`] asks the engine for what production would have answered;
//! [`versions`] says until when each record counts; [`training_set`] writes what a replay made; [`table`] moves values between rows and columns.
//! Deliberately not here: what a feature is worth (tandem-engine), and the use cases (tandem-project).

pub mod append;
pub mod caps;
pub mod finding;
pub mod json;
mod nested;
mod parquet_out;
pub mod read;
pub mod replay;
pub mod rows;
pub mod table;
pub mod training_set;
pub mod versions;
