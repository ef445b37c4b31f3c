//! `cargo xtask bench build`: from a clean clone to the demo's first line, and where the time goes. Needs `git` and a commit;
//! uses a target folder of its own, so that nothing built before helps.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::shell;

/// Clones, builds, starts the demo, stops it at its first line.
pub fn run() -> Result<bool, String> {
    let folder = std::env::temp_dir().join(format!("tandem-clone-{}", std::process::id()));
    let done = measure(&folder);
    let _ = std::fs::remove_dir_all(&folder); // it may not have come so far
    done
}

fn measure(clone: &Path) -> Result<bool, String> {
    let from = shell::root();
    shell::run(&mut shell::command(
        "git",
        ["clone".as_ref(), "--quiet".as_ref(), from.as_os_str(), clone.as_os_str()],
    ))?;
    println!("cloned; building as `cargo run --release -- demo` does");
    let begin = Instant::now();
    let mut cargo = in_clone(shell::cargo(&["build", "--release", "--timings"]), clone);
    shell::run(&mut cargo)?;
    let built = begin.elapsed();
    let first = first_line(in_clone(shell::cargo(&["run", "--release", "--", "demo"]), clone))?;
    let all = begin.elapsed();
    println!("\nthe slowest crates, by seconds of their own:");
    for (name, seconds) in slowest(clone)? {
        println!("{seconds:>8.1}  {name}");
    }
    println!("\nthe demo's first line: {first}");
    println!("build {:.1} minutes, clone to first line {:.1} minutes", minutes(built), minutes(all));
    Ok(true)
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

fn in_clone(mut command: Command, clone: &Path) -> Command {
    command.current_dir(clone).env("CARGO_TARGET_DIR", clone.join("target"));
    command
}

/// The first line that the demo prints, on either stream; the demo is stopped there.
fn first_line(mut command: Command) -> Result<String, String> {
    let (reader, writer) = std::io::pipe().map_err(|error| format!("no pipe: {error}"))?;
    let twin = writer.try_clone().map_err(|error| format!("no pipe: {error}"))?;
    let mut child =
        command.stdout(writer).stderr(twin).stdin(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    drop(command); // holds the writing ends
    let cargos = |line: &str| {
        ["Finished", "Running", "Compiling", "Blocking", "Updating"].iter().any(|w| line.trim_start().starts_with(w))
    };
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let first = lines.find(|line| !line.trim().is_empty() && !cargos(line));
    let stopped = child.kill().and_then(|()| child.wait());
    stopped.map_err(|error| format!("the demo could not be stopped: {error}"))?;
    first.ok_or_else(|| "the demo ended without a line".to_owned())
}

/// The ten crates that took longest, from the data in cargo's own timing report.
fn slowest(clone: &Path) -> Result<Vec<(String, f64)>, String> {
    let report = clone.join("target/cargo-timings/cargo-timing.html");
    let text = std::fs::read_to_string(&report).map_err(|error| format!("{}: {error}", report.display()))?;
    let data = text
        .split_once("const UNIT_DATA = ")
        .and_then(|(_, rest)| rest.split_once("];"))
        .map(|(data, _)| format!("{data}]"));
    let units: Value = data
        .and_then(|data| serde_json::from_str(&data).ok())
        .ok_or_else(|| format!("{}: cargo writes it in another form now", report.display()))?;
    let mut seconds: Vec<(String, f64)> = units
        .as_array()
        .into_iter()
        .flatten()
        .map(|unit| {
            let name = format!("{}{}", unit["name"].as_str().unwrap_or("?"), unit["target"].as_str().unwrap_or(""));
            (name, unit["duration"].as_f64().unwrap_or(0.0))
        })
        .collect();
    seconds.sort_by(|a, b| b.1.total_cmp(&a.1));
    seconds.truncate(10);
    Ok(seconds)
}
