//! The served log: every row that was answered, with what it was answered from, one JSON object a line, numbered from 1.
//!
//! What is promised: a row is handed to the operating system before its answer is sent, so that it outlives a crash of the
//! service; the disk is made to hold it within a second, so that a crash of the machine loses at most the last second's rows
//! (they can be asked again: reads change nothing). A line that was cut off is removed at the next start.
//! Not here: what a row holds (`questions.rs`), and the records' own log (tandem-data), which is synced before it acknowledges.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

/// A segment that has grown this large is followed by the next.
const SEGMENT: u64 = 128 << 20;
/// Every so many rows the place is noted, so that reading starts near.
const STRIDE: u64 = 1024;

/// The served log, open for appending.
pub struct ServedLog {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    segment: u32,
    bytes: u64,
    next: u64,
    marks: Vec<Mark>,
    unsynced: bool,
}

/// Where a row begins.
#[derive(Clone, Copy)]
struct Mark {
    seq: u64,
    segment: u32,
    offset: u64,
}

impl ServedLog {
    /// Opens the log in this folder, made when it is missing; a torn last line is cut off.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut segments: Vec<u32> = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".jsonl")?.parse().ok())
            .collect();
        segments.sort_unstable();
        let (mut next, mut marks) = (1, Vec::new());
        for (i, segment) in segments.iter().enumerate() {
            let path = path(folder, *segment);
            if i + 1 == segments.len() {
                cut_torn_tail(&path)?;
            }
            scan(&path, *segment, &mut next, &mut marks)?;
        }
        let segment = segments.last().copied().unwrap_or(1);
        let file = OpenOptions::new().create(true).append(true).open(path(folder, segment))?;
        let bytes = file.metadata()?.len();
        let inner = Inner { file, segment, bytes, next, marks, unsynced: false };
        Ok(Self { folder: folder.to_path_buf(), inner: Mutex::new(inner) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends rows, each a JSON object's text without its number and its first brace; the number of the first of them.
    pub fn append(&self, rows: &[String]) -> io::Result<u64> {
        let mut inner = self.lock();
        if inner.bytes >= SEGMENT {
            inner.file.sync_data()?;
            inner.segment += 1;
            inner.file = OpenOptions::new().create(true).append(true).open(path(&self.folder, inner.segment))?;
            inner.bytes = 0;
        }
        let first = inner.next;
        let mut text = String::with_capacity(rows.iter().map(|row| row.len() + 32).sum());
        let mut marks = Vec::new();
        for (seq, row) in (first..).zip(rows) {
            if seq % STRIDE == 1 || inner.bytes == 0 && text.is_empty() {
                marks.push(Mark { seq, segment: inner.segment, offset: inner.bytes + text.len() as u64 });
            }
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{{\"seq\":{seq},{row}");
        }
        if let Err(error) = inner.file.write_all(text.as_bytes()) {
            // Half a row must not stand before the next one.
            let whole = inner.bytes;
            inner.file.set_len(whole)?;
            return Err(error);
        }
        inner.bytes += text.len() as u64;
        inner.next += rows.len() as u64;
        inner.marks.append(&mut marks);
        inner.unsynced = true;
        Ok(first)
    }

    /// Makes the disk hold all rows appended so far.
    pub fn sync(&self) -> io::Result<()> {
        let file = {
            let mut inner = self.lock();
            if !inner.unsynced {
                return Ok(());
            }
            inner.unsynced = false;
            inner.file.try_clone()?
        };
        file.sync_data()
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.lock().next - 1
    }

    /// The rows after this number, at most `limit` of them, as they stand in the log.
    pub fn read(&self, after: u64, limit: u64) -> io::Result<Vec<u8>> {
        let (mark, last_segment, bytes, next) = {
            let inner = self.lock();
            let found = inner.marks.partition_point(|mark| mark.seq <= after.saturating_add(1));
            let mark = found.checked_sub(1).map(|i| inner.marks[i]);
            (mark, inner.segment, inner.bytes, inner.next)
        };
        let mut out = Vec::new();
        let Some(Mark { mut seq, segment, mut offset }) = mark else { return Ok(out) };
        let end = next.min(after.saturating_add(limit).saturating_add(1));
        for segment in segment..=last_segment {
            let mut file = File::open(path(&self.folder, segment))?;
            file.seek(SeekFrom::Start(offset))?;
            // What is behind `bytes` may be half a row that another thread is writing.
            let length = if segment == last_segment { bytes - offset } else { u64::MAX };
            let mut lines = BufReader::new(file.take(length));
            while seq < end {
                let before = out.len();
                if lines.read_until(b'\n', &mut out)? == 0 {
                    break;
                }
                if seq <= after {
                    out.truncate(before);
                }
                seq += 1;
            }
            offset = 0;
        }
        Ok(out)
    }
}

fn path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:06}.jsonl"))
}

fn cut_torn_tail(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let (mut whole, mut offset, mut line) = (0, 0, Vec::new());
    let mut lines = BufReader::new(&file);
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        offset += read;
        // After a crash of the machine, a file can end in zeros: only the last stretch of whole rows counts.
        if line.ends_with(b"}\n") && line.starts_with(b"{\"seq\":") {
            whole = offset;
        } else {
            break;
        }
    }
    if whole < file.metadata()?.len() {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Counts a segment's rows and notes places in it.
fn scan(path: &Path, segment: u32, next: &mut u64, marks: &mut Vec<Mark>) -> io::Result<()> {
    let mut lines = BufReader::new(File::open(path)?);
    let (mut offset, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            return Ok(());
        }
        if offset == 0 {
            // The number is in the row itself, so that a log whose oldest segments were taken away still reads.
            let row: Json = serde_json::from_slice(&line).map_err(io::Error::other)?;
            *next = row["seq"].as_u64().unwrap_or(*next);
        }
        if offset == 0 || *next % STRIDE == 1 {
            marks.push(Mark { seq: *next, segment, offset });
        }
        offset += read;
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        let text = std::str::from_utf8(bytes).unwrap();
        text.lines().map(|l| serde_json::from_str::<Json>(l).unwrap()["seq"].as_u64().unwrap()).collect()
    }

    #[test]
    fn rows_are_numbered_over_restarts_and_read_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let log = ServedLog::open(folder.path()).unwrap();
        for i in 0..1500 {
            log.append(&[format!("\"a\":{i}}}"), format!("\"b\":{i}}}")]).unwrap();
        }
        log.sync().unwrap();
        assert_eq!(numbers(&log.read(0, 3).unwrap()), [1, 2, 3]);
        drop(log);
        let log = ServedLog::open(folder.path()).unwrap();
        assert_eq!(log.rows(), 3000);
        assert_eq!(log.append(&["\"c\":1}".to_owned()]).unwrap(), 3001);
        assert_eq!(numbers(&log.read(2046, 4).unwrap()), [2047, 2048, 2049, 2050]);
        assert_eq!(numbers(&log.read(2999, 9).unwrap()), [3000, 3001]);
        assert!(log.read(3001, 9).unwrap().is_empty());
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        for torn in [&b"{\"seq\":2,\"a\""[..], b"\0\0\0\0\0\0", b"{\"seq\":2,\"a\":1}"] {
            let folder = tempfile::tempdir().unwrap();
            ServedLog::open(folder.path()).unwrap().append(&["\"a\":1}".to_owned()]).unwrap();
            let mut file = OpenOptions::new().append(true).open(folder.path().join("000001.jsonl")).unwrap();
            file.write_all(torn).unwrap();
            let log = ServedLog::open(folder.path()).unwrap();
            assert_eq!(log.append(&["\"a\":2}".to_owned()]).unwrap(), 2);
            assert_eq!(numbers(&log.read(0, 9).unwrap()), [1, 2]);
        }
    }
}
