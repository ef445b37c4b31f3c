//! uv: found, or installed into a private environment; and running a tool with its output read line by line.
//! Not here: what an environment is made of.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{EnvironmentError, Progress, with_lock};

/// The Python that environments are based on, and its version as `3.11.7 linux x86_64`.
#[derive(Clone, Debug)]
pub(super) struct BasePython {
    pub path: PathBuf,
    pub version: String,
}

/// Finds the Python: the one that is named, `TANDEM_PYTHON`, or `python3` or `python` on the PATH.
pub(super) fn base_python(named: Option<&Path>) -> Result<BasePython, EnvironmentError> {
    let named = named.map(Path::to_path_buf).or_else(|| std::env::var_os("TANDEM_PYTHON").map(PathBuf::from));
    let candidates = named.map_or_else(|| vec!["python3".into(), "python".into()], |path| vec![path]);
    if let Some(found) = candidates.iter().find_map(|candidate| asked(candidate)) {
        return Ok(found);
    }
    let tried: Vec<String> = candidates.iter().map(|path| format!("`{}`", path.display())).collect();
    Err(EnvironmentError::NoPython { tried: tried.join(" and ") })
}

/// What a Python says about itself; `None` when it is none, or too old.
fn asked(python: &Path) -> Option<BasePython> {
    const ASK: &str = "import platform, sys; assert sys.version_info >= (3, 9); \
        print(sys.executable); print(platform.python_version(), sys.platform, platform.machine())";
    let answer = bare(python).args(["-c", ASK]).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let (path, version) = text.trim().split_once('\n').filter(|_| answer.status.success())?;
    Some(BasePython { path: path.trim().into(), version: version.trim().to_owned() })
}

/// A Python of a minor version, such as `3.9`, that is on this machine.
pub(super) fn find_python(program: &Path, minor: &str) -> Option<BasePython> {
    let found = uv(program, &["python", "find", "--no-project", minor].map(OsStr::new)).stdin(Stdio::null()).output();
    let found = found.ok().filter(|found| found.status.success())?;
    asked(Path::new(String::from_utf8_lossy(&found.stdout).trim()))
}

/// Finds uv (`TANDEM_UV`, or on the PATH), or installs it into an environment of its own under `tools`.
pub(super) fn find_or_install(
    python: &BasePython,
    tools: &Path,
    progress: Progress<'_>,
) -> Result<PathBuf, EnvironmentError> {
    if let Some(path) = std::env::var_os("TANDEM_UV").map(PathBuf::from) {
        return if answers(&path) { Ok(path) } else { Err(EnvironmentError::NoUv { path }) };
    }
    if answers(Path::new("uv")) {
        return Ok("uv".into());
    }
    let home = tools.join("uv");
    let uv = home.join("bin").join("uv");
    if answers(&uv) {
        return Ok(uv);
    }
    with_lock(&tools.join("uv.lock"), progress, |progress| {
        if answers(&uv) {
            return Ok(uv.clone()); // another Tandem installed it meanwhile
        }
        progress("Installing uv, which makes Python environments, into a private folder");
        let venv = run(bare(&python.path).args(["-m", "venv", "--clear"]).arg(&home), &mut |_| {});
        venv.map_err(|text| EnvironmentError::NoVenv { python: python.path.clone(), text })?;
        let mut pip = bare(&home.join("bin").join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.5"]);
        run(&mut pip, &mut |_| {}).map_err(|text| EnvironmentError::UvInstall { text })?;
        if answers(&uv) { Ok(uv.clone()) } else { Err(EnvironmentError::NoUv { path: uv.clone() }) }
    })
}

/// Whether a program runs and calls itself uv.
fn answers(uv: &Path) -> bool {
    let output = Command::new(uv).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"uv "))
}

/// A uv command that looks at no configuration of the folder that we happen to be in.
pub(super) fn uv(program: &Path, args: &[&OsStr]) -> Command {
    let mut command = bare(program);
    command.args(args).env("UV_NO_PROGRESS", "1").env("UV_PYTHON_DOWNLOADS", "never").env("NO_COLOR", "1");
    // Behind a mirror pip is usually the one that was told: uv is told the same.
    let told = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"].iter().any(|name| std::env::var_os(name).is_some());
    if let (false, Some(index)) = (told, std::env::var_os("PIP_INDEX_URL")) {
        command.env("UV_DEFAULT_INDEX", index);
    }
    command
}

/// A command on which no active environment has an influence.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end; each line that it writes goes to `line`; the error is all that it wrote.
pub(super) fn run(command: &mut Command, line: &mut dyn FnMut(&str)) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{name} cannot be run: {error}");
    // Its output is little (progress is off), so that it is read after the messages.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let stdout = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.map(|mut pipe| std::io::Read::read_to_string(&mut pipe, &mut text));
        text
    });
    let mut all = String::new();
    for read in child.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()).map_while(Result::ok) {
        line(&read);
        all.push_str(&read);
        all.push('\n');
    }
    let status = child.wait().map_err(failed)?;
    all.push_str(&reader.join().unwrap_or_default());
    if status.success() { Ok(()) } else { Err(all.trim().to_owned()) }
}
