//! Benchmarks: commands that print a ratio against peers measured in the same run. These machines are noisy: a ratio counts,
//! an absolute time does not, and no test ever looks at one.

pub mod build;
mod measure;
mod options;
pub mod replay;
pub mod scale;
pub mod small;
mod task;

use crate::shell;

/// The engine alone, on one core and in process.
pub fn engine() -> Result<bool, String> {
    shell::run(&mut shell::cargo(&["run", "--quiet", "--release", "-p", "tandem-testkit", "--example", "pace"]))?;
    Ok(true)
}
