//! Kernels that are forked from one process which has imported a notebook's modules already: the import is paid once for
//! many runs. The process (`nursery.py`) ends with its [`Nursery`], and so do all its kernels.
//! Not here: connecting to a kernel (`kernel.rs`), and what a run records (`probe`).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::RunError;
use crate::probe::{Fixed, Probe};

/// A process that has imported modules and waits for runs. May be used by several threads.
pub struct Nursery {
    python: PathBuf,
    child: Mutex<Child>,
    line: Mutex<Line>,
}

/// Requests go in, and the kernels that they made come out, in order.
struct Line {
    requests: ChildStdin,
    made: Receiver<Forked>,
}

/// What distinguishes one run of a nursery from another.
#[derive(Clone, Debug, Default)]
pub struct Fork {
    /// Seeds and the clock; `None` leaves them.
    pub fixed: Option<Fixed>,
    /// What to record; `None`: nothing.
    pub probe: Option<Probe>,
}

/// A forked process, as far as we hear of it.
pub(super) struct Forked {
    pub pid: u32,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Forked {
    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        match self.ended.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_) => ExitStatus::from_raw(9), // the nursery is gone, and took its kernels along
        }
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.ended.borrow().is_some() || self.ended.has_changed().is_err()
    }
}

impl Nursery {
    /// Starts one and waits until it has imported the modules; those that cannot be imported are left to the notebook.
    pub fn start(python: &Path, modules: &[String]) -> Result<Self, RunError> {
        let trouble = |source| RunError::Start { python: python.to_path_buf(), folder: PathBuf::from("/"), source };
        let mut command = Command::new(python);
        command.args(["-c", include_str!("nursery.py")]).current_dir("/");
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env_remove("PYTHONSTARTUP");
        command.env("PYTHONNOUSERSITE", "1").env("JUPYTER_NO_CONFIG", "1").env("PYDEVD_DISABLE_FILE_VALIDATION", "1");
        // A fork copies one thread only, and the order of a set must not differ between runs.
        command.env("PYTHONHASHSEED", "0").env("POLARS_MAX_THREADS", "1");
        for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"] {
            command.env(name, "1");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(trouble)?;
        let (Some(mut requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(trouble(std::io::ErrorKind::BrokenPipe.into()));
        };
        let words = Words::follow(&mut child);
        // In this order: each may use those before it.
        let code = json!({
            "columns": include_str!("../probe/columns.py"), "fixed": include_str!("../probe/fixed.py"),
            "probe": include_str!("../probe/probe.py"),
        });
        let first = json!({"modules": modules, "code": code});
        let (sender, made) = channel();
        let (ready, is_ready) = channel();
        std::thread::spawn(move || listen(answers, &ready, &sender));
        let written = writeln!(requests, "{first}");
        if written.is_err() || is_ready.recv().is_err() {
            let how = child.wait().map(super::failure::end_in_words).unwrap_or_default();
            let log = words.text();
            if log.contains("No module named") && log.contains("ipykernel") {
                return Err(RunError::NoKernel { python: python.to_path_buf() });
            }
            return Err(RunError::KernelEnded { python: python.to_path_buf(), how, log });
        }
        let line = Mutex::new(Line { requests, made });
        Ok(Self { python: python.to_path_buf(), child: Mutex::new(child), line })
    }

    /// The Python that it runs.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// Makes a kernel for a connection file.
    pub(super) fn fork(&self, place: &Place<'_>, fork: &Fork) -> std::io::Result<Forked> {
        let env: serde_json::Map<String, Value> =
            place.env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let request = json!({
            "connection": place.connection, "folder": place.folder, "env": env, "log": place.log,
            "fixed": fork.fixed.map(Fixed::to_json), "probe": fork.probe.as_ref().map(Probe::to_json),
        });
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(line.requests, "{request}")?;
        let gone = std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the process that forks kernels has ended");
        line.made.recv_timeout(Duration::from_secs(30)).map_err(|_| gone)
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Where one kernel works.
pub(super) struct Place<'a> {
    pub connection: &'a Path,
    pub folder: &'a Path,
    pub env: &'a [(String, String)],
    pub log: &'a Path,
}

/// Passes on what the nursery says until it ends.
fn listen(answers: ChildStdout, ready: &Sender<()>, made: &Sender<Forked>) {
    let mut alive: BTreeMap<u64, watch::Sender<Option<ExitStatus>>> = BTreeMap::new();
    for line in BufReader::new(answers).lines() {
        let Ok(line) = line else { return };
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        if let Some(pid) = answer["forked"].as_u64() {
            let (sender, ended) = watch::channel(None);
            alive.insert(pid, sender);
            let _ = made.send(Forked { pid: pid as u32, ended });
        } else if let Some(sender) = answer["ended"].as_u64().and_then(|pid| alive.remove(&pid)) {
            let _ = sender.send(Some(ExitStatus::from_raw(answer["status"].as_i64().unwrap_or_default() as i32)));
        } else if answer["ready"] == true {
            let _ = ready.send(());
        }
    }
}

/// What the nursery printed, its end; read all the time, so that a full pipe never stops it.
struct Words(std::sync::Arc<Mutex<Vec<u8>>>);

impl Words {
    fn follow(child: &mut Child) -> Self {
        let kept = std::sync::Arc::new(Mutex::new(Vec::new()));
        if let Some(mut pipe) = child.stderr.take() {
            let kept = std::sync::Arc::clone(&kept);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = std::io::Read::read(&mut pipe, &mut buffer) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.extend_from_slice(&buffer[..count]);
                    let excess = kept.len().saturating_sub(20_000);
                    kept.drain(..excess);
                }
            });
        }
        Self(kept)
    }

    fn text(&self) -> String {
        std::thread::sleep(Duration::from_millis(50)); // its last words
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}
