//! From a request's body to records that keep their contract: read, checked, and written as the lines of the log.
//! Nothing of a body is accepted unless all of it keeps the contract. Not here: order, stamps and durability (`ingest.rs`).

use serde_json::{Map, Value as Json};
use tandem_data::json;
use tandem_definitions::{ARRIVED_AT, Arrival, Datum, Micros, Source, Value, time};

use crate::problem::{Problem, nearest};

/// How far the clock of whoever sends a record, or asks about an instant, may run ahead of ours.
pub const CLOCKS_APART: Micros = 60_000_000;

/// A record that keeps its contract.
#[derive(Debug)]
pub struct NewRecord {
    /// Its values, by the contract's fields.
    pub values: Vec<Value>,
    /// When it happened.
    pub event: Micros,
    /// When production first knew; `None` where the log stamps it.
    pub arrival: Option<Micros>,
    /// Whether one of the entities that it should touch is null in it.
    pub without_entity: bool,
    /// The line of the log, without its last brace.
    line: String,
}

impl NewRecord {
    /// The line of the log, with the stamp where the log gives one.
    pub fn line(&self, stamp: Option<Micros>) -> String {
        match stamp {
            Some(at) => format!("{},\"{ARRIVED_AT}\":\"{}\"}}", self.line, time::format_instant(at)),
            None => format!("{}}}", self.line),
        }
    }

    /// The values that identify it.
    pub fn identity<'a>(&'a self, source: &Source) -> Vec<Datum<'a>> {
        source.identity.iter().map(|field| self.values[*field].as_datum()).collect()
    }
}

/// How the body of a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object a line.
    Lines,
}

/// Reads all records of a body; `now` bounds the arrival times that a record may claim.
pub fn read(source: &Source, shape: Shape, body: &[u8], now: Micros) -> Result<Vec<NewRecord>, Problem> {
    let records = match shape {
        Shape::Json => read_json(source, body, now)?,
        Shape::Lines => read_lines(source, body, now)?,
    };
    if records.is_empty() {
        return Err(Problem::content("No records", "the body holds no record", "send at least one record"));
    }
    Ok(records)
}

fn read_json(source: &Source, body: &[u8], now: Micros) -> Result<Vec<NewRecord>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::content(
            "No records",
            "the body is empty",
            "send a record, an array of records, or JSON lines",
        ));
    }
    let json: Json = serde_json::from_slice(body).map_err(|e| not_json(&e, "the body", 1))?;
    match json {
        Json::Object(fields) => Ok(vec![record(source, &fields, now, &|field| format!("/{field}"))?]),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| match item {
                Json::Object(fields) => record(source, fields, now, &|field| pointer(i, field)),
                other => Err(not_an_object(other).at(format!("/{i}"))),
            })
            .collect(),
        other => Err(not_an_object(&other)),
    }
}

fn pointer(index: usize, field: &str) -> String {
    if field.is_empty() { format!("/{index}") } else { format!("/{index}/{field}") }
}

fn read_lines(source: &Source, body: &[u8], now: Micros) -> Result<Vec<NewRecord>, Problem> {
    let mut records = Vec::new();
    for (i, line) in body.split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let place = |field: &str| {
            if field.is_empty() { format!("line {}", i + 1) } else { format!("line {}, field {field}", i + 1) }
        };
        let json: Json = serde_json::from_slice(line).map_err(|e| not_json(&e, &format!("line {}", i + 1), i + 1))?;
        match json {
            Json::Object(fields) => records.push(record(source, &fields, now, &place)?),
            other => return Err(not_an_object(&other).at(place(""))),
        }
    }
    Ok(records)
}

/// The body, or a line of it (`first` is the number of its first line), is no JSON.
pub fn not_json(error: &serde_json::Error, what: &str, first: usize) -> Problem {
    let text = error.to_string();
    let reason = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    Problem::new(
        axum::http::StatusCode::BAD_REQUEST,
        "Not JSON",
        format!("{what} is not JSON: {reason}"),
        "nothing was accepted; send UTF-8 JSON (for one object a line, with content type application/x-ndjson)",
    )
    .at(format!("line {}, column {}", first + error.line() - 1, error.column()))
}

fn not_an_object(found: &Json) -> Problem {
    Problem::content(
        "Not a record",
        format!("a record is a JSON object, and here stands {}", json::found(found)),
        "nothing was accepted; write each record as {\"field\": value, …}",
    )
}

fn record(
    source: &Source,
    fields: &Map<String, Json>,
    now: Micros,
    place: &dyn Fn(&str) -> String,
) -> Result<NewRecord, Problem> {
    let breaks = |field: &str, detail: String, remedy: String| {
        let remedy = format!("nothing was accepted; {remedy}");
        Problem::content("A record breaks its contract", detail, remedy).at(place(field))
    };
    let zone = source.time_zone.as_deref();
    let mut values = vec![Value::Null; source.fields.len()];
    for (name, json) in fields {
        let Some(index) = source.field(name) else {
            if name == ARRIVED_AT {
                let detail = format!("`{ARRIVED_AT}` is stamped by the service");
                return Err(breaks(name, detail, "leave it away".to_owned()));
            }
            let known = nearest(name, source.fields.iter().map(|f| f.name.as_str()));
            let detail = format!("the contract of `{}` has no field `{name}`", source.name);
            return Err(breaks(name, detail, known));
        };
        let value = json::from_json(json, source.fields[index].ty, zone).map_err(|expected| {
            let remedy = format!("the contract says that `{name}` is {}", source.fields[index].ty);
            breaks(name, format!("`{name}`: {expected}"), remedy)
        })?;
        values[index] = source.fields[index].normalise.value(value);
    }
    for (field, value) in source.fields.iter().zip(&values) {
        if field.required && value.is_null() {
            let detail = format!("`{}` is required, and this record has none", field.name);
            return Err(breaks(&field.name, detail, "send it with the record".to_owned()));
        }
    }
    let (event, arrival) = times(source, &values, now)
        .map_err(|(field, detail, remedy)| breaks(&source.fields[field].name, detail, remedy))?;
    let without_entity = source.touches.iter().any(|touch| touch.fields.iter().any(|field| values[*field].is_null()));
    let line = line(source, &values);
    Ok(NewRecord { values, event, arrival, without_entity, line })
}

/// When the record happened and, where it says so, arrived. `Err`: the field, what is wrong with it, and what to do.
fn times(source: &Source, values: &[Value], now: Micros) -> Result<(Micros, Option<Micros>), (usize, String, String)> {
    let name = |field: usize| source.fields[field].name.as_str();
    let time_of = |field: usize, what: &str| match values[field] {
        Value::Time(t) => Ok(t),
        _ => {
            let detail = format!("the record has no {what}: `{}` is missing or null", name(field));
            Err((field, detail, format!("send `{}`; without it nobody can say when the record counts", name(field))))
        }
    };
    let event = time_of(source.event, "event time")?;
    let is_ahead = |arrival: Micros| arrival > now.saturating_add(CLOCKS_APART);
    let shown = time::format_instant;
    // As the contract has it, what says that it arrived before it happened may be left out: then it is not taken at all.
    let counts = |arrival: Micros, field: usize| match source.treatment.arrival(event, Some(arrival)) {
        Some(_) => Ok(()),
        None => {
            let detail = format!("the record arrived at {}, before it happened at {}", shown(arrival), shown(event));
            let remedy =
                format!("the contract leaves such records out: correct `{}` or the clock of its sender", name(field));
            Err((field, detail, remedy))
        }
    };
    let assumed = |delay: Micros| {
        // The delay is our own assumption: a record that is here already is held until it has passed.
        if is_ahead(event) {
            let detail = format!("the record says that it happened at {}, and here it is {}", shown(event), shown(now));
            let field = name(source.event);
            let remedy = format!("send it when it has happened, or correct `{field}` or the clock of its sender");
            return Err((source.event, detail, remedy));
        }
        Ok((event, Some(event.saturating_add(delay))))
    };
    match (&source.arrival, source.treatment.assumed_delay()) {
        (Arrival::Observed, _) => counts(now, source.event).map(|()| (event, None)),
        (Arrival::Declared { field }, Some(delay)) if values[*field].is_null() => assumed(delay),
        (Arrival::Declared { field }, _) => {
            let arrival = time_of(*field, "arrival time")?;
            if is_ahead(arrival) {
                let detail =
                    format!("the record says that it arrived at {}, and here it is {}", shown(arrival), shown(now));
                let field_name = name(*field);
                let remedy =
                    format!("send it when it has arrived, or correct `{field_name}` or the clock of its sender");
                return Err((*field, detail, remedy));
            }
            counts(arrival, *field).map(|()| (event, Some(arrival)))
        }
        (Arrival::Assumed { delay }, _) => assumed(*delay),
    }
}

/// The line of the log: every field with a value, as the readers read it back bit for bit.
fn line(source: &Source, values: &[Value]) -> String {
    let mut object = Map::new();
    for (field, value) in source.fields.iter().zip(values) {
        if !value.is_null() {
            object.insert(field.name.clone(), json::to_json(value));
        }
    }
    let mut line = Json::Object(object).to_string();
    line.pop();
    line
}
