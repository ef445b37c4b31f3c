//! `cargo xtask test`: everything that must hold before a change is merged, in one command; continuous integration runs the
//! same. What a step needs and the machine lacks is installed, or named in one line; no step is left out silently.

use std::path::{Path, PathBuf};

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
    command.env("TANDEM_TEST_PYTHON", python);
    let mut count = Count::default();
    let ended = shell::watch(&mut command, |line| {
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

/// The wheel, built from the same release build, installed in a fresh environment, and its tests run against it.
fn python_tests() -> Result<Count, String> {
    let root = shell::root();
    let (wheel, python) = install_wheel(&root)?;
    println!("installed {}", wheel.display());
    let script = python.with_file_name("tandem");
    let version = shell::output(&mut shell::command(&script, ["--version"]))?;
    let expected = env!("CARGO_PKG_VERSION");
    if !version.contains(expected) {
        return Err(format!("the wheel's tandem says {:?}, not version {expected}", version.trim()));
    }
    let mut count = Count::ONE;
    // From another folder, so that the installed module is the one that is tested.
    let mut command = shell::command(&python, ["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    command.arg(root.join("python/tests")).current_dir(root.join("target")).env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = shell::watch(&mut command, |line| {
        if line.contains(" in ") {
            count.passed += number_before(line, " passed");
            count.failed +=
                number_before(line, " failed") + number_before(line, " error") + number_before(line, " skipped");
        }
    });
    if let Err(message) = ended {
        println!("{message}");
        count.failed = count.failed.max(1);
    }
    Ok(count)
}

/// The wheel's file, and the interpreter of a fresh environment that has it and what its tests need.
fn install_wheel(root: &Path) -> Result<(PathBuf, PathBuf), String> {
    let tools = python::environment("wheel-tools", &root.join("xtask/python/tools.lock"))?;
    let wheels = root.join("target/wheels");
    let _ = std::fs::remove_dir_all(&wheels); // an older wheel, or none
    let mut build =
        shell::command(tools.with_file_name("maturin"), ["build", "--release", "--quiet", "--compatibility", "linux"]);
    shell::run(build.args(["--out".as_ref(), wheels.as_os_str()]).current_dir(root.join("python")))?;
    let made = std::fs::read_dir(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
    let mut made = made.filter_map(Result::ok).map(|entry| entry.path());
    let wheel = made.find(|path| path.extension().is_some_and(|e| e == "whl")).ok_or("maturin made no wheel")?;
    let python = python::create(&root.join("target/wheel-test-env"))?;
    let lock = root.join("python/tests/requirements.lock");
    python::pip(&python, &["--require-hashes".as_ref(), "--requirement".as_ref(), lock.as_os_str()])?;
    python::pip(&python, &["--no-deps".as_ref(), wheel.as_os_str()])?;
    Ok((wheel, python))
}

/// The example's own scenarios, as its team would run them.
fn example() -> Result<Count, String> {
    let project = shell::root().join("examples/flights");
    one(shell::run(shell::command(shell::tandem(), ["test"]).current_dir(project)))
}

/// The demo, end to end, into a folder that is kept for a look; then the checks of what it made, on its own data.
fn demo() -> Result<Count, String> {
    let folder = shell::root().join("target/demo-test");
    let _ = std::fs::remove_dir_all(&folder); // the last run's, or none
    let mut command = shell::command(shell::tandem(), ["demo", "--keep"]);
    shell::run(command.arg(&folder))?;
    one(shell::run(shell::command(shell::tandem(), ["check"]).current_dir(&folder)))
}

#[cfg(test)]
mod tests {
    use super::number_before;

    #[test]
    fn sums_are_read_from_what_the_test_runners_print() {
        let cargo = " ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!([" passed", " failed", " ignored"].map(|word| number_before(cargo, word)), [12, 3, 1]);
        assert_eq!(number_before("2 failed, 31 passed, 1 skipped in 0.12s", " passed"), 31);
        assert_eq!(number_before("31 passed in 0.12s", " failed"), 0);
    }
}
