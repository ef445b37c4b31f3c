//! The durable log that the service writes: one folder a source, JSON lines, in segments `000001.jsonl`, `000002.jsonl`, …
//!
//! A line counts from the moment [`AppendLog::append`] returns its position, and not before: then it is on the disk.
//! Callers that wait at the same time share one fsync. A write that fails is undone, so that what was acknowledged stays
//! the whole of what is there. Deliberately not here: what a line means (it is checked before), and reading records
//! back (`crate::read` does, behind the files of the source's location).

mod recovery;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

pub use recovery::{Recovery, Torn};

/// The file in a log's folder that says how many records lie before the log's own: those of the source's location.
const BEGINS_AT: &str = "begins-at";

/// How many records the source's location had when the log in this folder began; `None`: that was not noted.
pub fn begins_at(folder: &Path) -> io::Result<Option<u64>> {
    let text = match std::fs::read_to_string(folder.join(BEGINS_AT)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let number = text.trim().parse().map_err(|_| io::Error::other(format!("`{BEGINS_AT}` holds no number")));
    number.map(Some)
}

/// A segment that has reached this length is followed by a new one.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Why the log could not be opened or added to.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Another process writes it.
    #[error("the log {} is being written by another process. Stop the other `tandem serve` of this project first", .0.display())]
    InUse(PathBuf),
    /// A line of a segment is no record, and not the last one.
    #[error("{}, line {line}: not a JSON object ({reason}). This line was damaged after it was written: restore the file from a backup; without the line, the positions of all records behind it would move", file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What the reader stumbled over.
        reason: String,
    },
    /// A segment is gone, and a later one is there.
    #[error("{} is missing, and a later segment of the log is there. Restore it from a backup: without it, the positions of all records behind it would move", .0.display())]
    Missing(PathBuf),
    /// A line to append is empty or holds a line break.
    #[error("a record to append is not one line of text. This is a mistake in Tandem: please report it")]
    NotALine,
    /// The operating system refused; nothing of the records handed over was kept.
    #[error("the log {} could not be {what}: {error}. None of these records was kept; free space on the disk or mend it, then send them again", path.display())]
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        error: Arc<io::Error>,
    },
}

impl AppendError {
    fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Failed { path: path.to_path_buf(), what, error: Arc::new(error) }
    }
}

/// What a segment lies on. The seam is for faults in tests.
trait Medium: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_all()
    }
}

type Wrap = Box<dyn Fn(File) -> Box<dyn Medium> + Send>;

/// A source's own log, open for appending; shared by all threads.
pub struct AppendLog {
    queue: Mutex<Queue>,
    committed: Condvar,
    segments: Mutex<Segments>,
    /// Held as long as the log is open; the operating system lets go of it when the process dies.
    _lock: File,
}

#[derive(Default)]
struct Queue {
    pending: Batch,
    committing: bool,
}

/// Lines of several callers that become durable together.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
    /// The position of the first line, once it is durable.
    outcome: Arc<OnceLock<Result<u64, AppendError>>>,
}

struct Segments {
    folder: PathBuf,
    wrap: Wrap,
    limit: u64,
    number: u32,
    current: Option<Box<dyn Medium>>,
    /// The length of the current segment that is durable.
    length: u64,
    /// Something beyond the durable length may be left from a failed write.
    dirty: bool,
    records: u64,
}

impl AppendLog {
    /// Opens the log in this folder, and makes the folder if need be. What a crash left half written at its very end is
    /// cut off: it was never acknowledged.
    pub fn open(folder: &Path) -> Result<(Self, Recovery), AppendError> {
        Self::open_with(folder, Box::new(|file| Box::new(file)), SEGMENT_BYTES)
    }

    fn open_with(folder: &Path, wrap: Wrap, limit: u64) -> Result<(Self, Recovery), AppendError> {
        let lock = recovery::lock(folder)?;
        let recovery = recovery::recover(folder)?;
        let mut segments = Segments {
            folder: folder.to_path_buf(),
            wrap,
            limit,
            number: recovery.segments,
            current: None,
            length: recovery.last_length,
            dirty: false,
            records: recovery.records,
        };
        if recovery.segments > 0 {
            let path = segments.path();
            let file = File::options().append(true).open(&path).map_err(AppendError::failed(&path, "opened"))?;
            segments.current = Some((segments.wrap)(file));
        }
        let log =
            Self { queue: Mutex::default(), committed: Condvar::new(), segments: Mutex::new(segments), _lock: lock };
        Ok((log, recovery))
    }

    /// Appends the lines (without their line ends), one after the other, and returns the position of the first, counted
    /// from the beginning of this log. When it returns, they are on the disk; when it fails, none of them is.
    pub fn append(&self, lines: &[impl AsRef<str>]) -> Result<u64, AppendError> {
        if lines.iter().any(|l| l.as_ref().trim().is_empty() || l.as_ref().contains(['\n', '\r'])) {
            return Err(AppendError::NotALine);
        }
        let mut queue = lock(&self.queue);
        let before = queue.pending.lines;
        for line in lines {
            queue.pending.bytes.extend_from_slice(line.as_ref().as_bytes());
            queue.pending.bytes.push(b'\n');
        }
        queue.pending.lines += lines.len() as u64;
        let outcome = Arc::clone(&queue.pending.outcome);
        loop {
            if let Some(outcome) = outcome.get() {
                return outcome.clone().map(|first| first + before);
            }
            if queue.committing {
                queue = self.committed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // This caller commits for all that have gathered; those that come meanwhile make the next batch.
            queue.committing = true;
            let batch = std::mem::take(&mut queue.pending);
            drop(queue);
            let result = lock(&self.segments).commit(&batch);
            queue = lock(&self.queue);
            queue.committing = false;
            // Set once: the batch left the queue, so nobody else has it to commit.
            let _ = batch.outcome.set(result);
            self.committed.notify_all();
        }
    }

    /// Notes, durably, how many records lie before this log's own.
    pub fn set_begins_at(&self, records: u64) -> Result<(), AppendError> {
        let folder = lock(&self.segments).folder.clone();
        let path = folder.join(BEGINS_AT);
        let write = || {
            let mut file = tempfile::Builder::new().prefix(".begins-at").tempfile_in(&folder)?;
            writeln!(file, "{records}")?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            recovery::sync_folder(&folder)
        };
        write().map_err(AppendError::failed(&path, "written"))
    }

    /// How many records are durable.
    pub fn records(&self) -> u64 {
        lock(&self.segments).records
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Segments {
    fn path(&self) -> PathBuf {
        self.folder.join(format!("{:06}.jsonl", self.number))
    }

    /// Makes the batch durable, or leaves everything as it was.
    fn commit(&mut self, batch: &Batch) -> Result<u64, AppendError> {
        if batch.bytes.is_empty() {
            return Ok(self.records);
        }
        self.clean()?;
        if self.current.is_none() || self.length >= self.limit {
            self.begin_segment()?;
        }
        let path = self.path();
        let Some(file) = &mut self.current else { return Err(AppendError::NotALine) };
        let written = file.write(&batch.bytes).and_then(|()| file.sync());
        if let Err(error) = written {
            self.dirty = true;
            // If this fails too, the next call tries it again before it writes.
            let _ = self.clean();
            return Err(AppendError::failed(&path, "written")(error));
        }
        let first = self.records;
        self.length += batch.bytes.len() as u64;
        self.records += batch.lines;
        Ok(first)
    }

    /// Takes back what a failed write left beyond the durable length.
    fn clean(&mut self) -> Result<(), AppendError> {
        if self.dirty {
            let (path, length) = (self.path(), self.length);
            if let Some(file) = &mut self.current {
                file.truncate(length).map_err(AppendError::failed(&path, "put back to its last whole record"))?;
            }
            self.dirty = false;
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), AppendError> {
        let next = self.folder.join(format!("{:06}.jsonl", self.number + 1));
        // A file left by a failed attempt is empty, and is taken over.
        let file = File::options()
            .create(true)
            .append(true)
            .open(&next)
            .and_then(|file| recovery::sync_folder(&self.folder).map(|()| file))
            .map_err(AppendError::failed(&next, "begun"))?;
        self.number += 1;
        self.current = Some((self.wrap)(file));
        self.length = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
