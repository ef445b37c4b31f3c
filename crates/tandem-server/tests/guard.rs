//! Who may ask, and when a service refuses to start or to be ready: said with the reason.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};

use common::{Choices, Service, ask, folder, setup};
use serde_json::json;
use tandem_server::StartError;

#[test]
fn a_public_address_needs_a_token_and_a_token_guards_everything_below_v1() {
    let folder = folder();
    let public = || Choices { listen: "0.0.0.0:0".parse().unwrap(), ..Choices::default() };
    let start = |choices| {
        let (setup, reload) = setup(folder.path(), choices, Arc::default(), Arc::new(Mutex::new(Vec::new())));
        tandem_server::start(setup, reload)
    };
    let Err(error) = start(public()) else { panic!("a public address without a token") };
    assert!(matches!(error, StartError::PublicWithoutToken(_)) && error.to_string().contains("token"), "{error}");
    let Err(StartError::BadToken) = start(Choices { token: Some("short".into()), ..public() }) else { panic!("short") };

    let token = "0123456789abcdef";
    let service = Service::start(folder.path(), Choices { token: Some(token.into()), ..Choices::default() });
    service.client.post("/v1/questions/late/features", &ask()).ok();
    for given in [None, Some("0123456789abcdeX".to_owned())] {
        let client = common::Client::new(service.running.local_addr(), given);
        client.post("/v1/questions/late/features", &ask()).refused(401);
        client.post("/v1/sources/landings/records", &json!([])).refused(401);
        client.get("/v1/served").refused(401);
        client.get("/v1/nothing").refused(401);
        client.get("/health").ok();
    }
    service.stop();
}

#[test]
fn two_services_do_not_write_one_log() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let (second, reload) = setup(folder.path(), Choices::default(), Arc::default(), Arc::new(Mutex::new(Vec::new())));
    let Err(StartError::Locked { .. }) = tandem_server::start(second, reload) else { panic!("two services") };
    service.stop();
}

#[test]
fn a_past_that_cannot_be_read_keeps_the_service_unready_and_says_why() {
    let folder = folder();
    std::fs::write(folder.path().join("logs/landings.jsonl"), "{\"flight\":").unwrap();
    let (setup, reload) = setup(folder.path(), Choices::default(), Arc::default(), Arc::new(Mutex::new(Vec::new())));
    let running = tandem_server::start(setup, reload).unwrap();
    assert!(running.wait_ready().unwrap_err().contains("landings.jsonl"));
    let client = common::Client::new(running.local_addr(), None);
    client.get("/health").ok();
    assert!(client.get("/ready").refused(503)["detail"].as_str().unwrap().contains("landings.jsonl"));
    client.post("/v1/questions/late/features", &ask()).refused(503);
    client.post("/v1/sources/landings/records", &json!([])).refused(503);
    running.stop();
}
