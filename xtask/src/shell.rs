//! Other programs, run from the repository's root. No shell is involved: every argument arrives as it is written.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The binary that `cargo build --release` makes.
pub fn tandem() -> PathBuf {
    root().join("target/release/tandem")
}

/// A program with its arguments, in the repository's root, without standard input.
pub fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that started us, so that a chosen toolchain stays chosen.
pub fn cargo(arguments: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Runs it, its output going where ours goes.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{} did not start: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown(command))) }
}

/// Runs it and gives what it wrote to standard output.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{} did not start: {error}", shown(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} ended with {}\n{}", shown(command), output.status, reason.trim_end()))
}

/// Runs it, passes on what it writes to either stream line by line, and shows each line to `see` as well.
pub fn watch(mut command: Command, mut see: impl FnMut(&str)) -> Result<(), String> {
    let name = shown(&command);
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    command.stderr(writer.try_clone().map_err(failed)?).stdout(writer);
    let mut child = command.spawn().map_err(|error| format!("{name} did not start: {error}"))?;
    drop(command); // it holds the pipe's writing ends: without this the last line would never come
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        see(&line);
    }
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}")) }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
