//! Every scenario of ours over HTTP: its records posted in the order of arrival, each observation asked when its time has come.
//! Once with one service from beginning to end, and once with a service that is started again before every question.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use common::{Choices, Service};
use serde_json::{Map, Value as Json, json};
use tandem_definitions::{
    Computation, Element, Expr, Metric, Observe, Outcome, Place, Project, Question, Rule, Source, Split, Success, Type,
    Value, time,
};
use tandem_project::scenario::{Case, InMemory, LogRecord, Observation, Step, Way, run, timeline};

struct Http {
    restart: bool,
}

impl Way for Http {
    fn name(&self) -> String {
        if self.restart { "over HTTP, started again before every question" } else { "over HTTP" }.to_owned()
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        if case.as_corrected {
            // A service never answers with what it does not know yet.
            return InMemory.values(case);
        }
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let project = served(case);
        let begin = || {
            Service::start(
                folder.path(),
                Choices { project: project.clone(), models: Vec::new(), ..Choices::default() },
            )
        };
        let mut service = begin();
        let mut values = vec![Vec::new(); case.observations.len()];
        for step in timeline(case) {
            match step {
                Step::Record(source, _, record) => {
                    service.clock.store(record.arrival, Ordering::SeqCst);
                    let source = &project.sources[source];
                    let reply =
                        service.client.post(&format!("/v1/sources/{}/records", source.name), &body(source, record));
                    if reply.status != 200 {
                        return Err(reply.text);
                    }
                }
                // It was told with the record, and the service holds it until its time has come.
                Step::Later(..) => {}
                Step::Ask(index, observation) => {
                    if self.restart {
                        service.stop();
                        service = begin();
                    }
                    service.clock.store(observation.at, Ordering::SeqCst);
                    let reply = service.client.post("/v1/questions/all/features", &row(&project, observation));
                    if reply.status != 200 {
                        return Err(reply.text);
                    }
                    let answer = reply.json();
                    values[index] = case.features.iter().map(|f| value(&project, *f, &answer)).collect();
                    // A map is null for one reason, and the answer says it.
                    let by_category = |f: &usize| matches!(project.features[*f].ty, Type::Map(..));
                    let over = case.features.iter().zip(&values[index]).any(|(f, v)| by_category(f) && v.is_null());
                    assert!(
                        !over || answer["warnings"][0].as_str().is_some_and(|w| w.starts_with("T225 ")),
                        "{answer}"
                    );
                }
            }
        }
        Ok(values)
    }
}

/// The case's project, with a question that asks for the case's features, and with nothing in its logs yet.
fn served(case: &Case<'_>) -> Project {
    let mut project = case.project.clone();
    for source in &mut project.sources {
        source.locations.clear();
    }
    let nothing = Computation {
        text: "null".to_owned(),
        aggregates: Vec::new(),
        inputs: Vec::new(),
        expr: Expr::Literal(Value::Null),
    };
    let outcome = Outcome {
        name: "nothing".to_owned(),
        entity: 0,
        value: nothing,
        ty: Type::Bool,
        horizon: 1,
        reporting_delay: 0,
        when_missing: "it is not asked for".to_owned(),
        place: Place::default(),
    };
    let rule = Rule::File("nobody asks.csv".to_owned());
    let observe = Observe { rule, entities: Vec::new(), request: Vec::new(), place: Place::default() };
    project.questions = vec![Question {
        name: "all".to_owned(),
        question: "What does the scenario expect?".to_owned(),
        asked_by: "the tests".to_owned(),
        decides: "whether serving agrees".to_owned(),
        by: None,
        observe,
        outcome,
        features: case.features.clone(),
        success: Success { metric: Metric::RocAuc, at_least: 0.5 },
        split: Split { test_from: 0, gap: 0, folds: 1, each: None },
        place: Place::default(),
    }];
    project.models.clear();
    project
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(i) => json!(i),
        Value::Float(x) if x.is_nan() => json!("NaN"),
        Value::Float(x) if x.is_infinite() => json!(if *x > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(x) => json!(x),
        Value::Text(s) => json!(s.as_ref()),
        Value::Time(t) => json!(time::format_instant(*t)),
        Value::List(_) | Value::Map(_) => panic!("a record and what is asked about hold single values, not {value}"),
    }
}

fn body(source: &Source, record: &LogRecord) -> Json {
    let fields = source.fields.iter().zip(&record.fields).filter(|(_, value)| !value.is_null());
    Json::Object(fields.map(|(field, value)| (field.name.clone(), to_json(value))).collect())
}

fn row(project: &Project, observation: &Observation) -> Json {
    let mut entities = Map::new();
    for (entity, key) in project.entities.iter().zip(&observation.keys) {
        let parts = key.clone().unwrap_or_else(|| vec![Value::Null; entity.keys.len()]);
        let parts = entity.keys.iter().zip(&parts).map(|(key, part)| (key.name.clone(), to_json(part)));
        entities.insert(entity.name.clone(), Json::Object(parts.collect()));
    }
    let request = project.request.iter().zip(&observation.request).map(|(r, v)| (r.name.clone(), to_json(v)));
    json!({"entities": entities, "request": Json::Object(request.collect()), "at": observation.at})
}

fn value(project: &Project, feature: usize, answer: &Json) -> Value {
    let feature = &project.features[feature];
    typed(&answer["rows"][0]["values"][&feature.name], feature.ty)
}

fn typed(json: &Json, ty: Type) -> Value {
    let key = |name: &str, key: Element| match key {
        Element::Int => Value::Int(name.parse().unwrap()),
        Element::Bool => Value::Bool(name.parse().unwrap()),
        _ => Value::Text(name.into()),
    };
    match (json, ty) {
        (Json::Null, _) => Value::Null,
        (Json::Array(items), Type::List(of)) => Value::List(items.iter().map(|item| typed(item, of.into())).collect()),
        (Json::Object(members), Type::Map(keys, of)) => {
            let entries = members.iter().map(|(name, item)| (key(name, keys), typed(item, of.into())));
            let mut entries: Vec<(Value, Value)> = entries.collect();
            entries.sort();
            Value::Map(entries.into())
        }
        (Json::Bool(b), Type::Bool) => Value::Bool(*b),
        (Json::Number(n), Type::Int) => Value::Int(n.as_i64().unwrap()),
        (Json::Number(n), Type::Float) => Value::Float(n.as_f64().unwrap()),
        (Json::String(s), Type::Float) => Value::Float(match s.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            other => panic!("{other}"),
        }),
        (Json::String(s), Type::Text) => Value::Text(s.as_str().into()),
        (Json::String(s), Type::Time) => Value::Time(time::parse_instant(s, None).unwrap()),
        (other, ty) => panic!("{other} is no {ty}"),
    }
}

fn hold(way: &Http) {
    let mut failures = String::new();
    for scenario in tandem_testkit::suite::scenarios() {
        for failure in run(&scenario, way).failures {
            writeln!(failures, "{failure}").unwrap();
        }
    }
    assert!(failures.is_empty(), "{}:\n{failures}", way.name());
}

#[test]
fn over_http() {
    hold(&Http { restart: false });
}

#[test]
fn over_http_with_restarts() {
    hold(&Http { restart: true });
}
