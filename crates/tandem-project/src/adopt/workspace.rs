//! Copies in which a notebook runs, so that nothing of the user's is changed; and the files that it read there, brought back
//! to where they lie. Not here: running.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tandem_definitions::Adopted;
use tandem_notebook::Notebook;
use tandem_python::FileHow;

use super::{digest, folder_of};
use crate::error::Error;
use crate::load::Loaded;

/// More than this is not copied for a run.
const MOST: u64 = 2_000_000_000;
/// A larger input does not go into git.
const LARGE: u64 = 5_000_000;
/// Folders that are nobody's input.
const SKIPPED: [&str; 10] = [
    ".git",
    ".tandem",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".ipynb_checkpoints",
    ".mypy_cache",
    "target",
    ".tox",
];

/// What a run's copy is made of: each file with its place from the copy's top, and the working folder.
#[derive(Debug)]
pub(super) struct Workspace {
    files: Vec<(PathBuf, PathBuf)>,
    working: PathBuf,
}

/// One copy; it is gone when this is dropped.
pub(super) struct Fresh {
    top: tempfile::TempDir,
    working: PathBuf,
}

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

/// The folder of a notebook, with what lies around it in the same repository, so that `../data` is found.
pub(super) fn copied(notebook: &Path) -> Result<Workspace, Error> {
    let folder = notebook.parent().unwrap_or(Path::new("/"));
    let root = repository(folder).filter(|root| size(root, MOST) <= MOST);
    let root = root.unwrap_or_else(|| folder.to_path_buf());
    if size(&root, MOST) > MOST {
        let what = format!("{} holds more than 2 GB, too much to copy for a run", root.display());
        return Err(Error::unusable(what, "put the notebook and what it reads into a folder of their own"));
    }
    let mut files = Vec::new();
    walk(&root, &mut |path, _| {
        let place = path.strip_prefix(&root).unwrap_or(path).to_path_buf();
        files.push((path.to_path_buf(), place));
        true
    });
    let working = folder.strip_prefix(&root).unwrap_or(Path::new("")).to_path_buf();
    Ok(Workspace { files, working })
}

/// The inputs of an adopted notebook where it expects them; with `beside`, also what else lies in its folder.
pub(super) fn laid_out(loaded: &Loaded, adopted: &Adopted, beside: Option<&Path>) -> Result<Workspace, Error> {
    // Deep enough for paths that go up.
    let working = PathBuf::from("a/b/c/d");
    let folder = folder_of(loaded, adopted);
    let mut files = Vec::new();
    if let Some(beside) = beside {
        walk(beside, &mut |path, _| {
            let place = path.strip_prefix(beside).unwrap_or(path);
            let ours = place.starts_with("inputs") || place.starts_with("tests") || place.starts_with(".adopted");
            if !ours {
                files.push((path.to_path_buf(), working.join(place)));
            }
            true
        });
    }
    for input in &adopted.inputs {
        if Path::new(&input.file).is_absolute() {
            continue;
        }
        let place = normal(&working.join(&input.file)).ok_or_else(|| {
            let what = format!(
                "models/{}/model.yaml: the input `{}` lies too far above the notebook",
                adopted.name, input.file
            );
            Error::unusable(what, "put it nearer to the notebook")
        })?;
        files.push((folder.join(&input.kept), place));
    }
    Ok(Workspace { files, working })
}

impl Workspace {
    /// A copy.
    pub fn fresh(&self) -> Result<Fresh, Error> {
        let top = tempfile::Builder::new()
            .prefix("tandem-adopt-")
            .tempdir()
            .map_err(Error::file("make", "a temporary folder"))?;
        let base = top.path().canonicalize().map_err(Error::file("find", top.path()))?;
        let working = base.join("copy").join(&self.working);
        for folder in [&working, &base.join("own")] {
            fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
        }
        for (from, place) in &self.files {
            let to = base.join("copy").join(place);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
            }
            fs::copy(from, &to).map_err(Error::file("copy", from))?;
        }
        Ok(Fresh { top, working })
    }

    /// Where a file of a copy came from.
    fn origin(&self, from_working: &str) -> Option<&Path> {
        let place = normal(&self.working.join(from_working))?;
        self.files.iter().find(|(_, known)| normal(known).as_ref() == Some(&place)).map(|(from, _)| from.as_path())
    }
}

impl Fresh {
    /// The working folder of the notebook.
    pub fn working(&self) -> &Path {
        &self.working
    }

    /// A folder beside the copy, for the notebook's own file.
    pub fn own(&self) -> PathBuf {
        self.top.path().join("own")
    }

    /// Makes the paths in what was seen relative to the working folder; those outside of the copy stay absolute.
    pub fn relative(&self, facts: &mut Value) {
        let top = self.top.path().canonicalize().unwrap_or_else(|_| self.top.path().to_path_buf());
        for key in ["files", "made"] {
            for path in facts.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(text) = path.as_str() else { continue };
                if Path::new(text).starts_with(top.join("copy")) {
                    *path = json!(between(&self.working, Path::new(text)));
                }
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
        let Some(path) = (if absolute { Some(Path::new(file)) } else { space.origin(file) }) else { continue };
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

/// Every file below, but not in folders that are nobody's input; `false` ends it.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, u64) -> bool) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
        let path = entry.path();
        let go_on = if kind.is_dir() && !skipped {
            walk(&path, visit)
        } else if kind.is_file() {
            visit(&path, entry.metadata().map_or(0, |metadata| metadata.len()))
        } else {
            true
        };
        if !go_on {
            return false;
        }
    }
    true
}

fn size(folder: &Path, most: u64) -> u64 {
    let mut sum = 0;
    walk(folder, &mut |_, bytes| {
        sum += bytes;
        sum <= most
    });
    sum
}

/// Without `.` and `..`; `None` when it leaves the top.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !whole.pop() => return None,
            Component::Normal(name) => whole.push(name),
            _ => {}
        }
    }
    Some(whole)
}

/// The path from a folder to a file, with `/`.
fn between(folder: &Path, file: &Path) -> String {
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = file.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_between_folders() {
        assert_eq!(between(Path::new("/r/models/x"), Path::new("/r/data/a.csv")), "../../data/a.csv");
        assert_eq!(between(Path::new("/r/a"), Path::new("/r/a/b.csv")), "b.csv");
        assert_eq!(normal(Path::new("a/b/../../c")).unwrap(), Path::new("c"));
        assert_eq!(normal(Path::new("a/../../c")), None);
    }

    #[test]
    fn a_copy_holds_what_lies_around_the_notebook_and_no_repository() {
        let top = tempfile::tempdir().unwrap();
        for path in [".git/config", "data/a.csv", "notebooks/n.ipynb", "notebooks/.venv/x"] {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let space = copied(&top.path().join("notebooks/n.ipynb")).unwrap();
        let fresh = space.fresh().unwrap();
        assert!(fresh.working().join("../data/a.csv").exists() && !fresh.working().join(".venv").exists());
        let mut facts = json!({"files": [fresh.working().join("../data/a.csv").canonicalize().unwrap(), "/etc/hosts"]});
        fresh.relative(&mut facts);
        assert_eq!(facts["files"], json!(["../data/a.csv", "/etc/hosts"]));
        assert_eq!(space.origin("../data/a.csv").unwrap(), top.path().join("data/a.csv"));
    }
}
