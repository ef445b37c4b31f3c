//! `cargo xtask test`: everything that must hold before a change is merged, in one command; continuous integration runs the
//! same. What a step needs and the machine lacks is installed, or named in one line; no step is left out silently.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::steps::{Count, Steps};
use crate::{python, shell, tidy};

/// The steps' names, in order.
const STEPS: [&str; 9] = ["tools", "format", "tidy", "lint", "build", "rust", "python", "example", "demo"];

/// Runs the steps (all, or those named); whether all held.
pub fn run(only: &[&str]) -> Result<bool, String> {
    if let Some(unknown) = only.iter().find(|name| !STEPS.contains(name)) {
        return Err(format!("there is no step {unknown}: {}", STEPS.join(", ")));
    }
    let mut steps = Steps::new(only);
    steps.step("tools", tools);
    steps.step("format", || one(shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))));
    steps.step("tidy", tidy::count);
    steps.step("lint", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--release", "--quiet", "--", "-D", "warnings"];
        one(shell::run(&mut shell::cargo(&arguments)))
    });
    steps.step("build", || one(shell::run(&mut shell::cargo(&["build", "--release"]))));
    steps.step("rust", rust_tests);
    steps.step("python", python_tests);
    steps.step("example", example);
    steps.step("demo", demo);
    Ok(steps.finish())
}

fn one(done: Result<(), String>) -> Result<Count, String> {
    done.map(|()| Count::ONE)
}

/// Python, rustfmt and clippy; installed when they are missing and can be.
fn tools() -> Result<Count, String> {
    let python = python::find()?;
    println!("python: {}", python.display());
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if shell::output(&mut shell::cargo(&[tool, "--version"])).is_err() {
            println!("installing {component}");
            shell::run(&mut shell::command("rustup", ["component", "add", component]))
                .map_err(|error| format!("{component} is missing, and could not be installed: {error}"))?;
        }
    }
    Ok(Count::ONE)
}

/// All Rust tests, in the profile of the product, so that nothing is built twice. An ignored test counts as failed.
fn rust_tests() -> Result<Count, String> {
    let python = python::find()?;
    let mut command = shell::cargo(&["test", "--workspace", "--release", "--no-fail-fast", "--quiet"]);
    command.env("TANDEM_PYTHON", python);
    let mut count = Count::default();
    let ended = shell::watch(command, |line| {
        if let Some(sums) = line.strip_prefix("test result:") {
            count.passed += number_before(sums, " passed");
            count.failed += number_before(sums, " failed") + number_before(sums, " ignored");
        }
    });
    if let Err(message) = ended {
        println!("{message}");
        count.failed = count.failed.max(1); // a test binary that did not build or died has no sums
    }
    Ok(count)
}

/// The number before a word: 12 for ` passed` in `ok. 12 passed; 0 failed`.
fn number_before(text: &str, word: &str) -> usize {
    let before = text.split_once(word).map_or("", |(before, _)| before);
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    before[before.len() - digits..].parse().unwrap_or(0)
}

/// The wheel, built from the same release build and installed in a fresh environment; its tests run against it, away from
/// its source. A skipped test counts as failed.
fn python_tests() -> Result<Count, String> {
    let root = shell::root();
    let (wheel, python) = install_wheel(&root)?;
    println!("installed {}", wheel.display());
    let binary = python.with_file_name("tandem");
    let version = shell::output(&mut shell::command(&binary, ["--version"]))?;
    let expected = env!("CARGO_PKG_VERSION");
    if !version.contains(expected) {
        return Err(format!("the wheel's tandem says {:?}, not version {expected}", version.trim()));
    }
    let away = root.join("target/wheel-tests");
    copy_flat(&root.join("python/tests"), &away.join("tests"))?;
    let mut command = shell::command(&python, ["-m", "unittest", "discover", "-s", "tests", "-t", "."]);
    command.current_dir(&away).env("TANDEM_BINARY", &binary).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut count = Count::ONE;
    let (mut ran, mut bad) = (0, 0);
    let ended = shell::watch(command, |line| {
        if line.starts_with("Ran ") {
            ran += number_before(line, " test");
        } else if line.starts_with("OK") || line.starts_with("FAILED (") {
            bad += ["failures=", "errors=", "skipped="].iter().map(|word| number_after(line, word)).sum::<usize>();
        }
    });
    count.failed += bad;
    count.passed += ran - bad.min(ran);
    if let Err(message) = ended {
        println!("{message}");
        count.failed = count.failed.max(1);
    }
    Ok(count)
}

/// Copies a folder's files (not its folders) into a fresh one.
fn copy_flat(from: &Path, to: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(to); // an older copy, or none
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, to.join(name)).map_err(failed)?;
        }
    }
    Ok(())
}

/// The number after a word: 2 for `failures=` in `FAILED (failures=2)`.
fn number_after(text: &str, word: &str) -> usize {
    let after = text.split_once(word).map_or("", |(_, after)| after);
    let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    after[..digits].parse().unwrap_or(0)
}

/// The wheel's file, and the interpreter of a fresh environment that has it and what its tests need.
fn install_wheel(root: &Path) -> Result<(PathBuf, PathBuf), String> {
    let tools = python::environment("wheel-tools", &root.join("xtask/python/tools.lock"))?;
    let wheels = root.join("target/wheels");
    let _ = fs::remove_dir_all(&wheels); // an older wheel, or none
    let mut build =
        shell::command(tools.with_file_name("maturin"), ["build", "--release", "--quiet", "--compatibility", "linux"]);
    shell::run(build.args(["--out".as_ref(), wheels.as_os_str()]).current_dir(root.join("python")))?;
    let made = fs::read_dir(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
    let mut made = made.filter_map(Result::ok).map(|entry| entry.path());
    let wheel = made.find(|path| path.extension().is_some_and(|e| e == "whl")).ok_or("maturin made no wheel")?;
    let python = python::create(&root.join("target/wheel-test-env"))?;
    let lock = root.join("xtask/python/wheel.lock");
    python::pip(&python, &["--require-hashes".as_ref(), "--requirement".as_ref(), lock.as_os_str()])?;
    python::pip(&python, &["--no-deps".as_ref(), wheel.as_os_str()])?;
    Ok((wheel, python))
}

/// The example's own scenarios, as its team would run them.
fn example() -> Result<Count, String> {
    let project = shell::root().join("examples/flights");
    one(shell::run(shell::command(shell::tandem(), ["test"]).current_dir(project)))
}

/// The demo, end to end, into a folder that is kept for a look. Then what it left behind is held to its word, apart from it:
/// its summary, the checks on its data, and parity of what it served.
fn demo() -> Result<Count, String> {
    let folder = shell::root().join("target/demo-test");
    let _ = fs::remove_dir_all(&folder); // the last run's, or none
    shell::run(shell::command(shell::tandem(), ["demo", "--yes", "--keep"]).arg(&folder))?;
    let mut count = Count::ONE;
    let mut hold = |held: Result<(), String>| match held {
        Ok(()) => count.passed += 1,
        Err(message) => {
            println!("{message}");
            count.failed += 1;
        }
    };
    hold(summary(&folder.join("summary.json")));
    for command in ["check", "test", "parity"] {
        hold(shell::run(shell::command(shell::tandem(), [command]).current_dir(&folder)));
    }
    Ok(count)
}

/// The demo's summary as data: it names the steps that were walked, and none without what came of it.
fn summary(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let summary: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let steps = summary["steps"].as_array().filter(|steps| !steps.is_empty());
    let steps = steps.ok_or_else(|| format!("{} names no steps", path.display()))?;
    match steps.iter().find(|step| step["outcome"].as_str().is_none_or(|outcome| outcome.trim().is_empty())) {
        Some(step) => Err(format!("{}: the step {} says nothing of what came of it", path.display(), step["name"])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{number_after, number_before};

    #[test]
    fn sums_are_read_from_what_the_test_runners_print() {
        let cargo = " ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!([" passed", " failed", " ignored"].map(|word| number_before(cargo, word)), [12, 3, 1]);
        assert_eq!(number_before("Ran 31 tests in 0.12s", " test"), 31);
        assert_eq!(number_after("FAILED (failures=2, errors=1)", "failures="), 2);
        assert_eq!(number_after("OK", "skipped="), 0);
    }
}
