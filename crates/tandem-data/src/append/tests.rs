//! The log under concurrent callers, torn at every byte, and on a disk that fails.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

fn read_all(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    files.iter().flat_map(|f| fs::read_to_string(f).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A disk with room for some bytes; a write that does not fit is cut short, as a real one is.
#[derive(Clone, Default)]
struct Disk {
    room: Arc<AtomicUsize>,
    sync_fails: Arc<AtomicBool>,
    truncate_fails: Arc<AtomicBool>,
    syncs: Arc<AtomicUsize>,
}

struct OnDisk(File, Disk);

impl Medium for OnDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = bytes.len().min(self.1.room.load(Ordering::SeqCst));
        self.0.write_all(&bytes[..fits])?;
        self.1.room.fetch_sub(fits, Ordering::SeqCst);
        if fits == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.1.syncs.fetch_add(1, Ordering::SeqCst);
        if self.1.sync_fails.load(Ordering::SeqCst) {
            Err(io::Error::other("input/output error"))
        } else {
            self.0.sync_data()
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        if self.1.truncate_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("input/output error"));
        }
        self.0.set_len(length)
    }
}

fn open_on(disk: &Disk, folder: &Path, limit: u64) -> AppendLog {
    let disk = disk.clone();
    AppendLog::open_with(folder, Box::new(move |file| Box::new(OnDisk(file, disk.clone()))), limit).unwrap().0
}

#[test]
fn concurrent_appends_keep_order_and_count() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    disk.room.store(usize::MAX, Ordering::SeqCst);
    // Small segments, so that many are begun under load.
    let log = open_on(&disk, folder.path(), 4_096);
    let positions: Vec<Vec<(u64, String)>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let log = &log;
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    for n in 0..100 {
                        let lines: Vec<String> =
                            (0..=n % 3).map(|part| format!("{{\"w\":{worker},\"n\":{n},\"part\":{part}}}")).collect();
                        let first = log.append(&lines).unwrap();
                        mine.extend(lines.into_iter().enumerate().map(|(i, l)| (first + i as u64, l)));
                    }
                    mine
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let written = read_all(folder.path());
    assert_eq!(written.len() as u64, log.records());
    assert_eq!(written.len(), positions.iter().map(Vec::len).sum::<usize>());
    for worker in &positions {
        assert!(worker.is_sorted_by_key(|(position, _)| *position), "a caller's own lines keep their order");
        for (position, line) in worker {
            assert_eq!(written[*position as usize], *line);
        }
    }
    let calls = 8 * 100;
    assert!(disk.syncs.load(Ordering::SeqCst) < calls, "callers at the same time share an fsync");
    drop(log);
    let (_, recovery) = AppendLog::open(folder.path()).unwrap();
    assert_eq!(recovery.records, written.len() as u64);
    assert!(recovery.segments > 5 && recovery.torn.is_none(), "{recovery:?}");
}

#[test]
fn torn_at_every_byte_offset() {
    let whole = "{\"a\":1}\n{\"b\":\"ü\"}\n{\"c\":[1,{}]}\n";
    for cut in 0..=whole.len() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("000001.jsonl");
        fs::write(&file, &whole.as_bytes()[..cut]).unwrap();
        let (log, recovery) = AppendLog::open(folder.path()).unwrap();
        let ends = whole.as_bytes()[..cut].split(|b| *b == b'\n').count() - 1;
        let kept = whole.as_bytes()[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        assert_eq!(recovery.records, ends as u64, "cut at {cut}");
        assert_eq!(recovery.torn.map_or(0, |t| t.bytes), (cut - kept) as u64, "cut at {cut}");
        assert_eq!(log.append(&["{\"after\":1}"]).unwrap(), ends as u64);
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}{{\"after\":1}}\n", &whole[..kept]));
    }
}

#[test]
fn a_last_line_that_is_no_json_is_cut_and_another_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("000001.jsonl");
    fs::write(&first, "{\"a\":1}\n\0\0\0\0\n").unwrap();
    let (_, recovery) = AppendLog::open(folder.path()).unwrap();
    assert_eq!(recovery.torn, Some(Torn { file: first.clone(), line: 2, bytes: 5 }));

    fs::write(&first, "{\"a\":1}\n{\"a\":\n{\"a\":3}\n").unwrap();
    let error = AppendLog::open(folder.path()).err().unwrap().to_string();
    assert!(
        error.contains("000001.jsonl, line 2") && error.contains("restore the file") && !error.contains("remove"),
        "{error}"
    );

    // Torn, but not in the last segment.
    fs::write(&first, "{\"a\":1}\n{\"a\":2").unwrap();
    fs::write(folder.path().join("000002.jsonl"), "{\"a\":3}\n").unwrap();
    let error = AppendLog::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("000001.jsonl, line 2") && error.contains("cut off"), "{error}");
}

#[test]
fn a_full_disk_loses_nothing_acknowledged_and_the_log_stays_usable() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    disk.room.store(25, Ordering::SeqCst);
    let log = open_on(&disk, folder.path(), SEGMENT_BYTES);
    assert_eq!(log.append(&["{\"n\":1}", "{\"n\":2}"]).unwrap(), 0);
    let error = log.append(&["{\"n\":3}", "{\"n\":4}"]).err().unwrap().to_string();
    assert!(error.contains("000001.jsonl") && error.contains("free space"), "{error}");
    assert_eq!(read_all(folder.path()), ["{\"n\":1}", "{\"n\":2}"], "the short write was taken back");

    // Even the taking back fails: nothing is written over the remains until it works.
    disk.room.store(5, Ordering::SeqCst);
    disk.truncate_fails.store(true, Ordering::SeqCst);
    assert!(log.append(&["{\"n\":5}"]).is_err());
    disk.room.store(usize::MAX, Ordering::SeqCst);
    assert!(log.append(&["{\"n\":6}"]).is_err());
    disk.truncate_fails.store(false, Ordering::SeqCst);
    assert_eq!(log.append(&["{\"n\":7}"]).unwrap(), 2);

    disk.sync_fails.store(true, Ordering::SeqCst);
    assert!(log.append(&["{\"n\":8}"]).is_err());
    disk.sync_fails.store(false, Ordering::SeqCst);
    assert_eq!(log.append(&["{\"n\":9}"]).unwrap(), 3);
    assert_eq!(read_all(folder.path()), ["{\"n\":1}", "{\"n\":2}", "{\"n\":7}", "{\"n\":9}"]);
}

#[test]
fn a_failed_batch_is_told_to_every_caller() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let log = open_on(&disk, folder.path(), SEGMENT_BYTES);
    let failures = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8).map(|_| scope.spawn(|| log.append(&["{\"n\":1}"]).is_err())).collect();
        callers.into_iter().map(|c| c.join().unwrap()).filter(|failed| *failed).count()
    });
    assert_eq!((failures, log.records()), (8, 0));
}

#[test]
fn one_writer_at_a_time_and_one_line_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = AppendLog::open(&folder.path().join("deep/er")).unwrap();
    let error = AppendLog::open(&folder.path().join("deep/er")).err().unwrap().to_string();
    assert!(error.contains("another process") && error.contains("deep/er"), "{error}");
    assert!(matches!(log.append(&["{\"a\":\n1}"]), Err(AppendError::NotALine)));
    assert!(matches!(log.append(&[""]), Err(AppendError::NotALine)));
    assert_eq!(log.append(&[] as &[&str]).unwrap(), 0);
}

#[test]
fn a_segment_that_is_gone_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("000002.jsonl"), "{\"a\":1}\n").unwrap();
    let error = AppendLog::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("000001.jsonl is missing") && error.contains("backup"), "{error}");
}
