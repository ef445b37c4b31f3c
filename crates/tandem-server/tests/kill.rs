//! A service killed at a random moment while records are posted: every acknowledged record is there exactly once.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{Choices, Client, folder};
use serde_json::{Value as Json, json};

const FOLDER: &str = "TANDEM_TEST_SERVED_FOLDER";

/// Not a test by itself: the kill test runs it in a process of its own. Without the folder it returns at once.
#[test]
fn a_service_to_be_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let service = common::Service::start(folder, Choices::default());
    let address = folder.join("address");
    std::fs::write(folder.join("address.new"), service.running.local_addr().to_string()).unwrap();
    std::fs::rename(folder.join("address.new"), address).unwrap();
    service.running.wait();
}

fn serve(folder: &Path) -> (Child, Client) {
    let address = folder.join("address");
    let _ = std::fs::remove_file(&address);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_service_to_be_killed"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !address.exists() {
        assert!(began.elapsed() < Duration::from_mins(1), "the service did not start");
        std::thread::sleep(Duration::from_millis(2));
    }
    let text = std::fs::read_to_string(&address).unwrap();
    (child, Client::new(text.parse().unwrap(), None))
}

/// The flights and the gates in the logs of the service.
fn logged(folder: &Path, source: &str, field: &str) -> Vec<String> {
    let mut names = Vec::new();
    for segment in std::fs::read_dir(folder.join(".tandem/log").join(source)).into_iter().flatten().flatten() {
        if segment.path().extension().is_some_and(|e| e == "jsonl") {
            for line in std::fs::read_to_string(segment.path()).unwrap().lines() {
                let record: Json = serde_json::from_str(line).unwrap();
                names.push(record[field].as_str().unwrap().to_owned());
            }
        }
    }
    names
}

/// What a sender was told by a service that is killed.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<String>,
    gates: BTreeSet<String>,
    /// Sent, and not acknowledged.
    unsure: Vec<String>,
    /// The last row that was answered.
    served: u64,
}

impl Told {
    /// Sends records and asks questions until the service is gone.
    fn tell(&mut self, client: &Client, round: usize) {
        // What was sent and not acknowledged is sent again: that is what a sender does.
        let mut waiting: Vec<String> = std::mem::take(&mut self.unsure);
        for i in 0.. {
            waiting.extend((0..3).map(|j| format!("K{round}-{i}-{j}")));
            let record = |name: &String| json!({"flight": name, "aircraft": "N7", "left": "2013-01-02T08:00:00Z", "landed": "2013-01-02T11:00:00Z", "delay": 1});
            let body = waiting.iter().map(record).collect::<Json>();
            let Ok(reply) =
                client.send("/v1/sources/landings/records", "application/json", body.to_string().as_bytes())
            else {
                self.unsure = waiting;
                break;
            };
            reply.ok();
            self.acknowledged.extend(waiting.drain(..));
            let gate = format!("G{round}-{i}");
            let body = json!({"origin": "JFK", "dest": "LAX", "changed": "2013-01-02T06:30:00", "gate": gate});
            let Ok(reply) = client.send("/v1/sources/gates/records", "application/json", body.to_string().as_bytes())
            else {
                break;
            };
            reply.ok();
            self.gates.insert(gate);
            let ask = json!({"entities": {"aircraft": "N7", "route": {"origin": "JFK", "dest": "LAX"}}});
            let Ok(reply) = client.send("/v1/models/late/predictions", "application/json", ask.to_string().as_bytes())
            else {
                break;
            };
            let row = reply.ok()["rows"][0].clone();
            assert_eq!(row["values"]["landings"].as_u64().unwrap(), self.acknowledged.len() as u64);
            self.served = row["seq"].as_u64().unwrap();
        }
    }
}

#[test]
fn every_acknowledged_record_is_there_exactly_once() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    eprintln!("seed {seed}");
    let mut random = seed | 1;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let folder = folder();
    let mut told = Told::default();
    for round in 0..6 {
        let (mut child, client) = serve(folder.path());
        let kill_after = Duration::from_millis(20 + draw(120));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(kill_after);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        told.tell(&client, round);
        killer.join().unwrap();
        let in_log = logged(folder.path(), "landings", "flight");
        let distinct: BTreeSet<&String> = in_log.iter().collect();
        assert!(told.acknowledged.iter().all(|flight| distinct.contains(flight)), "seed {seed}, round {round}: lost");
        assert_eq!(distinct.len(), in_log.len(), "seed {seed}, round {round}: twice");
        let in_log = logged(folder.path(), "gates", "gate");
        assert!(told.gates.iter().all(|gate| in_log.contains(gate)), "seed {seed}, round {round}: a gate was lost");
    }
    let (mut child, client) = serve(folder.path());
    let ready = client.get("/ready").ok();
    let logs = logged(folder.path(), "landings", "flight").len() as u64;
    assert_eq!(ready["positions"]["landings"], 3 + logs, "seed {seed}");
    assert!(
        logs >= told.acknowledged.len() as u64 && logs <= told.acknowledged.len() as u64 + told.unsure.len() as u64,
        "seed {seed}"
    );
    assert!(ready["served_rows"].as_u64().unwrap() >= told.served, "seed {seed}: a served row was lost");
    let rows = client.get("/v1/served?after=0&limit=100000").text;
    assert_eq!(rows.lines().count() as u64, ready["served_rows"].as_u64().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(told.acknowledged.len() > 10, "seed {seed}: too little was tried");
}
