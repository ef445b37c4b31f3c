//! What of a folder is copied for a run: all but hidden folders, environments and caches.
//! Not here: which folder, and where the copy lies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{WorkspaceError, at, in_words};

/// Copies a folder for one of several runs, without some files of it.
pub fn copy_folder(root: &Path, to: &Path, without: &BTreeSet<PathBuf>, limit: u64) -> Result<(), WorkspaceError> {
    let mut entries = Vec::new();
    gather(root, &mut vec![], &mut entries)?;
    entries.retain(|entry| !without.contains(&entry.path));
    if entries.iter().map(|entry| entry.bytes).sum::<u64>() > limit {
        return Err(too_much(root, limit, &mut entries));
    }
    fs::create_dir_all(to).map_err(at(to))?;
    for entry in entries {
        let (from, to) = (root.join(&entry.path), to.join(&entry.path));
        if entry.folder {
            fs::create_dir_all(&to).map_err(at(&to))?;
        } else {
            fs::copy(&from, &to).map_err(at(&from))?;
            writable(&to);
        }
    }
    Ok(())
}

/// A file or folder that is copied.
pub(super) struct Entry {
    pub path: PathBuf,
    pub bytes: u64,
    pub folder: bool,
}

/// All that is copied of a folder, relative to it; `inside` are the folders that we came through, by their true paths.
pub(super) fn gather(root: &Path, inside: &mut Vec<PathBuf>, entries: &mut Vec<Entry>) -> Result<(), WorkspaceError> {
    fn walk(
        root: &Path,
        here: &Path,
        inside: &mut Vec<PathBuf>,
        entries: &mut Vec<Entry>,
    ) -> Result<(), WorkspaceError> {
        let folder = root.join(here);
        let truth = folder.canonicalize().map_err(at(&folder))?;
        if inside.contains(&truth) {
            return Ok(()); // a link to a folder above
        }
        inside.push(truth);
        let mut names: Vec<_> = fs::read_dir(&folder).map_err(at(&folder))?.flatten().map(|e| e.file_name()).collect();
        names.sort();
        for name in names {
            let path = here.join(&name);
            let from = root.join(&path);
            // A link that leads nowhere, a socket or a pipe is nothing that a notebook reads.
            let Ok(metadata) = fs::metadata(&from) else { continue };
            if metadata.is_dir() && !left_out(&from, &name.to_string_lossy()) {
                entries.push(Entry { path: path.clone(), bytes: 0, folder: true });
                walk(root, &path, inside, entries)?;
            } else if metadata.is_file() {
                entries.push(Entry { path, bytes: metadata.len(), folder: false });
            }
        }
        inside.pop();
        Ok(())
    }
    walk(root, Path::new(""), inside, entries)
}

fn left_out(folder: &Path, name: &str) -> bool {
    let environment = folder.join("pyvenv.cfg").exists() || folder.join("conda-meta").exists();
    name.starts_with('.') || environment || ["__pycache__", "node_modules"].contains(&name)
}

/// Says what the largest files are.
pub(super) fn too_much(root: &Path, limit: u64, entries: &mut [Entry]) -> WorkspaceError {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.bytes));
    let largest = entries.iter().take(3).map(|entry| format!("{} ({})", entry.path.display(), in_words(entry.bytes)));
    let largest = largest.collect::<Vec<_>>().join(", ");
    WorkspaceError::TooMuch { folder: root.to_path_buf(), limit: in_words(limit), largest }
}

/// The files of a folder that would be copied, from it.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let mut entries = Vec::new();
    gather(folder, &mut vec![], &mut entries)?;
    Ok(entries.into_iter().filter(|entry| !entry.folder).map(|entry| entry.path).collect())
}

/// A copy of a file that may only be read can be written: it is the notebook's.
pub(super) fn writable(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode();
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o600));
    }
    #[cfg(not(unix))]
    let _ = path;
}
