//! The JSON Schemas accept the correct project and refuse hand-broken ones, by a small validator of what they use.
#![allow(clippy::unwrap_used)]

mod common;

use serde_json::Value;
use tandem_definitions::{File, schemas};

/// The keywords that the schemas use; a schema with another one fails the test.
fn validate(schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let ok = match keyword.as_str() {
            "$schema" | "title" | "description" | "pattern" => true,
            "type" => {
                let names: Vec<&str> = match rule {
                    Value::String(name) => vec![name],
                    other => other.as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect(),
                };
                names.iter().any(|name| match *name {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    other => panic!("type {other}"),
                })
            }
            "enum" => rule.as_array().unwrap().contains(value),
            "minLength" => value.as_str().is_none_or(|t| !t.is_empty()),
            "required" => {
                let missing = rule.as_array().unwrap().iter().filter(|k| value.get(k.as_str().unwrap()).is_none());
                missing.count() == 0
            }
            "properties" => {
                for (key, inner) in rule.as_object().unwrap() {
                    if let Some(found) = value.get(key) {
                        validate(inner, found, &format!("{path}/{key}"), wrong);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|map| map.keys().all(|k| known.contains_key(k)))
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(rule, item, &format!("{path}/{n}"), wrong);
                }
                true
            }
            other => panic!("keyword {other}"),
        };
        if !ok {
            wrong.push(format!("{path}: {keyword}"));
        }
    }
}

fn problems(file: &File) -> Vec<String> {
    let schema = schemas().into_iter().find(|s| {
        let (head, tail) = s.pattern.split_once('*').unwrap_or((s.pattern, ""));
        file.path.starts_with(head) && file.path.ends_with(tail)
    });
    let mut wrong = Vec::new();
    validate(&schema.unwrap().json, &tandem_definitions::yaml_to_json(&file.text).unwrap(), "", &mut wrong);
    wrong
}

#[test]
fn accept_the_correct_project() {
    for file in common::flights() {
        assert_eq!(problems(&file), Vec::<String>::new(), "{}", file.path);
    }
}

#[test]
fn refuse_what_is_broken() {
    for (path, from, to, expected) in [
        ("tandem.yaml", "serve:", "server:", ": additionalProperties"),
        ("tandem.yaml", ", meaning: One scheduled departure", "", "/entities/0: required"),
        ("features/route.yaml", "value: count(*)", "valeu: count(*)", "/features/0: required"),
        ("features/aircraft.yaml", "type: integer", "type: int", "/request/0/type: enum"),
        ("questions/late_landing.yaml", "at_least: 0.65", "at_least: high", "/success/at_least: type"),
        ("models/late/model.yaml", "owner: sam", "owner: [sam]", "/owner: type"),
        ("sources/landings.odcs.yaml", "kind: DataContract", "sort: DataContract", ": required"),
    ] {
        let files = common::broken(path, from, to);
        let wrong = problems(files.iter().find(|f| f.path == path).unwrap());
        assert!(wrong.iter().any(|w| w == expected), "{path}: {wrong:?}");
    }
}

#[test]
fn every_key_is_described() {
    fn walk(schema: &Value, path: &str) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let text = inner["description"].as_str().unwrap_or("");
            assert!(text.len() > 5, "{path}/{key} has no description");
            walk(inner, &format!("{path}/{key}"));
            walk(&inner["items"], &format!("{path}/{key}"));
        }
    }
    for schema in schemas() {
        assert_eq!(schema.json["$schema"], "https://json-schema.org/draft/2020-12/schema");
        walk(&schema.json, schema.name);
    }
}
