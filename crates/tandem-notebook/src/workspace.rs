//! A copy of the folder that a notebook works in, so that nothing of the user's is changed: the notebook's folder, or, when it
//! reads from folders above (`../`), the folder that holds them all, at most its repository.
//!
//! Everything is copied, never linked: a file can be written in place (a file system that can shares the blocks until then).
//! Hidden folders, environments and caches are left out. A workspace can also be laid out from single files, as for a notebook
//! that was adopted. Not here: running, and what lies under absolute paths.

mod folder;
mod pointer;

use std::fs;
use std::path::{Component, Path, PathBuf};

pub use folder::{copy_folder, files};
use folder::{gather, too_much, writable};

use crate::ipynb::Notebook;

/// A copy. Dropped, it is removed, unless it is kept.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    inner: PathBuf,
    notebook: PathBuf,
    bytes: u64,
    pointers: Vec<PathBuf>,
    kept: bool,
    /// Each file, and where its copy lies.
    files: Vec<(PathBuf, PathBuf)>,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// A file or folder could not be copied.
    #[error("{path}: cannot be copied for the run: {source}. Check its permissions, and the room in the folder of temporary files (TMPDIR names it).", path = path.display())]
    Copy {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is more than may be copied.
    #[error("{folder}: a run works on a copy of this folder, and it holds more than the limit of {limit}. The largest in it: {largest}. Raise --copy-limit, or move what the notebook does not need out of the folder.", folder = folder.display())]
    TooMuch {
        /// The folder.
        folder: PathBuf,
        /// The limit, in words.
        limit: String,
        /// The largest files, with their sizes.
        largest: String,
    },
}

impl Workspace {
    /// Copies what a notebook works in; `progress` gets the bytes done and the bytes in all.
    pub fn copy(notebook: &Notebook, limit: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, WorkspaceError> {
        let (path, root) = placed(notebook)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let mut entries = Vec::new();
        gather(&root, &mut vec![], &mut entries)?;
        // The notebook itself is copied even from a folder that is left out.
        let all: u64 = entries.iter().map(|entry| entry.bytes).sum();
        if all > limit {
            return Err(too_much(&root, limit, &mut entries));
        }
        let (place, base) = place()?;
        // Its name is seen by the notebook, so it is the same in every run.
        let name = root.file_name().map_or_else(|| "root".into(), PathBuf::from);
        let copy = base.join(name);
        let (mut done, mut files, mut pointers) = (0, Vec::new(), Vec::new());
        fs::create_dir_all(&copy).map_err(at(&copy))?;
        for entry in &entries {
            let from = root.join(&entry.path);
            let to = copy.join(&entry.path);
            if entry.folder {
                fs::create_dir_all(&to).map_err(at(&to))?;
            } else {
                fs::copy(&from, &to).map_err(at(&from))?;
                writable(&to);
                if pointer::is_one(&to, entry.bytes) && pointer::is_named(notebook, &entry.path) {
                    pointers.push(entry.path.clone());
                }
                done += entry.bytes;
                progress(done, all);
                files.push((from, to));
            }
        }
        let relative = folder.strip_prefix(&root).unwrap_or(Path::new(""));
        let inner = copy.join(relative);
        fs::create_dir_all(&inner).map_err(at(&inner))?;
        let notebook = inner.join(path.file_name().unwrap_or_default());
        Ok(Self { notebook, inner, root: place.keep(), bytes: all, pointers, kept: false, files })
    }

    /// Copies single files, each with its path from the working folder, which may lead above it (`../data/a.csv`).
    pub fn laid_out(wanted: &[(PathBuf, PathBuf)]) -> Result<Self, WorkspaceError> {
        let up = |path: &Path| path.components().filter(|part| *part == Component::ParentDir).count();
        let depth = wanted.iter().map(|(_, path)| up(path)).max().unwrap_or(0);
        let (place, base) = place()?;
        let inner = base.join("folder/".repeat(depth + 1));
        fs::create_dir_all(&inner).map_err(at(&inner))?;
        let (mut bytes, mut files) = (0, Vec::new());
        for (from, path) in wanted {
            let to = normal(&inner.join(path));
            let folder = to.parent().unwrap_or(&inner);
            fs::create_dir_all(folder).map_err(at(folder))?;
            bytes += fs::copy(from, &to).map_err(at(from))?;
            writable(&to);
            files.push((from.clone(), to));
        }
        Ok(Self {
            notebook: inner.join("notebook.ipynb"),
            inner,
            root: place.keep(),
            bytes,
            pointers: Vec::new(),
            kept: false,
            files,
        })
    }

    /// Which file a path in the copy is a copy of.
    pub fn origin(&self, copy: &Path) -> Option<&Path> {
        let copy = normal(copy);
        self.files.iter().find(|(_, to)| *to == copy).map(|(from, _)| from.as_path())
    }

    /// A path in the copy, from the working folder and with `/`; `None` outside of the copy.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let root = self.root.canonicalize().ok()?;
        path.starts_with(root).then(|| between(&self.inner, path))
    }

    /// The folder in the copy in which the notebook lies.
    pub fn folder(&self) -> &Path {
        &self.inner
    }

    /// The notebook in the copy.
    pub fn notebook(&self) -> &Path {
        &self.notebook
    }

    /// How many bytes were copied.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The files that the notebook names and of which only a pointer of Git LFS is here, by their paths in the copied folder.
    pub fn pointers(&self) -> &[PathBuf] {
        &self.pointers
    }

    /// Keeps the copy; where it lies.
    pub fn keep(&mut self) -> &Path {
        self.kept = true;
        &self.inner
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if !self.kept && fs::remove_dir_all(&self.root).is_err() {
            // The notebook may have taken its own permissions away.
            let _ = open_up(&self.root);
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

fn open_up(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = open_up(&entry.path());
        }
    }
    Ok(())
}

/// Where a notebook truly lies, and the folder that holds what it works in.
pub fn placed(notebook: &Notebook) -> Result<(PathBuf, PathBuf), WorkspaceError> {
    let path = std::path::absolute(notebook.path()).map_err(at(notebook.path()))?;
    let path = path.canonicalize().map_err(at(&path))?;
    let root = root_of(path.parent().unwrap_or(Path::new("/")), levels_up(notebook));
    Ok((path, root))
}

/// How many folders above its own the notebook's text names.
fn levels_up(notebook: &Notebook) -> usize {
    let deepest = |source: &str| -> usize {
        let quotes = source.split(['"', '\'']);
        let paths = quotes
            .map(|text| text.trim_start_matches("./").split(['/', '\\']).take_while(|part| *part == "..").count());
        paths.max().unwrap_or(0)
    };
    notebook.code_cells().iter().map(|cell| deepest(&cell.source)).max().unwrap_or(0)
}

fn root_of(folder: &Path, up: usize) -> PathBuf {
    if up == 0 {
        return folder.to_path_buf();
    }
    // A repository is the largest thing that is copied; what a notebook reads beyond is missing, and the run says so.
    let repository = folder.ancestors().find(|folder| folder.join(".git").exists());
    let limit = repository.map_or(2, |root| folder.components().count() - root.components().count());
    let wanted = folder.ancestors().nth(up.min(limit)).unwrap_or(folder);
    let too_high = wanted.parent().is_none() || std::env::var_os("HOME").is_some_and(|home| wanted == Path::new(&home));
    if too_high { folder.to_path_buf() } else { wanted.to_path_buf() }
}

/// A new folder for a copy, and its path without links, since a notebook may ask for that.
fn place() -> Result<(tempfile::TempDir, PathBuf), WorkspaceError> {
    let place = tempfile::Builder::new().prefix("tandem-run-").tempdir().map_err(at(&std::env::temp_dir()))?;
    let base = place.path().canonicalize().map_err(at(place.path()))?;
    Ok((place, base))
}

/// The path from a folder to a file, with `/`.
pub fn between(folder: &Path, file: &Path) -> String {
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = file.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// An absolute path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

/// Bytes for people: `1.2 GB`.
pub fn in_words(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.0} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.0} kB", b / 1e3),
        b => format!("{b:.0} bytes"),
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> WorkspaceError {
    let path = path.to_path_buf();
    move |source| WorkspaceError::Copy { path, source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(source: &str) -> (tempfile::TempDir, Notebook) {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        for name in ["book/.git", "book/notebooks/.hidden", "book/data", "book/env"] {
            fs::create_dir_all(base.join(name)).unwrap();
        }
        for name in ["book/data/a.csv", "book/notebooks/b.csv", "book/notebooks/.hidden/x", "book/env/pyvenv.cfg"] {
            fs::write(base.join(name), "12345").unwrap();
        }
        let path = base.join("book/notebooks/a.ipynb");
        let text = serde_json::json!({"nbformat": 4, "cells": [{"cell_type": "code", "source": source}]});
        fs::write(&path, text.to_string()).unwrap();
        (folder, Notebook::read(&path).unwrap())
    }

    #[test]
    fn the_folder_is_copied_without_hidden_folders_and_removed_at_the_end() {
        let (_folder, notebook) = folder("1");
        let copy = Workspace::copy(&notebook, 1_000_000, &mut |_, _| {}).unwrap();
        let place = copy.folder().to_path_buf();
        assert!(place.ends_with("notebooks") && place.join("b.csv").is_file() && copy.notebook().is_file());
        assert!(!place.join(".hidden").exists() && !place.parent().unwrap().join("data").exists());
        drop(copy);
        assert!(!place.exists());
    }

    #[test]
    fn what_lies_above_is_copied_up_to_the_repository() {
        let (_folder, notebook) = folder("open('../../../data/a.csv')");
        let mut copy = Workspace::copy(&notebook, 1_000_000, &mut |_, _| {}).unwrap();
        let place = copy.keep().to_path_buf();
        drop(copy);
        assert!(
            place.join("../data/a.csv").is_file() && !place.join("../env").exists() && !place.join("../.git").exists()
        );
        fs::remove_dir_all(place.parent().unwrap().parent().unwrap()).unwrap();
    }

    #[test]
    fn a_folder_that_is_too_large_is_refused_with_its_largest_files() {
        let (_folder, notebook) = folder("1");
        let message = Workspace::copy(&notebook, 3, &mut |_, _| {}).unwrap_err().to_string();
        assert!(message.contains("limit of 3 bytes") && message.contains("b.csv (5 bytes)"), "{message}");
    }

    #[test]
    fn single_files_are_laid_out_where_the_notebook_expects_them() {
        let (folder, _) = folder("1");
        let (a, b) = (folder.path().join("book/data/a.csv"), folder.path().join("book/notebooks/b.csv"));
        let copy = Workspace::laid_out(&[(a.clone(), "../../data/a.csv".into()), (b.clone(), "b.csv".into())]).unwrap();
        let there = copy.folder().join("../../data/a.csv");
        assert!(there.is_file() && copy.folder().join("b.csv").is_file());
        assert_eq!(copy.origin(&there), Some(a.as_path()));
        assert_eq!(copy.relative(&there.canonicalize().unwrap()).as_deref(), Some("../../data/a.csv"));
        assert_eq!(copy.relative(&b), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles_and_copies_can_be_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, notebook) = folder("1");
        let base = folder.path().join("book/notebooks");
        std::os::unix::fs::symlink(&base, base.join("circle")).unwrap();
        std::os::unix::fs::symlink("nowhere", base.join("dead")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("book/data"), base.join("linked")).unwrap();
        fs::set_permissions(base.join("b.csv"), fs::Permissions::from_mode(0o400)).unwrap();
        let copy = Workspace::copy(&notebook, 1_000_000, &mut |_, _| {}).unwrap();
        fs::write(copy.folder().join("linked/a.csv"), "changed").unwrap();
        fs::write(copy.folder().join("b.csv"), "changed").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("book/data/a.csv")).unwrap(), "12345");
    }
}
