//! The audit: what a notebook saw of the future, by running it on data that is cut.
//!
//! Blocking functions with plain data in and out. Not here: printing, the project's definitions (tandem-project), and kernels
//! (tandem-notebook).
