//! Records that change over HTTP: corrections, tombstones, fields that arrive later, and odd arrival times with a policy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Choices, Service, ask, folder};
use serde_json::{Value as Json, json};
use tandem_definitions::{Field, Place, Project, Type, WhenEarly, WhenMissing};

const RECORDS: &str = "/v1/sources/landings/records";

/// The project with its landings changed.
fn with_landings(change: impl FnOnce(&mut tandem_definitions::Source)) -> Choices {
    let mut project: Project = common::project();
    change(project.sources.iter_mut().find(|source| source.name == "landings").unwrap());
    Choices { project, ..Choices::default() }
}

fn add(source: &mut tandem_definitions::Source, name: &str, ty: Type) -> usize {
    let field = Field {
        name: name.to_owned(),
        ty,
        normalise: tandem_definitions::Normalise::default(),
        required: false,
        arrives: None,
        meaning: String::new(),
        place: Place::default(),
    };
    source.fields.push(field);
    source.fields.len() - 1
}

fn corrected() -> Choices {
    with_landings(|source| {
        source.corrects = true;
        source.tombstone = Some(add(source, "gone", Type::Bool));
    })
}

fn landing(flight: &str, aircraft: &str, landed: &str, delay: f64) -> Json {
    json!({"flight": flight, "aircraft": aircraft, "left": "2013-01-01T10:00:00Z", "landed": landed, "delay": delay})
}

/// How many landings of N1 are known, and their mean delay.
fn known(service: &Service, instant: Option<&str>) -> (u64, Option<f64>) {
    let mut body = ask();
    if let Some(instant) = instant {
        body["rows"][0]["at"] = instant.into();
    }
    let values = service.client.post("/v1/questions/late/features", &body).ok()["rows"][0]["values"].clone();
    (values["landings"].as_u64().unwrap(), values["mean_delay"].as_f64())
}

#[test]
fn corrections_are_accepted_counted_and_kept_over_a_restart() {
    let folder = folder();
    let mut service = Service::start(folder.path(), corrected());
    assert_eq!(known(&service, None), (2, Some(f64::midpoint(10.5, 0.2))));
    let post = |service: &Service, record: &Json| {
        let receipt = service.client.post(RECORDS, record).ok();
        assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1), &json!(0)));
        receipt["corrections"].as_u64().unwrap()
    };
    assert_eq!(post(&service, &landing("P1", "N1", "2013-01-02T11:00:00Z", 99.8)), 1);
    assert_eq!(known(&service, None), (2, Some(50.0)));
    // It arrived before the one that counts: noted, and no more.
    assert_eq!(post(&service, &landing("P1", "N1", "2013-01-02T10:00:00Z", 500.0)), 1);
    assert_eq!(known(&service, None), (2, Some(50.0)));
    assert_eq!(post(&service, &landing("P1", "N2", "2013-01-02T11:10:00Z", 99.8)), 1);
    assert_eq!(known(&service, None), (1, Some(0.2)));
    assert_eq!(post(&service, &landing("P4", "N1", "2013-01-02T11:10:00Z", 0.4)), 0);
    let mut gone = landing("P3", "N1", "2013-01-02T11:20:00Z", 0.2);
    gone["gone"] = json!(true);
    assert_eq!(post(&service, &gone), 1);
    for _ in 0..2 {
        assert_eq!(known(&service, None), (1, Some(0.4)));
        assert_eq!(service.client.get("/ready").ok()["positions"]["landings"], 8);
        service.stop();
        service = Service::start(folder.path(), corrected());
    }
    // Both of one request.
    let both =
        json!([landing("P5", "N1", "2013-01-02T11:30:00Z", 1.0), landing("P5", "N1", "2013-01-02T11:30:00Z", 0.8)]);
    let receipt = service.client.post(RECORDS, &both).ok();
    assert_eq!((&receipt["accepted"], &receipt["corrections"]), (&json!(2), &json!(1)));
    assert_eq!(known(&service, None), (2, Some(f64::midpoint(0.4, 0.8))));
    service.stop();
}

#[test]
fn a_correction_that_is_yet_to_arrive_is_held() {
    let folder = folder();
    let service = Service::start(folder.path(), corrected());
    let receipt = service.client.post(RECORDS, &landing("P1", "N1", "2013-01-02T12:00:30Z", 99.8)).ok();
    assert_eq!(receipt["corrections"], 1);
    let mut gone = landing("P1", "N1", "2013-01-02T12:00:40Z", 99.8);
    gone["gone"] = json!(true);
    service.client.post(RECORDS, &gone).ok();
    assert_eq!(service.client.get("/ready").ok()["held"], 2);
    let before = (2, Some(f64::midpoint(10.5, 0.2)));
    for _ in 0..2 {
        assert_eq!(known(&service, Some("2013-01-02T12:00:30Z")), before);
        assert_eq!(known(&service, Some("2013-01-02T12:00:31Z")), (2, Some(50.0)));
        assert_eq!(known(&service, Some("2013-01-02T12:00:41Z")), (1, Some(0.2)));
        assert_eq!(known(&service, None), before, "asking changes nothing");
    }
    service.set_clock("2013-01-02T12:00:31Z");
    assert_eq!(known(&service, None), (2, Some(50.0)));
    service.set_clock("2013-01-02T12:00:41Z");
    assert_eq!(known(&service, None), (1, Some(0.2)));
    assert_eq!(service.client.get("/ready").ok()["held"], 0);
    service.stop();
}

#[test]
fn a_field_that_arrives_later_is_null_until_then() {
    let folder = folder();
    let late = || {
        with_landings(|source| {
            let reported = add(source, "reported", Type::Time);
            let delay = source.field("delay").unwrap();
            source.fields[delay].arrives = Some(reported);
        })
    };
    let mut service = Service::start(folder.path(), late());
    // Nothing says when the delays of the past were known: they never were.
    assert_eq!(known(&service, None), (2, None));
    let mut record = landing("P4", "N1", "2013-01-02T11:00:00Z", 7.0);
    record["reported"] = json!("2013-01-02T12:00:30Z");
    service.client.post(RECORDS, &record).ok();
    for _ in 0..2 {
        assert_eq!(known(&service, None), (3, None));
        assert_eq!(known(&service, Some("2013-01-02T12:00:30Z")), (3, None));
        assert_eq!(known(&service, Some("2013-01-02T12:00:30.000001Z")), (3, Some(7.0)));
        assert_eq!(service.client.get("/ready").ok()["held"], 0, "the record itself has arrived");
        service.stop();
        service = Service::start(folder.path(), late());
    }
    service.set_clock("2013-01-02T12:00:31Z");
    assert_eq!(known(&service, None), (3, Some(7.0)));
    // An earlier instant has been overtaken by what is known now.
    let mut body = ask();
    body["rows"][0]["at"] = json!("2013-01-02T12:00:10Z");
    service.client.post("/v1/questions/late/features", &body).refused(409);
    service.stop();
    // Known for long when the service starts.
    let service = Service::start(folder.path(), late());
    service.set_clock("2013-01-02T13:00:00Z");
    assert_eq!(known(&service, None), (3, Some(7.0)));
    service.stop();
}

#[test]
fn odd_arrivals_are_taken_as_the_contract_says() {
    let folder = folder();
    let stated = with_landings(|source| {
        source.treatment.missing = Some(WhenMissing::Assume { delay: 3_600_000_000 });
        source.treatment.early = Some(WhenEarly::LeaveOut);
    });
    let service = Service::start(folder.path(), stated);
    let mut missing = landing("P4", "N1", "", 1.0);
    missing["landed"] = Json::Null;
    missing["left"] = json!("2013-01-02T10:30:00Z");
    service.client.post(RECORDS, &missing).ok();
    assert_eq!(known(&service, None).0, 3);
    missing["flight"] = json!("P5");
    missing["left"] = json!("2013-01-02T11:30:00Z");
    service.client.post(RECORDS, &missing).ok();
    assert_eq!(known(&service, None).0, 3, "it is held for the hour that is assumed");
    let early = landing("P6", "N1", "2013-01-01T09:00:00Z", 1.0);
    let problem = service.client.post(RECORDS, &early).refused(422);
    assert!(problem["detail"].as_str().unwrap().contains("before it happened"), "{problem}");
    service.stop();
}
