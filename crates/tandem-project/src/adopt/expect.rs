//! Recorded tests compared with what a run shows: frames, numbers, printed lines, calls. Each difference is told with its
//! cell, what it is about, before and after. Not here: running, places in the file of the tests, and values in words.

use serde_json::{Map, Value, json};
use tandem_definitions::Code;

use super::words::{call, change, pair, words};

/// How far a number may be off, relative, where the tests say nothing else.
pub(super) const TOLERANCE: f64 = 1e-6;

/// A difference: what kind, in words, and the keys that lead to its line in the tests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub code: Code,
    pub message: String,
    pub keys: Vec<String>,
}

/// All differences between the tests and what was seen. `starts` gives the first line of the code cell of each number.
pub(super) fn differences(tests: &Value, seen: &Value, starts: &[String]) -> Vec<Difference> {
    let tolerance = tests.get("tolerance").and_then(Value::as_f64).unwrap_or(TOLERANCE);
    let mut found = Vec::new();
    for test in list(tests, "cells") {
        let at = position(test, seen, starts);
        let mut cell = Cell { recorded: test["cell"].as_u64().unwrap_or(0), at, seen, tolerance, found: &mut found };
        cell.frames(test);
        cell.numbers(test);
        cell.printed(test);
    }
    for test in list(tests, "functions") {
        calls(test, seen, tolerance, &mut found);
    }
    found
}

/// The cell of the run that a recorded one is: of the same beginning, of the same number where that is not known.
fn position(test: &Value, seen: &Value, starts: &[String]) -> Option<usize> {
    let cells: Vec<u64> = list(seen, "cells").filter_map(|cell| cell["cell"].as_u64()).collect();
    let start = test.get("starts").and_then(Value::as_str);
    let of = |number: u64| starts.get(number as usize - 1).map(String::as_str);
    let number = test["cell"].as_u64()?;
    let same = cells.iter().position(|cell| *cell == number);
    match (start, same) {
        (Some(start), Some(same)) if of(cells[same]) == Some(start) => Some(same),
        (Some(start), same) => cells.iter().position(|cell| of(*cell) == Some(start)).or(same),
        (None, same) => same,
    }
}

struct Cell<'a> {
    recorded: u64,
    at: Option<usize>,
    seen: &'a Value,
    tolerance: f64,
    found: &'a mut Vec<Difference>,
}

impl Cell<'_> {
    fn differs(&mut self, code: Code, keys: &[&str], message: &str) {
        let keys =
            std::iter::once(format!("- cell: {}", self.recorded)).chain(keys.iter().map(|key| (*key).to_owned()));
        self.found.push(Difference {
            code,
            message: format!("cell {}, {message}", self.recorded),
            keys: keys.collect(),
        });
    }

    /// What is known under a name after the cell: what this cell made of it, or the last one before it that did.
    fn known(&self, kind: &str, name: &str) -> Option<Value> {
        let cells: Vec<&Value> = list(self.seen, "cells").collect();
        let upto = &cells[..self.at.map_or(0, |at| at + 1)];
        let upto = if name == "(shown)" { &upto[upto.len().saturating_sub(1)..] } else { upto };
        upto.iter().rev().find_map(|cell| cell[kind].get(name)).cloned()
    }

    fn frames(&mut self, test: &Value) {
        for (name, expected) in object(test, "frames") {
            let called =
                if name == "(shown)" { "the frame that it shows".to_owned() } else { format!("frame `{name}`") };
            match self.known("frames", name) {
                Some(now) => self.frame(name, &called, expected, &now),
                None => self.differs(Code::RecordedGone, &[name], &format!("{called} is not there any more")),
            }
        }
    }

    fn frame(&mut self, name: &str, called: &str, expected: &Value, now: &Value) {
        for key in ["rows", "shape"] {
            if let Some(was) = expected.get(key).filter(|was| now.get(key) != Some(was)) {
                let (was, after) = pair(was, &now[key]);
                let now = if now[key].is_null() { "unknown".to_owned() } else { after };
                self.differs(Code::RecordedDiffers, &[name, key], &format!("{called}: {key} was {was}, now {now}"));
            }
        }
        let unique = |value: &Value| -> Vec<String> {
            list(value, "unique").filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let still = unique(now);
        for key in unique(expected).iter().filter(|key| !still.contains(key)) {
            let text = format!("{called}: column `{key}` had no value twice, now it has, or has nulls");
            self.differs(Code::RecordedDiffers, &[name, "unique"], &text);
        }
        for (column, facts) in object(expected, "columns") {
            let Some(now) = now["columns"].get(column) else {
                self.differs(
                    Code::RecordedGone,
                    &[name, column],
                    &format!("{called}: column `{column}` is not there any more"),
                );
                continue;
            };
            for (fact, was) in facts.as_object().into_iter().flatten() {
                if !same(was, &now[fact], self.tolerance) {
                    let (was, after) = pair(was, &now[fact]);
                    let range = |text: String| if fact == "range" { text.replacen(", ", " to ", 1) } else { text };
                    let now = if now[fact].is_null() { "unknown".to_owned() } else { range(after) };
                    let was = range(was);
                    let text = format!("{called}, column `{column}`: {fact} was {was}, now {now}");
                    self.differs(Code::RecordedDiffers, &[name, column], &text);
                }
            }
        }
        let more = expected.get("more_columns") == Some(&Value::Bool(true)) || expected.get("columns").is_none();
        for (column, _) in object(now, "columns").filter(|_| !more) {
            if expected["columns"].get(column).is_none() {
                let text = format!("{called}: there is a new column `{column}`");
                self.differs(Code::RecordedDiffers, &[name, "columns"], &text);
            }
        }
    }

    fn numbers(&mut self, test: &Value) {
        for (name, expected) in object(test, "numbers") {
            let (was, within) = match expected.get("within").and_then(Value::as_f64) {
                Some(within) => (&expected["value"], Some(within)),
                None => (expected.get("value").unwrap_or(expected), None),
            };
            let called = if name == "(shown)" { "the number that it shows".to_owned() } else { format!("`{name}`") };
            let Some(now) = self.known("numbers", name) else {
                self.differs(Code::RecordedGone, &[name], &format!("{called} is not there any more"));
                continue;
            };
            let near = |within: f64| Some((was.as_f64()? - now.as_f64()?).abs() <= within);
            if within.and_then(near).unwrap_or_else(|| same(was, &now, self.tolerance)) {
                continue;
            }
            let allowed = within.map(|within| format!(" (within {within})")).unwrap_or_default();
            let (was, now) = pair(was, &now);
            self.differs(Code::RecordedDiffers, &[name], &format!("{called} was {was}{allowed}, now {now}"));
        }
    }

    fn printed(&mut self, test: &Value) {
        let cells: Vec<&Value> = list(self.seen, "cells").collect();
        let now: Vec<&str> =
            self.at.map_or(Vec::new(), |at| list(cells[at], "printed").filter_map(Value::as_str).collect());
        let mut from = 0;
        for was in list(test, "printed").filter_map(Value::as_str) {
            if let Some(at) = now[from..].iter().position(|line| same_line(was, line, self.tolerance)) {
                from += at + 1;
                continue;
            }
            let alike = now[from..].iter().find(|line| without_numbers(line) == without_numbers(was));
            let code = if alike.is_some() { Code::RecordedDiffers } else { Code::RecordedGone };
            let after = alike.map_or_else(|| ", and does not any more".to_owned(), |line| format!(", now `{line}`"));
            self.differs(code, &["printed", &Value::from(was).to_string()], &format!("it printed `{was}`{after}"));
        }
    }
}

fn calls(test: &Value, seen: &Value, tolerance: f64, found: &mut Vec<Difference>) {
    let name = test["function"].as_str().unwrap_or_default();
    let now = list(seen, "functions").find(|function| function["name"] == name);
    let cell = now.and_then(|now| now["cell"].as_u64()).or_else(|| test["cell"].as_u64()).unwrap_or(0);
    let keys = vec![format!("- function: {name}")];
    let Some(now) = now else {
        let message = format!("cell {cell}, function `{name}` is not there any more, or not as a plain function");
        found.push(Difference { code: Code::RecordedGone, message, keys });
        return;
    };
    for (was, now) in list(test, "calls").zip(list(now, "calls")) {
        let what = match (now.get("gives"), now.get("raised").and_then(Value::as_str)) {
            (Some(gives), _) if same(&was["gives"], gives, tolerance) => continue,
            (Some(gives), _) => change(&was["gives"], gives),
            (None, Some(raised)) => format!("gave {}, now it raises {raised}", words(&was["gives"])),
            (None, None) => format!("gave {}, now {}", words(&was["gives"]), now["why"].as_str().unwrap_or("nothing")),
        };
        let message = format!("cell {cell}, function `{name}`: {} {what}", call(name, &was["with"]));
        found.push(Difference { code: Code::CallDiffers, message, keys: keys.clone() });
    }
}

/// The calls of recorded functions, as a run is asked for them.
pub(super) fn calls_of(functions: &Value, name: &str) -> Value {
    let with = |function: &Value| list(function, "calls").map(|call| call["with"].clone()).collect::<Vec<_>>();
    let each = functions.as_array().into_iter().flatten();
    let each = each.filter_map(|function| Some((function[name].as_str()?.to_owned(), json!(with(function)))));
    Value::Object(each.collect::<Map<_, _>>())
}

/// How many values the tests assert.
pub(super) fn count(tests: &Value) -> usize {
    let frame = |frame: &Value| {
        let columns = object(frame, "columns").map(|(_, facts)| facts.as_object().map_or(0, Map::len));
        columns.sum::<usize>() + frame.as_object().map_or(0, Map::len).saturating_sub(1)
    };
    let cells = list(tests, "cells").map(|cell| {
        let frames: usize = object(cell, "frames").map(|(_, facts)| frame(facts)).sum();
        frames + object(cell, "numbers").count() + list(cell, "printed").count()
    });
    cells.sum::<usize>() + list(tests, "functions").map(|function| list(function, "calls").count()).sum::<usize>()
}

/// Whether two values are the same, numbers up to a relative tolerance.
pub(super) fn same(was: &Value, now: &Value, tolerance: f64) -> bool {
    match (was, now) {
        (Value::Number(a), Value::Number(b)) if a != b => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= tolerance * a.abs().max(b.abs()) || (a - b).abs() <= 1e-12
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, tolerance)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, tolerance)))
        }
        (a, b) => a == b,
    }
}

/// Whether two lines have the same words, and numbers that are the same.
pub(super) fn same_line(was: &str, now: &str, tolerance: f64) -> bool {
    was == now || {
        let (a, b) = (parts(was), parts(now));
        a.len() == b.len()
            && a.iter().zip(&b).all(|(a, b)| match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) => same(&json!(a), &json!(b), tolerance),
                _ => a == b,
            })
    }
}

pub(super) fn without_numbers(line: &str) -> String {
    parts(line).into_iter().filter(|part| part.parse::<f64>().is_err()).collect()
}

/// A line, divided where numbers begin and end.
fn parts(line: &str) -> Vec<&str> {
    let in_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut parts = Vec::new();
    let mut start = 0;
    let mut before: Option<bool> = None;
    for (at, c) in line.char_indices() {
        if before.is_some_and(|before| before != in_number(c)) {
            parts.push(&line[start..at]);
            start = at;
        }
        before = Some(in_number(c));
    }
    parts.push(&line[start..]);
    parts
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn object<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tests: &Value, seen: &Value) -> Vec<String> {
        let starts = ["a = 1".to_owned(), "b = 2".to_owned(), "c = 3".to_owned()];
        differences(tests, seen, &starts).into_iter().map(|d| format!("{} {}", d.code.id(), d.message)).collect()
    }

    #[test]
    fn each_difference_says_where_before_and_after() {
        let frame = json!({"rows": 9, "unique": ["id"], "columns": {"id": {"type": "int64", "nulls": 0, "range": [1, 9]}, "x": {"type": "float64"}}});
        let tests = json!({"cells": [{"cell": 1, "frames": {"df": frame}, "numbers": {"acc": {"value": 0.93, "within": 0.01}, "n": 3},
            "printed": ["accuracy 0.930 of 9", "done 1"]}], "functions": [{"function": "f", "cell": 2, "calls": [{"with": {"x": 2}, "gives": 4}, {"with": {"x": 3}, "gives": 9}]}]});
        let now = json!({"rows": 8, "columns": {"id": {"type": "int64", "nulls": 14, "range": [0, 9]}, "y": {"type": "bool"}}});
        let seen = json!({"cells": [{"cell": 1, "frames": {"df": now}, "numbers": {"acc": 0.9}, "printed": ["accuracy 0.9 of 9"]}],
            "functions": [{"name": "f", "cell": 2, "calls": [{"gives": 5}, {"raised": "KeyError: 'a'"}]}]});
        assert_eq!(
            told(&tests, &seen),
            [
                "T404 cell 1, frame `df`: rows was 9, now 8",
                "T404 cell 1, frame `df`: column `id` had no value twice, now it has, or has nulls",
                "T404 cell 1, frame `df`, column `id`: nulls was 0, now 14",
                "T404 cell 1, frame `df`, column `id`: range was 1 to 9, now 0 to 9",
                "T407 cell 1, frame `df`: column `x` is not there any more",
                "T404 cell 1, frame `df`: there is a new column `y`",
                "T404 cell 1, `acc` was 0.93 (within 0.01), now 0.9",
                "T407 cell 1, `n` is not there any more",
                "T404 cell 1, it printed `accuracy 0.930 of 9`, now `accuracy 0.9 of 9`",
                "T407 cell 1, it printed `done 1`, and does not any more",
                "T408 cell 2, function `f`: f(x=2) gave 4, now 5",
                "T408 cell 2, function `f`: f(x=3) gave 9, now it raises KeyError: 'a'",
            ]
        );
        assert_eq!(count(&tests), 2 + 4 + 2 + 2 + 2);
    }

    #[test]
    fn a_cell_is_known_again_after_others_came_before_it_and_what_did_not_change_is_known() {
        let tests = json!({"cells": [{"cell": 1, "starts": "b = 2", "numbers": {"b": 2}}, {"cell": 2, "starts": "c = 3", "numbers": {"b": 2}}]});
        let seen = json!({"cells": [{"cell": 1, "numbers": {"a": 1}}, {"cell": 2, "numbers": {"b": 2}}, {"cell": 3, "numbers": {}}], "functions": []});
        assert_eq!(told(&tests, &seen), Vec::<String>::new());
    }

    #[test]
    fn numbers_in_lines_are_compared_as_numbers() {
        assert!(
            same_line("a 0.5000001", "a 0.5", 1e-6)
                && !same_line("a 0.51", "a 0.5", 1e-6)
                && !same_line("a 1", "b 1", 1e-6)
        );
        assert!(same(&json!({"frame": {"x": [1.0]}}), &json!({"frame": {"x": [1]}}), 0.0));
    }
}
