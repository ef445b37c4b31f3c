//! A lock from requirements, by uv: every version with its hashes, for every platform, naming no index.
//! Not here: which packages a notebook needs.

use std::ffi::OsStr;
use std::path::Path;

use super::{EnvironmentError, uv};

/// Resolves `requirements` into `lock`; with a day (`2023-05-01`), by what had been published until then.
///
/// # Errors
/// [`EnvironmentError::Resolve`] with uv's words.
pub fn compile(
    requirements: &Path,
    lock: &Path,
    until: Option<&str>,
    tools: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<(), EnvironmentError> {
    let base = uv::base_python()?;
    std::fs::create_dir_all(tools).map_err(super::at(tools))?;
    let program = uv::find_or_install(&base, tools, progress)?;
    progress(&format!("Locking {}", requirements.display()));
    let words =
        ["pip", "compile", "--universal", "--generate-hashes", "--no-header", "--no-emit-index-url", "--no-config"];
    let mut arguments: Vec<&OsStr> = words.map(OsStr::new).to_vec();
    let version: String = base.version.split('.').take(2).collect::<Vec<_>>().join(".");
    for word in ["--quiet", "--python-version", &version, "--annotation-style", "line"] {
        arguments.push(OsStr::new(word));
    }
    if let Some(day) = until {
        arguments.extend([OsStr::new("--exclude-newer"), OsStr::new(day)]);
    }
    arguments.extend([requirements.as_os_str(), OsStr::new("-o"), lock.as_os_str()]);
    let mut command = uv::uv(&program, &arguments);
    if let Some(folder) = requirements.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        command.current_dir(folder);
    }
    uv::run(&mut command, &mut |_| {})
        .map_err(|text| EnvironmentError::Resolve { path: requirements.to_path_buf(), text })
}
