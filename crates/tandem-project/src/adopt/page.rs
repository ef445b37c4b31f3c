//! The texts that an adoption writes: `model.yaml`, and a page that says how to run it, what goes in and what comes out.
//! Not here: the tests.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tandem_definitions::Adopted;
use tandem_notebook::record::Seen;

use super::expect::{self, list, object};
use super::inputs::{self, Input};
use super::prune::Pruned;
use super::{NOTEBOOK, TESTS, TO_DO, yaml};
use crate::load::Loaded;

/// What the texts are about.
pub(super) struct About<'a> {
    pub loaded: &'a Loaded,
    pub subject: &'a str,
    pub file: &'a Path,
    pub before: Option<&'a Adopted>,
    pub inputs: &'a [Input],
    pub run: &'a Seen,
    pub pruned: &'a Pruned,
}

impl About<'_> {
    /// The notebook that it came from, as the team would name it.
    fn from(&self) -> String {
        if let (Some(before), true) = (self.before, self.file.ends_with(NOTEBOOK)) {
            return before.from.clone();
        }
        let base = self.loaded.base.canonicalize().unwrap_or_else(|_| self.loaded.base.clone());
        let inside = self.file.strip_prefix(&base).ok();
        let named = inside.unwrap_or_else(|| Path::new(self.file.file_name().unwrap_or_default()));
        named.to_string_lossy().replace('\\', "/")
    }

    fn meaning(&self) -> &str {
        self.before.map_or(TO_DO, |before| &before.meaning)
    }

    /// Who looks after it: as before, whoever git says is at work, or the first of the team.
    fn owner(&self) -> String {
        if let Some(before) = self.before {
            return before.owner.clone();
        }
        let people = &self.loaded.project.people;
        let who = inputs::git(&self.loaded.base, &["config", "user.name"]).unwrap_or_default();
        let found = people.iter().find(|person| {
            who.to_lowercase().split(' ').any(|word| word == person.name.to_lowercase()) || person.name == who
        });
        found.or(people.first()).map_or(who, |person| person.name.clone())
    }
}

/// `model.yaml`.
pub(super) fn model(about: &About<'_>) -> String {
    let text = |value: &str| yaml::scalar(&json!(value));
    let mut yaml = String::from(
        "# An adopted notebook: it runs in its lock, and has recorded tests. It answers no question of the project yet.\n",
    );
    let _ = writeln!(yaml, "name: {}", text(about.subject));
    let _ = writeln!(yaml, "meaning: {}", text(about.meaning()));
    let _ = writeln!(yaml, "owner: {}", text(&about.owner()));
    let _ = writeln!(yaml, "adopted: {}", text(&about.from()));
    let _ = writeln!(yaml, "notebook: {NOTEBOOK}\nlock: requirements.lock");
    if !about.inputs.is_empty() {
        yaml.push_str("inputs: # the files that it reads: `file` as the notebook names it, `kept` where it lies\n");
    }
    for input in about.inputs {
        let _ = writeln!(yaml, "  - file: {}", text(&input.file));
        if input.kept != input.file {
            let _ = writeln!(yaml, "    kept: {}", text(&input.kept));
        }
        if let Some(source) = &input.source {
            let _ = writeln!(yaml, "    source: {}", text(source));
        }
        let _ = writeln!(yaml, "    sha256: {}\n    bytes: {}", text(&input.sha256), input.bytes);
    }
    yaml
}

/// The page.
pub(super) fn readme(about: &About<'_>) -> String {
    let name = about.subject;
    let cells = about.run.executed.cells.len();
    let mut page = format!("# {name}\n\n");
    let _ = writeln!(
        page,
        "An adopted notebook, from `{}`. What it is for, and who looks after it: [model.yaml](model.yaml).\n",
        about.from()
    );
    let _ = writeln!(page, "## How to run it\n\n```\ntandem test {name}\n```\n");
    let _ = writeln!(
        page,
        "runs [{NOTEBOOK}]({NOTEBOOK}) from top to bottom ({}) in the environment of its lock, and compares what comes out \
         with the recorded tests. It takes {}.\n",
        counted(cells, "cell"),
        duration(about.run.executed.seconds)
    );
    page.push_str("To open it in Jupyter: `jupytext --to ipynb notebook.py`; with Jupytext installed, JupyterLab opens the file itself.\n\n");
    page.push_str("## What goes in\n\n");
    if about.inputs.is_empty() {
        page.push_str("It reads no files.\n");
    } else {
        page.push_str("| file | kept as | size | source |\n|---|---|---|---|\n");
    }
    for input in about.inputs {
        let source = input.source.as_deref().unwrap_or("");
        let _ = writeln!(page, "| `{}` | `{}` | {} | {source} |", input.file, input.kept, bytes(input.bytes));
    }
    page.push_str("\n## What comes out\n\n");
    out(about, &mut page);
    let _ = writeln!(
        page,
        "\n## What is tested\n\n{} in [{TESTS}]({TESTS}): {}.",
        counted(expect::count(&about.pruned.tests), "value"),
        tested(&about.pruned.tests)
    );
    if !about.pruned.not_asserted.is_empty() {
        let _ = writeln!(
            page,
            "{} not asserted; the reasons stand at the end of that file.",
            counted(about.pruned.not_asserted.len(), "thing")
        );
    }
    page.push_str("\n## To do\n\n- Say in `model.yaml` what it is for (`meaning`) and who looks after it (`owner`).\n");
    page.push_str("- Delete from the tests what nobody cares about.\n");
    page.push_str("- If a question of the product is to be answered by it: write the question and its features, train on its training set, and put `question` in the place of `adopted`.\n");
    page
}

/// The frames and numbers as they are at the end, and the files that were made.
fn out(about: &About<'_>, page: &mut String) {
    let (mut frames, mut numbers) = (serde_json::Map::new(), serde_json::Map::new());
    for cell in list(&about.run.facts, "cells") {
        for (into, kind) in [(&mut frames, "frames"), (&mut numbers, "numbers")] {
            for (name, value) in object(cell, kind).filter(|(name, _)| *name != "(shown)") {
                into.shift_remove(name);
                into.insert(name.clone(), json!([cell["cell"], value]));
            }
        }
    }
    let made: Vec<&str> = list(&about.run.facts, "made").filter_map(Value::as_str).collect();
    if frames.is_empty() && numbers.is_empty() && made.is_empty() {
        page.push_str("Nothing is kept in variables or files; the printed lines are tested.\n");
        return;
    }
    page.push_str("| what | from cell | |\n|---|---|---|\n");
    for (name, value) in frames.iter().rev().take(12) {
        let frame = &value[1];
        let columns: Vec<&str> = object(frame, "columns").map(|(name, _)| name.as_str()).collect();
        let size = frame.get("rows").map_or_else(|| format!("{}", frame["shape"]), |rows| format!("{rows} rows"));
        let more = if columns.len() > 6 { format!(" and {} more", columns.len() - 6) } else { String::new() };
        let shown: Vec<String> = columns.iter().take(6).map(|name| format!("`{}`", name.replace('|', "\\|"))).collect();
        let _ = writeln!(page, "| frame `{name}` | {} | {size}: {}{more} |", value[0], shown.join(", "));
    }
    for (name, value) in numbers.iter().rev().take(12) {
        let _ = writeln!(page, "| number `{}` | {} | {} |", name.replace('|', "\\|"), value[0], value[1]);
    }
    for file in made.iter().take(12) {
        let _ = writeln!(page, "| file `{file}` | | |");
    }
    let left = [frames.len(), numbers.len(), made.len()].iter().map(|count| count.saturating_sub(12)).sum::<usize>();
    if left > 0 {
        let _ = writeln!(page, "\nand {left} more.");
    }
}

fn tested(tests: &Value) -> String {
    let in_cells = |kind: &str| list(tests, "cells").map(|cell| object(cell, kind).count()).sum::<usize>();
    let lines: usize = list(tests, "cells").map(|cell| list(cell, "printed").count()).sum();
    let functions = list(tests, "functions").count();
    let parts = [
        (in_cells("frames"), "frame"),
        (in_cells("numbers"), "number"),
        (lines, "printed line"),
        (functions, "function"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| counted(*count, word)).collect();
    if parts.is_empty() { "nothing that could be compared".to_owned() } else { parts.join(", ") }
}

/// So coarse that it is the same on the next run.
fn duration(seconds: f64) -> String {
    match seconds {
        ..10.0 => "less than 10 seconds".to_owned(),
        10.0..60.0 => "less than a minute".to_owned(),
        _ => format!("about {}", counted((seconds / 60.0).ceil() as usize, "minute")),
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => counted(bytes as usize, "byte"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
