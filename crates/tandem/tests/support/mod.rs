//! Transcripts: a text file with commands (`$ tandem …`), and below each what it prints and its exit code. Run in a fresh
//! folder with the clock, the paths and the times made the same everywhere. `UPDATE=1 cargo test` writes them anew.

#![allow(dead_code, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary, away from this machine's configuration.
pub fn tandem(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.current_dir(folder).env("TANDEM_NOW", "2024-08-01T12:00:00Z").env_remove("TANDEM_TOKEN");
    command.env("COLUMNS", "100").env_remove("NO_COLOR");
    command
}

/// Writes files into a folder.
pub fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A project as `tandem init` makes it.
pub fn fresh_project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = tandem(folder.path()).arg("init").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

/// Runs a transcript in a folder, and compares what comes out with what it says.
pub fn transcript(name: &str, folder: &Path) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut actual = String::new();
    for line in expected.lines() {
        if let Some(typed) = line.strip_prefix("$ tandem") {
            let _ = writeln!(actual, "{line}");
            actual += &run(typed, folder);
        } else if let Some(remark) = line.strip_prefix("# ") {
            let _ = writeln!(actual, "{}# {remark}", if actual.is_empty() { "" } else { "\n" });
        }
    }
    compare(&path, &expected, &actual);
}

/// What a command prints, to both streams, and its exit code.
fn run(typed: &str, folder: &Path) -> String {
    let output = tandem(folder).args(typed.split_whitespace()).output().unwrap();
    let mut text = String::new();
    for (stream, bytes) in [("", &output.stdout), ("! ", &output.stderr)] {
        for line in normal(&String::from_utf8_lossy(bytes), folder).lines() {
            let _ = writeln!(text, "  {stream}{line}").map(|()| ());
        }
    }
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    let code = output.status.code().unwrap();
    format!("{}{}[exit code {code}]\n", text.join("\n"), if text.is_empty() { "" } else { "\n" })
}

/// Without what differs from machine to machine: the folder, times taken, the hash of definitions, this version.
fn normal(text: &str, folder: &Path) -> String {
    let real = std::fs::canonicalize(folder).unwrap();
    let text = text.replace(&*real.to_string_lossy(), "FOLDER").replace(&*folder.to_string_lossy(), "FOLDER");
    let words = text.split_inclusive([' ', '\n']).collect::<Vec<_>>();
    let mut out = String::new();
    for (index, word) in words.iter().enumerate() {
        let bare = word.trim_end();
        let time_taken = words.get(index + 1).is_some_and(|next| next.trim_end() == "s") && bare.parse::<f64>().is_ok();
        let is_hash = bare.len() == 12 && bare.chars().all(|c| c.is_ascii_hexdigit());
        if time_taken || is_hash {
            out += &word.replace(bare, if is_hash { "HASH" } else { "TIME" });
        } else {
            out += word;
        }
    }
    out.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// Compares, or with `UPDATE=1` writes.
pub fn compare(path: &Path, expected: &str, actual: &str) {
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, actual).unwrap();
    } else if expected != actual {
        let differs = expected.lines().zip(actual.lines()).position(|(a, b)| a != b);
        let line = differs.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
        panic!(
            "{} differs from what the binary prints, first in line {}:\n  expected: {}\n  printed:  {}\n\
             If the change is meant: UPDATE=1 cargo test --release -p tandem-workbench",
            path.display(),
            line + 1,
            expected.lines().nth(line).unwrap_or("(nothing)"),
            actual.lines().nth(line).unwrap_or("(nothing)"),
        );
    }
}
