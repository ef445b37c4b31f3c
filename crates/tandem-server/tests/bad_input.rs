//! What a service refuses: each refusal names the place and the remedy, and takes nothing of its request.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Choices, Reply, Service, folder};
use serde_json::{Value as Json, json};

const RECORDS: &str = "/v1/sources/landings/records";
const FEATURES: &str = "/v1/questions/late/features";

#[track_caller]
fn says(reply: &Reply, status: u16, place: &str, parts: &[&str]) {
    let problem = reply.refused(status);
    assert_eq!(problem["place"].as_str().unwrap_or_default(), place, "{problem}");
    let text = format!("{} {}", problem["detail"].as_str().unwrap(), problem["remedy"].as_str().unwrap());
    for part in parts {
        assert!(text.contains(part), "`{part}` in: {text}");
    }
}

fn good() -> Json {
    json!({"flight": "F1", "aircraft": "N1", "left": "2013-01-02T08:00:00Z", "landed": "2013-01-02T11:00:00Z", "delay": 1})
}

fn with(field: &str, value: Json) -> Json {
    let mut record = good();
    record[field] = value;
    record
}

#[test]
fn records_that_break_their_contract() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let client = &service.client;
    let post = |record: Json| client.post(RECORDS, &json!([good(), record]));
    says(&client.post("/v1/sources/landing/records", &good()), 404, "path: landing", &["did you mean `landings`?"]);
    says(&post(with("dealy", json!(1))), 422, "/1/dealy", &["no field `dealy`", "did you mean `delay`?"]);
    says(&post(with("delay", json!("late"))), 422, "/1/delay", &["expected a number", "\"late\"", "number"]);
    says(&post(with("flight", json!(17))), 422, "/1/flight", &["expected a text", "17"]);
    says(&post(with("aircraft", json!({"a": 1}))), 422, "/1/aircraft", &["an object"]);
    says(&post(with("flight", Json::Null)), 422, "/1/flight", &["`flight` is required"]);
    says(&post(with("left", Json::Null)), 422, "/1/left", &["`left` is required"]);
    says(&post(with("left", json!("2013-13-02"))), 422, "/1/left", &["RFC 3339", "2013-13-02"]);
    says(&post(with("landed", Json::Null)), 422, "/1/landed", &["no arrival time"]);
    says(&post(with("landed", json!("2013-01-02T12:02:00Z"))), 422, "/1/landed", &["says that it arrived at", "clock"]);
    says(&post(json!(3)), 422, "/1", &["a record is a JSON object", "3"]);
    says(&client.post(RECORDS, &with("dealy", json!(1))), 422, "/dealy", &["no field"]);
    says(&client.post(RECORDS, &json!("text")), 422, "", &["a record is a JSON object"]);
    says(&client.post(RECORDS, &json!([])), 422, "", &["no record"]);
    let gate = json!({"origin": "JFK", "changed": "2013-01-02T06:30:00", "_arrived_at": "2013-01-02T06:30:00Z"});
    says(&client.post("/v1/sources/gates/records", &gate), 422, "/_arrived_at", &["stamped by the service"]);
    let bay = json!({"changed": "2013-01-02T06:30:00", "bay": 1.5});
    says(&client.post("/v1/sources/gates/records", &bay), 422, "/bay", &["a whole number", "1.5"]);
    // A record of the schedule is assumed to arrive 5 minutes after it was published; it must have been published.
    let schedule =
        |published: &str| client.post("/v1/sources/schedule/records", &json!({"flight": "F1", "published": published}));
    let ahead = &["happened at 2013-01-02T12:01:01Z", "here it is 2013-01-02T12:00:00Z", "`published`"];
    says(&schedule("2013-01-02T12:01:01Z"), 422, "/published", ahead);
    // Of all this, nothing was taken.
    assert_eq!(client.get("/ready").ok()["positions"], json!({"gates": 0, "landings": 3, "schedule": 1}));
    client.post(RECORDS, &good()).ok();
    service.stop();
}

#[test]
fn bodies_that_are_none() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices { body_limit: 10_000, ..Choices::default() });
    let client = &service.client;
    let json = |body: &[u8]| client.post_as(RECORDS, "application/json", body);
    let lines = |body: &str| client.post_as(RECORDS, "application/x-ndjson", body.as_bytes());
    says(&json(b""), 422, "", &["the body is empty"]);
    says(&json(b"flight,aircraft\n"), 400, "line 1, column 2", &["not JSON"]);
    says(&json(b"[{\"flight\": \"F1\",}]"), 400, "line 1, column 18", &["not JSON"]);
    says(&json(b"{\"flight\": \"\xff\"}"), 400, "line 1, column 13", &["not JSON", "UTF-8"]);
    says(
        &lines(&format!("{}\n{{\"flight\":\n{}\n", good(), good())),
        400,
        "line 2, column 10",
        &["line 2 is not JSON"],
    );
    says(&lines(&format!("{}\n\n[1]\n", good())), 422, "line 3", &["an array"]);
    says(&lines(&format!("{}\n{}\n", good(), with("delay", json!(true)))), 422, "line 2, field delay", &["true"]);
    says(&lines("\n \n"), 422, "", &["no record"]);
    says(&client.post_as(RECORDS, "text/csv", b"a,b"), 415, "header content-type", &["text/csv", "application/json"]);
    says(&client.post_as(FEATURES, "application/x-ndjson", b"{}"), 415, "header content-type", &["application/json"]);
    let large = vec![b' '; 20_000];
    says(&json(&large), 413, "", &["10000 bytes", "several requests"]);
    assert_eq!(client.get("/ready").ok()["positions"]["landings"], 3);
    service.stop();
}

#[test]
fn questions_that_cannot_be_answered() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let client = &service.client;
    let route = json!({"origin": "JFK", "dest": "LAX"});
    let ask = |row: Json| client.post(FEATURES, &json!({"rows": [row]}));
    let entities = |entities: Json| ask(json!({"entities": entities}));
    says(&client.post("/v1/questions/lat/features", &json!({})), 404, "path: lat", &["did you mean `late`?"]);
    says(&client.post("/v1/models/lates/predictions", &json!({})), 404, "path: lates", &["did you mean `late`?"]);
    says(&client.post(FEATURES, &json!([])), 422, "", &["the body is an array"]);
    says(&client.post_as(FEATURES, "application/json", b"{"), 400, "line 1, column 1", &["not JSON"]);
    says(&client.post(FEATURES, &json!({"rows": []})), 422, "/rows", &["`rows` is empty"]);
    says(&client.post(FEATURES, &json!({"rows": 1})), 422, "/rows", &["not an array"]);
    says(&client.post(FEATURES, &json!({"rows": [1]})), 422, "/rows/0", &["a row is 1"]);
    says(&client.post(FEATURES, &json!({"row": []})), 422, "/row", &["`row` means nothing"]);
    says(&ask(json!({"entity": {}})), 422, "/rows/0/entity", &["did you mean `entities`?"]);
    let plane = json!({"plane": "N1", "route": route});
    says(&entities(plane), 422, "/rows/0/entities/plane", &["no entity `plane`"]);
    says(&entities(json!({"aircrafts": "N1"})), 422, "/rows/0/entities/aircrafts", &["did you mean `aircraft`?"]);
    says(&entities(json!({"route": route})), 422, "/rows/0/entities", &["the entity `aircraft`", "null"]);
    says(&entities(json!({"aircraft": 5})), 422, "/rows/0/entities/aircraft", &["expected a text", "5"]);
    says(&entities(json!({"route": "JFK"})), 422, "/rows/0/entities/route", &["2 parts", "\"origin\": string"]);
    says(&entities(json!({"route": {"origin": "JFK"}})), 422, "/rows/0/entities/route", &["`dest` is missing"]);
    says(&entities(json!({"route": {"from": 1}})), 422, "/rows/0/entities/route/from", &["no part `from`"]);
    let row = json!({"entities": {"aircraft": "N1", "route": route}, "at": "soon"});
    says(&ask(row), 422, "/rows/0/at", &["RFC 3339", "soon"]);
    // The past is not asked here: P3 landed at 16:00, and an answer as of 16:00 would not know it.
    let row = |at: &str| json!({"entities": {"aircraft": "N1", "route": route}, "at": at});
    says(&ask(row("2013-01-01T16:00:00Z")), 409, "/at", &["2013-01-01T16:00:00Z", "tandem data"]);
    ask(row("2013-01-01T16:00:00.000001Z")).ok();
    let rows = json!({"rows": [row("2013-01-02T12:00:00Z"), row("2012-01-01T00:00:00Z")]});
    says(&client.post(FEATURES, &rows), 409, "/rows/1/at", &["2012-01-01T00:00:00Z"]);
    // Nor is the future, beyond what clocks lie apart.
    ask(row("2013-01-02T12:01:00Z")).ok();
    says(&ask(row("2013-01-02T12:01:00.000001Z")), 422, "/at", &["here it is 2013-01-02T12:00:00Z", "leave `at` away"]);
    let rows = json!({"rows": [row("2013-01-02T12:00:00Z"), row("9999-01-01T00:00:00Z")]});
    says(&client.post(FEATURES, &rows), 422, "/rows/1/at", &["9999-01-01T00:00:00Z"]);
    let many = json!({"rows": vec![row("2013-01-03T00:00:00Z"); 10_001]});
    says(&client.post(FEATURES, &many), 413, "/rows", &["10001 rows", "10000"]);

    let busy = |request: Json| {
        client.post("/v1/questions/busy/features", &json!({"entities": {"aircraft": "N1"}, "request": request}))
    };
    says(&busy(json!({})), 422, "/request", &["request.seats", "Seats on sale"]);
    says(&busy(json!({"seats": "many"})), 422, "/request/seats", &["a whole number", "integer"]);
    says(&busy(json!({"seat": 1})), 422, "/request/seat", &["did you mean `seats`?"]);
    assert_eq!(busy(json!({"seats": 7})).ok()["rows"][0]["values"], json!({"seats_a_landing": 3.5}));
    assert_eq!(busy(json!({"seats": null})).ok()["rows"][0]["values"], json!({"seats_a_landing": null}));
    service.stop();
}

#[test]
fn a_model_without_a_release_and_paths_that_lead_nowhere() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices { models: Vec::new(), ..Choices::default() });
    let client = &service.client;
    let reply = client.post("/v1/models/late/predictions", &json!({}));
    says(&reply, 404, "path: late", &["no live release", "tandem release late"]);
    says(&client.get("/v2/anything"), 404, "path", &["/v2/anything", "openapi.json"]);
    says(&client.get(RECORDS), 405, "", &["does not take GET"]);
    says(&client.get("/v1/served?after=x"), 400, "query", &["after=NUMBER"]);
    says(&client.get("/v1/served?since=1"), 400, "query", &["after=NUMBER"]);
    service.stop();
}
