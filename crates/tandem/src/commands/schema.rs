//! `tandem schema`: the JSON Schemas of the team's files.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, json};

use crate::context::{Context, shown};
use crate::failure::Failure;

/// The JSON Schemas of the team's files, so that editors complete and check while one types
///
/// Without a name: every kind, as one JSON object. With `--out`: one file a kind, NAME.schema.json.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem schema question > question.schema.json
  tandem schema --out schemas        (`tandem init` has done this, and told VS Code where they are)")]
pub struct Schema {
    /// The kind of file: project, source, features, question or model
    kind: Option<String>,
    /// Write one file a kind into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    out: Option<PathBuf>,
}

impl Schema {
    /// Prints or writes them.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let schemas = tandem_definitions::schemas();
        if let Some(folder) = self.out {
            for path in write_all(&folder)? {
                context.terminal.say(&format!("wrote {}", shown(&path)));
            }
            return Ok(());
        }
        let Some(kind) = self.kind else {
            let all: Map<_, _> = schemas
                .into_iter()
                .map(|s| (s.name.to_owned(), json!({"files": s.pattern, "schema": s.json})))
                .collect();
            context.terminal.data(&format!("{:#}", serde_json::Value::Object(all)));
            return Ok(());
        };
        let found = schemas.iter().find(|schema| schema.name == kind).ok_or_else(|| {
            let kinds: Vec<&str> = schemas.iter().map(|schema| schema.name).collect();
            Failure::project(format!("there is no kind of file `{kind}`"))
                .hint(format!("there are: {}", kinds.join(", ")))
        })?;
        context.terminal.data(&format!("{:#}", found.json));
        Ok(())
    }
}

/// The file of a kind's schema.
pub fn file_name(kind: &str) -> String {
    format!("{kind}.schema.json")
}

/// Writes all schemas into a folder; the files.
pub fn write_all(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::file("make", folder, &e))?;
    let mut written = Vec::new();
    for schema in tandem_definitions::schemas() {
        let path = folder.join(file_name(schema.name));
        std::fs::write(&path, format!("{:#}\n", schema.json)).map_err(|e| Failure::file("write", &path, &e))?;
        written.push(path);
    }
    Ok(written)
}
