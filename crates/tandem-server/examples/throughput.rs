//! How fast a service answers and takes records in, measured by one client with keep-alive over real HTTP on loopback:
//! `cargo run --release -p tandem-server --example throughput`. Prints figures; promises nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use common::{Choices, Service, folder};
use serde_json::{Value as Json, json};

/// The barest client, so that the service is measured and not the client.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn post(&mut self, path: &str, body: &str) -> Vec<u8> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.0.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).unwrap();
        answer
    }
}

fn main() {
    let folder = folder();
    let service = Service::start(folder.path(), Choices::default());
    let connect = || {
        let stream = TcpStream::connect(service.running.local_addr()).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(BufReader::new(stream))
    };
    let mut connection = connect();

    let batch = |n: usize| {
        let record = |i: usize| {
            json!({"flight": format!("F{n}-{i}"), "aircraft": format!("N{}", (n * 100 + i) % 4_000),
                   "left": "2013-01-02T08:00:00Z", "landed": "2013-01-02T11:00:00Z", "delay": (i as f64) / 7.0})
        };
        (0..100).map(record).collect::<Json>().to_string()
    };
    let batches: Vec<String> = (0..2_000).map(batch).collect();
    let began = Instant::now();
    for body in &batches {
        connection.post("/v1/sources/landings/records", body);
    }
    report("records, 100 a request, one client", batches.len(), 100, began);

    let rest: Vec<String> = (2_000..4_000).map(batch).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for part in rest.chunks(500) {
            let mut connection = connect();
            scope.spawn(move || {
                for body in part {
                    connection.post("/v1/sources/landings/records", body);
                }
            });
        }
    });
    report("records, 100 a request, four clients", rest.len(), 100, began);

    for (rows, requests) in [(1, 20_000), (100, 2_000)] {
        let row = |i: usize| json!({"entities": {"aircraft": format!("N{}", i * 37 % 4_000), "route": {"origin": "JFK", "dest": "LAX"}}});
        let body = json!({"rows": (0..rows).map(row).collect::<Vec<_>>()}).to_string();
        for (what, path) in
            [("features", "/v1/questions/late/features"), ("predictions (a sum)", "/v1/models/late/predictions")]
        {
            let began = Instant::now();
            for _ in 0..requests {
                connection.post(path, &body);
            }
            report(&format!("{what}, {rows} rows a request, one client"), requests, rows, began);
        }
    }
    drop(connection);
    let began = Instant::now();
    service.stop();
    let service = Service::start(folder.path(), Choices::default());
    println!("stopped, started and replayed 400,004 records in {:.2} s", began.elapsed().as_secs_f64());
    service.stop();
}

fn report(what: &str, requests: usize, rows: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    let (per_second, rows) = (requests as f64 / seconds, (requests * rows) as f64 / seconds);
    println!("{what}: {per_second:.0} requests/s, {rows:.0} rows/s, {:.0} µs a request", 1e6 / per_second);
}
