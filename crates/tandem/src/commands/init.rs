//! `tandem init`: a small working project beside the team's service.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, json};
use tandem_project::load;

use super::schema;
use crate::context::{Context, shown, working_folder};
use crate::failure::Failure;

/// A small working project in a folder, beside the team's service
///
/// A contract, three features, a question, a scenario and a few records of a made-up shop, small enough to be replaced
/// file by file; the editor's schemas; and a workflow that checks all of it on every change. Nothing is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tandem init                 in this folder
  tandem init models          in the folder models, made if need be

Then: tandem check, tandem test, tandem data orders_again. All three work before you have written a line.")]
pub struct Init {
    /// The folder [default: this one]
    dir: Option<PathBuf>,
}

const FILES: [(&str, &str); 6] = [
    ("tandem.yaml", include_str!("../../init/tandem.yaml")),
    ("sources/orders.odcs.yaml", include_str!("../../init/sources/orders.odcs.yaml")),
    ("features/customer.yaml", include_str!("../../init/features/customer.yaml")),
    ("questions/orders_again.yaml", include_str!("../../init/questions/orders_again.yaml")),
    (
        "scenarios/an_order_counts_once_it_is_known.md",
        include_str!("../../init/scenarios/an_order_counts_once_it_is_known.md"),
    ),
    ("logs/orders.csv", include_str!("../../init/logs/orders.csv")),
];
const WORKFLOW: &str = include_str!("../../init/workflow.yml");
const SETTINGS: &str = ".vscode/settings.json";
/// What Tandem keeps in the project's folder and nobody commits.
const IGNORED: &str = ".tandem/";

impl Init {
    /// Writes the files; refuses when one of them is there already.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let folder = std::path::absolute(self.dir.unwrap_or(working_folder()?))
            .map_err(|e| Failure::world("the folder cannot be used").because(e))?;
        if let Ok(above) = load::find(&folder) {
            return Err(Failure::project(format!(
                "there is a project already: {}",
                above.join("tandem.yaml").display()
            ))
            .hint("`tandem check` says how it stands; for a second one take a folder outside of it"));
        }
        let repository = folder.ancestors().find(|f| f.join(".git").exists()).unwrap_or(&folder).to_path_buf();
        let files = files(&folder, &repository);
        let there: Vec<String> = files.iter().filter(|(path, _)| path.exists()).map(|(path, _)| shown(path)).collect();
        if !there.is_empty() {
            return Err(Failure::project(format!("nothing was written, because these exist: {}", there.join(", ")))
                .hint("move them away, or name another folder: tandem init DIR"));
        }
        for (path, text) in &files {
            write(path, text)?;
            context.terminal.say(&format!("wrote {}", shown(path)));
        }
        schema::write_all(&folder.join("schemas"))?;
        context.terminal.say(&format!("wrote {}", shown(&folder.join("schemas"))));
        settings(context, &folder)?;
        ignore(&folder.join(".gitignore"))?;
        context.terminal.say("\nIt works as it is. Try, in this order:");
        context.terminal.say("  tandem check                every promise, one report");
        context.terminal.say("  tandem test                 the scenario, run as a test");
        context.terminal.say("  tandem data orders_again    the training set, as production would have known it");
        Ok(())
    }
}

fn files(folder: &Path, repository: &Path) -> Vec<(PathBuf, String)> {
    let mut files: Vec<_> = FILES.iter().map(|(path, text)| (folder.join(path), (*text).to_owned())).collect();
    let inside = folder.strip_prefix(repository).unwrap_or(Path::new(""));
    let inside = if inside.as_os_str().is_empty() { ".".into() } else { inside.to_string_lossy().replace('\\', "/") };
    files.push((repository.join(".github/workflows/tandem.yml"), WORKFLOW.replace("{folder}", &inside)));
    files
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Failure::file("make", folder, &e))?;
    }
    std::fs::write(path, text).map_err(|e| Failure::file("write", path, &e))
}

/// Tells VS Code's YAML extension which schema belongs to which files; one's own settings stay as they are.
fn settings(context: &Context, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(SETTINGS);
    if path.exists() {
        context.terminal.say(&format!("left {} as it is: put `yaml.schemas` there for schemas/", shown(&path)));
        return Ok(());
    }
    let schemas: Map<_, _> = tandem_definitions::schemas()
        .into_iter()
        .map(|s| (format!("./schemas/{}", schema::file_name(s.name)), json!(s.pattern)))
        .collect();
    write(&path, &format!("{:#}\n", json!({"yaml.schemas": schemas})))?;
    context.terminal.say(&format!("wrote {}", shown(&path)));
    Ok(())
}

/// Sees to it that git ignores what Tandem keeps; every other line stays.
fn ignore(path: &Path) -> Result<(), Failure> {
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    if text.lines().any(|line| line.trim() == IGNORED) {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(IGNORED);
    text.push('\n');
    write(path, &text)
}
