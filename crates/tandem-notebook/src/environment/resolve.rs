//! Requirements into a lock: hashed, for the Python at hand or for every system, as of a day. Kept by content, so that the same question is asked
//! of the index once. Not here: which requirements and which day.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{EnvironmentError, Progress, at, uv};

/// What is built from compiled code: only as wheels, since a build takes minutes and then fails.
const WHEELS_ONLY: [&str; 26] = [
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "statsmodels",
    "lxml",
    "pyarrow",
    "tensorflow",
    "torch",
    "torchvision",
    "xgboost",
    "lightgbm",
    "catboost",
    "numba",
    "llvmlite",
    "h5py",
    "pillow",
    "opencv-python",
    "shapely",
    "fiona",
    "pyzmq",
    "tables",
    "scikit-image",
    "spacy",
    "polars",
];

/// For whom a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This system and this Python.
    Here,
    /// Every system, and this Python or a later one.
    Everywhere,
}

/// A lock, and for whom it came to be.
pub(super) struct Lock {
    pub path: PathBuf,
    pub reach: Reach,
}

/// What to resolve.
pub(super) struct Question<'a> {
    pub lines: &'a [String],
    /// The day after which nothing counts, such as `2021-03-01`; `None`: everything.
    pub day: Option<&'a str>,
    /// Today, which is part of the name of a lock of today's packages.
    pub today: &'a str,
    pub python: &'a uv::BasePython,
    /// The folder of all environments.
    pub folder: &'a Path,
    pub tools: &'a Path,
    /// For whom, if that can be had.
    pub reach: Reach,
}

/// Why there is no lock.
pub(super) enum Unresolved {
    /// No versions go together, or one cannot be built: what uv said.
    NoSolution(String),
    /// Nothing that another day or other requirements would change.
    World(EnvironmentError),
}

impl Question<'_> {
    /// The lock, made now or before. Where nothing fits every system, it is for this one.
    pub fn lock(&self, progress: Progress<'_>) -> Result<Lock, Unresolved> {
        if self.reach == Reach::Everywhere {
            match self.resolved(Reach::Everywhere, progress) {
                Err(Unresolved::NoSolution(_)) => {}
                other => return other,
            }
        }
        self.resolved(Reach::Here, progress)
    }

    fn resolved(&self, reach: Reach, progress: Progress<'_>) -> Result<Lock, Unresolved> {
        let folder = self.folder.join("locks");
        let text = self.lines.join("\n") + "\n";
        let day = self.day.unwrap_or(self.today);
        let digest =
            Sha256::new().chain_update(format!("{}\n{reach:?}\n{day}\n{text}", self.python.version)).finalize();
        let name = digest.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
        let lock = folder.join(format!("{name:016x}.lock"));
        if lock.is_file() {
            return Ok(Lock { path: lock, reach });
        }
        let world = |path: &Path| {
            let path = path.to_path_buf();
            move |error| Unresolved::World(at(&path)(error))
        };
        fs::create_dir_all(&folder).map_err(world(&folder))?;
        fs::create_dir_all(self.tools).map_err(world(self.tools))?;
        let program = uv::find_or_install(self.python, self.tools, progress).map_err(Unresolved::World)?;
        let input = tempfile::Builder::new().suffix(".in").tempfile_in(&folder).map_err(world(&folder))?;
        fs::write(input.path(), text).map_err(world(&folder))?;
        let output = tempfile::Builder::new().suffix(".new").tempfile_in(&folder).map_err(world(&folder))?;
        let arguments = self.arguments(reach, input.path(), output.path());
        let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
        let resolved = uv::run(&mut uv::uv(&program, &arguments), &mut |_| {});
        resolved.map_err(|text| {
            if super::unreachable(&text) {
                Unresolved::World(EnvironmentError::Unreachable { text })
            } else {
                Unresolved::NoSolution(text)
            }
        })?;
        output.persist(&lock).map_err(|error| world(&lock)(error.error))?;
        Ok(Lock { path: lock, reach })
    }

    fn arguments(&self, reach: Reach, input: &Path, output: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            ["pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"].map(Into::into).into();
        arguments.extend([
            input.into(),
            "-o".into(),
            output.into(),
            "--python".into(),
            self.python.path.clone().into(),
        ]);
        if reach == Reach::Everywhere {
            arguments.push("--universal".into());
        }
        arguments.extend(WHEELS_ONLY.iter().flat_map(|name| ["--only-binary".into(), name.into()]));
        if let Some(day) = self.day {
            arguments.extend(["--exclude-newer".into(), format!("{day}T23:59:59Z").into()]);
        }
        arguments
    }
}

/// The requirement that uv says it cannot find or build: only itself is at fault, and the rest may do without it.
pub(super) fn culprit(text: &str) -> Option<(String, &'static str)> {
    let word = |rest: &str| -> String {
        rest.trim_start_matches('`').chars().take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect()
    };
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for head in ["Failed to build `", "Failed to download and build `", "Failed to prepare distributions for `"] {
        if let Some((_, rest)) = flat.split_once(head) {
            return Some((word(rest), "it cannot be built here"));
        }
    }
    if let Some((before, _)) = flat.split_once(" was not found in the package registry") {
        return Some((word(before.rsplit(' ').next()?), "the package index has no package of this name"));
    }
    for head in ["there are no versions of ", "there is no version of "] {
        if let Some((_, rest)) = flat.split_once(head) {
            return Some((word(rest), "the package index has no version of it for this date and Python"));
        }
    }
    let (before, _) = flat.split_once(" has no wheels")?;
    Some((word(before.rsplit(' ').next()?), "it has no wheel for this Python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requirement_at_fault_is_read_from_what_uv_says() {
        let culprit = |text: &str| culprit(text).map(|(name, _)| name).unwrap_or_default();
        assert_eq!(
            culprit("× No solution\n ╰─▶ Because nosuch was not found in the\n package registry and you"),
            "nosuch"
        );
        assert_eq!(culprit("  × Failed to build `pattern==3.6`\n"), "pattern");
        assert_eq!(culprit("Because there are no versions of shap and you require shap"), "shap");
        assert_eq!(culprit("Because a==1 depends on b<2"), "");
    }
}
