//! The Python module `tandem`, as it travels with the binary: a notebook that we run imports the very module that
//! belongs to this version, without anything having been installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use tandem_notebook::{Environment, EnvironmentRequest};

use crate::error::Error;
use crate::load::{Loaded, hexadecimal};

/// The files of the module.
const MODULE: [(&str, &str); 7] = [
    ("__init__.py", include_str!("../../../python/tandem/__init__.py")),
    ("_binary.py", include_str!("../../../python/tandem/_binary.py")),
    ("_data.py", include_str!("../../../python/tandem/_data.py")),
    ("_frames.py", include_str!("../../../python/tandem/_frames.py")),
    ("_model.py", include_str!("../../../python/tandem/_model.py")),
    ("predict.py", include_str!("../../../python/tandem/predict.py")),
    ("py.typed", include_str!("../../../python/tandem/py.typed")),
];

/// Writes the module into Tandem's folder, if it is not there yet, and gives the folder for `PYTHONPATH`.
pub(crate) fn module(state_dir: &Path) -> Result<PathBuf, Error> {
    let mut hasher = Sha256::new();
    for (name, text) in MODULE {
        hasher.update(name);
        hasher.update(text);
    }
    let folder = std::path::absolute(state_dir.join("python").join(&hexadecimal(&hasher.finalize())[..16]))
        .map_err(Error::file("find", state_dir))?;
    let package = folder.join("tandem");
    for (name, text) in MODULE {
        let path = package.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        std::fs::create_dir_all(&package).map_err(Error::file("make", &package))?;
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    Ok(folder)
}

/// The Python environment of a lock, in Tandem's folder; made when it is not there.
///
/// # Errors
/// [`Error::Environment`].
pub fn environment(loaded: &Loaded, lock: &Path, progress: &mut dyn FnMut(&str)) -> Result<Environment, Error> {
    let state = loaded.state_dir();
    let request = EnvironmentRequest { lock, folder: &state.join("environments"), tools: &state.join("tools") };
    Ok(request.ensure(progress)?)
}

/// Asks a kept estimator for its predictions of the rows in a Parquet file.
pub(crate) fn predict(loaded: &Loaded, python: &Path, estimator: &Path, rows: &Path, out: &Path) -> Result<(), Error> {
    let module = module(&loaded.state_dir())?;
    let run = Command::new(python)
        .args(["-m", "tandem.predict"])
        .args([estimator, rows, out])
        .env("PYTHONPATH", module)
        .env("OMP_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(Error::file("run", python))?;
    if run.status.success() {
        return Ok(());
    }
    Err(Error::unusable(
        format!(
            "the estimator {} did not predict: {}",
            estimator.display(),
            String::from_utf8_lossy(&run.stderr).trim().lines().last().unwrap_or("no message")
        ),
        "train the model again",
    ))
}
