//! The date of a notebook, as of which its packages are resolved: the last commit that touched it, else the latest time in
//! its metadata, else the time of its file. Not here: what is resolved.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tandem_definitions::time;

use crate::ipynb::Notebook;

/// As of when packages are resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AsOf {
    /// The notebook's own date, then today's packages.
    #[default]
    Notebook,
    /// This day or instant (`2021-03-01`), and no other.
    Date(String),
    /// Today's packages.
    Today,
}

impl std::str::FromStr for AsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "today" => Ok(Self::Today),
            "notebook" => Ok(Self::Notebook),
            day if time::parse_instant(day, None).is_some() => Ok(Self::Date(day.to_owned())),
            _ => Err(format!("`{text}` is no date: write 2021-03-01, or `today`")),
        }
    }
}

/// A date, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// The day: `2021-03-01`.
    pub day: String,
    /// Where it comes from, as the end of "its date is …".
    pub from: &'static str,
}

/// The date of a notebook; `None` when nothing tells it.
pub fn date_of(notebook: &Notebook) -> Option<Dated> {
    let path = notebook.path();
    let dated = |from| move |day: String| Dated { day, from };
    committed(path)
        .map(dated("that of the last commit that touched it"))
        .or_else(|| latest(notebook.json()).map(dated("the latest in its metadata")))
        .or_else(|| modified(path).map(dated("only the time of its file, which a copy or a checkout may have set")))
}

/// The day of the last commit that touched a file; `None` outside a repository, and for a file that was never committed.
fn committed(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["log", "-1", "--format=%cs", "--"]).arg(path.file_name()?);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    day(text.trim())
}

/// The latest instant that the notebook's or a cell's metadata tell (papermill, Kaggle, `ExecuteTime` and Jupyter write some).
fn latest(json: &Value) -> Option<String> {
    let cells = json.get("cells").and_then(Value::as_array).into_iter().flatten();
    let mut days = Vec::new();
    json.get("metadata").into_iter().chain(cells.filter_map(|cell| cell.get("metadata"))).for_each(|value| {
        instants(value, &mut days);
    });
    days.into_iter().max()
}

fn instants(value: &Value, days: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() <= 40 && text.get(10..11).is_some_and(|c| c == "T" || c == " ") => {
            days.extend(day(&text[..10]));
        }
        Value::Array(values) => values.iter().for_each(|value| instants(value, days)),
        Value::Object(map) => map.values().for_each(|value| instants(value, days)),
        _ => {}
    }
}

fn modified(path: &Path) -> Option<String> {
    let since = std::fs::metadata(path).ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let micros = i64::try_from(since.as_micros()).ok()?;
    day(time::format_instant(micros).get(..10)?)
}

/// The text, if it is a day since there are notebooks.
fn day(text: &str) -> Option<String> {
    let shape = text.len() == 10 && text > "2010-01-01" && time::parse_instant(text, None).is_some();
    shape.then(|| text.to_owned())
}

/// From which day on the usual packages had wheels for a Python, while what was old then still worked in them: two months
/// after its release. For Python 3.11 these are numpy 1.23, pandas 1.5 and scikit-learn 1.1.
pub(super) fn first_day(version: &str) -> Option<&'static str> {
    const FIRST: [(&str, &str); 7] = [
        ("3.8", "2019-12-15"),
        ("3.9", "2020-12-15"),
        ("3.10", "2021-12-05"),
        ("3.11", "2022-12-05"),
        ("3.12", "2023-12-05"),
        ("3.13", "2024-12-05"),
        ("3.14", "2025-12-05"),
    ];
    let minor = version.split('.').take(2).collect::<Vec<_>>().join(".");
    FIRST.iter().find(|(python, _)| *python == minor).map(|(_, day)| *day)
}

/// The Pythons whose packages of a day are the nearest to it: the newest that had packages then, first.
pub(super) fn pythons_of(day: &str) -> Vec<String> {
    let mut minors = ["3.14", "3.13", "3.12", "3.11", "3.10", "3.9"].into_iter();
    minors
        .by_ref()
        .find(|minor| first_day(minor).is_some_and(|first| first <= day))
        .map(str::to_owned)
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_metadata_tell_the_latest_time() {
        let text = r#"{"nbformat": 4, "metadata": {"papermill": {"end_time": "2021-03-04T10:00:00.123", "x": "2099"}},
            "cells": [{"cell_type": "code", "source": "1", "metadata": {"ExecuteTime": {"end_time": "2021-05-06 01:02:03"}}}]}"#;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ipynb");
        std::fs::write(&path, text).unwrap();
        let dated = date_of(&Notebook::read(&path).unwrap()).unwrap();
        assert_eq!((dated.day.as_str(), dated.from), ("2021-05-06", "the latest in its metadata"));
        std::fs::write(&path, r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": "1"}]}"#).unwrap();
        assert!(date_of(&Notebook::read(&path).unwrap()).unwrap().from.contains("time of its file"));
    }

    #[test]
    fn dates_are_read_and_nonsense_is_refused() {
        assert_eq!("today".parse(), Ok(AsOf::Today));
        assert_eq!("2021-03-01".parse(), Ok(AsOf::Date("2021-03-01".into())));
        assert!("last week".parse::<AsOf>().unwrap_err().contains("2021-03-01"));
    }

    #[test]
    fn the_python_of_a_day_is_the_newest_that_had_packages() {
        assert_eq!(pythons_of("2023-06-01"), ["3.11"]);
        assert_eq!(pythons_of("2021-06-01"), ["3.9"]);
        assert!(pythons_of("2015-01-01").is_empty());
        assert_eq!(first_day("3.11.2 linux x86_64"), Some("2022-12-05"));
    }
}
