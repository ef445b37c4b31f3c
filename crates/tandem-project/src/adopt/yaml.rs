//! Recorded tests as YAML that people read, edit and compare line by line: one line for a column, one for a call.
//! Not here: reading it, which the definitions' reader does.

use serde_json::Value;

/// A line that is not longer holds a whole mapping or list.
const WIDTH: usize = 130;

const HEAD: &str = "\
# Recorded from two clean runs by `tandem notebook adopt`; `tandem test` runs the notebook and compares.
# Yours to edit: delete a line, and it is not asserted any more. A number may be off by `tolerance` (relative), or by what
# `within` says: `accuracy: {value: 0.93, within: 0.02}`. With `more_columns: true` a frame may get new ones.
# To take over what the notebook gives now: tandem notebook adopt models/NAME/notebook.py
";

/// The file of the tests.
pub(super) fn recorded(tests: &Value) -> String {
    let mut text = HEAD.to_owned();
    block(tests, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                text.push_str(&indent);
                entry(&format!("{}:", scalar(&Value::from(key.as_str()))), value, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                if matches!(item, Value::Object(map) if !map.is_empty()) && !fits(item, depth) {
                    let mut inner = String::new();
                    block(item, depth + 1, &mut inner);
                    text.push_str(&indent);
                    text.push_str("- ");
                    text.push_str(inner.trim_start());
                } else {
                    text.push_str(&indent);
                    entry("-", item, depth + 1, text);
                }
            }
        }
        scalar_value => {
            text.push_str(&scalar(scalar_value));
            text.push('\n');
        }
    }
}

fn entry(key: &str, value: &Value, depth: usize, text: &mut String) {
    text.push_str(key);
    let is_empty =
        value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty);
    // Each number, column and printed line is a line of its own, to be found and deleted.
    let lines = matches!(key, "numbers:" | "frames:" | "columns:" | "printed:" | "not_asserted:");
    // Plain values are one line, however long: twenty lines with a value each hide the call that they belong to.
    let scalars = value.as_array().is_some_and(|items| items.iter().all(|item| !item.is_array() && !item.is_object()));
    if is_empty || !(value.is_array() || value.is_object()) || ((scalars || fits(value, depth)) && !lines) {
        text.push(' ');
        text.push_str(&flow(value));
        text.push('\n');
    } else {
        text.push('\n');
        block(value, depth, text);
    }
}

/// Whether a value stands on one line: only what is flat enough to be read there.
fn fits(value: &Value, depth: usize) -> bool {
    fn height(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(height).max().unwrap_or(0),
            Value::Object(map) => 1 + map.values().map(height).max().unwrap_or(0),
            _ => 0,
        }
    }
    let keys = ["columns", "frames", "numbers", "calls", "cell", "function"];
    let ours = value.as_object().is_some_and(|map| keys.iter().any(|key| map.contains_key(*key)));
    let column = value.get("values").is_some() && height(value) <= 2;
    column || !ours && height(value) <= 6 && depth > 1 && flow(value).len() + depth * 2 <= WIDTH
}

fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry =
                |(key, value): (&String, &Value)| format!("{}: {}", scalar(&Value::from(key.as_str())), flow(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => scalar(other),
    }
}

/// A scalar: a text bare where it cannot be taken for anything else.
pub(super) fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./ ()".contains(c))
        && !text.ends_with(' ');
    let meant = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];
    if plain && !meant.contains(&text.to_ascii_lowercase().as_str()) { text.clone() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tandem_definitions::yaml_to_json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let tests = json!({"tolerance": 1e-6, "cells": [
            {"cell": 1, "starts": "df = pd.read_csv('a: b') # \"x\"\\n", "frames": {"df": {"rows": 2, "unique": ["id"], "columns": {"id": {"type": "int64", "nulls": 0, "range": [1, 2]},
                "yes": {"type": "object", "values": ["a", "", "null", "1", "é\t"]}, "empty": {}}}}, "numbers": {"a['b']": {"value": 0.5, "within": 0.1}, "(shown)": -3}, "printed": ["x: 1", "- 2"]}],
            "functions": [{"function": "f", "cell": 2, "calls": [{"with": {"df": {"frame": {"a": {"type": "int64", "values": (0..60).collect::<Vec<_>>()}}}, "k": null}, "gives": {"tuple": [1.5, "a"]}}, {"with": {}, "gives": [[1, 2], [3, 4]]}]}],
            "not_asserted": ["cell 1, `x`: it differs"]});
        let text = recorded(&tests);
        assert_eq!(yaml_to_json(&text), Some(tests), "{text}");
        assert!(text.contains("\n          id: {type: int64, nulls: 0, range: [1, 2]}\n"), "{text}");
        assert!(text.contains("\n  - cell: 1\n"), "{text}");
        assert!(text.contains("values: [0, 1, 2, 3, ") && text.contains(", 58, 59]}\n"), "{text}");
    }
}
