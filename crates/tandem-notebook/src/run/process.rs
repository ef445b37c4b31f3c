//! The process of a kernel: its end, its signals, and the last of what it printed.
//! Not here: its command line and its sockets.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::fork::Forked;
use super::memory;

#[derive(Clone, Copy)]
pub(super) enum Signal {
    /// As ctrl-C does.
    Interrupt,
    /// The process and all that it started.
    KillGroup,
}

/// The process and its folder. Dropped, it and its descendants are killed.
pub(super) struct Process {
    body: Body,
    group: Option<u32>,
    log: Log,
    _readers: JoinSet<()>,
    folder: tempfile::TempDir,
}

/// Whose child it is.
enum Body {
    /// Ours.
    Own(Child),
    /// A nursery's, which writes to a file.
    Forked(Forked, PathBuf),
}

impl Process {
    pub fn new(mut child: Child, folder: tempfile::TempDir) -> Self {
        let (log, mut readers) = (Log::default(), JoinSet::new());
        log.follow(&mut readers, child.stdout.take());
        log.follow(&mut readers, child.stderr.take());
        Self { group: child.id(), body: Body::Own(child), log, _readers: readers, folder }
    }

    pub fn forked(forked: Forked, folder: tempfile::TempDir, log: PathBuf) -> Self {
        let group = Some(forked.pid);
        let body = Body::Forked(forked, log);
        Self { body, group, log: Log::default(), _readers: JoinSet::new(), folder }
    }

    /// The number of its process group.
    pub fn group(&self) -> Option<u32> {
        self.group
    }

    /// The end of what it printed past the protocol.
    pub fn log(&self) -> String {
        match &self.body {
            Body::Own(_) => self.log.text(),
            Body::Forked(_, path) => {
                let bytes = std::fs::read(path).unwrap_or_default();
                let end = &bytes[bytes.len().saturating_sub(Log::LONGEST)..];
                String::from_utf8_lossy(end).trim().to_owned()
            }
        }
    }

    /// Waits for its end; may be abandoned and asked again.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            let ended = match &mut self.body {
                Body::Own(child) => child.wait().await,
                Body::Forked(forked, _) => Ok(forked.wait().await),
            };
            match ended {
                Ok(status) => {
                    self.signal(Signal::KillGroup);
                    return status;
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        use rustix::process::{Pid, Signal as Number, kill_process, kill_process_group};
        let Some(pid) = self.group.and_then(|id| Pid::from_raw(id as i32)) else { return };
        // It may be gone already, which is what a kill is for.
        let _ = match signal {
            Signal::Interrupt => kill_process(pid, Number::INT),
            Signal::KillGroup => kill_process_group(pid, Number::KILL),
        };
    }

    #[cfg(not(unix))]
    pub fn signal(&self, _signal: Signal) {}
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KillGroup);
        if matches!(self.body, Body::Own(_)) {
            memory::kill_marked(&format!("IPYTHONDIR={}", self.folder.path().display()));
        }
        // Reaped here, so that no zombie stays while we live on.
        for _ in 0..200 {
            let over = match &mut self.body {
                Body::Own(child) => child.start_kill().is_err() || !matches!(child.try_wait(), Ok(None)),
                Body::Forked(forked, _) => forked.is_over(),
            };
            if over {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The last of what a process printed past the protocol.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    const LONGEST: usize = 20_000;

    fn follow(&self, readers: &mut JoinSet<()>, pipe: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let (Some(mut pipe), log) = (pipe, self.clone()) else { return };
        readers.spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
                let mut kept = log.0.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..count]);
                let excess = kept.len().saturating_sub(Self::LONGEST);
                kept.drain(..excess);
            }
        });
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}
