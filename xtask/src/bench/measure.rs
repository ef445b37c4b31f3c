//! One process, measured whole: the wall clock, the processor, the memory. By a small Python script, since the standard
//! library of Rust cannot ask for a finished child's resources.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::shell;

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Seconds on the wall.
    pub wall: f64,
    /// Seconds of processors, user and system.
    pub cpu: f64,
    /// Peak resident memory in MB.
    pub peak: f64,
}

/// How a run ended.
pub enum Ended {
    /// With an answer.
    Well(Cost),
    /// It was stopped at the limit.
    TooSlow,
    /// It failed; its own words are on the terminal.
    Failed(i64),
}

/// Runs the command under a limit in seconds. `scripts` is the folder of measure.py, `python` an interpreter.
pub fn run(python: &Path, scripts: &Path, folder: &Path, limit: u32, words: &[OsString]) -> Result<Ended, String> {
    let report = folder.join("cost.json");
    let mut command = shell::command(python, [scripts.join("measure.py"), report.clone(), limit.to_string().into()]);
    command.args(words).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", scripts);
    shell::run(&mut command)?;
    let text = fs::read_to_string(&report).map_err(|error| format!("{}: {error}", report.display()))?;
    let cost: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", report.display()))?;
    let number = |name: &str| cost[name].as_f64().unwrap_or(f64::NAN);
    Ok(match (cost["too_slow"].as_bool(), cost["exit"].as_i64()) {
        (Some(true), _) => Ended::TooSlow,
        (_, Some(0)) => {
            Ended::Well(Cost { wall: number("wall"), cpu: number("cpu"), peak: number("peak_kib") * 1024.0 / 1e6 })
        }
        (_, exit) => Ended::Failed(exit.unwrap_or(-1)),
    })
}
