//! The memory of a kernel and of all that it started, measured from outside several times a second; and the processes that
//! left its group. Linux only, through /proc; elsewhere nothing is known, and 0 is said.
//! Not here: what a limit means for a run.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Measures until it is dropped.
pub(super) struct Watcher {
    group: u32,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The most since it was last asked.
    peak: AtomicU64,
    /// What was held when the group was killed; 0: it was not.
    exceeded: AtomicU64,
    over: AtomicBool,
}

impl Watcher {
    /// Watches a process group, and kills it when it holds more than the limit.
    pub fn start(group: u32, limit: Option<u64>) -> Self {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || {
            while !seen.over.load(Ordering::Relaxed) {
                let held = held(group);
                seen.peak.fetch_max(held, Ordering::Relaxed);
                if limit.is_some_and(|limit| held > limit) {
                    seen.exceeded.store(held, Ordering::Relaxed);
                    kill(group, true);
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self { group, shared }
    }

    /// The most since this was last asked; measured now, too, since a short cell may lie between two measurements.
    pub fn take_peak(&self) -> u64 {
        self.shared.peak.swap(0, Ordering::Relaxed).max(held(self.group))
    }

    /// What was held when the group was killed.
    pub fn exceeded(&self) -> Option<u64> {
        Some(self.shared.exceeded.load(Ordering::Relaxed)).filter(|held| *held > 0)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

/// Kills every process that was started with this entry in its environment: one that made a session of its own is in no
/// group that we know.
pub(super) fn kill_marked(entry: &str) {
    for folder in processes() {
        let environment = fs::read(folder.join("environ")).unwrap_or_default();
        let marked = environment.split(|byte| *byte == 0).any(|one| one == entry.as_bytes());
        let number = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let Some(number) = number.filter(|_| marked) {
            kill(number, false);
        }
    }
}

/// The resident memory of a group in bytes. Pages that several processes share are counted for each.
fn held(group: u32) -> u64 {
    let member = |folder: &PathBuf| {
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(2).is_some_and(|number| number.parse() == Ok(group))
    };
    let resident = |folder: PathBuf| {
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    processes().filter(member).map(resident).sum()
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit())).map(|e| e.path())
}

#[cfg(unix)]
fn kill(number: u32, group: bool) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) else { return };
    // It may be gone already, which is what a kill is for.
    let _ = if group { kill_process_group(pid, Signal::KILL) } else { kill_process(pid, Signal::KILL) };
}

#[cfg(not(unix))]
fn kill(_number: u32, _group: bool) {}
