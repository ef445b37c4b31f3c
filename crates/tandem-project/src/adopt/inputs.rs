//! The files that a notebook reads: found after a run in its copy, brought back to where they lie, and laid out again where
//! the notebook expects them. Not here: copying for a run ([`Workspace`]), and running.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tandem_definitions::Adopted;
use tandem_notebook::workspace::{self, between};
use tandem_notebook::{Notebook, Workspace};
use tandem_python::FileHow;

use super::{digest, folder_of};
use crate::error::Error;
use crate::load::Loaded;

/// A larger input does not go into git.
const LARGE: u64 = 5_000_000;

/// A file that the notebook reads.
#[derive(Debug)]
pub(super) struct Input {
    /// As the notebook names it, from its working folder.
    pub file: String,
    /// Where it lies, from the model's folder.
    pub kept: String,
    pub source: Option<String>,
    pub sha256: String,
    pub bytes: u64,
    /// Whether it is kept out of git.
    pub large: bool,
    pub note: Option<String>,
    /// Where it lies now, when it has to be copied to where it is kept.
    from: Option<PathBuf>,
}

/// The inputs of an adopted notebook where it expects them; with `beside`, also what else lies in its folder.
pub(super) fn laid_out(loaded: &Loaded, adopted: &Adopted, beside: bool) -> Result<Workspace, Error> {
    let folder = folder_of(loaded, adopted);
    let mut files = Vec::new();
    if beside {
        let ours = |path: &PathBuf| path.starts_with("inputs") || path.starts_with("tests");
        let others = workspace::files(&folder)?.into_iter().filter(|path| !ours(path));
        files.extend(others.map(|path| (folder.join(&path), path)));
    }
    let declared = adopted.inputs.iter().filter(|input| !Path::new(&input.file).is_absolute());
    files.extend(declared.map(|input| (folder.join(&input.kept), PathBuf::from(&input.file))));
    Ok(Workspace::laid_out(&files)?)
}

/// Makes the paths in what was seen relative to the working folder; those outside of the copy stay absolute.
pub(super) fn relative(space: &Workspace, facts: &mut Value) {
    for key in ["files", "made"] {
        for path in facts.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(text) = path.as_str().and_then(|text| space.relative(Path::new(text))) {
                *path = json!(text);
            }
        }
    }
}

/// The files that were read, with where each is kept from now on: where it lies if that is in the repository, else a copy.
pub(super) fn inputs(
    loaded: &Loaded,
    folder: &Path,
    space: &Workspace,
    facts: &Value,
    notebook: &Notebook,
) -> Result<Vec<Input>, Error> {
    let base = loaded.base.canonicalize().map_err(Error::file("find", &loaded.base))?;
    let repository = repository(&base).unwrap_or(base);
    let mut inputs = Vec::new();
    for file in read_files(facts, notebook) {
        let file = file.as_str();
        let absolute = Path::new(file).is_absolute();
        let found = if absolute { Some(Path::new(file)) } else { space.origin(&space.folder().join(file)) };
        let Some(path) = found else { continue };
        let bytes = fs::read(path).map_err(Error::file("read", path))?;
        let stays = path.starts_with(&repository) && !path.starts_with(folder.join("inputs"));
        let size = bytes.len() as u64;
        let kept = if absolute {
            file.to_owned()
        } else if stays {
            between(folder, path)
        } else {
            format!("inputs/{}", file.trim_start_matches("../"))
        };
        let large = !stays && !absolute && size > LARGE;
        let note = if absolute {
            Some(format!(
                "it reads {file} by its absolute path, so it runs only where that file is: name it relative to the notebook"
            ))
        } else {
            large.then(|| format!("{kept} is too large for git ({} MB): it is copied and ignored; say in the README where others get it", size / 1_000_000))
        };
        let from = (!stays && !absolute).then(|| path.to_path_buf());
        inputs.push(Input {
            file: file.to_owned(),
            kept,
            source: source(loaded, path),
            sha256: digest(&bytes),
            bytes: size,
            large,
            note,
            from,
        });
    }
    Ok(inputs)
}

/// The files that were opened during the run; and those that the code names, since some libraries open files unseen.
fn read_files(facts: &Value, notebook: &Notebook) -> Vec<String> {
    let seen = |key: &str| facts[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let (mut files, made): (Vec<String>, Vec<String>) = (seen("files").collect(), seen("made").collect());
    let named = tandem_python::facts(&notebook.python_cells()).files.into_iter();
    for path in named.filter(|file| file.how == FileHow::Read).filter_map(|file| file.path) {
        let path = path.trim_start_matches("./").to_owned();
        if !path.contains("://") && !Path::new(&path).is_absolute() && !files.contains(&path) && !made.contains(&path) {
            files.push(path);
        }
    }
    files
}

impl Input {
    /// Copies it to where it is kept.
    pub fn copy(&self, folder: &Path) -> Result<(), Error> {
        let to = folder.join(&self.kept);
        let Some(from) = self.from.as_ref().filter(|from| **from != to) else { return Ok(()) };
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
        }
        fs::copy(from, &to).map(|_| ()).map_err(Error::file("copy", from))
    }
}

/// The source of the project whose records lie in this file.
fn source(loaded: &Loaded, path: &Path) -> Option<String> {
    let lies = |place: &str| loaded.base.join(place).canonicalize().is_ok_and(|place| place == path);
    let found =
        loaded.project.sources.iter().find(|source| source.locations.iter().any(|location| lies(&location.path)));
    found.map(|source| source.name.clone())
}

/// The top of the git repository around a folder.
pub(super) fn repository(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf)
}

/// What git says in a folder, if it says anything.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
