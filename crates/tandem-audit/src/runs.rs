//! The runs of one audit: each in a copy of the workspace with its own data, on a kernel forked from one process.
//! Not here: what their records mean.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tandem_notebook::probe::{self, Fixed, Only, Probe, Record, What};
use tandem_notebook::workspace::copy_folder;
use tandem_notebook::{Fork, NotebookRun, Nursery, RunError, run};

use crate::source::Table;
use crate::variant::{self, Kind};
use crate::{AuditError, instant};

/// One run to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub kind: Kind,
    pub at: i64,
    /// What is added to seeds.
    pub seeds: u32,
    /// The notebook's parameter `as_of`.
    pub as_of: Option<i64>,
    /// Perturb one column of one source only.
    pub only: Option<(usize, usize)>,
    /// Perturb these rows of one source only, whenever they are.
    pub rows: Option<(usize, Arc<BTreeSet<usize>>)>,
    /// Whether every statement is recorded, and not only what is audited.
    pub detail: bool,
}

impl Job {
    pub fn new(kind: Kind, at: i64) -> Self {
        Self { kind, at, seeds: 0, as_of: None, only: None, rows: None, detail: false }
    }
}

/// A run that was made.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub records: Vec<Record>,
    /// Why it did not come to its end.
    pub failure: Option<String>,
    /// The copy of the workspace, as the records name it.
    root: PathBuf,
}

/// What all runs share.
pub(crate) struct Stage {
    pub nursery: Arc<Nursery>,
    /// The folder that is copied for each run, and the notebook in it.
    pub root: PathBuf,
    pub notebook: PathBuf,
    pub tables: Vec<Table>,
    pub store: tempfile::TempDir,
    pub instant: f64,
    pub entities: Vec<String>,
    pub times: Vec<String>,
    pub cell_limit: Option<Duration>,
    /// Files that the notebook itself made: they are not there when a run begins.
    pub made: BTreeSet<PathBuf>,
    /// A folder with more bytes is not copied.
    pub copy_limit: u64,
    /// What runs without detail record.
    pub only: Only,
    /// The most memory that a run took, in bytes.
    pub peak: AtomicU64,
}

impl Replay {
    /// A path within the workspace, if it lies in it.
    pub fn relative<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.root).ok()
    }

    /// Files of the workspace that were opened so.
    pub fn opened(&self, wanted: &str) -> BTreeSet<PathBuf> {
        let paths = self.records.iter().filter_map(|record| match &record.what {
            What::Opened { path, mode } if mode == wanted => self.relative(path),
            _ => None,
        });
        paths.map(Path::to_path_buf).collect()
    }
}

impl Stage {
    /// Makes runs, several side by side; `done` hears of each.
    pub fn replay_all(&self, jobs: &[Job], done: &(dyn Fn() + Sync)) -> Result<Vec<Replay>, AuditError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(jobs.len());
        let threads = threads.min(fitting(self.peak.load(Ordering::Relaxed), available()));
        let (next, replays) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(number) else { return };
                        let replay = self.replay(job);
                        replays.lock().unwrap_or_else(PoisonError::into_inner).push((number, replay));
                        done();
                    }
                });
            }
        });
        let mut replays = replays.into_inner().unwrap_or_else(PoisonError::into_inner);
        replays.sort_by_key(|(number, _)| *number);
        replays.into_iter().map(|(_, replay)| replay).collect()
    }

    fn replay(&self, job: &Job) -> Result<Replay, AuditError> {
        let folder = tempfile::Builder::new().prefix("tandem-audit-").tempdir().map_err(AuditError::Folder)?;
        let root = folder.path().canonicalize().map_err(AuditError::Folder)?.join("work");
        copy_folder(&self.root, &root, &self.made, self.copy_limit)?;
        for (number, table) in self.tables.iter().enumerate() {
            let Ok(path) = table.source.path.strip_prefix(&self.root) else { continue };
            let others = [job.only.map(|(source, _)| source), job.rows.as_ref().map(|(source, _)| *source)];
            if job.kind == Kind::Full || others.into_iter().flatten().any(|source| source != number) {
                continue;
            }
            let (keep, replaced) = match &job.rows {
                Some((_, rows)) => (vec![true; table.rows()], variant::with_other_values(table, rows)),
                None => variant::make(table, job.kind, job.at, job.only.map(|(_, column)| column)),
            };
            table.render(&root.join(path), &keep, &replaced)?;
        }
        let notebook = root.join(&self.notebook);
        let here = notebook.parent().map_or_else(|| root.clone(), Path::to_path_buf);
        let log = folder.path().join("log.jsonl");
        let probe = Probe {
            out: log.clone(),
            store: self.store.path().to_path_buf(),
            entities: self.entities.clone(),
            times: self.times.clone(),
            as_of: job.as_of.map(instant::written),
            cells: 20_000_000,
            only: (!job.detail).then(|| self.only.clone()),
        };
        let fork = Fork { fixed: Some(Fixed { instant: self.instant, seeds: job.seeds }), probe: Some(probe) };
        let mut request =
            NotebookRun::new(&notebook, self.nursery.python(), &here, &folder.path().join("executed.ipynb"));
        request.cell_limit = self.cell_limit;
        let failure = match run::run_forked(&request, &self.nursery, &fork, &mut |_| {}) {
            Ok(executed) => {
                let peak = executed.cells.iter().map(|cell| cell.memory).max().unwrap_or(0);
                self.peak.fetch_max(peak, Ordering::Relaxed);
                None
            }
            Err(RunError::Cell(failure)) => Some(failure.to_string().replace(&format!("{}/", root.display()), "")),
            Err(error) => return Err(error.into()),
        };
        let records = probe::read(&log).map_err(AuditError::Folder)?;
        // A run that has told all that was wanted ends itself.
        let has_ended_itself = records.iter().any(|record| matches!(record.what, What::Enough));
        let failure = failure.filter(|_| !has_ended_itself);
        Ok(Replay { records, failure, root })
    }
}

/// How many runs that take so much memory go side by side; a fifth is left free.
fn fitting(peak: u64, available: Option<u64>) -> usize {
    match available {
        Some(available) if peak > 0 => usize::try_from(available / 5 * 4 / peak).unwrap_or(1).max(1),
        _ => usize::MAX,
    }
}

/// The memory that can be had without swapping, in bytes, where the system tells.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_side_by_side_as_memory_allows() {
        const GIB: u64 = 1 << 30;
        assert_eq!(fitting(3 * GIB, Some(10 * GIB)), 2);
        assert_eq!(fitting(30 * GIB, Some(10 * GIB)), 1, "one always has to try");
        assert_eq!((fitting(0, Some(GIB)), fitting(GIB, None)), (usize::MAX, usize::MAX), "nothing is known");
    }
}
