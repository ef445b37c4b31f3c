//! The service over real HTTP: each route, what is promised of records and answers, and the switch of releases.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{Choices, Service, Sum, ask, at, folder, release};
use serde_json::{Value as Json, json};
use tandem_definitions::Value;
use tandem_server::{Event, Predictor};

fn landing(flight: &str, left: &str, landed: &str, delay: f64) -> Json {
    json!({"flight": flight, "aircraft": "N1", "left": left, "landed": landed, "delay": delay})
}

#[test]
fn the_past_is_known_at_once_and_records_change_the_answer() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let answer = service.client.post("/v1/questions/late/features", &ask()).ok();
    assert_eq!(answer["positions"], json!({"gates": 0, "landings": 3, "schedule": 1}));
    let row = &answer["rows"][0];
    assert_eq!(row["at"], "2013-01-02T12:00:00Z");
    assert_eq!(
        row["values"],
        json!({"landings": 2, "mean_delay": 5.35, "last_landing": "2013-01-01T14:00:00Z", "gate_changes": 0, "gate": null})
    );
    let mut record = landing("F1", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z", 0.3);
    record["aircraft"] = " N1 ".into(); // trimmed, as the entity says
    let receipt = service.client.post("/v1/sources/landings/records", &record).ok();
    assert_eq!(
        receipt,
        json!({"accepted": 1, "duplicates": 0, "corrections": 0, "without_entity": 0, "arrived_before_event": 0, "arrived_before_answered": 1, "first_position": 3, "position": 4})
    );
    let gate = json!({"origin": "JFK", "dest": "LAX", "changed": "2013-01-02T06:30:00", "gate": "B7", "bay": 3});
    service.client.post("/v1/sources/gates/records", &gate).ok();
    let answer = service.client.post("/v1/questions/late/features", &ask()).ok();
    let row = &answer["rows"][0];
    assert_eq!(row["values"]["landings"], 3);
    assert_eq!(row["values"]["gate"], "B7");
    // The exact sum of 10.5, 0.2 and 0.3, divided, rounded once.
    assert_eq!(row["values"]["mean_delay"].as_f64().unwrap().to_bits(), (11.0_f64 / 3.0).to_bits());
    assert_eq!(answer["positions"], json!({"gates": 1, "landings": 4, "schedule": 1}));
    // The gate was stamped at noon, so the present is right after it.
    assert_eq!(row["at"], "2013-01-02T12:00:00.000001Z");
    let log = std::fs::read_to_string(folder.path().join(".tandem/log/gates/000001.jsonl")).unwrap();
    let line: Json = serde_json::from_str(&log).unwrap();
    assert_eq!(line["_arrived_at"], "2013-01-02T12:00:00Z");
    assert_eq!(line["changed"], "2013-01-02T11:30:00Z", "local time of New York");
    service.stop();
}

#[test]
fn duplicates_and_records_without_entity_are_acknowledged_and_counted() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let mut nobody = landing("F2", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z", 1.0);
    nobody["aircraft"] = Json::Null;
    let early = landing("F3", "2013-01-02T09:00:00Z", "2013-01-02T08:00:00Z", 1.0);
    let known = landing("P1", "2013-01-01T10:00:00Z", "2013-01-01T12:00:00Z", 99.0);
    let records = json!([nobody, nobody, early, known]);
    let receipt = service.client.post("/v1/sources/landings/records", &records).ok();
    assert_eq!(
        receipt,
        json!({"accepted": 2, "duplicates": 2, "corrections": 0, "without_entity": 1, "arrived_before_event": 1, "arrived_before_answered": 0, "first_position": 3, "position": 5})
    );
    let receipt = service.client.post("/v1/sources/landings/records", &records).ok();
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(0), &json!(4)));
    let answer = service.client.post("/v1/questions/late/features", &ask()).ok();
    assert_eq!(answer["rows"][0]["values"]["landings"], 3);
    service.stop();
}

#[test]
fn json_lines_and_single_rows_and_odd_numbers() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let lines = "{\"flight\":\"F1\",\"aircraft\":\"N9\",\"left\":1357034400000000,\"landed\":1357034400000001,\"delay\":\"NaN\"}\n\n\
                 {\"flight\":\"F2\",\"aircraft\":\"N8\",\"left\":1357034400000000,\"landed\":1357034400000001,\"delay\":\"-Infinity\"}\r\n";
    let receipt = service.client.post_as("/v1/sources/landings/records", "application/x-ndjson", lines.as_bytes()).ok();
    assert_eq!(receipt["accepted"], 2);
    let ask = |aircraft: Json| json!({"entities": {"aircraft": aircraft, "route": null}, "at": "2013-01-02T12:00:00Z"});
    let mean = |service: &Service, aircraft: Json| {
        service.client.post("/v1/questions/late/features", &ask(aircraft)).ok()["rows"][0]["values"]["mean_delay"]
            .clone()
    };
    assert_eq!(mean(&service, json!("N9")), "NaN");
    assert_eq!(mean(&service, json!({"aircraft": "N8"})), "-Infinity");
    assert_eq!(mean(&service, Json::Null), Json::Null);
    service.stop();
    // What JSON has no numbers for survives the log as well.
    let service = Service::start(folder.path(), Choices::default());
    assert_eq!(mean(&service, json!("N9")), "NaN");
    assert_eq!(mean(&service, json!("N8")), "-Infinity");
    service.stop();
}

#[test]
fn predictions_are_served_with_their_values_and_leave_a_trace() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let route = json!({"origin": "JFK", "dest": "LAX"});
    let body = json!({"rows": [
        {"entities": {"aircraft": "N1", "route": route, "flight": "F7"}},
        {"entities": {"aircraft": "N2", "route": route}, "request": {"seats": 120}, "at": "2013-01-02T12:01:00Z"},
        {"entities": {"aircraft": "unheard of", "route": route}},
    ]});
    let answer = service.client.post("/v1/models/late/predictions", &body).ok();
    assert_eq!(
        (&answer["model"], &answer["release"], &answer["question"]),
        (&json!("late"), &json!("r1"), &json!("late"))
    );
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows[0]["prediction"], 0.25 + 2.0 + 5.35);
    assert_eq!(rows[1]["prediction"], 0.25 + 1.0 + 0.1);
    assert_eq!(rows[1]["at"], "2013-01-02T12:01:00Z");
    assert_eq!(rows[2]["values"], json!({"landings": 0, "mean_delay": null, "gate_changes": 0}));
    assert_eq!(rows.iter().map(|r| r["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);

    let served = service.client.get("/v1/served?after=0&limit=2");
    assert_eq!(served.kind, "application/x-ndjson");
    let lines: Vec<Json> = served.text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        json!({"seq": 1, "at": "2013-01-02T12:00:00Z", "positions": {"gates": 0, "landings": 3, "schedule": 1}, "question": "late",
               "model": "late", "release": "r1", "project_hash": "abc123",
               "entities": {"aircraft": "N1", "flight": "F7", "route": {"origin": "JFK", "dest": "LAX"}}, "request": {},
               "values": {"landings": 2, "mean_delay": 5.35, "gate_changes": 0}, "prediction": 7.6})
    );
    assert_eq!(lines[1]["request"], json!({"seats": 120}));
    assert_eq!(service.client.get("/v1/served?after=2").text.lines().count(), 1);

    // Features leave a trace when they are asked to, and an answer of this kind has no prediction.
    let mut logged = ask();
    logged["log"] = json!(true);
    assert_eq!(service.client.post("/v1/questions/late/features", &logged).ok()["rows"][0]["seq"], 4);
    service.client.post("/v1/questions/late/features", &ask()).ok();
    let last: Json = serde_json::from_str(service.client.get("/v1/served?after=3").text.trim()).unwrap();
    assert_eq!((&last["seq"], &last["model"], &last["prediction"]), (&json!(4), &Json::Null, &Json::Null));
    service.stop();
    // The numbers go on after a restart.
    let service = Service::start(folder.path(), Choices::default());
    assert_eq!(service.client.post("/v1/models/late/predictions", &body).ok()["rows"][0]["seq"], 5);
    service.stop();
}

#[test]
fn the_plain_routes_say_what_there_is() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    assert_eq!(service.client.get("/health").ok(), json!({"status": "up"}));
    let ready = service.client.get("/ready").ok();
    assert_eq!(
        (&ready["ready"], &ready["positions"]["landings"], &ready["entities"]["aircraft"]),
        (&json!(true), &json!(3), &json!(2))
    );
    assert_eq!(ready["lag"]["last_arrival"], "2013-01-01T16:00:00Z");
    let releases = service.client.get("/v1/releases").ok();
    assert_eq!(releases["releases"][0]["release"], "r1");
    let document = service.client.get("/openapi.json").ok();
    let sources = &document["paths"]["/v1/sources/{source}/records"]["post"]["parameters"][0]["schema"]["enum"];
    assert_eq!(*sources, json!(["gates", "landings", "schedule"]));
    assert_eq!(document["components"]["schemas"]["record.landings"]["required"], json!(["flight", "left"]));
    let page = service.client.get("/");
    assert!(page.kind.starts_with("text/html") && page.text.contains("Which flights will land late?"), "{}", page.text);
    assert!(page.text.contains("Release <code>r1</code>") && !page.text.contains("<script"), "{}", page.text);
    assert!(service.events.lock().unwrap().contains(&Event::Ready { records: 4 }));
    service.stop();
}

#[test]
fn a_restart_resumes_exactly() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    for i in 0..50 {
        let flights: Vec<Json> = (0..7)
            .map(|j| {
                landing(&format!("F{}", i * 5 + j), "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z", f64::from(i) / 3.0)
            })
            .collect();
        service.client.post("/v1/sources/landings/records", &json!(flights)).ok();
        let gate = json!({"origin": "JFK", "dest": "LAX", "changed": at("2013-01-02T11:00:00Z") + i64::from(i), "gate": format!("B{i}")});
        service.client.post("/v1/sources/gates/records", &gate).ok();
    }
    let before = service.client.post("/v1/questions/late/features", &ask()).ok();
    service.stop();
    let service = Service::start(folder.path(), Choices::default());
    let after = service.client.post("/v1/questions/late/features", &ask()).ok();
    assert_eq!(before, after);
    assert_eq!(after["positions"], json!({"gates": 50, "landings": 3 + 252, "schedule": 1}));
    // What was known before the restart is known as known.
    let receipt = service
        .client
        .post("/v1/sources/landings/records", &landing("F3", "2013-01-02T08:00:00Z", "2013-01-02T11:00:00Z", 7.0))
        .ok();
    assert_eq!((&receipt["accepted"], &receipt["position"]), (&json!(0), &json!(255)));
    service.stop();
}

#[test]
fn records_and_questions_at_once_stay_consistent() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let done = AtomicBool::new(false);
    let (accepted, answers) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let client = service.client.clone();
                let accepted = &accepted;
                scope.spawn(move || {
                    for i in 0..40 {
                        let flights: Vec<Json> = (0..5)
                            .map(|j| {
                                landing(
                                    &format!("W{writer}-{i}-{j}"),
                                    "2013-01-02T08:00:00Z",
                                    "2013-01-02T11:00:00Z",
                                    1.0,
                                )
                            })
                            .collect();
                        let receipt = client.post("/v1/sources/landings/records", &json!(flights)).ok();
                        accepted.fetch_add(receipt["accepted"].as_u64().unwrap(), Ordering::Relaxed);
                        assert_eq!(
                            receipt["position"].as_u64().unwrap() - receipt["first_position"].as_u64().unwrap(),
                            5
                        );
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            let client = service.client.clone();
            let (done, answers) = (&done, &answers);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let answer = client.post("/v1/questions/late/features", &ask()).ok();
                    // Every landing but P2 is of this aircraft: values and positions belong together.
                    let position = answer["positions"]["landings"].as_u64().unwrap();
                    assert_eq!(answer["rows"][0]["values"]["landings"].as_u64().unwrap(), position - 1);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(accepted.load(Ordering::Relaxed), 600);
    assert!(answers.load(Ordering::Relaxed) > 10);
    assert_eq!(service.client.get("/ready").ok()["positions"]["landings"], 603);
    service.stop();
}

#[test]
fn releases_are_switched_without_dropping_a_request() {
    let folder = folder();
    let next = Arc::new(AtomicU64::new(1));
    let loaded = Arc::clone(&next);
    let load = move || {
        let n = loaded.load(Ordering::SeqCst);
        Ok(vec![release(&format!("r{n}"), Sum(n as f64))])
    };
    let choices = Choices { models: load().unwrap(), reload: Box::new(load), ..Choices::default() };
    let service = Service::start(folder.path(), choices);
    let done = AtomicBool::new(false);
    let asked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let client = service.client.clone();
            let (done, asked) = (&done, &asked);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let answer = client.post("/v1/models/late/predictions", &ask()).ok();
                    let n = match answer["release"].as_str().unwrap() {
                        "r1" => 1.0,
                        "r2" => 2.0,
                        other => panic!("{other}"),
                    };
                    // The release that is named is the one that answered.
                    assert_eq!(answer["rows"][0]["prediction"], n + 2.0 + 5.35);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for i in 0..50 {
            next.store(i % 2 + 1, Ordering::SeqCst);
            service.client.post("/v1/reload", &Json::Null).ok();
            let before = asked.load(Ordering::Relaxed);
            while asked.load(Ordering::Relaxed) < before + 4 {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let switched = service.events.lock().unwrap().iter().filter(|e| matches!(e, Event::Switched { .. })).count();
    assert_eq!(switched, 49);
    service.stop();
}

#[test]
fn a_change_of_the_register_is_noticed_and_a_bad_release_is_not_taken() {
    let folder = folder();
    let register = folder.path().join("releases");
    std::fs::create_dir_all(register.join("late")).unwrap();
    let live = register.join("late/live");
    std::fs::write(&live, "r1").unwrap();
    let read = live.clone();
    let load = move || {
        let name = std::fs::read_to_string(&read).unwrap();
        let mut model = release(&name, Sum(0.0));
        if name == "odd" {
            model.features = vec!["mean_delays".to_owned()];
        }
        Ok(vec![model])
    };
    let choices =
        Choices { models: load().unwrap(), reload: Box::new(load), watch: vec![register], ..Choices::default() };
    let service = Service::start(folder.path(), choices);
    let wait = |what: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_secs(10), "nothing was noticed");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    std::fs::write(&live, "r2 ").unwrap();
    wait(&|| service.client.get("/v1/releases").ok()["releases"][0]["release"] == "r2 ");
    std::fs::write(&live, "odd").unwrap();
    wait(&|| service.client.get("/ready").ok()["reload_refused"].is_string());
    let why = service.client.get("/ready").ok()["reload_refused"].as_str().unwrap().to_owned();
    assert!(why.contains("`mean_delays`") && why.contains("did you mean `mean_delay`?"), "{why}");
    assert_eq!(service.client.post("/v1/models/late/predictions", &ask()).ok()["release"], "r2 ");
    service.client.post("/v1/reload", &Json::Null).refused(409);
    service.stop();
}

/// A release whose answers are no numbers.
struct NoNumber(f64);

impl Predictor for NoNumber {
    fn predict(&self, rows: &[Vec<Value>]) -> Result<Vec<f64>, String> {
        Ok((0..rows.len()).map(|row| if row == 1 { self.0 } else { 0.5 }).collect())
    }
}

#[test]
fn what_is_no_number_is_no_prediction() {
    for no_number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let folder = folder();
        let models = vec![release("r1", NoNumber(no_number))];
        let service = Service::start(folder.path(), Choices { models, ..Choices::default() });
        let row = ask()["rows"][0].clone();
        let problem = service.client.post("/v1/models/late/predictions", &json!({"rows": [row, row]})).refused(500);
        assert!(problem["detail"].as_str().unwrap().contains("gave no number"), "{problem}");
        assert_eq!(problem["place"], "/rows/1");
        assert_eq!(service.client.get("/v1/served").text, "", "the served log does not keep it");
        service.client.post("/v1/models/late/predictions", &ask()).ok();
        service.stop();
    }
}

struct Broken;

impl Predictor for Broken {
    fn predict(&self, _: &[Vec<Value>]) -> Result<Vec<f64>, String> {
        Err("its process was killed by signal 9".to_owned())
    }
}

#[test]
fn a_predictor_that_dies_takes_nothing_else_down() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices { models: vec![release("r9", Broken)], ..Choices::default() });
    let reply = service.client.post("/v1/models/late/predictions", &ask());
    let problem = reply.refused(503);
    assert!(
        problem["detail"].as_str().unwrap().contains("r9") && problem["detail"].as_str().unwrap().contains("signal 9")
    );
    assert!(reply.retry_after.is_some());
    service.client.post("/v1/questions/late/features", &ask()).ok();
    assert_eq!(service.client.get("/v1/served").text, "", "an answer that was not given leaves no trace");
    service.stop();
}
