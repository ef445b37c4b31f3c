//! What every command starts from: the project's folder, the terminal, the present.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tandem_definitions::{Micros, time};
use tandem_project::{Loaded, load};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// What every command starts from.
pub struct Context {
    /// The folder given with `--project`.
    pub project: Option<PathBuf>,
    /// Where text goes.
    pub terminal: Terminal,
    /// The threads given with `--threads`.
    pub threads: Option<usize>,
    /// The bytes given with `--memory`.
    pub memory: Option<u64>,
}

impl Context {
    /// The project as it stands, with its findings.
    pub fn load(&self) -> Result<Loaded, Failure> {
        let base = match &self.project {
            Some(folder) => std::path::absolute(folder).map_err(|e| Failure::file("use", folder, &e))?,
            None => load::find(&working_folder()?)?,
        };
        let mut loaded = load::load(&base)?;
        loaded.options.now = Some(now()?);
        loaded.options.memory = self.memory;
        loaded.options.threads = self.threads.unwrap_or(loaded.options.threads);
        Ok(loaded)
    }

    /// Where what can be made again lies: beside a project shared with its models, elsewhere in this user's cache.
    pub fn state_dir(&self) -> Result<PathBuf, Failure> {
        if let Ok(loaded) = self.load() {
            return Ok(loaded.state_dir());
        }
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
        Ok(match home {
            Some(home) => home.join("tandem"),
            None => working_folder()?.join(".tandem"),
        })
    }

    /// The project, if its definitions have no error.
    pub fn checked(&self) -> Result<Loaded, Failure> {
        let loaded = self.load()?;
        let files = loaded.files.clone();
        loaded.checked().map_err(|error| Failure::from(error).in_files(&files))
    }
}

/// An amount of memory, such as `4GB` or `500 MB` (powers of ten), in bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        other => return Err(format!("`{other}` is no unit of memory: write 500MB or 4GB")),
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 => Ok((number * factor) as u64),
        _ => Err(format!("`{text}` is no amount of memory: write 500MB or 4GB")),
    }
}

/// This very program, to be started again.
pub fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| Failure::world("the tandem program itself cannot be found").because(e))
}

/// The folder that the command was typed in.
pub fn working_folder() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|e| Failure::world("the current folder cannot be used").because(e))
}

/// The present, in microseconds since 1970; `TANDEM_NOW` (RFC 3339) replaces it, for tests.
pub fn now() -> Result<Micros, Failure> {
    let Ok(told) = std::env::var("TANDEM_NOW") else { return Ok(wall_clock()) };
    time::parse_instant(&told, None).ok_or_else(|| {
        Failure::project(format!("TANDEM_NOW is `{told}`, which is no instant")).hint("write 2013-12-17T00:00:00Z")
    })
}

/// The present of this machine.
pub fn wall_clock() -> Micros {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as Micros)
}

/// A path as it is shown: relative to the working folder when it lies in it.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    relative.filter(|path| !path.as_os_str().is_empty()).unwrap_or(path).display().to_string()
}
