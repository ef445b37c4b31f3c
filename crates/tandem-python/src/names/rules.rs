//! What the walk means: T601 to T603.

use std::collections::BTreeSet;

use tandem_definitions::{Code, Severity};

use super::{PYTHON_2, Use, Walked};
use crate::finding::Finding;
use crate::program::Program;

const HOSTED: &[&str] = &["spark", "sc", "dbutils", "sqlContext", "displayHTML"];

/// Names that a clean run would not find; each name once.
pub fn undefined(program: &Program, walked: &Walked) -> Vec<Finding> {
    let mut said: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for one in &walked.missing {
        if said.insert(&one.name) {
            found.push(missing(program, walked, one));
        }
    }
    for one in &walked.later {
        if !walked.bound.contains_key(&one.name) && !known_word(program, &one.name) && said.insert(&one.name) {
            found.push(never(program, one, Severity::Warning));
        }
    }
    found.extend(called_too_early(program, walked, &mut said));
    found
}

/// A cell that cannot be read may define it.
fn known_word(program: &Program, name: &str) -> bool {
    let broken = program.parsed.iter().zip(&program.read).filter(|(parsed, _)| !parsed.errors.is_empty());
    broken
        .into_iter()
        .any(|(_, cell)| cell.source.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name))
}

fn missing(program: &Program, walked: &Walked, one: &Use) -> Finding {
    let name = &one.name;
    let severity = if one.maybe { Severity::Warning } else { Severity::Error };
    if let Some(cell) = walked.deleted.get(name) {
        let number = program.cells[*cell].number;
        let message = format!("`{name}` was deleted in cell {number}, and is used here.");
        let help = "Use it before `del`, or leave the `del` out.";
        return Finding::new(program, Code::NeverDefined, one.cell, &one.range, message, help).with_severity(severity);
    }
    if let Some(cell) = walked.bound.get(name).and_then(|cells| cells.iter().find(|cell| **cell >= one.cell)) {
        let number = program.cells[*cell].number;
        let place =
            if *cell == one.cell { "further down in this cell".to_owned() } else { format!("in cell {number}") };
        let message = format!("`{name}` is used here and defined only {place}.");
        let help = "Move the definition above this place; then restart the kernel and run all cells.";
        return Finding::new(program, Code::DefinedLater, one.cell, &one.range, message, help).with_severity(severity);
    }
    never(program, one, severity)
}

fn never(program: &Program, one: &Use, severity: Severity) -> Finding {
    let name = &one.name;
    let at = |code, message: String, help: &str| Finding::new(program, code, one.cell, &one.range, message, help);
    if PYTHON_2.contains(&name.as_str()) {
        let message = format!("`{name}` is Python 2; Python 3 has no such name.");
        return at(Code::PythonTwo, message, "Convert the notebook to Python 3.").with_severity(severity);
    }
    if HOSTED.contains(&name.as_str()) {
        let message =
            format!("No cell defines `{name}`: a service such as Databricks gives it, and elsewhere it is missing.");
        let help = "Make it in the first cell, for example with `SparkSession.builder.getOrCreate()`.";
        return at(Code::HostedOnly, message, help);
    }
    if let Some(count) = count_of_a_success(program, one) {
        let message = format!(
            "No cell defines `{name}`, and yet this one ran, as [{count}], without an error: the definition was deleted or changed since."
        );
        let help = format!("Write the definition of `{name}` again; then restart the kernel and run all cells.");
        return at(Code::DeletedCell, message, &help).with_severity(severity);
    }
    let when = if one.function.is_some() { "; the call will fail" } else { "" };
    let help = format!("Correct the name, or define `{name}` above; then restart the kernel and run all cells.");
    at(Code::NeverDefined, format!("Nothing defines `{name}`{when}."), &help).with_severity(severity)
}

/// The count of a cell that certainly used the name and stored no error: its kernel knew the name. A gap in the counts would
/// say less: running a cell again leaves one too.
fn count_of_a_success(program: &Program, one: &Use) -> Option<u64> {
    let cell = &program.cells[one.cell];
    cell.count.filter(|count| *count > 1 && !cell.failed && !one.maybe && one.function.is_none())
}

/// A call of a function that uses a name which is bound only further down.
fn called_too_early<'a>(program: &Program, walked: &'a Walked, said: &mut BTreeSet<&'a str>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (function, cell, range, bound) in &walked.calls {
        let uses = walked.later.iter().filter(|one| one.function.as_ref() == Some(function) && one.cell <= *cell);
        for one in uses {
            let later = walked.bound.get(&one.name).and_then(|cells| cells.first()).filter(|first| **first > *cell);
            let Some(later) = later.filter(|_| !bound.contains(&one.name) && !said.contains(one.name.as_str())) else {
                continue;
            };
            said.insert(&one.name);
            let (name, number) = (&one.name, program.cells[*later].number);
            let message = format!("`{function}` uses `{name}`, which is defined only in cell {number}.");
            let help = format!("Define `{name}` above this call, or hand it over as an argument.");
            let finding = Finding::new(program, Code::DefinedLater, *cell, range, message, help);
            found.push(finding.with_severity(Severity::Warning));
        }
    }
    found
}
