//! Whether a notebook reproduces: the outputs of two runs, or of a run and what the file stores, cell by cell: the same, other
//! only in noise, or other in substance.
//!
//! Pure: two notebooks' JSON in, verdicts out. A picture with other bytes is noise: nobody can tell from its bytes whether it
//! shows something else. Not here: running, and comparing text by text ([`text`]).

mod objects;
pub mod text;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use text::{Comparison, Difference, compare};

/// A difference that says nothing about the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Memory addresses.
    Addresses,
    /// Durations, and the date and time of the run.
    Times,
    /// The last digits of numbers: at most 1e-8 of their size, or one in the last of at least six digits that are shown.
    Digits,
    /// The bytes of a picture, or of something interactive.
    Figures,
    /// How an object is written, not what it holds.
    Objects,
    /// Progress bars.
    Progress,
    /// What is printed as a warning or an error.
    Warnings,
    /// The order of a set or a dictionary.
    Order,
    /// Spaces and line breaks.
    Layout,
}

impl Noise {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Addresses => "memory addresses",
            Self::Times => "times",
            Self::Digits => "last digits",
            Self::Figures => "figure bytes",
            Self::Objects => "how objects are written",
            Self::Progress => "progress bars",
            Self::Warnings => "warnings",
            Self::Order => "order of sets",
            Self::Layout => "layout",
        }
    }
}

/// What the outputs of a cell are, against those stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// There was nothing to compare with.
    Nothing,
    /// Nothing differs.
    Same,
    /// Only this differs.
    Noise {
        /// Which kinds.
        kinds: BTreeSet<Noise>,
    },
    /// It differs.
    Substance(Difference),
}

/// A cell and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellVerdict {
    /// Which code cell, from 1.
    pub number: usize,
    /// Its verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// All cells that were compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reproduction {
    /// The cells, in order; empty ones are left out.
    pub cells: Vec<CellVerdict>,
}

impl Reproduction {
    /// The verdict of the whole: its worst cell's.
    pub fn verdict(&self) -> Verdict {
        if let Some(cell) = self.differing().next() {
            return cell.verdict.clone();
        }
        let mut kinds = BTreeSet::new();
        for cell in &self.cells {
            if let Verdict::Noise { kinds: of_cell } = &cell.verdict {
                kinds.extend(of_cell.iter().copied());
            }
        }
        match self.cells.iter().all(|cell| cell.verdict == Verdict::Nothing) {
            true => Verdict::Nothing,
            false if kinds.is_empty() => Verdict::Same,
            false => Verdict::Noise { kinds },
        }
    }

    /// Whether the results are the same, noise aside.
    pub fn holds(&self) -> bool {
        matches!(self.verdict(), Verdict::Same | Verdict::Noise { .. })
    }

    /// The cells that differ in substance.
    pub fn differing(&self) -> impl Iterator<Item = &CellVerdict> {
        self.cells.iter().filter(|cell| matches!(cell.verdict, Verdict::Substance(_)))
    }
}

/// Compares a notebook as it is stored with one that was executed; `today` (`2024-05-01`) is the day of the run.
pub fn reproduction(stored: &Value, executed: &Value, today: &str) -> Reproduction {
    let (before, after) = (code_cells(stored), code_cells(executed));
    let any = before.iter().any(|cell| !outputs(cell).is_empty());
    let cells = before.iter().zip(&after).enumerate().filter(|(_, (cell, _))| !is_blank(cell));
    let cells = cells.map(|(index, (before, after))| {
        let never_run = outputs(before).is_empty() && before.get("execution_count").is_none_or(Value::is_null);
        let verdict =
            if any && !never_run { outputs_verdict(outputs(before), outputs(after), today) } else { Verdict::Nothing };
        CellVerdict { number: index + 1, verdict }
    });
    Reproduction { cells: cells.collect() }
}

fn code_cells(json: &Value) -> Vec<&Value> {
    let cells = json.get("cells").and_then(Value::as_array).into_iter().flatten();
    cells.filter(|cell| cell.get("cell_type").and_then(Value::as_str) == Some("code")).collect()
}

fn is_blank(cell: &Value) -> bool {
    cell.get("source").is_none_or(|source| joined(source).trim().is_empty())
}

fn outputs(cell: &Value) -> &[Value] {
    cell.get("outputs").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.to_string(),
    }
}

/// Compares the outputs of one cell.
pub fn outputs_verdict(before: &[Value], after: &[Value], today: &str) -> Verdict {
    let mut all = Comparison::default();
    for (name, noise) in [("stdout", None), ("stderr", Some(Noise::Warnings))] {
        let (old, new) = (stream(before, name), stream(after, name));
        match noise {
            None => all.add(compare(&old, &new, today)),
            Some(noise) if compare(&old, &new, today) != Comparison::default() => drop(all.noise.insert(noise)),
            Some(_) => {}
        }
    }
    let (old, new) = (shown(before), shown(after));
    for (old, new) in old.iter().zip(&new) {
        all.add(bundles(old, new, today));
    }
    if old.len() != new.len() {
        // A figure more or less, such as the legend that a library shows by itself, is still something that is not there.
        let first = |all: &[&Value], from: usize| all.get(from).map(|one| plain(one)).unwrap_or_default();
        let from = old.len().min(new.len());
        all.differ(&first(&old, from), &first(&new, from), format!("{} outputs then, {} now", old.len(), new.len()));
    }
    match (error(before), error(after)) {
        (None, Some(now)) => all.differ("", &now, "it raises now".to_owned()),
        (Some(then), None) => all.differ(&then, "", "it raised then, and does not now".to_owned()),
        (Some(then), Some(now)) if then != now => all.differ(&then, &now, "it raises something else".to_owned()),
        _ => {}
    }
    match (all.difference, all.noise.is_empty()) {
        (Some(difference), _) => Verdict::Substance(difference),
        (None, true) => Verdict::Same,
        (None, false) => Verdict::Noise { kinds: all.noise },
    }
}

fn is_kind(output: &Value, kind: &str) -> bool {
    // nbformat 3 says `pyout` and `pyerr`.
    let own = output.get("output_type").and_then(Value::as_str).unwrap_or_default();
    own == kind || (own == "pyout" && kind == "execute_result") || (own == "pyerr" && kind == "error")
}

fn stream(outputs: &[Value], name: &str) -> String {
    let streams = outputs.iter().filter(|output| is_kind(output, "stream"));
    let of_name = |output: &&Value| {
        let own = output.get("name").or_else(|| output.get("stream")).and_then(Value::as_str).unwrap_or("stdout");
        own == name
    };
    streams.filter(of_name).filter_map(|output| output.get("text")).map(joined).collect()
}

fn shown(outputs: &[Value]) -> Vec<&Value> {
    outputs.iter().filter(|output| is_kind(output, "execute_result") || is_kind(output, "display_data")).collect()
}

fn error(outputs: &[Value]) -> Option<String> {
    outputs
        .iter()
        .find(|output| is_kind(output, "error"))
        .map(|output| output.get("ename").map(joined).unwrap_or_default())
}

fn data<'a>(output: &'a Value, kind: &str) -> Option<&'a Value> {
    output.get("data").and_then(|data| data.get(kind))
}

fn plain(output: &Value) -> String {
    data(output, "text/plain").map(joined).unwrap_or_default()
}

/// Compares two things shown, in the richest form that both have.
fn bundles(old: &Value, new: &Value, today: &str) -> Comparison {
    let noisy = |noise| Comparison { noise: BTreeSet::from([noise]), difference: None };
    for kind in ["image/png", "image/jpeg", "image/svg+xml", "image/gif"] {
        match (data(old, kind), data(new, kind)) {
            (Some(old), Some(new)) if joined(old).trim() == joined(new).trim() => return Comparison::default(),
            (Some(_), Some(_)) => return noisy(Noise::Figures),
            _ => {}
        }
    }
    let interactive = |output: &Value| {
        let data = output.get("data").and_then(Value::as_object);
        let own = data.is_some_and(|data| {
            data.keys().any(|kind| kind.starts_with("application/vnd.") || kind == "application/javascript")
        });
        own || data_text(output, "text/html").is_some_and(|html| html.contains("<script"))
    };
    if interactive(old) && interactive(new) {
        return if old.get("data") == new.get("data") { Comparison::default() } else { noisy(Noise::Figures) };
    }
    let tables = data_text(old, "text/html").zip(data_text(new, "text/html"));
    if let Some((old, new)) =
        tables.filter(|(old, new)| old.contains("<t") && new.contains("<t") && !new.contains("sk-"))
    {
        return compare(&text::of_html(&old), &text::of_html(&new), today);
    }
    compare(&plain(old), &plain(new), today)
}

fn data_text(output: &Value, kind: &str) -> Option<String> {
    data(output, kind).map(joined)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shows(data: &Value) -> Vec<Value> {
        vec![json!({"output_type": "execute_result", "data": data})]
    }

    fn prints(text: &str) -> Vec<Value> {
        vec![json!({"output_type": "stream", "name": "stdout", "text": text})]
    }

    fn word(before: &[Value], after: &[Value]) -> String {
        match outputs_verdict(before, after, "2024-05-01") {
            Verdict::Nothing => "nothing".into(),
            Verdict::Same => "same".into(),
            Verdict::Noise { kinds } => kinds.into_iter().map(Noise::word).collect::<Vec<_>>().join(", "),
            Verdict::Substance(difference) => format!("substance: {} | {}", difference.before, difference.after),
        }
    }

    #[test]
    fn printed_text_is_joined_before_it_is_compared() {
        assert_eq!(word(&[prints("a\n"), prints("b\n")].concat(), &prints("a\nb\n")), "same");
        assert_eq!(word(&prints("a\nscore 0.91\n"), &prints("a\nscore 0.87\n")), "substance: score 0.91 | score 0.87");
        let warns = |text: &str| vec![json!({"output_type": "stream", "name": "stderr", "text": text})];
        assert_eq!(word(&warns("/a/b.py:3: old"), &warns("/c/b.py:9: old")), "warnings");
        assert_eq!(word(&warns("/a/b.py:3: old"), &[]), "warnings");
    }

    #[test]
    fn pictures_are_compared_by_their_bytes() {
        let one = shows(&json!({"image/png": "aGk=\n", "text/plain": "<Figure size 1x1>"}));
        let two = shows(&json!({"image/png": "aGo=", "text/plain": "<Figure size 1x2>"}));
        assert_eq!(word(&one, &one), "same");
        assert_eq!(word(&one, &two), "figure bytes");
        assert!(word(&one, &[]).starts_with("substance"));
    }

    #[test]
    fn tables_are_compared_by_their_texts() {
        let table = |id: &str, value: &str, plain: &str| {
            let html =
                format!("<style>#{id} {{}}</style>\n<table id=\"{id}\"><tr><td>{value}</td><td>b</td></tr></table>");
            shows(&json!({"text/html": html, "text/plain": plain}))
        };
        assert_eq!(word(&table("T_1", "1.5", "x"), &table("T_2", "1.5", "y")), "same");
        assert_eq!(word(&table("T_1", "1.5", "x"), &table("T_1", "1.6", "x")), "substance: 1.5 b | 1.6 b");
    }

    #[test]
    fn errors_that_come_or_go_are_substance() {
        let raises = vec![json!({"output_type": "error", "ename": "KeyError", "evalue": "x", "traceback": []})];
        assert_eq!(word(&raises, &raises), "same");
        assert!(word(&raises, &prints("a")).starts_with("substance"));
    }

    #[test]
    fn a_notebook_without_stored_outputs_has_nothing_to_compare() {
        let cell = |outputs: Vec<Value>, count: Option<u64>| json!({"cell_type": "code", "source": "x", "outputs": outputs, "execution_count": count});
        let book = |cells: Vec<Value>| json!({"cells": cells});
        let run = book(vec![cell(prints("1"), Some(1)), cell(prints("2"), Some(2))]);
        let stripped = reproduction(&book(vec![cell(vec![], None), cell(vec![], None)]), &run, "2024-05-01");
        assert_eq!((stripped.verdict(), stripped.holds()), (Verdict::Nothing, false));
        let half = reproduction(&book(vec![cell(prints("1"), Some(1)), cell(vec![], None)]), &run, "2024-05-01");
        assert_eq!((half.verdict(), half.holds()), (Verdict::Same, true));
        let other =
            reproduction(&book(vec![cell(prints("1"), Some(1)), cell(prints("3"), Some(2))]), &run, "2024-05-01");
        assert_eq!(other.differing().map(|cell| cell.number).collect::<Vec<_>>(), [2]);
    }
}
