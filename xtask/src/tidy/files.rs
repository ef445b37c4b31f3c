//! The repository's text files, read once. Build output, environments and a demo's leftovers are not part of it.

use std::fs;
use std::path::Path;

use super::lexer;

const NOT_OURS: [&str; 7] =
    ["target", ".git", ".tandem", "__pycache__", ".venv", ".ipynb_checkpoints", ".pytest_cache"];

/// One text file.
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Of a Rust file: the text with comments and the insides of literals blanked, line for line; else empty.
    pub code: String,
}

impl File {
    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.has_ending("rs")
    }

    /// Whether its name ends in this, after a dot.
    pub fn has_ending(&self, ending: &str) -> bool {
        path_ends(&self.path, ending)
    }

    /// Whether it is there for tests and benchmarks only.
    pub fn is_test(&self) -> bool {
        let below = |folder: &&str| self.path.starts_with(*folder) || self.path.contains(&format!("/{folder}"));
        self.path.ends_with("/tests.rs") || ["tests/", "benches/", "scenarios/"].iter().any(below)
    }

    /// `path:line` for a byte offset into the text or the code.
    pub fn place(&self, lines_before: usize) -> String {
        format!("{}:{}", self.path, lines_before + 1)
    }
}

fn path_ends(path: &str, ending: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, last)| last == ending)
}

/// Every text file below `root`, in the order of the paths.
pub fn read(root: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    visit(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn visit(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
            visit(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            // What is no text (a parquet file, a picture) has no rules here.
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            let code = if path_ends(&name, "rs") { lexer::code(&text) } else { String::new() };
            files.push(File { path, text, code });
        }
    }
    Ok(())
}
