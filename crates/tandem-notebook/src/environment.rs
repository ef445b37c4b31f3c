//! A Python environment made from a lock: pinned, hashed, naming no index, so that it is the same everywhere; and for a
//! notebook without one, the lock made from what its folder or its text says ([`prepare`]).
//!
//! It lies under a folder named by the lock's content and the Python's version, and counts only once its mark has been
//! written: an interrupted one is made again. Makers wait for each other. Needs Python 3.9 or newer and nothing else.
//! Not here: running anything in the environment.

mod date;
mod lock;
mod prepare;
mod resolve;
mod sources;
mod uv;

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

pub use date::{AsOf, Dated};
pub use lock::{Unhashed, unhashed};
pub use prepare::{Prepared, Wanted, prepare, prepare_for_all};
use sha2::{Digest as _, Sha256};
pub use sources::missing;

/// Takes lines that say what is going on.
type Progress<'a> = &'a mut dyn FnMut(&str);

/// What to make, and where.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentRequest<'a> {
    /// The lock, as `uv pip compile --universal --generate-hashes` writes it.
    pub lock: &'a Path,
    /// The folder of all environments; each gets a folder in it.
    pub folder: &'a Path,
    /// The folder for our own tools, should uv have to be installed.
    pub tools: &'a Path,
}

/// A complete environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its folder.
    pub root: PathBuf,
    /// Its Python.
    pub python: PathBuf,
    /// The name of its folder: a hash of the lock's content and the Python's version.
    pub hash: String,
    /// The Python's version and platform, such as `3.11.7 linux x86_64`.
    pub version: String,
    /// Whether it was made now, and not found.
    pub made: bool,
}

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The lock cannot be read.
    #[error("{path}: the lock of the Python environment cannot be read: {source}. `uv pip compile --universal --generate-hashes requirements.in -o requirements.lock` makes one.", path = path.display())]
    ReadLock {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The lock names no package.
    #[error("{path}: the lock of the Python environment names no package. `uv pip compile --universal --generate-hashes requirements.in -o requirements.lock` makes one.", path = path.display())]
    EmptyLock {
        /// The lock.
        path: PathBuf,
    },
    /// A requirement has no hash.
    #[error("{path}:{line}: `{requirement}` has no hash, so nobody can know that what is installed is what was locked. Lock again with `uv pip compile --universal --generate-hashes requirements.in -o requirements.lock`.", path = path.display())]
    NoHash {
        /// The lock.
        path: PathBuf,
        /// The requirement's line, from 1.
        line: usize,
        /// The requirement.
        requirement: String,
    },
    /// There is no Python.
    #[error(
        "no Python 3.9 or newer was found (tried {tried}). Install Python 3.11, or name one in the environment variable TANDEM_PYTHON."
    )]
    NoPython {
        /// What was tried.
        tried: String,
    },
    /// uv does not run.
    #[error("{path} is not a uv that runs. Correct or remove the environment variable TANDEM_UV, or install uv yourself.", path = path.display())]
    NoUv {
        /// The program.
        path: PathBuf,
    },
    /// The Python cannot make environments.
    #[error("{python} cannot make a virtual environment. On Debian and Ubuntu install python3-venv; or install uv yourself and put it on the PATH. It said:\n{text}", python = python.display())]
    NoVenv {
        /// The Python.
        python: PathBuf,
        /// What it printed.
        text: String,
    },
    /// pip could not install uv.
    #[error(
        "pip could not install uv. Check the network and the package index that pip is set to, or install uv yourself and put it on the PATH. It said:\n{text}"
    )]
    UvInstall {
        /// What pip printed.
        text: String,
    },
    /// A downloaded file is not the one that was locked.
    #[error("{path}: the file that the package index gave for {package} is not the one that was locked: its hash differs. Do not go on with it: ask whoever runs the index, or lock again if the lock is wrong.\n{text}", path = path.display())]
    HashMismatch {
        /// The lock.
        path: PathBuf,
        /// The package, with its version.
        package: String,
        /// What uv printed.
        text: String,
    },
    /// The package index was not reached.
    #[error("{path}: the packages of this lock could not be fetched: the package index was not reached. Check the network, or name your mirror in UV_DEFAULT_INDEX, and run it again. It said:\n{text}", path = path.display())]
    Network {
        /// The lock.
        path: PathBuf,
        /// What uv printed.
        text: String,
    },
    /// The package index was not reached when versions were chosen.
    #[error(
        "the versions of the packages could not be chosen: the package index was not reached. Check the network, or name your mirror in UV_DEFAULT_INDEX; a notebook with a requirements.lock whose environment was made before needs no network. It said:\n{text}"
    )]
    Unreachable {
        /// What uv printed.
        text: String,
    },
    /// No source gave an environment.
    #[error(
        "no environment for this notebook could be made with Python {version}. Write a requirements.txt beside it with the versions that it needs, name a date (`--as-of 2023-06-01`) or another Python (`--python`). What was tried:\n  {tried}"
    )]
    NothingFits {
        /// The Python's version.
        version: String,
        /// All that was tried, a line each.
        tried: String,
    },
    /// uv failed otherwise.
    #[error("{path}: the Python environment could not be made with Python {version}. Lock again for this Python, or name another in TANDEM_PYTHON. uv said:\n{text}", path = path.display())]
    Install {
        /// The lock.
        path: PathBuf,
        /// The Python's version.
        version: String,
        /// What uv printed.
        text: String,
    },
    /// No set of versions satisfies the requirements.
    #[error("{path}: these requirements cannot be locked. Mend them by what uv says below, and try again.\n{text}", path = path.display())]
    Resolve {
        /// The requirements.
        path: PathBuf,
        /// What uv printed.
        text: String,
    },
    /// A file or folder could not be made.
    #[error("{path}: {source}. Check the disk and the permissions of this folder.", path = path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl EnvironmentRequest<'_> {
    /// Finds the environment of this lock, or makes it.
    pub fn ensure(&self, progress: &mut dyn FnMut(&str)) -> Result<Environment, EnvironmentError> {
        self.ensure_with(None, progress)
    }

    /// As [`Self::ensure`], with this Python.
    pub fn ensure_with(
        &self,
        python: Option<&Path>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Environment, EnvironmentError> {
        // Absolute, since its Python will be started from other folders.
        let absolute = |path: &Path| std::path::absolute(path).map_err(at(path));
        let (folder, tools) = (absolute(self.folder)?, absolute(self.tools)?);
        EnvironmentRequest { lock: self.lock, folder: &folder, tools: &tools }.find_or_make(python, progress)
    }

    fn find_or_make(&self, python: Option<&Path>, progress: Progress<'_>) -> Result<Environment, EnvironmentError> {
        let text = self.checked_lock()?;
        let base = uv::base_python(python)?;
        let hash = hash_of(&text, &base.version);
        let root = self.folder.join(&hash);
        if let Some(found) = complete(&root, &hash, &base.version) {
            return Ok(found);
        }
        fs::create_dir_all(self.folder).map_err(at(self.folder))?;
        let guard = self.folder.join(format!("{hash}.lock"));
        with_lock(&guard, progress, |progress| match complete(&root, &hash, &base.version) {
            Some(found) => Ok(found), // made by another while we waited
            None => self.make(&root, &hash, &base, progress),
        })
    }

    fn checked_lock(&self) -> Result<String, EnvironmentError> {
        let path = || self.lock.to_path_buf();
        let text =
            fs::read_to_string(self.lock).map_err(|source| EnvironmentError::ReadLock { path: path(), source })?;
        if lock::is_empty(&text) {
            return Err(EnvironmentError::EmptyLock { path: path() });
        }
        let found = unhashed(&text).next();
        match found {
            None => Ok(text),
            Some(Unhashed { requirement, line }) => Err(EnvironmentError::NoHash { path: path(), line, requirement }),
        }
    }

    fn make(
        &self,
        root: &Path,
        hash: &str,
        base: &uv::BasePython,
        progress: Progress<'_>,
    ) -> Result<Environment, EnvironmentError> {
        fs::create_dir_all(self.tools).map_err(at(self.tools))?;
        let program = uv::find_or_install(base, self.tools, progress)?;
        progress(&format!("Making the Python environment of {}", self.lock.display()));
        if root.exists() {
            fs::remove_dir_all(root).map_err(at(root))?; // one that was interrupted
        }
        let arg = OsStr::new;
        let venv = ["venv", "--quiet", "--no-project", "--python"].map(arg);
        let venv = [&venv[..], &[base.path.as_os_str(), root.as_os_str()]].concat();
        uv::run(&mut uv::uv(&program, &venv), &mut |_| {}).map_err(|text| self.failure(base, text))?;
        let python = python_of(root);
        let sync = ["pip", "sync", "--require-hashes", "--python"].map(arg);
        let sync = [&sync[..], &[python.as_os_str(), self.lock.as_os_str()]].concat();
        let installed = uv::run(&mut uv::uv(&program, &sync), &mut |line| {
            if worth_telling(line) {
                progress(line.trim());
            }
        });
        installed.map_err(|text| self.failure(base, text))?;
        let mark = mark_of(root);
        fs::write(&mark, format!("{hash} {}\n", base.version)).map_err(at(&mark))?;
        Ok(Environment {
            root: root.to_path_buf(),
            python,
            hash: hash.to_owned(),
            version: base.version.clone(),
            made: true,
        })
    }

    /// What uv's words mean.
    fn failure(&self, base: &uv::BasePython, text: String) -> EnvironmentError {
        let path = self.lock.to_path_buf();
        let quoted = |head: &str| text.split_once(head).and_then(|(_, rest)| rest.split('`').next()).map(str::to_owned);
        if let Some(package) = quoted("Hash mismatch for `") {
            return EnvironmentError::HashMismatch { path, package, text };
        }
        if unreachable(&text) {
            return EnvironmentError::Network { path, text };
        }
        EnvironmentError::Install { path, version: base.version.clone(), text }
    }
}

/// The Python that environments are made with when none is named.
///
/// # Errors
/// When there is none.
pub fn usual_python() -> Result<PathBuf, EnvironmentError> {
    Ok(uv::base_python(None)?.path)
}

/// Whether uv says that the index was not reached.
fn unreachable(text: &str) -> bool {
    let words = ["error sending request", "dns error", "Could not connect", "Failed to fetch", "timed out"];
    words.iter().any(|word| text.contains(word))
}

/// uv's lines that a waiting person wants to see.
fn worth_telling(line: &str) -> bool {
    ["Downloading", "Resolved", "Prepared", "Installed", "Building"].iter().any(|word| line.trim().starts_with(word))
}

/// The environment at a folder, if its mark is there and its Python still exists (the one it is based on may be gone).
fn complete(root: &Path, hash: &str, version: &str) -> Option<Environment> {
    let python = python_of(root);
    let whole = mark_of(root).exists() && python.exists();
    whole.then(|| Environment {
        root: root.to_path_buf(),
        python,
        hash: hash.to_owned(),
        version: version.to_owned(),
        made: false,
    })
}

fn python_of(root: &Path) -> PathBuf {
    if cfg!(windows) { root.join("Scripts").join("python.exe") } else { root.join("bin").join("python") }
}

fn mark_of(root: &Path) -> PathBuf {
    root.join("complete")
}

fn hash_of(lock: &str, version: &str) -> String {
    // Line ends are not content: a checkout on another system may have changed them.
    let digest =
        Sha256::new().chain_update(version).chain_update([0]).chain_update(lock.replace("\r\n", "\n")).finalize();
    let head = digest.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    format!("{head:016x}")
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> EnvironmentError {
    move |source| EnvironmentError::Folder { path: path.to_path_buf(), source }
}

/// Does a work that only one process may do at a time; the system frees the lock when its holder ends, however it ends.
fn with_lock<T>(
    path: &Path,
    progress: Progress<'_>,
    work: impl FnOnce(Progress<'_>) -> Result<T, EnvironmentError>,
) -> Result<T, EnvironmentError> {
    let file = File::options().create(true).append(true).open(path).map_err(at(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress("Waiting for another Tandem that is making the same environment");
            file.lock().map_err(at(path))?;
        }
        Err(TryLockError::Error(source)) => return Err(at(path)(source)),
    }
    work(progress)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(lock: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requirements.lock");
        fs::write(&path, lock).unwrap();
        let request = EnvironmentRequest { lock: &path, folder: folder.path(), tools: folder.path() };
        request.ensure(&mut |_| {}).unwrap_err().to_string()
    }

    #[test]
    fn a_lock_without_hashes_is_refused_before_anything_is_made() {
        let message = refusal("# made by hand\nsix==1.16.0\n");
        assert!(message.contains("requirements.lock:2: `six==1.16.0` has no hash"), "{message}");
        assert!(refusal("# nothing\n").contains("names no package"));
    }

    #[test]
    fn the_name_depends_on_lock_and_python_but_not_on_line_ends() {
        assert_eq!(hash_of("a\nb", "3.11"), hash_of("a\r\nb", "3.11"));
        assert_ne!(hash_of("a", "3.11"), hash_of("a", "3.12"));
        assert_ne!(hash_of("a", "3.11"), hash_of("b", "3.11"));
    }
}
