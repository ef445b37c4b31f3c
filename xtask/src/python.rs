//! Python for tests and benchmarks: finds 3.11 or later (installing Debian's package when it may), and makes private
//! environments under `target/` from committed, hashed locks. The product's own environments are the product's business.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell;

/// Says whether an interpreter will do: new enough, and able to make environments with pip in them.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
const CANDIDATES: [&str; 5] = ["python3", "python3.11", "python3.12", "python3.13", "python3.14"];
const REMEDY: &str = "the tests need Python 3.11 or later with venv and pip: install python3 and python3-venv (Debian, Ubuntu: \
    apt-get install python3 python3-venv), or put one on the PATH as python3";

/// An interpreter that will do; as root on a Debian it is installed when it is missing.
pub fn find() -> Result<PathBuf, String> {
    if let Some(found) = probe() {
        return Ok(found);
    }
    let root = shell::output(&mut shell::command("id", ["-u"])).is_ok_and(|id| id.trim() == "0");
    if root && shell::output(&mut shell::command("apt-get", ["--version"])).is_ok() {
        println!("installing python3, python3-venv and python3-pip with apt-get");
        let apt = |arguments: &[&str]| {
            shell::output(shell::command("apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        apt(&["update", "-q"])?;
        apt(&["install", "-q", "-y", "python3", "python3-venv", "python3-pip"])?;
    }
    probe().ok_or_else(|| REMEDY.to_owned())
}

fn probe() -> Option<PathBuf> {
    CANDIDATES
        .iter()
        .find(|name| shell::output(&mut shell::command(name, ["-c", PROBE])).is_ok())
        .and_then(|name| shell::output(&mut shell::command(name, ["-c", "import sys; print(sys.executable)"])).ok())
        .map(|path| PathBuf::from(path.trim()))
}

/// The interpreter of the environment `target/NAME`, made anew when its lock has changed since.
pub fn environment(name: &str, lock: &Path) -> Result<PathBuf, String> {
    let folder = shell::root().join("target").join(name);
    let (python, mark) = (folder.join("bin/python"), folder.join("installed.lock"));
    let wanted = fs::read_to_string(lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    if python.exists() && fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!("making target/{name} from {}", lock.display());
    create(&folder)?;
    pip(&python, &["--require-hashes".as_ref(), "--requirement".as_ref(), lock.as_os_str()])?;
    fs::write(&mark, wanted).map_err(|error| format!("{}: {error}", mark.display()))?;
    Ok(python)
}

/// A fresh environment with nothing but pip.
pub fn create(folder: &Path) -> Result<PathBuf, String> {
    let python = find()?;
    shell::output(&mut shell::command(
        python,
        ["-m".as_ref(), "venv".as_ref(), "--clear".as_ref(), folder.as_os_str()],
    ))?;
    Ok(folder.join("bin/python"))
}

/// `pip install`, quietly, into the environment of this interpreter.
pub fn pip(python: &Path, what: &[&std::ffi::OsStr]) -> Result<(), String> {
    let mut command = shell::command(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    shell::output(command.args(what)).map(|_| ())
}
