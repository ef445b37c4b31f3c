//! The served log, read back: what was answered, to whom, from which positions of the log.
//! Not here: writing it (tandem-server).

use std::path::{Path, PathBuf};

use arrow_array::ArrayRef;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use tandem_data::json::from_json;
use tandem_data::replay::{Asks, Known};
use tandem_data::table::array_of;
use tandem_definitions::{Micros, Project, Type, Value, time};
use tandem_engine::Plan;

use crate::error::Error;
use crate::load::Loaded;

/// One answered row.
#[derive(Clone, Debug, Deserialize)]
pub struct ServedRow {
    /// Its number in the log, from 1.
    pub seq: u64,
    /// The instant it was answered for.
    at: String,
    /// How many records of each source had been applied, by the source's name.
    pub positions: Map<String, Json>,
    /// The question.
    pub question: String,
    /// The model; `None` where features alone were asked for.
    pub model: Option<String>,
    /// The release that predicted.
    pub release: Option<String>,
    /// The hash of the definitions that it was answered by.
    pub project_hash: String,
    /// The entities asked about, by name.
    pub entities: Map<String, Json>,
    /// What the asker told, by name.
    #[serde(default)]
    pub request: Map<String, Json>,
    /// The values, by the feature's name.
    pub values: Map<String, Json>,
    /// The prediction.
    #[serde(default)]
    prediction: Json,
}

impl ServedRow {
    /// The prediction, where there was one.
    pub fn prediction(&self) -> Option<f64> {
        match from_json(&self.prediction, Type::Float, None) {
            Ok(Value::Float(x)) => Some(x),
            _ => None,
        }
    }

    /// The instant it was answered for.
    pub fn instant(&self) -> Option<Micros> {
        time::parse_instant(&self.at, None)
    }
}

/// All answered rows, in the order of the log. A last line that was cut off is left out: it was never answered.
///
/// # Errors
/// When the log cannot be read, or a line of it is not what the service writes.
pub fn served_rows(loaded: &Loaded) -> Result<Vec<ServedRow>, Error> {
    let folder = loaded.state_dir().join("served");
    let mut rows = Vec::new();
    let files = segments(&folder)?;
    for (i, file) in files.iter().enumerate() {
        let text = std::fs::read_to_string(file).map_err(Error::file("read", file))?;
        let whole = if i + 1 == files.len() { text.rfind('\n').map_or("", |end| &text[..=end]) } else { &text };
        for (number, line) in whole.lines().enumerate() {
            rows.push(serde_json::from_str(line).map_err(|e| {
                Error::unusable(
                    format!("{} line {}: not a row of the served log: {e}", file.display(), number + 1),
                    "restore the file, or move the log away to begin a new one",
                )
            })?);
        }
    }
    Ok(rows)
}

fn segments(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let path = entry.map_err(Error::file("read", folder))?.path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The asks that these rows were, for a plan: the same entities, instants, requests and, unless everything is to be
/// known, the same positions of the log.
pub(crate) fn asks(project: &Project, plan: &Plan, rows: &[&ServedRow], everything: bool) -> Result<Asks, Error> {
    let keys = plan.entities().iter().map(|&entity| {
        let entity = &project.entities[entity];
        let parts = entity.keys.iter().map(|part| {
            let of = |row: &&ServedRow| match row.entities.get(&entity.name) {
                Some(Json::Object(parts)) => parts.get(&part.name).cloned(),
                whole => whole.cloned(),
            };
            column(rows, part.ty, &entity.name, of)
        });
        parts.collect::<Result<Vec<_>, _>>()
    });
    let request = plan.request_fields().iter().map(|&field| {
        let field = &project.request[field];
        column(rows, field.ty, &field.name, |row| row.request.get(&field.name).cloned())
    });
    let at: Option<Vec<Micros>> = rows.iter().map(|row| row.instant()).collect();
    let positions = |&source: &usize| {
        let name = &project.sources[source].name;
        rows.iter().map(|row| row.positions.get(name).and_then(Json::as_u64).unwrap_or(0)).collect()
    };
    Ok(Asks {
        keys: keys.collect::<Result<_, _>>()?,
        at: at.ok_or_else(|| unusable("an instant"))?,
        request: request.collect::<Result<_, _>>()?,
        known: if everything {
            Known::Everything
        } else {
            Known::Positions(plan.sources().iter().map(positions).collect())
        },
    })
}

fn column(
    rows: &[&ServedRow],
    ty: Type,
    name: &str,
    of: impl Fn(&&ServedRow) -> Option<Json>,
) -> Result<ArrayRef, Error> {
    let value = |row: &&ServedRow| of(row).map_or(Ok(Value::Null), |json| from_json(&json, ty, None));
    let values: Result<Vec<Value>, String> = rows.iter().map(value).collect();
    let values = values.map_err(|why| unusable(&format!("`{name}` ({why})")))?;
    Ok(array_of(ty, &values))
}

fn unusable(what: &str) -> Error {
    Error::unusable(
        format!("the served log has {what} that cannot be read by these definitions"),
        "were the entities or the request changed since? `tandem releases` says which definitions were live",
    )
}
