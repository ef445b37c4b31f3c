//! What two clean runs have in common, as tests: what differs from run to run is not asserted, and said; a number that differs
//! a little is asserted within ten times that. Not here: how it is written.

use serde_json::{Map, Value, json};
use tandem_notebook::Notebook;

use super::expect::{TOLERANCE, list, object, same, same_line};

/// The tests, and what they leave out.
#[derive(Debug)]
pub(super) struct Pruned {
    pub tests: Value,
    pub not_asserted: Vec<String>,
}

/// Tests from the first run, without what the second did otherwise.
pub(super) fn pruned(first: &Value, second: &Value, notebook: &Notebook) -> Pruned {
    let mut left = Vec::new();
    let mut cells = Vec::new();
    for (one, two) in list(first, "cells").zip(list(second, "cells")) {
        let number = one["cell"].as_u64().unwrap_or(0);
        let code = notebook.code_cells().iter().find(|cell| cell.number as u64 == number);
        let mut cell = Map::new();
        cell.insert("cell".to_owned(), json!(number));
        cell.insert("starts".to_owned(), json!(code.map_or("", |cell| cell.first_line())));
        let mut say = |text: String| left.push(format!("cell {number}, {text}"));
        for (key, kept) in [("frames", frames(one, two, &mut say)), ("numbers", numbers(one, two, &mut say))] {
            if !kept.is_empty() {
                cell.insert(key.to_owned(), Value::Object(kept));
            }
        }
        let printed = printed(one, two, &mut say);
        if !printed.is_empty() {
            cell.insert("printed".to_owned(), json!(printed));
        }
        if cell.len() > 2 {
            cells.push(Value::Object(cell));
        }
    }
    let functions = functions(first, second, &mut left);
    let mut tests = json!({"tolerance": TOLERANCE, "cells": cells, "functions": functions});
    if !left.is_empty() {
        tests["not_asserted"] = json!(left);
    }
    Pruned { tests, not_asserted: left }
}

fn frames(one: &Value, two: &Value, say: &mut dyn FnMut(String)) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, facts) in object(one, "frames") {
        let other = &two["frames"][name];
        if let Some(why) = facts.get("unreadable").and_then(Value::as_str) {
            say(format!("frame `{name}`: it cannot be looked into ({why})"));
            continue;
        }
        if !other.is_object() {
            say(format!("frame `{name}`: it was not there in the second run"));
            continue;
        }
        let mut frame = Map::new();
        for (key, value) in facts.as_object().into_iter().flatten().filter(|(key, _)| *key != "columns") {
            if same(value, &other[key], 0.0) {
                frame.insert(key.clone(), value.clone());
            } else {
                say(format!("frame `{name}`: {key} differs from run to run"));
            }
        }
        let mut columns = Map::new();
        for (column, facts) in object(facts, "columns") {
            let now = &other["columns"][column];
            let mut steady = Map::new();
            let mut moving = Vec::new();
            for (fact, value) in facts.as_object().into_iter().flatten() {
                if same(value, &now[fact], TOLERANCE) {
                    steady.insert(fact.clone(), rounded(value));
                } else {
                    moving.push(fact.as_str());
                }
            }
            if !moving.is_empty() {
                say(format!("frame `{name}`, column `{column}`: {} differs from run to run", moving.join(" and ")));
            }
            columns.insert(column.clone(), Value::Object(steady));
        }
        frame.insert("columns".to_owned(), Value::Object(columns));
        kept.insert(name.clone(), Value::Object(frame));
    }
    kept
}

fn numbers(one: &Value, two: &Value, say: &mut dyn FnMut(String)) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in object(one, "numbers") {
        let other = &two["numbers"][name];
        if same(value, other, TOLERANCE) {
            kept.insert(name.clone(), rounded(value));
            continue;
        }
        let (Some(a), Some(b)) = (value.as_f64(), other.as_f64()) else {
            say(format!("`{name}`: it differs from run to run ({value}, {other})"));
            continue;
        };
        if (a - b).abs() <= 0.05 * a.abs() {
            let within = digits((a - b).abs() * 10.0, 2);
            kept.insert(name.clone(), json!({"value": rounded(value), "within": within}));
            say(format!("`{name}` exactly: it differs from run to run ({a}, {b}), so it is asserted within {within}"));
        } else {
            say(format!("`{name}`: it differs from run to run ({a}, {b})"));
        }
    }
    kept
}

fn printed(one: &Value, two: &Value, say: &mut dyn FnMut(String)) -> Vec<String> {
    let texts = |value: &Value| list(value, "printed").filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    let others = texts(two);
    let (steady, moving): (Vec<_>, Vec<_>) =
        texts(one).into_iter().partition(|line| others.iter().any(|other| same_line(line, other, TOLERANCE)));
    moving.into_iter().for_each(|line| say(format!("the printed line `{line}`: it differs from run to run")));
    steady
}

fn functions(first: &Value, second: &Value, left: &mut Vec<String>) -> Vec<Value> {
    let mut kept = Vec::new();
    for function in list(first, "functions") {
        let name = function["name"].as_str().unwrap_or_default();
        let cell = &function["cell"];
        let other = list(second, "functions").find(|other| other["name"] == name);
        let again: Vec<&Value> = other.map_or(Vec::new(), |other| list(other, "calls").collect());
        let (mut calls, mut why) = (Vec::new(), function["why"].as_str().map(str::to_owned));
        for (call, again) in list(function, "calls").zip(again) {
            if same(&call["gives"], &again["gives"], TOLERANCE) {
                calls.push(json!({"with": call["with"], "gives": rounded(&call["gives"])}));
            } else {
                why = Some("its result differs from run to run".to_owned());
            }
        }
        if calls.is_empty() {
            let never =
                if function["count"] == 0 && why.is_none() { Some("it is never called".to_owned()) } else { why };
            left.push(format!(
                "cell {cell}, function `{name}`: {}",
                never.unwrap_or_else(|| "no call of it could be kept".to_owned())
            ));
        } else {
            kept.push(json!({"function": name, "cell": cell, "calls": calls}));
        }
    }
    kept
}

/// Numbers to nine digits, which is more than their tolerance.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!(digits(number.as_f64().unwrap_or(0.0), 9)),
        Value::Array(items) => items.iter().map(rounded).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), rounded(value))).collect(),
        other => other.clone(),
    }
}

fn digits(number: f64, count: usize) -> f64 {
    format!("{number:.*e}", count - 1).parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_rounded_however_deep_they_stand() {
        let gives = json!({"frame": {"rate": {"type": "float64", "values": [0.059_446_733_372_572_11, null, "a", 3]}}});
        let short = json!({"frame": {"rate": {"type": "float64", "values": [0.059_446_733_4, null, "a", 3]}}});
        assert_eq!(rounded(&gives), short);
    }

    #[test]
    fn what_differs_from_run_to_run_is_left_out_and_said() {
        let run = |mean: f64, loss: f64, rate: f64, line: &str, gives: i32| {
            json!({"cells": [{"cell": 1, "frames": {"df": {"rows": 3, "columns": {"x": {"type": "float64", "mean": mean}}}},
                "numbers": {"loss": loss, "rate": rate, "n": 3}, "printed": [line, "rows 3"]}],
                "functions": [{"name": "f", "cell": 1, "calls": [{"with": {"x": 1}, "gives": 2}, {"with": {"x": 2}, "gives": gives}], "count": 2},
                    {"name": "g", "cell": 1, "calls": [], "count": 0}]})
        };
        let text = json!({"nbformat": 4, "cells": [{"cell_type": "code", "source": "# a\nx = 1"}]}).to_string();
        let notebook = Notebook::parse(std::path::Path::new("n"), text.as_bytes()).unwrap();
        let pruned = pruned(&run(1.0, 1.0, 0.5, "took 3 s", 4), &run(2.0, 9.0, 0.501, "took 4 s", 5), &notebook);
        let cell = &pruned.tests["cells"][0];
        assert_eq!(cell["starts"], "x = 1");
        assert_eq!(cell["frames"]["df"], json!({"rows": 3, "columns": {"x": {"type": "float64"}}}));
        assert_eq!(cell["numbers"], json!({"rate": {"value": 0.5, "within": 0.01}, "n": 3}));
        assert_eq!(cell["printed"], json!(["rows 3"]));
        assert_eq!(
            pruned.tests["functions"],
            json!([{"function": "f", "cell": 1, "calls": [{"with": {"x": 1}, "gives": 2}]}])
        );
        assert_eq!(pruned.not_asserted.len(), 5, "{:#?}", pruned.not_asserted);
        assert!(pruned.not_asserted[4].ends_with("function `g`: it is never called"));
    }
}
