//! Puts the example project into the binary: `tandem demo` writes it out wherever it is started.
//! Not here: the example's data, which its own script takes from a Python package.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a run of the example leaves behind in its folder; never part of the example.
const LEFT_BEHIND: [&str; 9] = [
    "logs",
    "stream",
    ".tandem",
    ".venv",
    "__pycache__",
    "releases",
    "flights.csv",
    "handed_over.json",
    ".ipynb_checkpoints",
];

fn main() -> io::Result<()> {
    let example = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../examples/flights");
    let example = fs::canonicalize(&example)?;
    let mut files = Vec::new();
    collect(&example, &mut files)?;
    files.sort();
    let mut code = String::from("&[\n");
    for path in files {
        let name = path.strip_prefix(&example).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", path.to_string_lossy());
    }
    code.push(']');
    fs::write(Path::new(&variable("OUT_DIR")?).join("example.rs"), code)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if LEFT_BEHIND.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        // Folders that runs write into would make every build look stale; a folder of ours only holds files of ours.
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            println!("cargo::rerun-if-changed={}", entry.path().display());
            files.push(entry.path());
        }
    }
    println!("cargo::rerun-if-changed={}", folder.display());
    Ok(())
}
