//! The OpenAPI 3.1 document of a service, made from its project: the names and types in it are those of the definitions, so that
//! a client made from it knows this team's sources, questions and models. Not here: the routes themselves (`routes.rs`).

use serde_json::{Map, Value as Json, json};
use tandem_definitions::{Element, Entity, Project, Source, Type};

/// The document; `token`: whether a token is asked for.
pub fn document(project: &Project, token: bool) -> Json {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": project.name,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Records in, features and predictions out. Every answer says up to which position of each log it knew.",
        },
        "paths": paths(project),
        "components": {"schemas": schemas(project)},
    });
    if token {
        document["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer"}});
        for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
            for operation in item.as_object_mut().into_iter().flatten().filter(|_| path.starts_with("/v1")) {
                operation.1["security"] = json!([{"token": []}]);
                operation.1["responses"]["401"] = problem("No token, or not the right one.");
            }
        }
    }
    document
}

fn paths(project: &Project) -> Json {
    let sources: Vec<&str> = project.sources.iter().map(|s| s.name.as_str()).collect();
    let questions: Vec<&str> = project.questions.iter().map(|q| q.name.as_str()).collect();
    let models: Vec<&str> = project.models.iter().map(|m| m.name.as_str()).collect();
    json!({
        "/": {"get": {"summary": "What is served here, as a page", "responses": {"200": html()}}},
        "/health": {"get": {"summary": "Whether the process is up", "responses": {"200": ok("Up.", &json!({"type": "object"}))}}},
        "/ready": {"get": {
            "summary": "Whether the past is replayed; positions, lag and live releases",
            "responses": {"200": ok("Ready.", &reference("Readiness")), "503": problem("Not ready yet, or never: the body says why.")},
        }},
        "/openapi.json": {"get": {"summary": "This document", "responses": {"200": ok("This document.", &json!({"type": "object"}))}}},
        "/v1/sources/{source}/records": {"post": {
            "summary": "Records in: acknowledged when they are on the disk and applied",
            "description": "All records of a request are accepted, or none. A repeated record (by the source's identity) is \
                            acknowledged and ignored; of a source that corrects, it is accepted, and replaces from its arrival on \
                            what had its identity. A field that the contract lets arrive later is null until its time. \
                            A request that was not acknowledged can be sent again. A record that says \
                            that it arrives more than a minute ahead of the service's clock is refused (for an assumed arrival: \
                            that it happens so). One whose time has not come yet is held until then.",
            "parameters": [parameter("source", &sources)],
            "requestBody": records_body(project),
            "responses": with_refusals(&ok("Durable and applied.", &reference("Receipt")), &[400, 404, 408, 413, 415, 422, 500, 503]),
        }},
        "/v1/questions/{question}/features": {"post": {
            "summary": "The features of a question, for several rows at a time",
            "parameters": [parameter("question", &questions)],
            "requestBody": question_body(),
            "responses": with_refusals(&ok("The values, all from one state of the log.", &reference("Answer")),
                &[400, 404, 408, 409, 413, 415, 422, 503]),
        }},
        "/v1/models/{model}/predictions": {"post": {
            "summary": "The predictions of a model's live release, for several rows at a time; each row goes to the served log",
            "parameters": [parameter("model", &models)],
            "requestBody": question_body(),
            "responses": with_refusals(&ok("Values and predictions, all from one state of the log.", &reference("Answer")),
                &[400, 404, 408, 409, 413, 415, 422, 500, 503]),
        }},
        "/v1/served": {"get": {
            "summary": "The served log: every row that was answered, one JSON object a line",
            "parameters": [
                {"name": "after", "in": "query", "description": "Only rows with a greater number.", "schema": {"type": "integer", "minimum": 0}},
                {"name": "limit", "in": "query", "description": "At most so many rows.",
                 "schema": {"type": "integer", "minimum": 0, "maximum": crate::routes::SERVED_LIMIT, "default": 1000}},
            ],
            "responses": with_refusals(&json!({"description": "Served rows.",
                "content": {"application/x-ndjson": {"schema": reference("ServedRow")}}}), &[400]),
        }},
        "/v1/releases": {"get": {"summary": "The live releases", "responses": {"200": ok("The releases.", &reference("Releases"))}}},
        "/v1/reload": {"post": {
            "summary": "Ask for the releases again and switch to them; requests in flight keep theirs",
            "responses": with_refusals(&ok("Switched.", &reference("Releases")), &[409]),
        }},
    })
}

fn with_refusals(ok: &Json, refusals: &[u16]) -> Json {
    let mut responses = Map::new();
    responses.insert("200".into(), ok.clone());
    for status in refusals {
        let why = match status {
            400 => "Not JSON, or not a request of this kind.",
            404 => "There is nothing of this name; the remedy names the nearest.",
            408 => "The body took too long.",
            409 => "The instant, or the releases, cannot be had.",
            413 => "The body is too large, or holds too many rows.",
            415 => "A content type that is not taken here.",
            422 => "The content breaks the contract or the definitions; the place says where.",
            500 => "The model gave no number, or a mistake of Tandem's own: the body says which.",
            _ => "Not now; Retry-After says when to try again.",
        };
        responses.insert(status.to_string(), problem(why));
    }
    Json::Object(responses)
}

fn ok(description: &str, schema: &Json) -> Json {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn problem(description: &str) -> Json {
    json!({"description": description, "content": {"application/problem+json": {"schema": reference("Problem")}}})
}

fn html() -> Json {
    json!({"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}})
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn parameter(name: &str, names: &[&str]) -> Json {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "enum": names}})
}

fn records_body(project: &Project) -> Json {
    let records: Vec<Json> = project.sources.iter().map(|s| reference(&record_name(s))).collect();
    json!({"required": true, "content": {
        "application/json": {"schema": {"oneOf": [{"anyOf": records}, {"type": "array", "minItems": 1, "items": {"anyOf": records}}]}},
        "application/x-ndjson": {"schema": {"anyOf": records}},
    }})
}

fn question_body() -> Json {
    let rows = json!({
        "type": "object",
        "required": ["rows"],
        "properties": {
            "rows": {"type": "array", "minItems": 1, "maxItems": crate::questions::ROWS, "items": reference("Row")},
            "log": {"type": "boolean", "default": false, "description": "Whether features alone go to the served log as well."},
        },
        "additionalProperties": false,
    });
    json!({"required": true, "content": {"application/json": {"schema": {"oneOf": [rows, reference("Row")]}}}})
}

fn record_name(source: &Source) -> String {
    format!("record.{}", source.name)
}

fn schemas(project: &Project) -> Json {
    let mut schemas = Map::new();
    for source in &project.sources {
        schemas.insert(record_name(source), record(source));
    }
    schemas.insert("Row".into(), row(project));
    schemas.insert("Values".into(), values(project));
    let positions: Map<String, Json> =
        project.sources.iter().map(|s| (s.name.clone(), json!({"type": "integer", "minimum": 0}))).collect();
    schemas.insert(
        "Positions".into(),
        json!({
            "type": "object", "properties": positions,
            "description": "For each source, how many records of its log were known.",
        }),
    );
    schemas.insert(
        "Answer".into(),
        json!({"type": "object", "required": ["question", "positions", "rows"], "properties": {
            "question": {"type": "string"},
            "model": {"type": "string"},
            "release": {"type": "string"},
            "positions": reference("Positions"),
            "warnings": {"type": "array", "items": {"type": "string"}, "description": "What is odd about the values."},
            "rows": {"type": "array", "items": {"type": "object", "required": ["at", "values"], "properties": {
                "at": schema(Type::Time), "values": reference("Values"), "prediction": schema(Type::Float),
                "seq": {"type": "integer", "description": "The row's number in the served log."},
            }}},
        }}),
    );
    schemas.insert("ServedRow".into(), json!({"type": "object", "properties": {
        "seq": {"type": "integer", "minimum": 1}, "at": schema(Type::Time), "positions": reference("Positions"),
        "question": {"type": "string"}, "model": {"type": ["string", "null"]}, "release": {"type": ["string", "null"]},
        "project_hash": {"type": "string"}, "entities": {"type": "object"}, "request": {"type": "object"},
        "values": reference("Values"), "prediction": nullable(&schema(Type::Float)),
    }}));
    let count = json!({"type": "integer", "minimum": 0});
    schemas.insert(
        "Receipt".into(),
        json!({"type": "object", "properties": {
            "accepted": count,
            "duplicates": {"type": "integer", "minimum": 0, "description": "How many were known already, by identity, and were not \
                accepted again. A source that corrects has none."},
            "corrections": {"type": "integer", "minimum": 0, "description": "How many of the accepted records have the identity \
                of a record that was known already: from its arrival on, the last to arrive counts."},
            "without_entity": count, "arrived_before_event": count,
            "arrived_before_answered": {"type": "integer", "minimum": 0, "description": "How many of the accepted records \
                arrived, by their time, before an instant that had been answered for already: that answer did not know them, and \
                training by arrival time will. Many of them mean that the arrival times of this source are earlier than what \
                production sees."},
            "first_position": count, "position": count,
        }}),
    );
    describe_service(&mut schemas, &count);
    Json::Object(schemas)
}

/// The schemas of what the service says of itself, and of what is wrong.
fn describe_service(schemas: &mut Map<String, Json>, count: &Json) {
    let release = json!({"type": "object", "properties": {
        "model": {"type": "string"}, "release": {"type": "string"}, "question": {"type": "string"},
        "features": {"type": "array", "items": {"type": "string"}},
    }});
    let releases = json!({"type": "array", "items": release});
    schemas.insert("Releases".into(), json!({"type": "object", "properties": {"releases": releases}}));
    schemas.insert("Readiness".into(), json!({"type": "object", "properties": {
        "ready": {"type": "boolean"}, "now": schema(Type::Time), "positions": reference("Positions"), "replayed": count,
        "entities": {"type": "object", "description": "How many of each entity are known."},
        "held": {"type": "integer", "minimum": 0, "description": "How many records wait for their arrival time."},
        "lag": {"type": "object", "properties": {
            "waiting_requests": count, "last_arrival": nullable(&schema(Type::Time)),
            "seconds_since_last_arrival": {"type": ["number", "null"]},
        }},
        "served_rows": count, "releases": releases, "reload_refused": {"type": ["string", "null"]},
    }}));
    schemas.insert(
        "Problem".into(),
        json!({"type": "object", "required": ["title", "status", "detail", "remedy"], "properties": {
            "title": {"type": "string", "description": "What is wrong, the same for every problem of its kind."},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong with this request."},
            "place": {"type": "string", "description": "Where in the request: a JSON pointer, or a line."},
            "remedy": {"type": "string", "description": "What to do about it."},
        }}),
    );
}

fn record(source: &Source) -> Json {
    let mut properties = Map::new();
    for field in &source.fields {
        let mut of = schema(field.ty);
        if !field.required {
            of = nullable(&of);
        }
        if !field.meaning.is_empty() {
            of["description"] = field.meaning.as_str().into();
        }
        properties.insert(field.name.clone(), of);
    }
    let required: Vec<&str> = source.fields.iter().filter(|f| f.required).map(|f| f.name.as_str()).collect();
    let mut record =
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    if !source.meaning.is_empty() {
        record["description"] = source.meaning.as_str().into();
    }
    record
}

fn row(project: &Project) -> Json {
    let entities: Map<String, Json> = project.entities.iter().map(|e| (e.name.clone(), entity(e))).collect();
    let mut request = Map::new();
    for field in &project.request {
        let mut of = nullable(&schema(field.ty));
        of["description"] = field.meaning.as_str().into();
        request.insert(field.name.clone(), of);
    }
    let mut at = nullable(&schema(Type::Time));
    at["description"] =
        "The instant asked about, at most a minute ahead of the service's clock; the present without it.".into();
    json!({
        "type": "object",
        "properties": {
            "entities": {"type": "object", "properties": entities, "additionalProperties": false},
            "request": {"type": "object", "properties": request, "additionalProperties": false},
            "at": at,
        },
        "additionalProperties": false,
    })
}

fn entity(entity: &Entity) -> Json {
    let parts: Map<String, Json> = entity.keys.iter().map(|k| (k.name.clone(), nullable(&schema(k.ty)))).collect();
    let names: Vec<&str> = entity.keys.iter().map(|k| k.name.as_str()).collect();
    let object = json!({"type": "object", "properties": parts, "required": names, "additionalProperties": false});
    let mut of = match entity.keys.as_slice() {
        [only] => json!({"anyOf": [schema(only.ty), object, {"type": "null"}]}),
        _ => json!({"anyOf": [object, {"type": "null"}]}),
    };
    of["description"] = entity.meaning.as_str().into();
    of
}

fn values(project: &Project) -> Json {
    let mut properties = Map::new();
    for feature in &project.features {
        let mut of = nullable(&schema(feature.ty));
        of["description"] = feature.meaning.as_str().into();
        properties.insert(feature.name.clone(), of);
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn schema(ty: Type) -> Json {
    match ty {
        Type::List(of) => json!({"type": "array", "items": nullable(&schema(of.into()))}),
        Type::Map(Element::Text, of) => json!({"type": "object", "additionalProperties": nullable(&schema(of.into()))}),
        Type::Map(key, of) => json!({
            "type": "object",
            "propertyNames": {"description": format!("A category: {} as a text.", Type::from(key).with_article())},
            "additionalProperties": nullable(&schema(of.into())),
        }),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int => json!({"type": "integer", "format": "int64"}),
        Type::Float => json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}),
        Type::Text => json!({"type": "string"}),
        Type::Time => json!({"anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "format": "int64", "description": "Microseconds since 1970 in UTC."},
        ]}),
    }
}

fn nullable(schema: &Json) -> Json {
    json!({"anyOf": [schema, {"type": "null"}]})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_and_every_description_has_a_route() {
        let document = document(&Project::default(), true);
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|m| (m.clone(), path.clone())))
            .collect();
        let routed = crate::routes::table().iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(&Project::default(), true);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
