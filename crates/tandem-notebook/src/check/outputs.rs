//! What the stored outputs of a notebook give away: secrets (T616), their size (T617), e-mail addresses (T618).
//! Not here: whether they are right.

use std::collections::BTreeSet;

use serde_json::Value;
use tandem_definitions::Code;
use tandem_python::rules::secrets;
use tandem_python::{Finding, Program};

use crate::ipynb::Notebook;

/// Outputs above this weigh on a repository.
const LARGE: usize = 1_000_000;

/// The findings; each kind once a notebook, secrets once a cell.
pub fn findings(notebook: &Notebook, program: &Program) -> Vec<Finding> {
    let cells = notebook.json().get("cells").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    let mut addresses: BTreeSet<String> = BTreeSet::new();
    let mut first = None;
    for (index, code) in notebook.code_cells().iter().enumerate() {
        let Some(outputs) = cells.get(code.index).and_then(|cell| cell.get("outputs")) else { continue };
        let mut texts = Vec::new();
        let size = collect(outputs, &mut texts);
        sizes.push((size, index));
        if let Some((secret, what)) =
            texts.iter().find_map(|text| secrets::key_in(text).map(|(a, b, what)| (&text[a..b], what)))
        {
            let message = format!("A stored output shows what looks like {what} (`{}`).", secrets::veiled(secret));
            let help = "Make it invalid, clear the output, and save the notebook.";
            found.push(at(program, Code::SecretInOutput, index, message, help));
        }
        let before = addresses.len();
        addresses.extend(texts.iter().flat_map(|text| secrets::addresses(text)).map(str::to_lowercase));
        if before == 0 && !addresses.is_empty() {
            first = Some(index);
        }
    }
    // One alone is a signature; rows about people have several.
    if let Some(index) = first.filter(|_| addresses.len() > 1) {
        let message = format!("Stored outputs show {} people's e-mail addresses, first here.", addresses.len());
        found.push(at(
            program,
            Code::PersonalData,
            index,
            message,
            "Clear the output, or show counts instead of rows.",
        ));
    }
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    if let (true, Some((most, index))) = (total > LARGE, sizes.iter().max()) {
        let megabytes = |size: usize| size as f64 / 1e6;
        let message = format!(
            "The stored outputs take {:.1} MB, {:.1} MB of them here: each save adds them to the history again.",
            megabytes(total),
            megabytes(*most)
        );
        found.push(at(
            program,
            Code::LargeOutput,
            *index,
            message,
            "Clear the outputs before committing, or save large figures to files.",
        ));
    }
    found
}

/// A finding about the output of the cell of this index: its first line stands for it.
fn at(program: &Program, code: Code, index: usize, message: String, help: &str) -> Finding {
    let source = &program.cells[index].source;
    let first = source.lines().next().map_or(0, str::len);
    Finding::in_text(program, code, index, 0..first, message, help)
}

/// The size of all texts of a value, and those texts that are shown as text.
fn collect<'a>(value: &'a Value, texts: &mut Vec<std::borrow::Cow<'a, str>>) -> usize {
    match value {
        Value::String(text) => {
            texts.push(text.into());
            text.len()
        }
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let text: String = all.iter().filter_map(Value::as_str).collect();
            let size = text.len();
            texts.push(text.into());
            size
        }
        Value::Array(all) => all.iter().map(|one| collect(one, texts)).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let image = key.starts_with("image/") || key == "application/javascript" || key == "metadata";
                if image { collect(value, &mut Vec::new()) } else { collect(value, texts) }
            })
            .sum(),
        _ => 0,
    }
}
