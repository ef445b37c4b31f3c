//! Opening a log after whatever happened: who holds it, how many records it has, and what a crash left half written.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use super::AppendError;

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records the log has.
    pub records: u64,
    /// How many segments.
    pub segments: u32,
    /// What was cut off the end.
    pub torn: Option<Torn>,
    pub(super) last_length: u64,
}

/// A last line that was never finished, and so never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// Makes the folder, and holds it against other processes.
pub(super) fn lock(folder: &Path) -> Result<File, AppendError> {
    make_folder(folder).map_err(AppendError::failed(folder, "made"))?;
    let path = folder.join(".lock");
    let file = File::options().create(true).append(true).open(&path).map_err(AppendError::failed(&path, "opened"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AppendError::InUse(folder.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(AppendError::failed(&path, "locked")(error)),
    }
}

/// A folder that is still there after a power cut: each new name is synced in its parent.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(parent)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Counts the records of all segments, and cuts a torn end off the last.
pub(super) fn recover(folder: &Path) -> Result<Recovery, AppendError> {
    let mut recovery = Recovery::default();
    loop {
        let file = folder.join(format!("{:06}.jsonl", recovery.segments + 1));
        if !file.is_file() {
            // A later segment without this one: its records would be lost without a word.
            return if has_later(folder, recovery.segments + 1).map_err(AppendError::failed(folder, "read"))? {
                Err(AppendError::Missing(file))
            } else {
                Ok(recovery)
            };
        }
        let last = !folder.join(format!("{:06}.jsonl", recovery.segments + 2)).is_file();
        recovery.segments += 1;
        recover_segment(&file, last, &mut recovery)?;
    }
}

/// Whether the folder has a segment of a higher number.
fn has_later(folder: &Path, than: u32) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse::<u32>().ok());
        if number.is_some_and(|number| number > than) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn recover_segment(file: &Path, last: bool, recovery: &mut Recovery) -> Result<(), AppendError> {
    let unreadable = |e| AppendError::failed(file, "read")(e);
    let open = File::open(file).map_err(unreadable)?;
    let size = open.metadata().map_err(unreadable)?.len();
    let mut text = BufReader::with_capacity(1 << 18, open);
    let (mut buffer, mut line, mut good) = (Vec::new(), 0, 0);
    loop {
        buffer.clear();
        let read = text.read_until(b'\n', &mut buffer).map_err(unreadable)? as u64;
        if read == 0 {
            break;
        }
        line += 1;
        let Err(reason) = check(&buffer) else {
            good += read;
            recovery.records += 1;
            continue;
        };
        if !last || good + read < size {
            return Err(AppendError::Damaged { file: file.to_path_buf(), line, reason });
        }
        let cut = File::options().write(true).open(file).and_then(|f| f.set_len(good).and_then(|()| f.sync_all()));
        cut.map_err(AppendError::failed(file, "cut back to its last whole record"))?;
        recovery.torn = Some(Torn { file: file.to_path_buf(), line, bytes: size - good });
    }
    recovery.last_length = good;
    Ok(())
}

/// A whole line with one JSON object.
fn check(line: &[u8]) -> Result<(), String> {
    if line.last() != Some(&b'\n') {
        return Err("the line is cut off".to_owned());
    }
    if !line.starts_with(b"{") {
        return Err("the line is no object".to_owned());
    }
    serde_json::from_slice::<IgnoredAny>(line).map(|_| ()).map_err(|e| e.to_string())
}
