//! Notebooks that do what no notebook should, and a world without a package index or uv: each ends with a clear word.
//! Not here: the limits in detail, which `notebooks.rs` tests.
#![allow(clippy::unwrap_used)]

mod kernel;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kernel::{cache, cells, python, try_cells};
use serde_json::{Value, json};
use tandem_notebook::environment::{Wanted, prepare};
use tandem_notebook::{AsOf, Event, Notebook, NotebookRun, Stream, Workspace, run};

#[test]
fn a_thousand_cells_run_in_order() {
    let texts: Vec<String> = (0..1000).map(|i| format!("x = {i}")).chain(["print(x)".to_owned()]).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let ran = cells(&texts);
    assert_eq!(ran.result.as_ref().unwrap().cells.len(), 1001);
    assert_eq!(ran.output(Stream::Stdout), "999\n");
}

#[test]
fn a_gigabyte_of_output_is_cut_in_good_time() {
    let start = Instant::now();
    let ran = try_cells(
        &["text = 'x' * 999_999 + '\\n'\nfor _ in range(1000):\n    print(text, end='')", "print('after')"],
        |run| {
            run.output_limit = 1_000_000;
            run.cell_limit = Some(Duration::from_mins(3));
        },
    );
    let done = ran.result.as_ref().unwrap();
    assert!(done.cells[0].cut, "{done:?}");
    assert!(ran.output(Stream::Stdout).len() < 1_100_000);
    assert!(ran.output(Stream::Stdout).ends_with("after\n"));
    assert!(start.elapsed() < Duration::from_mins(3), "{:?}", start.elapsed());
}

#[test]
fn a_notebook_that_changes_directory_still_leaves_its_copy_where_it_was_asked_for() {
    let ran = cells(&["import os\nos.chdir('/')", "print(os.getcwd())"]);
    ran.result.as_ref().unwrap();
    assert_eq!(ran.copied("/cells/2/outputs/0/text"), "/\n");
}

#[test]
fn a_notebook_that_deletes_and_overwrites_its_inputs_does_so_in_its_copy_only() {
    let folder = tempfile::tempdir().unwrap();
    let (path, data) = (folder.path().join("a.ipynb"), folder.path().join("data.csv"));
    fs::write(&data, "a,b\n").unwrap();
    let source = "import os, shutil\nprint(open('data.csv').read())\nopen('data.csv', 'w').write('gone')\nos.remove('a.ipynb')\nshutil.rmtree(os.getcwd())";
    let text = json!({"nbformat": 4, "cells": [{"cell_type": "code", "source": source}]}).to_string();
    fs::write(&path, &text).unwrap();
    let workspace = Workspace::copy(&Notebook::read(&path).unwrap(), 1_000_000, &mut |_, _| {}).unwrap();
    let executed = folder.path().join("a.executed.ipynb");
    run::run(&NotebookRun::new(&path, python(), workspace.folder(), &executed), &mut |_| {}).unwrap();
    drop(workspace);
    assert_eq!((fs::read_to_string(&data).unwrap(), fs::read_to_string(&path).unwrap()), ("a,b\n".to_owned(), text));
}

#[test]
fn children_of_a_fork_end_with_the_run() {
    let source = "import os, time\nfor _ in range(10):\n    pid = os.fork()\n    if pid == 0:\n        time.sleep(1000)\n        os._exit(0)\n    print(pid)";
    let ran = cells(&[source, "print('after')"]);
    ran.result.as_ref().unwrap();
    let printed = ran.output(Stream::Stdout);
    let pids: Vec<&str> = printed.lines().filter(|line| line.parse::<u32>().is_ok()).collect();
    assert_eq!(pids.len(), 10, "{printed}");
    std::thread::sleep(Duration::from_millis(200));
    for pid in pids {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "a child outlived the run: {state}");
    }
}

#[test]
fn a_fork_that_goes_on_as_a_second_kernel_does_not_hang_the_run() {
    let start = Instant::now();
    // Whether the child's answers spoil the connection is up to chance; that it ends is not.
    let ran = try_cells(&["import os\nos.fork() and None", "print('after')"], |run| {
        run.limit = Some(Duration::from_secs(20));
    });
    assert!(start.elapsed() < Duration::from_mins(1), "{:?}", start.elapsed());
    assert!(matches!(&ran.events[0], Event::KernelStarted { .. }));
}

#[test]
fn a_notebook_of_another_language_is_refused_by_name() {
    let text = json!({"nbformat": 4, "metadata": {"kernelspec": {"name": "ir", "language": "R"}},
        "cells": [{"cell_type": "code", "source": "x <- 1"}]});
    let message = Notebook::parse(Path::new("a.ipynb"), text.to_string().as_bytes()).unwrap_err().to_string();
    assert!(message.contains("written for R, and Tandem runs Python notebooks"), "{message}");
}

#[test]
fn what_was_stored_as_raised_may_be_raised_again_if_its_author_went_on() {
    let cell = |source: &str, count: u64, name: Option<&str>| -> Value {
        let outputs = name
            .map_or(json!([]), |name| json!([{"output_type": "error", "ename": name, "evalue": "", "traceback": []}]));
        json!({"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs, "execution_count": count})
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ipynb");
    let passes = |cells: &[Value]| {
        fs::write(&path, json!({"nbformat": 4, "cells": cells}).to_string()).unwrap();
        let mut request = NotebookRun::new(&path, python(), folder.path(), &folder.path().join("b.ipynb"));
        request.as_stored = true;
        run::run(&request, &mut |_| {}).is_ok()
    };
    let after = cell("2", 2, None);
    assert!(passes(&[cell("1 / 0", 1, Some("ZeroDivisionError")), after.clone()]));
    assert!(!passes(&[cell("1 / 0", 1, Some("KeyError")), after]));
    assert!(!passes(&[cell("1", 1, None), cell("1 / 0", 2, Some("ZeroDivisionError"))]), "it ended there");
}

/// Also started by [`elsewhere`], where it fails.
#[test]
fn a_notebook_gets_todays_packages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ipynb");
    let text = json!({"nbformat": 4, "cells": [{"cell_type": "code", "source": "import six"}]}).to_string();
    fs::write(&path, text).unwrap();
    let wanted = Wanted {
        notebook: &Notebook::read(&path).unwrap(),
        lock: None,
        requirements: None,
        as_of: AsOf::Today,
        python: None,
        folder: &folder.path().join("environments"),
        tools: &cache().join("tools"),
        today: "2024-05-01",
    };
    let made = prepare(&wanted, &mut |_| {}).unwrap_or_else(|error| panic!("refused: {error}"));
    assert_eq!(made.source, "what the notebook imports, today's versions");
}

/// What preparing an environment says with this environment variable set.
fn elsewhere(name: &str, value: &str) -> String {
    python(); // uv is there
    let uncached = tempfile::tempdir().unwrap();
    let mut inner = Command::new(std::env::current_exe().unwrap());
    inner.args(["a_notebook_gets_todays_packages", "--exact", "--nocapture"]);
    for other in ["UV_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX"] {
        inner.env_remove(other);
    }
    let output = inner.env("UV_CACHE_DIR", uncached.path()).env(name, value).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_index_that_does_not_answer_is_named_as_the_trouble() {
    let start = Instant::now();
    let said = elsewhere("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple");
    assert!(said.contains("refused: ") && said.contains("the package index was not reached"), "{said}");
    assert!(start.elapsed() < Duration::from_mins(2), "{:?}", start.elapsed());
}

#[test]
fn a_uv_that_is_not_there_is_named() {
    let said = elsewhere("TANDEM_UV", "/nonexistent/uv");
    assert!(said.contains("refused: /nonexistent/uv is not a uv that runs"), "{said}");
}
