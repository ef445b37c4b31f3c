//! The terminal: one file a command.
fn main() {}
