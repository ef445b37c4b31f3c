//! What is known when: records from the future, clocks that go back, slow clients, and files that come later.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Choices, PAST, Service, ask, at, folder, setup};
use serde_json::{Value as Json, json};
use tandem_server::Event;

const FEATURES: &str = "/v1/questions/late/features";
const RECORDS: &str = "/v1/sources/landings/records";

fn landing(flight: &str, left: &str, landed: &str) -> Json {
    json!({"flight": flight, "aircraft": "N1", "left": left, "landed": landed, "delay": 1})
}

/// The instant and the number of landings of an answer about N1, at the clock's time or at this one.
fn landings(service: &Service, instant: Option<&str>) -> (String, u64) {
    let mut body = ask();
    if let Some(instant) = instant {
        body["rows"][0]["at"] = instant.into();
    }
    let answer = service.client.post(FEATURES, &body).ok();
    let row = &answer["rows"][0];
    (row["at"].as_str().unwrap().to_owned(), row["values"]["landings"].as_u64().unwrap())
}

fn events(service: &Service, which: impl Fn(&Event) -> bool) -> Vec<Event> {
    service.events.lock().unwrap().iter().filter(|e| which(e)).cloned().collect()
}

#[test]
fn files_that_claim_the_future_are_held_until_it_comes() {
    let folder = folder();
    let ahead = landing("A1", "2013-01-02T11:00:00Z", "2013-01-02T12:00:30Z");
    let far = landing("A2", "2013-01-02T11:00:00Z", "2099-01-01T00:00:00Z");
    // It arrived, they say, before it happens: it counts from then on.
    let early = landing("A3", "2013-01-02T12:00:40Z", "2013-01-01T00:00:00Z");
    std::fs::write(folder.path().join("logs/landings.jsonl"), format!("{PAST}{ahead}\n{far}\n{early}\n")).unwrap();
    let service = Service::start(folder.path(), Choices::default());
    let held = events(&service, |e| matches!(e, Event::Held { .. }));
    assert_eq!(held, [Event::Held { records: 3, last: at("2099-01-01T00:00:00Z") }]);
    let ready = service.client.get("/ready").ok();
    assert_eq!((&ready["held"], &ready["positions"]["landings"]), (&json!(3), &json!(6)));
    assert_eq!(ready["lag"]["last_arrival"], "2013-01-01T16:00:00Z");
    assert_eq!(landings(&service, None), ("2013-01-02T12:00:00Z".to_owned(), 2));
    // Who asks about an instant a little ahead sees what will have arrived; nobody else does.
    for (second, known) in [("30", 2), ("30.000001", 3), ("40", 3), ("40.000001", 4), ("59", 4)] {
        assert_eq!(landings(&service, Some(&format!("2013-01-02T12:00:{second}Z"))).1, known, "{second}");
        assert_eq!(landings(&service, None), ("2013-01-02T12:00:00Z".to_owned(), 2));
    }
    let two =
        json!({"rows": [{"entities": ask()["rows"][0]["entities"], "at": "2013-01-02T12:00:50Z"}, ask()["rows"][0]]});
    let rows = service.client.post(FEATURES, &two).ok()["rows"].clone();
    assert_eq!((&rows[0]["values"]["landings"], &rows[1]["values"]["landings"]), (&json!(4), &json!(2)));
    service.set_clock("2013-01-02T12:00:31Z");
    assert_eq!(landings(&service, None), ("2013-01-02T12:00:31Z".to_owned(), 3));
    assert_eq!(service.client.get("/ready").ok()["held"], 2);
    service.set_clock("2013-01-02T12:00:41Z");
    assert_eq!(landings(&service, None), ("2013-01-02T12:00:41Z".to_owned(), 4));
    service.stop();
}

#[test]
fn a_record_posted_a_little_early_is_held_until_its_time() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let receipt = service.client.post(RECORDS, &landing("F1", "2013-01-02T11:00:00Z", "2013-01-02T12:00:50Z")).ok();
    assert_eq!((&receipt["accepted"], &receipt["position"]), (&json!(1), &json!(4)));
    // It happens only tomorrow, whatever it says of its arrival.
    service.client.post(RECORDS, &landing("F2", "2013-01-03T11:00:00Z", "2013-01-02T11:00:00Z")).ok();
    assert_eq!(landings(&service, None), ("2013-01-02T12:00:00Z".to_owned(), 2));
    service.set_clock("2013-01-02T12:01:00Z");
    assert_eq!(landings(&service, None), ("2013-01-02T12:01:00Z".to_owned(), 3));
    service.set_clock("2013-01-03T11:00:00.000001Z");
    assert_eq!(landings(&service, None).1, 4);
    service.stop();
}

#[test]
fn stamps_do_not_fall_behind_what_was_answered_before_a_restart() {
    let folder = folder();
    let start = |clock: &str| {
        let (clock, events) = (Arc::new(at(clock).into()), Arc::new(Mutex::new(Vec::new())));
        let (setup, reload) = setup(folder.path(), Choices::default(), Arc::clone(&clock), Arc::clone(&events));
        let running = tandem_server::start(setup, reload).unwrap();
        running.wait_ready().unwrap();
        let client = common::Client::new(running.local_addr(), None);
        Service { running, clock, events, client }
    };
    let gate = json!({"origin": "JFK", "dest": "LAX", "changed": "2013-01-01T06:30:00", "gate": "B7"});
    let stamps = || -> Vec<String> {
        let log = std::fs::read_to_string(folder.path().join(".tandem/log/gates/000001.jsonl")).unwrap();
        log.lines()
            .map(|l| serde_json::from_str::<Json>(l).unwrap()["_arrived_at"].as_str().unwrap().to_owned())
            .collect()
    };
    let service = start("2013-01-05T00:00:00Z");
    let mut logged = ask();
    logged["log"] = json!(true);
    service.client.post(FEATURES, &logged).ok();
    service.stop();
    // The clock has gone back.
    let service = start("2013-01-02T00:00:00Z");
    service.client.post("/v1/sources/gates/records", &gate).ok();
    assert_eq!(stamps(), ["2013-01-05T00:00:00Z"], "not before what was answered");
    service.set_clock("2013-01-07T00:00:00Z");
    service.client.post("/v1/sources/gates/records", &gate).ok();
    service.stop();
    let service = start("2013-01-02T00:00:00Z");
    // By the clock, its own records lie in the future: they are held.
    assert_eq!(service.client.get("/ready").ok()["held"], 2);
    assert_eq!(landings(&service, None).0, "2013-01-02T00:00:00Z");
    service.client.post("/v1/sources/gates/records", &gate).ok();
    assert_eq!(stamps()[2], "2013-01-07T00:00:00Z", "not before the stamps given");
    // The present is now right behind the stamp, so everything stamped before it is known.
    let answer = service.client.post(FEATURES, &ask()).ok();
    assert_eq!(answer["rows"][0]["at"], "2013-01-07T00:00:00.000001Z");
    assert_eq!(answer["rows"][0]["values"]["gate_changes"], 3);
    service.stop();
}

#[test]
fn what_arrived_before_an_answer_that_did_not_know_it_is_counted() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let receipt = |flight: &str, landed: &str| {
        let record = landing(flight, "2013-01-02T11:00:00Z", landed);
        service.client.post(RECORDS, &record).ok()["arrived_before_answered"].as_u64().unwrap()
    };
    assert_eq!(receipt("F1", "2013-01-02T11:30:00Z"), 0, "nothing was answered yet");
    landings(&service, None);
    assert_eq!(receipt("F2", "2013-01-02T11:40:00Z"), 1);
    assert_eq!(receipt("F3", "2013-01-02T12:00:00Z"), 0, "training sees it neither");
    landings(&service, Some("2013-01-02T12:00:30Z"));
    assert_eq!(receipt("F4", "2013-01-02T12:00:20Z"), 1);
    assert_eq!(receipt("F4", "2013-01-02T12:00:20Z"), 0, "a repeated record is none");
    let description = &service.client.get("/openapi.json").ok()["components"]["schemas"]["Receipt"]["properties"]["arrived_before_answered"]
        ["description"];
    assert!(description.as_str().unwrap().contains("training"), "{description}");
    service.stop();
}

#[test]
fn files_added_to_a_location_that_was_served_keep_the_service_unready() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    service.client.post(RECORDS, &landing("F1", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z")).ok();
    service.stop();
    let log = folder.path().join(".tandem/log");
    assert_eq!(std::fs::read_to_string(log.join("landings/begins-at")).unwrap(), "3\n");
    assert!(!log.join("gates/begins-at").exists(), "nothing was posted there");
    // A log from before this was noted gets its note at the start.
    std::fs::remove_file(log.join("landings/begins-at")).unwrap();
    Service::start(folder.path(), Choices::default()).stop();
    assert_eq!(std::fs::read_to_string(log.join("landings/begins-at")).unwrap(), "3\n");
    let more = landing("Z1", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z");
    std::fs::write(folder.path().join("logs/landings.jsonl"), format!("{PAST}{more}\n")).unwrap();
    let (setup, reload) = setup(folder.path(), Choices::default(), Arc::default(), Arc::default());
    let running = tandem_server::start(setup, reload).unwrap();
    let reason = running.wait_ready().unwrap_err();
    assert!(reason.contains("had 3 records") && reason.contains("has 4 now"), "{reason}");
    running.stop();
    // A source that nothing was posted to may grow.
    std::fs::write(folder.path().join("logs/landings.jsonl"), PAST).unwrap();
    let schedule = folder.path().join("logs/schedule.csv");
    let mut text = std::fs::read_to_string(&schedule).unwrap();
    text.push_str("P2,N2,JFK,LAX,120,2012-12-01T00:00:00Z,2013-01-01T10:00:00Z\n");
    std::fs::write(&schedule, text).unwrap();
    Service::start(folder.path(), Choices::default()).stop();
}

#[test]
fn torn_lines_are_cut_and_told_and_damaged_ones_are_not() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    service.client.post("/v1/models/late/predictions", &ask()).ok();
    service.client.post(RECORDS, &landing("F1", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z")).ok();
    service.stop();
    let append = |path: &Path, text: &str| {
        std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    };
    let served = folder.path().join(".tandem/served/000001.jsonl");
    let records = folder.path().join(".tandem/log/landings/000001.jsonl");
    append(&served, "{\"seq\":2,");
    append(&records, "{\"fl");
    let service = Service::start(folder.path(), Choices::default());
    let cut = |file: &Path, bytes| Event::Cut { file: file.to_path_buf(), line: 2, bytes };
    assert_eq!(events(&service, |e| matches!(e, Event::Cut { .. })), [cut(&served, 9), cut(&records, 4)]);
    assert_eq!(service.client.post("/v1/models/late/predictions", &ask()).ok()["rows"][0]["seq"], 2);
    service.stop();
    let rows = std::fs::read_to_string(&served).unwrap();
    let (first, second) = rows.split_once('\n').unwrap();
    let damaged = format!("{}\n{second}", &first[..first.len() - 2]);
    std::fs::write(&served, &damaged).unwrap();
    let (setup, reload) = setup(folder.path(), Choices::default(), Arc::default(), Arc::default());
    let error = tandem_server::start(setup, reload).err().unwrap().to_string();
    assert!(error.contains("000001.jsonl, line 1:") && error.contains("backup"), "{error}");
    assert_eq!(std::fs::read_to_string(&served).unwrap(), damaged, "nothing is cut");
}

/// A client that announces a body of 100 bytes and sends one.
fn slow(service: &Service) -> TcpStream {
    let mut stream = TcpStream::connect(service.running.local_addr()).unwrap();
    stream
        .write_all(format!("POST {RECORDS} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{").as_bytes())
        .unwrap();
    stream
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let folder = folder();
    let choices = Choices { body_time: Duration::from_millis(200), ..Choices::default() };
    let service = Service::start(folder.path(), choices);
    let mut answer = String::new();
    slow(&service).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("nothing was accepted"), "{answer}");
    service.stop();

    let service = Service::start(folder.path(), Choices::default());
    let mut client = slow(&service);
    std::thread::sleep(Duration::from_millis(100));
    let began = Instant::now();
    service.stop();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("stopping"), "{answer}");
}

#[test]
fn an_identity_that_is_an_entity_too_is_known_after_a_restart() {
    for required in [true, false] {
        let folder = folder();
        let choices = || {
            let mut choices = Choices::default();
            let source = choices.project.source("landings").unwrap();
            choices.project.sources[source].fields[0].required = required;
            choices
        };
        let service = Service::start(folder.path(), choices());
        let record = landing("F1", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z");
        assert_eq!(service.client.post(RECORDS, &record).ok()["accepted"], 1);
        service.stop();
        let service = Service::start(folder.path(), choices());
        let known = service.client.post(RECORDS, &record).ok();
        assert_eq!((&known["accepted"], &known["duplicates"]), (&json!(0), &json!(1)), "required: {required}");
        assert_eq!(landings(&service, None).1, 3);
        service.stop();
    }
}
