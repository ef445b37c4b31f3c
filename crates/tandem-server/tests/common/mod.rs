//! A small team's service over real HTTP on a free loopback port, with the clock in the test's hand.
#![allow(dead_code, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;
use tandem_definitions::{File, Micros, Project, Value, time};
use tandem_server::{BODY_LIMIT, BODY_TIME, Event, LiveModel, Predictor, Reload, Running, Setup};

const TEAM: &str = "name: airfield
people: [{name: sam, role: data scientist}, {name: pat, role: product}]
entities:
  - {name: flight, meaning: One scheduled departure}
  - {name: aircraft, meaning: One airframe, normalise: [trim]}
  - {name: route, meaning: An origin and a destination, keys: [origin, dest]}
";
const LANDINGS: &str = "apiVersion: v3.2.0
kind: DataContract
id: landings
version: 1.0.0
status: active
servers: [{server: production, type: local, path: logs/landings.jsonl, format: jsonl}]
schema:
  - name: landings
    properties:
      - {name: flight, logicalType: string, required: true, customProperties: [{property: identity, value: true}, {property: entity, value: flight}]}
      - {name: aircraft, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: left, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: landed, logicalType: timestamp, customProperties: [{property: timeRole, value: arrival}]}
      - {name: delay, logicalType: number}
";
const GATES: &str = "apiVersion: v3.2.0
kind: DataContract
id: gates
version: 1.0.0
status: active
schema:
  - name: gates
    customProperties: [{property: arrival, value: observed}, {property: timeZone, value: America/New_York}]
    properties:
      - {name: origin, logicalType: string, customProperties: [{property: entity, value: route.origin}]}
      - {name: dest, logicalType: string, customProperties: [{property: entity, value: route.dest}]}
      - {name: changed, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: gate, logicalType: string}
      - {name: bay, logicalType: integer}
";
const SCHEDULE: &str = "apiVersion: v3.2.0
kind: DataContract
id: schedule
version: 1.0.0
status: active
servers: [{server: production, type: local, path: logs/schedule.csv, format: csv}]
schema:
  - name: schedule
    customProperties: [{property: arrivalDelay, value: 5 minutes}]
    properties:
      - {name: flight, logicalType: string, customProperties: [{property: entity, value: flight}]}
      - {name: aircraft, logicalType: string, customProperties: [{property: entity, value: aircraft}]}
      - {name: origin, logicalType: string, customProperties: [{property: entity, value: route.origin}]}
      - {name: dest, logicalType: string, customProperties: [{property: entity, value: route.dest}]}
      - {name: seats, logicalType: integer}
      - {name: published, logicalType: timestamp, required: true, customProperties: [{property: timeRole, value: event}]}
      - {name: departs, logicalType: timestamp}
";
const AIRCRAFT: &str = "entity: aircraft
request: [{name: seats, type: integer, meaning: Seats on sale}]
features:
  - {name: landings, meaning: How many landings, owner: sam, from: landings, value: count(*)}
  - {name: mean_delay, meaning: Mean delay over a week, owner: sam, from: landings, value: mean(delay), over: 7 days}
  - {name: last_landing, meaning: When it last left, owner: sam, from: landings, value: last(left)}
  - {name: seats_a_landing, meaning: Seats on sale for each landing, owner: sam, value: request.seats / landings}
";
const ROUTE: &str = "entity: route
features:
  - {name: gate_changes, meaning: How many gate changes, owner: sam, from: gates, value: count(*)}
  - {name: gate, meaning: The gate known last, owner: sam, from: gates, value: last(gate)}
";
const QUESTION: &str = "name: late
question: Which flights will land late?
asked_by: pat
decides: Whether to rebook
observe: {on: schedule, at: departs}
outcome:
  name: lands_late
  entity: flight
  from: landings
  value: max(delay) > 30
  within: 24 hours
  reporting_delay: 12 hours
  when_missing: cancelled
success: {metric: roc_auc, at_least: 0.65}
split: {test_from: 2013-11-01, gap: 2 days}
features: [landings, mean_delay, last_landing, gate_changes, gate]
";
const BUSY: &str = "name: busy
question: Which routes are busy?
asked_by: pat
decides: Where to add seats
observe: {on: schedule, at: departs}
outcome:
  name: full
  entity: flight
  from: landings
  value: count(*) > 0
  within: 24 hours
  reporting_delay: 12 hours
  when_missing: nothing is known
success: {metric: roc_auc, at_least: 0.65}
split: {test_from: 2013-11-01, gap: 2 days}
features: [seats_a_landing]
";
const MODEL: &str = "name: late
meaning: How likely it is that a flight lands late
owner: sam
question: late
features: [landings, mean_delay, gate_changes]
notebook: notebook.ipynb
lock: requirements.lock
";

/// What had landed before the service began.
pub const PAST: &str = r#"{"flight":"P1","aircraft":"N1","left":"2013-01-01T10:00:00Z","landed":"2013-01-01T12:00:00Z","delay":10.5}
{"flight":"P2","aircraft":"N2","left":"2013-01-01T11:00:00Z","landed":"2013-01-01T13:00:00Z","delay":0.1}
{"flight":"P3","aircraft":"N1","left":"2013-01-01T14:00:00Z","landed":"2013-01-01T16:00:00Z","delay":0.2}
"#;

/// The definitions.
pub fn project() -> Project {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let (project, findings) = tandem_definitions::read(&[
        file("tandem.yaml", TEAM),
        file("sources/landings.odcs.yaml", LANDINGS),
        file("sources/gates.odcs.yaml", GATES),
        file("sources/schedule.odcs.yaml", SCHEDULE),
        file("features/aircraft.yaml", AIRCRAFT),
        file("features/route.yaml", ROUTE),
        file("questions/late.yaml", QUESTION),
        file("questions/busy.yaml", BUSY),
        file("models/late/model.yaml", MODEL),
    ]);
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:#?}");
    project
}

const SCHEDULED: &str = "flight,aircraft,origin,dest,seats,published,departs
P1,N1,JFK,LAX,120,2012-12-01T00:00:00Z,2013-01-01T10:00:00Z
";

/// An instant.
pub fn at(text: &str) -> Micros {
    time::parse_instant(text, None).unwrap()
}

/// Where the test's clock stands at first.
pub const NOON: &str = "2013-01-02T12:00:00Z";

/// A release that adds up its inputs and a number of its own.
pub struct Sum(pub f64);

impl Predictor for Sum {
    fn predict(&self, rows: &[Vec<Value>]) -> Result<Vec<f64>, String> {
        let sum = |row: &Vec<Value>| row.iter().filter_map(|v| v.as_datum().as_f64()).sum::<f64>();
        Ok(rows.iter().map(|row| self.0 + sum(row)).collect())
    }
}

/// A release of the model `late`.
pub fn release(name: &str, predictor: impl Predictor + 'static) -> LiveModel {
    let features = ["landings", "mean_delay", "gate_changes"].map(str::to_owned).to_vec();
    LiveModel {
        name: "late".to_owned(),
        release: name.to_owned(),
        question: "late".to_owned(),
        features,
        predictor: Arc::new(predictor),
    }
}

/// What a test can turn before a service starts.
pub struct Choices {
    pub project: Project,
    pub models: Vec<LiveModel>,
    pub reload: Reload,
    pub token: Option<String>,
    pub body_limit: usize,
    pub body_time: Duration,
    pub listen: SocketAddr,
    pub watch: Vec<std::path::PathBuf>,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            project: project(),
            models: vec![release("r1", Sum(0.25))],
            reload: Box::new(|| Ok(vec![release("r1", Sum(0.25))])),
            token: None,
            body_limit: BODY_LIMIT,
            body_time: BODY_TIME,
            listen: "127.0.0.1:0".parse().unwrap(),
            watch: Vec::new(),
        }
    }
}

/// A folder with the past in it.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::fs::write(folder.path().join("logs/landings.jsonl"), PAST).unwrap();
    std::fs::write(folder.path().join("logs/schedule.csv"), SCHEDULED).unwrap();
    folder
}

/// A service that runs.
pub struct Service {
    pub running: Running,
    pub clock: Arc<AtomicI64>,
    pub events: Arc<Mutex<Vec<Event>>>,
    pub client: Client,
}

/// The setup of a service in this folder.
pub fn setup(
    folder: &Path,
    choices: Choices,
    clock: Arc<AtomicI64>,
    events: Arc<Mutex<Vec<Event>>>,
) -> (Setup, Reload) {
    let setup = Setup {
        project: choices.project,
        project_hash: "abc123".to_owned(),
        base: folder.to_path_buf(),
        server: None,
        state_dir: folder.join(".tandem"),
        models: choices.models,
        watch: choices.watch,
        listen: choices.listen,
        token: choices.token,
        clock: Arc::new(move || clock.load(Ordering::SeqCst)),
        body_limit: choices.body_limit,
        body_time: choices.body_time,
        notice: Arc::new(move |event| events.lock().unwrap().push(event)),
    };
    (setup, choices.reload)
}

impl Service {
    /// Starts one in this folder, and waits until it is ready.
    pub fn start(folder: &Path, choices: Choices) -> Self {
        let clock = Arc::new(AtomicI64::new(at(NOON)));
        let events = Arc::new(Mutex::new(Vec::new()));
        let token = choices.token.clone();
        let (setup, reload) = setup(folder, choices, Arc::clone(&clock), Arc::clone(&events));
        let running = tandem_server::start(setup, reload).unwrap();
        running.wait_ready().unwrap();
        let client = Client::new(running.local_addr(), token);
        Self { running, clock, events, client }
    }

    pub fn set_clock(&self, text: &str) {
        self.clock.store(at(text), Ordering::SeqCst);
    }

    pub fn stop(self) {
        drop(self.client);
        self.running.stop();
    }
}

/// A client with keep-alive.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub kind: String,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The answer, which must be a good one.
    #[track_caller]
    pub fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The refusal, which must have this status, and say what is wrong and what to do.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Json {
        assert_eq!((self.status, self.kind.as_str()), (status, "application/problem+json"), "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for part in ["title", "detail", "remedy"] {
            assert!(problem[part].as_str().is_some_and(|s| !s.is_empty()), "{part}: {problem}");
        }
        problem
    }
}

impl Client {
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self { agent: config.into(), base: format!("http://{address}"), token }
    }

    pub fn get(&self, path: &str) -> Reply {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        reply(request.call().unwrap())
    }

    pub fn send(&self, path: &str, kind: &str, body: &[u8]) -> Result<Reply, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).header("content-type", kind);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send(body).map(reply)
    }

    pub fn post_as(&self, path: &str, kind: &str, body: &[u8]) -> Reply {
        self.send(path, kind, body).unwrap()
    }

    pub fn post(&self, path: &str, body: &Json) -> Reply {
        self.post_as(path, "application/json", body.to_string().as_bytes())
    }
}

fn reply(mut response: ureq::http::Response<ureq::Body>) -> Reply {
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (kind, retry_after) = (header("content-type").unwrap_or_default(), header("retry-after"));
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
    Reply { status, kind, retry_after, text }
}

/// The question that the tests ask.
pub fn ask() -> Json {
    serde_json::json!({"rows": [{"entities": {"aircraft": "N1", "route": {"origin": "JFK", "dest": "LAX"}}}]})
}
