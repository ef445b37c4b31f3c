//! The terminal: one file a command, and the only crate that prints.
//!
//! Arguments become plain calls of tandem-project, plain reports become text, and every failure goes through one funnel
//! ([`failure`]). Deliberately not here: what a command does. That is tandem-project's.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the crate that prints")]

mod commands;
mod context;
mod demo;
mod failure;
mod render;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    failure::explain_panics();
    commands::run()
}
