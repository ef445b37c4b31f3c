//! What two clean runs have in common, as tests: what differs from run to run is not asserted, and said; a number that differs
//! a little is asserted within ten times that. What stands beside something that differs may agree by chance (the range of a
//! random column, a line of a printed one), and is not asserted either. Not here: how it is written.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tandem_notebook::Notebook;

use super::expect::{TOLERANCE, list, object, same, same_line, without_numbers};

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
    let mut moving = BTreeSet::new();
    for (one, two) in list(first, "cells").zip(list(second, "cells")) {
        let number = one["cell"].as_u64().unwrap_or(0);
        let code = notebook.code_cells().iter().find(|cell| cell.number as u64 == number);
        let mut cell = Map::new();
        cell.insert("cell".to_owned(), json!(number));
        cell.insert("starts".to_owned(), json!(code.map_or("", |cell| cell.first_line())));
        let mut say = |text: String| left.push(format!("cell {number}, {text}"));
        for (key, kept) in
            [("frames", frames(one, two, &mut moving, &mut say)), ("numbers", numbers(one, two, &mut say))]
        {
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

/// Facts of a column that follow from what the notebook does, not from its values.
const STRUCTURE: [&str; 2] = ["type", "nulls"];

/// The frames of a cell. `moving` holds the columns that differed so far: of those, and of what is shown beside them, only the
/// structure is asserted.
fn frames(one: &Value, two: &Value, moving: &mut BTreeSet<String>, say: &mut dyn FnMut(String)) -> Map<String, Value> {
    let differs = |(name, facts): (&String, &Value)| -> Vec<String> {
        let other = &two["frames"][name]["columns"];
        let differs = |(column, facts): &(&String, &Value)| !same(facts, &other[column.as_str()], TOLERANCE);
        object(facts, "columns").filter(differs).map(|(column, _)| column.clone()).collect()
    };
    let here: BTreeSet<String> = object(one, "frames").flat_map(differs).collect();
    // Every series has `values`, so the name says nothing about another.
    moving.extend(here.iter().filter(|column| *column != "values").cloned());
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
        let by_chance = |column: &str| moving.contains(column) || name == "(shown)" && !here.is_empty();
        let mut frame = Map::new();
        for (key, value) in facts.as_object().into_iter().flatten().filter(|(key, _)| *key != "columns") {
            let steady: Vec<&Value> = list(facts, key).filter(|one| !one.as_str().is_some_and(by_chance)).collect();
            match (key.as_str(), same(value, &other[key], 0.0)) {
                ("unique", _) if steady.is_empty() => {}
                ("unique", true) => _ = frame.insert(key.clone(), json!(steady)),
                (_, true) => _ = frame.insert(key.clone(), value.clone()),
                (_, false) => say(format!("frame `{name}`: {key} differs from run to run")),
            }
        }
        let columns = object(facts, "columns").map(|(column, facts)| {
            let now = &other["columns"][column];
            (column.clone(), Value::Object(column_facts((name, column), facts, now, by_chance(column), say)))
        });
        let columns: Map<String, Value> = columns.collect();
        frame.insert("columns".to_owned(), Value::Object(columns));
        kept.insert(name.clone(), Value::Object(frame));
    }
    kept
}

/// What is asserted of a column: all that agrees, and only its structure where something of its values does not.
fn column_facts(
    (frame, column): (&str, &str),
    facts: &Value,
    now: &Value,
    by_chance: bool,
    say: &mut dyn FnMut(String),
) -> Map<String, Value> {
    let all = || facts.as_object().into_iter().flatten();
    let moving: Vec<&str> =
        all().filter(|(fact, value)| !same(value, &now[*fact], TOLERANCE)).map(|(fact, _)| fact.as_str()).collect();
    if !moving.is_empty() {
        let verb = if moving.len() == 1 { "differs" } else { "differ" };
        say(format!("frame `{frame}`, column `{column}`: {} {verb} from run to run", moving.join(" and ")));
    }
    let structure = by_chance || moving.iter().any(|fact| !STRUCTURE.contains(fact));
    let steady = all()
        .filter(|(fact, _)| !moving.contains(&fact.as_str()) && (!structure || STRUCTURE.contains(&fact.as_str())));
    steady.map(|(fact, value)| (fact.clone(), rounded(value))).collect()
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
    let mut shapes: Vec<String> = Vec::new();
    for line in &moving {
        let shape = shape(line);
        if shapes.contains(&shape) {
            continue;
        }
        let alike = moving.iter().filter(|other| self::shape(other) == shape).count();
        say(match alike {
            1 => format!("the printed line `{line}`: it differs from run to run"),
            _ => format!("{alike} printed lines such as `{line}`: they differ from run to run"),
        });
        shapes.push(shape);
    }
    // Where most lines with a number differ, the others agree by chance.
    let numbered = |line: &&String| line.contains(|c: char| c.is_ascii_digit());
    let mostly = moving.len() > steady.iter().filter(numbered).count();
    let kept = |line: &String| !(shapes.contains(&shape(line)) || mostly && numbered(&line));
    steady.into_iter().filter(kept).collect()
}

/// A line without its numbers and spaces: of lines of one shape, some agree by chance.
fn shape(line: &str) -> String {
    without_numbers(line).split_whitespace().collect()
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
    fn what_agrees_beside_something_random_is_not_asserted() {
        let run = |mean: f64, first: &str| {
            let random = json!({"type": "int64", "nulls": 0, "range": [1, 4], "mean": mean});
            let chance = json!({"type": "int64", "nulls": 0, "range": [1, 4], "mean": 2.5});
            let steady = json!({"type": "str", "nulls": 0, "values": ["a"]});
            json!({"cells": [
                {"cell": 1, "frames": {"df": {"rows": 9, "unique": ["x", "id"], "columns": {"x": random, "id": steady}},
                    "(shown)": {"rows": 5, "columns": {"id": steady, "z": chance}}}, "printed": [first, "1    3", "rows 9"]},
                {"cell": 2, "frames": {"(shown)": {"rows": 5, "unique": ["x"], "columns": {"x": chance, "id": steady}}},
                    "printed": [first, format!("at {mean}"), "Length: 5, 0    3", "done"]},
                {"cell": 3, "frames": {"other": {"rows": 1, "columns": {"y": chance}}}}], "functions": []})
        };
        let text = json!({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x"}]}).to_string();
        let notebook = Notebook::parse(std::path::Path::new("n"), text.as_bytes()).unwrap();
        let pruned = pruned(&run(2.0, "0    4"), &run(3.0, "0    2"), &notebook);
        let cells = &pruned.tests["cells"];
        let only = json!({"type": "int64", "nulls": 0});
        let df = &cells[0]["frames"]["df"];
        assert_eq!((&df["unique"], &df["columns"]["x"]), (&json!(["id"]), &only));
        assert_eq!(df["columns"]["id"]["values"], json!(["a"]));
        assert_eq!(cells[0]["frames"]["(shown)"]["columns"]["z"], only);
        assert_eq!(cells[0]["printed"], json!(["rows 9"]));
        assert_eq!(cells[1]["printed"], json!(["done"]));
        assert_eq!(cells[1]["frames"]["(shown)"]["columns"]["x"], only);
        assert_eq!(cells[1]["frames"]["(shown)"].get("unique"), None);
        assert_eq!(cells[2]["frames"]["other"]["columns"]["y"]["mean"], json!(2.5));
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
