//! Notebooks in a real ipykernel, in an environment made from the lock in `fixtures` (fetched once, kept under target/).
//! Not here: reading broken notebooks in detail, which `ipynb.rs` tests beside its code.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::format_collect)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tandem_notebook::{
    CellFailure, CellTrouble, EnvironmentError, EnvironmentRequest, Event, Executed, NotebookRun, RunError, Stream, run,
};

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("test-environments")
}

fn lock() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requirements.lock")
}

/// The Python of an environment with ipykernel and what it needs.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let (lock, folder, tools) = (lock(), cache(), cache().join("tools"));
        let request = EnvironmentRequest { lock: &lock, folder: &folder, tools: &tools };
        request.ensure(&mut |line| eprintln!("{line}")).unwrap_or_else(|error| panic!("{error}")).python
    })
}

struct Ran {
    result: Result<Executed, RunError>,
    events: Vec<Event>,
    copy: Option<Value>,
    folder: tempfile::TempDir,
}

impl Ran {
    fn failure(&self) -> &CellFailure {
        match self.result.as_ref().unwrap_err() {
            RunError::Cell(failure) => failure,
            other => panic!("{other}"),
        }
    }

    fn output(&self, wanted: Stream) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Output { stream, text, .. } if *stream == wanted => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    fn copied(&self, pointer: &str) -> &Value {
        self.copy.as_ref().unwrap().pointer(pointer).unwrap_or(&Value::Null)
    }
}

/// Writes a notebook of these code cells, runs it, and checks that its file was left alone.
fn try_cells(cells: &[&str], with: impl FnOnce(&mut NotebookRun)) -> Ran {
    let cells: Vec<Value> = cells
        .iter()
        .map(|source| json!({"cell_type": "code", "metadata": {}, "source": source, "outputs": []}))
        .collect();
    let cells = [vec![json!({"cell_type": "markdown", "metadata": {}, "source": "# A title"})], cells].concat();
    let text = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string();
    let folder = tempfile::tempdir().unwrap();
    let notebook = folder.path().join("notebook.ipynb");
    fs::write(&notebook, &text).unwrap();
    let executed = folder.path().join("runs/executed.ipynb");
    let mut request = NotebookRun::new(&notebook, python(), folder.path(), &executed);
    with(&mut request);
    let mut events = Vec::new();
    let result = run::run(&request, &mut |event| events.push(event));
    assert_eq!(fs::read_to_string(&notebook).unwrap(), text, "the user's file was changed");
    let copy = fs::read(&executed).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap());
    Ran { result, events, copy, folder }
}

fn cells(cells: &[&str]) -> Ran {
    try_cells(cells, |_| {})
}

#[test]
fn a_good_notebook_runs_in_order_and_leaves_an_executed_copy() {
    let source = "# set up\nimport os\nx = 20\nprint(os.environ['WORD'], os.path.basename(os.getcwd()))";
    let ran = try_cells(&[source, "", "y = x + 1\ny * 2", "open('made.txt', 'w').write('é') and None"], |run| {
        run.env.push(("WORD".to_owned(), "hello".to_owned()));
    });
    let done = ran.result.as_ref().unwrap();
    assert_eq!(done.cells.iter().map(|cell| cell.number).collect::<Vec<_>>(), [1, 3, 4]);
    let name = ran.folder.path().file_name().unwrap().to_string_lossy();
    assert_eq!(ran.output(Stream::Stdout), format!("hello {name}\n"));
    assert_eq!(ran.output(Stream::Shown), "42");
    assert!(matches!(&ran.events[0], Event::KernelStarted { language } if language.starts_with("python 3.")));
    assert!(matches!(&ran.events[1], Event::CellStarted { number: 1, of: 4, first_line } if first_line == "import os"));
    assert_eq!(ran.copied("/cells/3/outputs/0/data/text~1plain"), "42");
    assert_eq!(ran.copied("/cells/3/execution_count"), 2);
    assert_eq!(ran.copied("/nbformat_minor"), 5);
    assert_eq!(fs::read_to_string(ran.folder.path().join("made.txt")).unwrap(), "é");
}

#[test]
fn the_first_failing_cell_ends_the_run_with_number_line_and_traceback() {
    let ran = cells(&["x = 0", "def f(n):\n    return 1 / n\n\nf(x)", "print('never')"]);
    let failure = ran.failure();
    assert_eq!((failure.number, failure.of, failure.index, failure.line), (2, 3, 2, Some(2)));
    assert_eq!(failure.source_line.trim(), "return 1 / n");
    assert!(
        matches!(&failure.trouble, CellTrouble::Raised { name, message } if name == "ZeroDivisionError" && message == "division by zero")
    );
    assert!(failure.traceback.contains("f(x)") && !failure.traceback.contains('\u{1b}'), "{}", failure.traceback);
    let message = failure.to_string();
    assert!(
        message.ends_with("code cell 2 of 3, line 2 (`return 1 / n`) failed: ZeroDivisionError: division by zero"),
        "{message}"
    );
    assert_eq!(ran.copied("/cells/2/outputs/0/ename"), "ZeroDivisionError");
    assert_eq!(ran.copied("/cells/3/outputs"), &json!([]));
    assert!(!ran.output(Stream::Stdout).contains("never"));
}

#[test]
fn a_syntax_error_names_its_line() {
    let ran = cells(&["a = 1\nb = = 2"]);
    assert_eq!(ran.failure().line, Some(2), "{}", ran.failure().traceback);
    assert_eq!(ran.failure().source_line, "b = = 2");
}

#[test]
fn a_dying_kernel_is_named_at_once() {
    let start = Instant::now();
    let ran = cells(&["x = 1", "import os\nos._exit(3)", "x"]);
    let message = ran.failure().to_string();
    assert!(message.contains("code cell 2 of 3") && message.contains("ended with exit code 3"), "{message}");
    assert_eq!(ran.copied("/cells/2/outputs/0/ename"), "KernelDied");
    let ran = cells(&["import os, signal\nprint('before', flush=True)\nos.kill(os.getpid(), 9)"]);
    assert!(ran.failure().to_string().contains("killed by signal 9 (SIGKILL"), "{}", ran.failure());
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn an_endless_cell_is_interrupted_and_named_with_its_line() {
    let ran = try_cells(&["import time\nwhile True:\n    time.sleep(0.01)"], |run| {
        run.cell_limit = Some(Duration::from_secs(3));
    });
    let failure = ran.failure();
    assert!(matches!(failure.trouble, CellTrouble::TooLong { killed: false, .. }), "{failure}");
    assert!(failure.line == Some(3) || failure.line == Some(2), "{failure}");
    assert_eq!(ran.copied("/cells/1/outputs/0/ename"), "KeyboardInterrupt");
}

#[test]
fn a_cell_that_ignores_the_interrupt_is_killed() {
    let stubborn = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nopen('pid', 'w').write(str(__import__('os').getpid()))\ntime.sleep(1000)";
    let ran = try_cells(&[stubborn], |run| run.cell_limit = Some(Duration::from_secs(1)));
    assert!(ran.failure().to_string().contains("ignored the interrupt and was killed"), "{}", ran.failure());
    let pid = fs::read_to_string(ran.folder.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid).exists(), "the kernel outlived the run");
}

#[test]
fn processes_of_a_notebook_end_with_it() {
    let ran = cells(&["import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nprint(child.pid)"]);
    ran.result.as_ref().unwrap();
    let pid = ran.output(Stream::Stdout).trim().to_owned();
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "a process of the notebook outlived it: {state}");
}

#[test]
fn much_output_is_cut_with_a_note() {
    let ran = try_cells(&["for i in range(200_000):\n    print('line', i)", "print('after')"], |run| {
        run.output_limit = 100_000;
    });
    let done = ran.result.as_ref().unwrap();
    assert!(done.cells[0].cut && !done.cells[1].cut);
    let text = ran.copied("/cells/1/outputs/0/text").as_str().unwrap();
    assert_eq!(text.len(), 100_000);
    assert!(ran.copied("/cells/1/outputs/1/text").as_str().unwrap().contains("longer than 100000 bytes"));
    assert!(ran.output(Stream::Stdout).ends_with("after\n"));
}

#[test]
fn all_of_a_long_output_arrives_when_it_is_within_the_limit() {
    let ran = cells(&["import sys\nfor i in range(100_000):\n    print(i)\nfor i in range(3000):\n    display(i)"]);
    ran.result.as_ref().unwrap();
    let expected: String = (0..100_000).map(|i| format!("{i}\n")).collect();
    assert!(ran.output(Stream::Stdout) == expected, "output was lost");
    assert_eq!(ran.copied("/cells/1/outputs").as_array().unwrap().len(), 3001);
}

#[test]
fn a_cell_that_asks_for_input_is_told_so() {
    let ran = cells(&["name = input('Your name? ')"]);
    assert!(matches!(ran.failure().trouble, CellTrouble::AskedForInput), "{}", ran.failure());
    assert!(ran.failure().to_string().contains("Put the value into the cell"));
}

#[test]
fn displays_are_updated_and_cleared_as_in_jupyter() {
    let update = "from IPython.display import clear_output\nhandle = display('a', display_id=True)\nhandle.update('b')";
    let clear = "from IPython.display import clear_output\nprint('old')\nclear_output()\nprint('new')";
    let ran = cells(&[update, clear]);
    ran.result.as_ref().unwrap();
    assert_eq!(ran.copied("/cells/1/outputs/0/data/text~1plain"), "'b'");
    assert_eq!(ran.copied("/cells/2/outputs"), &json!([{"output_type": "stream", "name": "stdout", "text": "new\n"}]));
}

#[test]
fn a_python_without_a_kernel_is_named() {
    let ran = try_cells(&["1"], |run| {
        let folder = run.folder.join("empty");
        let made = std::process::Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(&folder).status();
        assert!(made.unwrap().success());
        run.python = folder.join("bin/python");
    });
    let message = ran.result.unwrap_err().to_string();
    assert!(message.contains("has no Jupyter kernel. Add `ipykernel`"), "{message}");
    let ran = try_cells(&["1"], |run| run.python = "/nowhere/python".into());
    assert!(ran.result.unwrap_err().to_string().starts_with("/nowhere/python cannot be started in"));
}

#[test]
fn what_is_no_notebook_is_refused_before_a_kernel_starts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.ipynb");
    let request =
        NotebookRun::new(&path, Path::new("/nowhere/python"), folder.path(), &folder.path().join("copy.ipynb"));
    let message = |text: &str| {
        fs::write(&path, text).unwrap();
        run::run(&request, &mut |_| {}).unwrap_err().to_string()
    };
    assert!(message("{\"cells\": [").contains("not valid JSON"));
    assert!(message("{\"cells\": [], \"nbformat\": 4}").contains("has no code to run"));
}

#[test]
fn makers_of_one_environment_wait_for_each_other_and_an_interrupted_one_is_made_again() {
    let cache = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let small = cache.path().join("small.lock");
    // One package of the fixture, with its own hashes.
    let text = fs::read_to_string(lock()).unwrap();
    let package = text.split('\n').skip_while(|line| !line.starts_with("six==") && !line.starts_with("traitlets=="));
    let kept: Vec<&str> = package.take_while(|line| !line.trim().starts_with('#')).collect();
    fs::write(&small, kept.join("\n") + "\n").unwrap();
    let (tools, shared) = (self::cache().join("tools"), cache.path().join("environments"));
    python(); // uv is there
    let request = EnvironmentRequest { lock: &small, folder: &shared, tools: &tools };
    let made: Vec<bool> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4).map(|_| scope.spawn(|| request.ensure(&mut |_| {}).unwrap().made)).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    let found = request.ensure(&mut |_| {}).unwrap();
    assert!(!found.made && found.python.exists());
    fs::remove_file(found.root.join("complete")).unwrap();
    fs::remove_dir_all(found.root.join("lib")).unwrap();
    assert!(request.ensure(&mut |_| {}).unwrap().made);
}

#[test]
fn a_wrong_hash_names_the_package() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let wrong = folder.path().join("wrong.lock");
    fs::write(&wrong, format!("six==1.16.0 \\\n    --hash=sha256:{}\n", "0".repeat(64))).unwrap();
    let tools = cache().join("tools");
    python();
    let request = EnvironmentRequest { lock: &wrong, folder: folder.path(), tools: &tools };
    let error = request.ensure(&mut |_| {}).unwrap_err();
    assert!(matches!(&error, EnvironmentError::HashMismatch { package, .. } if package == "six==1.16.0"), "{error}");
}

#[test]
fn a_run_that_keeps_going_lists_all_failures_and_ends_with_the_kernel() {
    let ran = try_cells(&["1 / 0", "open('nowhere.csv')", "x = 3"], |run| run.keep_going = true);
    let done = ran.result.as_ref().unwrap();
    let causes: Vec<&str> = done.failures.iter().filter_map(|f| f.cause()).map(|cause| cause.kind).collect();
    assert_eq!((done.failures.len(), done.cells.len(), causes), (2, 1, vec!["missing file"]));
    assert!(done.cells[0].memory > 10_000_000, "{}", done.cells[0].memory);
}

#[test]
fn the_limit_of_the_whole_ends_a_cell_without_a_limit_of_its_own() {
    let ran = try_cells(&["x = 1", "while True: pass"], |run| run.limit = Some(Duration::from_secs(3)));
    assert!(matches!(ran.failure().trouble, CellTrouble::RunTooLong { .. }), "{}", ran.failure());
}

#[test]
fn a_cell_that_holds_too_much_memory_is_killed_with_a_word() {
    let ran =
        try_cells(&["x = bytearray(900_000_000)\nimport time\ntime.sleep(60)"], |run| run.memory = Some(500_000_000));
    assert!(matches!(ran.failure().trouble, CellTrouble::TooMuchMemory { .. }), "{}", ran.failure());
    assert!(ran.failure().to_string().contains("more than the limit of 500 MB"), "{}", ran.failure());
}

#[test]
fn a_process_that_leaves_the_group_does_not_outlive_the_run() {
    let ran = cells(&[
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint(child.pid)",
    ]);
    ran.result.as_ref().unwrap();
    let pid = ran.output(Stream::Stdout).trim().to_owned();
    std::thread::sleep(Duration::from_millis(200));
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "a process of the notebook outlived it: {state}");
}

#[test]
fn the_network_can_be_off_and_cells_still_answer() {
    let source = "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), timeout=2)\nexcept OSError as error:\n    print('off:', error)";
    let ran = try_cells(&[source], |run| run.network = false);
    match &ran.result {
        Err(RunError::NetworkStaysOn { why }) => assert!(!why.is_empty()),
        other => assert!(other.is_ok() && ran.output(Stream::Stdout).contains("unreachable"), "{other:?}"),
    }
}
