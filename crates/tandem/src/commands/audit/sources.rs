//! The files of events of an audit, where they are not named one by one: from a small YAML file, or from the contracts of the
//! project that the notebook lies in.
//! Not here: guessing what a file is (tandem-audit).

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tandem_audit::{Source, named_files};
use tandem_definitions::{Arrival, Project, yaml_to_json};
use tandem_notebook::Notebook;
use tandem_project::load;

use crate::context::{Context, shown};
use crate::failure::Failure;

const FORM: &str = "write a list: `- file: data/orders.csv`, below it `entity: customer`, `event_time: ordered_at` and, if \
                    records become known late, `arrival_time: received_at`";

/// An entry of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: PathBuf,
    #[serde(default)]
    entity: Option<Names>,
    event_time: String,
    #[serde(default)]
    arrival_time: Option<String>,
}

/// One name or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

/// The sources of a list; its paths are relative to its own folder.
pub fn listed(path: &Path) -> Result<Vec<Source>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    let wrong = |reason: String| Failure::project(format!("{}: {reason}", shown(path))).hint(FORM);
    let json = yaml_to_json(&text).ok_or_else(|| wrong("it is no YAML that can be read".to_owned()))?;
    let entries: Vec<Entry> =
        serde_json::from_value(json).map_err(|error| wrong(format!("it is no list of sources: {error}")))?;
    if entries.is_empty() {
        return Err(wrong("it lists no source".to_owned()));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = |entry: Entry| Source {
        path: folder.join(entry.file),
        entities: match entry.entity {
            None => Vec::new(),
            Some(Names::One(name)) => vec![name],
            Some(Names::Several(names)) => names,
        },
        event_time: Some(entry.event_time),
        arrival_time: entry.arrival_time,
        guessed: false,
    };
    Ok(entries.into_iter().map(source).collect())
}

/// The sources of the project's contracts that the notebook names; none where it lies in no project.
pub fn of_project(context: &Context, notebook: &Notebook) -> Vec<Source> {
    let Ok(path) = notebook.path().canonicalize() else { return Vec::new() };
    let base = match &context.project {
        Some(folder) => folder.clone(),
        None => match load::find(path.parent().unwrap_or(&path)) {
            Ok(base) => base,
            Err(_) => return Vec::new(),
        },
    };
    let Ok(loaded) = load::load(&base) else { return Vec::new() };
    let named = named_files(notebook);
    declared(&loaded.project, &base).into_iter().filter(|source| named.contains(&source.path)).collect()
}

/// What the contracts say of each file that is there.
fn declared(project: &Project, base: &Path) -> Vec<Source> {
    let mut found: Vec<Source> = Vec::new();
    for source in &project.sources {
        let name = |field: usize| source.fields.get(field).map(|field| field.name.clone());
        let mut entities: Vec<String> =
            source.touches.iter().flat_map(|touch| &touch.fields).filter_map(|field| name(*field)).collect();
        entities.dedup();
        let arrival_time = match source.arrival {
            Arrival::Declared { field } => name(field).filter(|_| field != source.event),
            Arrival::Observed | Arrival::Assumed { .. } => None,
        };
        for location in &source.locations {
            let Ok(path) = base.join(&location.path).canonicalize() else { continue };
            if path.is_file() && found.iter().all(|other| other.path != path) {
                found.push(Source {
                    path,
                    entities: entities.clone(),
                    event_time: name(source.event),
                    arrival_time: arrival_time.clone(),
                    guessed: false,
                });
            }
        }
    }
    found
}
