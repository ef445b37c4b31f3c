//! Finds scenarios in a folder and gives each the definitions that it stands on.
//! Not here: reading the surrounding project's own files, which the caller hands in.

use std::path::{Path, PathBuf};

use tandem_definitions::{Diagnostic, File};

use super::Scenario;
use super::markdown::{finding, parse};

/// The folder beside the scenarios whose definition files `yaml include` blocks name.
const COMMON: &str = "common";

/// The folder of scenarios could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {cause}", path = path.display())]
pub struct LoadError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub cause: std::io::Error,
}

/// Reads every `*.md` below `folder` (`README.md` left out), sorted by path. Paths are shown relative to `root`.
/// A scenario without definitions of its own gets those of the surrounding project.
///
/// # Errors
/// A folder or file that cannot be read. A folder that is not there has no scenarios.
pub fn load(
    root: &Path,
    folder: &Path,
    surrounding: &[File],
) -> Result<Vec<Result<Scenario, Vec<Diagnostic>>>, LoadError> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let mut scenarios = Vec::new();
    for path in paths {
        let text = text_of(&path)?;
        let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        scenarios.push(parse(&shown, &text).and_then(|s| with_definitions(s, folder, surrounding)));
    }
    Ok(scenarios)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let failed = |cause| LoadError { path: folder.to_owned(), cause };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|e| e == "md") && path.file_stem().is_some_and(|s| s != "README") {
            paths.push(path);
        }
    }
    Ok(())
}

fn text_of(path: &Path) -> Result<String, LoadError> {
    std::fs::read_to_string(path).map_err(|cause| LoadError { path: path.to_owned(), cause })
}

fn with_definitions(mut scenario: Scenario, folder: &Path, surrounding: &[File]) -> Result<Scenario, Vec<Diagnostic>> {
    if !scenario.brings_definitions() {
        scenario.files = surrounding.to_vec();
        return Ok(scenario);
    }
    let mut problems = Vec::new();
    for (line, name) in scenario.includes.clone() {
        let path = folder.join(COMMON).join(&name);
        match std::fs::read_to_string(&path) {
            Ok(text) => scenario.files.push(File { path: name, text }),
            Err(e) => problems.push(finding(
                &scenario.path,
                line,
                format!("The included file `{name}` cannot be read: {e}."),
                format!("Included files lie in `{}`.", folder.join(COMMON).display()),
            )),
        }
    }
    if problems.is_empty() { Ok(scenario) } else { Err(problems) }
}
