//! Nothing acknowledged is lost: a process that appends is killed at random moments, and every line that it had
//! acknowledged is there afterwards, at the position it was told.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tandem_data::append::AppendLog;

const FOLDER: &str = "TANDEM_KILL_TEST_FOLDER";

/// Not a test by itself: the process that [`killed_at_random_moments`] starts and kills. Without the folder it returns at once.
#[test]
fn appending_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (log, recovery) = AppendLog::open(Path::new(&folder)).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (log, start) = (&log, recovery.records);
            scope.spawn(move || {
                for n in 0.. {
                    let lines: Vec<String> =
                        (0..3).map(|i| format!("{{\"id\":\"{start}-{worker}-{n}-{i}\"}}")).collect();
                    let first = log.append(&lines).unwrap();
                    let mut told = Vec::new();
                    for (i, line) in lines.iter().enumerate() {
                        writeln!(told, "ACK {} {line}", first + i as u64).unwrap();
                    }
                    std::io::stdout().lock().write_all(&told).unwrap();
                }
            });
        }
    });
}

#[test]
fn killed_at_random_moments() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(usize, String)> = Vec::new();
    let mut seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    eprintln!("seed {seed}");
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "appending_process", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let acks = told.lines().map_while(Result::ok);
            acks.filter_map(|l| {
                let (position, line) = l.strip_prefix("ACK ")?.split_once(' ')?;
                // The pipe itself may be cut in a line: then the rest was never told.
                line.ends_with("\"}").then(|| (position.parse().unwrap(), line.to_owned()))
            })
            .collect::<Vec<_>>()
        });
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        std::thread::sleep(Duration::from_millis(20 + seed % 120));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(reader.join().unwrap());

        let (log, recovery) = AppendLog::open(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("000001.jsonl")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len() as u64, recovery.records);
        for (position, line) in &acknowledged {
            assert_eq!(lines.get(*position), Some(&line.as_str()), "round {round}, position {position}");
        }
        drop(log);
    }
    assert!(acknowledged.len() > 100, "only {} lines were acknowledged: the test tested little", acknowledged.len());
}
