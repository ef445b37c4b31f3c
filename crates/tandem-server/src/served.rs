//! The served log: every row that was answered, with what it was answered from, one JSON object a line, numbered from 1.
//!
//! What is promised: a row is handed to the operating system before its answer is sent, so that it outlives a crash of the
//! service; the disk is made to hold it within a second, so that a crash of the machine loses at most the last second's rows
//! (they can be asked again: reads change nothing). A last line that was cut off is removed at the next start, which says so; a
//! line that is damaged anywhere else keeps the service from starting.
//! Not here: what a row holds (`questions.rs`), and the records' own log (tandem-data), which is synced before it acknowledges.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tandem_definitions::{Micros, time};

use crate::setup::{Event, StartError};

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
    last_answered: Option<Micros>,
}

/// What is checked of every row.
#[derive(Deserialize)]
struct Head<'a> {
    seq: u64,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
}

/// Where a row begins.
#[derive(Clone, Copy)]
struct Mark {
    seq: u64,
    segment: u32,
    offset: u64,
}

impl ServedLog {
    /// Opens the log in this folder, made when it is missing. `Some`: a torn last line was cut off.
    pub fn open(folder: &Path) -> Result<(Self, Option<Event>), StartError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |reason| StartError::State { path, reason }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut segments: Vec<u32> = fs::read_dir(folder)
            .map_err(failed(folder))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".jsonl")?.parse().ok())
            .collect();
        segments.sort_unstable();
        let mut scan = Scan { next: None, marks: Vec::new(), last_answered: None, cut: None };
        for segment in &segments {
            scan.segment(&path(folder, *segment), *segment, Some(segment) == segments.last())?;
        }
        let segment = segments.last().copied().unwrap_or(1);
        let file = path(folder, segment);
        let open = OpenOptions::new().create(true).append(true).open(&file).map_err(failed(&file))?;
        let bytes = open.metadata().map_err(failed(&file))?.len();
        let Scan { next, marks, last_answered, cut } = scan;
        let next = next.unwrap_or(1);
        let inner = Inner { file: open, segment, bytes, next, marks, unsynced: false, last_answered };
        Ok((Self { folder: folder.to_path_buf(), inner: Mutex::new(inner) }, cut))
    }

    /// The latest instant that was answered for when the log was opened.
    pub fn last_answered(&self) -> Option<Micros> {
        self.lock().last_answered
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

/// What is found in a log when it is opened.
struct Scan {
    next: Option<u64>,
    marks: Vec<Mark>,
    last_answered: Option<Micros>,
    cut: Option<Event>,
}

impl Scan {
    /// Checks and counts a segment's rows and notes places in it; a last line without its end is cut off the last segment.
    fn segment(&mut self, path: &Path, segment: u32, is_last: bool) -> Result<(), StartError> {
        let failed = |reason| StartError::State { path: path.to_path_buf(), reason };
        let file = OpenOptions::new().read(true).write(is_last).open(path).map_err(failed)?;
        let mut lines = BufReader::with_capacity(1 << 18, &file);
        let (mut offset, mut line, mut number) = (0, Vec::new(), 0);
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line).map_err(failed)? as u64;
            if read == 0 {
                return Ok(());
            }
            number += 1;
            let is_whole = line.ends_with(b"\n");
            if is_last && !is_whole {
                // Half a row, or the zeros that a crash of the machine leaves.
                file.set_len(offset).and_then(|()| file.sync_all()).map_err(failed)?;
                self.cut = Some(Event::Cut { file: path.to_path_buf(), line: number, bytes: read });
                return Ok(());
            }
            let row = if is_whole { self.row(&line) } else { Err("the line is cut off".to_owned()) };
            let seq = row.map_err(|reason| StartError::Damaged { path: path.to_path_buf(), line: number, reason })?;
            if offset == 0 || seq % STRIDE == 1 {
                self.marks.push(Mark { seq, segment, offset });
            }
            offset += read;
        }
    }

    /// The number of a row, which follows that of the row before.
    fn row(&mut self, line: &[u8]) -> Result<u64, String> {
        let head: Head<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
        // The number is in the row itself, so that a log whose oldest segments were taken away still reads.
        let expected = self.next.unwrap_or(head.seq);
        if head.seq != expected {
            return Err(format!("row {} stands where row {expected} belongs", head.seq));
        }
        self.next = Some(expected + 1);
        self.last_answered = self.last_answered.max(head.at.and_then(|at| time::parse_instant(&at, None)));
        Ok(expected)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value as Json;

    use super::*;

    fn open(folder: &Path) -> ServedLog {
        let (log, cut) = ServedLog::open(folder).unwrap();
        assert_eq!(cut, None);
        log
    }

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        let text = std::str::from_utf8(bytes).unwrap();
        text.lines().map(|l| serde_json::from_str::<Json>(l).unwrap()["seq"].as_u64().unwrap()).collect()
    }

    #[test]
    fn rows_are_numbered_over_restarts_and_read_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path());
        for i in 0..1500 {
            log.append(&[format!("\"a\":{i}}}"), format!("\"b\":{i}}}")]).unwrap();
        }
        log.sync().unwrap();
        assert_eq!(numbers(&log.read(0, 3).unwrap()), [1, 2, 3]);
        drop(log);
        let log = open(folder.path());
        assert_eq!(log.rows(), 3000);
        assert_eq!(log.append(&["\"c\":1}".to_owned()]).unwrap(), 3001);
        assert_eq!(numbers(&log.read(2046, 4).unwrap()), [2047, 2048, 2049, 2050]);
        assert_eq!(numbers(&log.read(2999, 9).unwrap()), [3000, 3001]);
        assert!(log.read(3001, 9).unwrap().is_empty());
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_told() {
        for torn in [&b"{\"seq\":2,\"a\""[..], b"\0\0\0\0\0\0", b"{\"seq\":2,\"a\":1}"] {
            let folder = tempfile::tempdir().unwrap();
            open(folder.path()).append(&["\"a\":1}".to_owned()]).unwrap();
            let path = folder.path().join("000001.jsonl");
            OpenOptions::new().append(true).open(&path).unwrap().write_all(torn).unwrap();
            let (log, cut) = ServedLog::open(folder.path()).unwrap();
            assert_eq!(cut, Some(Event::Cut { file: path, line: 2, bytes: torn.len() as u64 }));
            assert_eq!(log.append(&["\"a\":2}".to_owned()]).unwrap(), 2);
            assert_eq!(numbers(&log.read(0, 9).unwrap()), [1, 2]);
        }
    }

    #[test]
    fn a_line_that_is_damaged_elsewhere_is_told_and_nothing_is_cut() {
        let whole = "{\"seq\":1,\"a\":1}\n";
        for (damaged, line) in [
            ("garbage\n{\"seq\":3,\"a\":1}\n".to_owned(), 2),
            ("{\"seq\":2,\"a\":}\n{\"seq\":3,\"a\":1}\n".to_owned(), 2),
            ("{\"seq\":3,\"a\":1}\n".to_owned(), 2),
            ("{\"seq\":2,\"a\":1}\nterminated garbage\n".to_owned(), 3),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("000001.jsonl");
            fs::write(&path, format!("{whole}{damaged}")).unwrap();
            let error = ServedLog::open(folder.path()).err().unwrap().to_string();
            assert!(error.contains(&format!("000001.jsonl, line {line}:")) && error.contains("backup"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{whole}{damaged}"));
        }
        // Cut off, but not at the end of the log.
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("000001.jsonl"), &whole[..9]).unwrap();
        fs::write(folder.path().join("000002.jsonl"), "{\"seq\":2}\n").unwrap();
        let error = ServedLog::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("000001.jsonl, line 1:") && error.contains("cut off"), "{error}");
    }
}
