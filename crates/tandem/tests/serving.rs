//! `tandem serve` as a process: it says where it listens, takes records, answers, stops when told, resumes where it stood,
//! and `tandem parity` finds nothing to say. Not here: the service's own answers in detail (tandem-server's tests).

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use support::{fresh_project, tandem, write};

struct Service {
    child: Child,
    base: String,
    agent: ureq::Agent,
}

impl Service {
    fn start(folder: &Path) -> Self {
        let port = folder.join("port");
        drop(std::fs::remove_file(&port));
        let mut command = tandem(folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-ends", "--port-file", "port"]);
        let child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().new_agent();
        let mut service = Self { child, base: String::new(), agent };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if let Ok(address) = std::fs::read_to_string(&port) {
                service.base = format!("http://{}", address.trim());
                if service.agent.get(format!("{}/ready", service.base)).call().is_ok_and(|a| a.status() == 200) {
                    return service;
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the service was not ready in time");
    }

    fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        let mut answer = self.agent.post(format!("{}{path}", self.base)).send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    /// Stops it, and gives what it printed.
    fn stop(mut self) -> String {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_service_resumes_where_it_stood_and_is_at_parity() {
    let folder = fresh_project();
    // A feature of the field that identifies a record: both readers of the log want it then.
    let path = "features/customer.yaml";
    let features = std::fs::read_to_string(folder.path().join(path)).unwrap();
    let more = "  - {name: different_orders, meaning: How many different orders, owner: sam, from: orders, value: count(distinct order_id)}\n";
    write(folder.path(), &[(path, &(features + more))]);
    let service = Service::start(folder.path());
    let order = json!({"order_id": "n1", "customer": "zoe", "placed_at": "2024-07-15T10:00:00Z", "logged_at": "2024-07-15T10:01:00Z", "amount": 50});
    let (status, receipt) = service.post("/v1/sources/orders/records", &order);
    assert_eq!((status, &receipt["accepted"]), (200, &json!(1)), "{receipt}");
    let ask = json!({"rows": [{"entities": {"customer": "zoe"}, "at": "2024-07-20T00:00:00Z"}], "log": true});
    let (status, before) = service.post("/v1/questions/orders_again/features", &ask);
    assert_eq!(status, 200, "{before}");
    assert_eq!(before["rows"][0]["values"]["orders_30d"], 1, "{before}");
    let said = service.stop();
    assert!(said.contains("listening on http://127.0.0.1:") && said.ends_with("stopped\n"), "{said}");

    let service = Service::start(folder.path());
    let (_, again) = service.post("/v1/sources/orders/records", &order);
    assert_eq!(again["duplicates"], 1, "{again}");
    let (_, after) = service.post("/v1/questions/orders_again/features", &ask);
    assert_eq!(before["rows"][0]["values"], after["rows"][0]["values"]);
    service.stop();

    let output = tandem(folder.path()).args(["parity", "--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["rows"], &report["values_differing"]), (&json!(2), &json!(0)), "{report}");
    assert_eq!(report["values_compared"], 8, "{report}");

    // A value in the served log that no replay gives.
    let log = folder.path().join(".tandem/served/000001.jsonl");
    let rows = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, rows.replacen("\"orders_30d\":1", "\"orders_30d\":2", 1)).unwrap();
    let output = tandem(folder.path()).arg("parity").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("T501 row 1: orders_30d was served as 2, and the replay gives 1"), "{said}");
}

#[test]
fn a_public_address_needs_a_token() {
    let folder = fresh_project();
    let output = tandem(folder.path()).args(["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--token-file"));
}
