//! A notebook that was handed over becomes a part of the team's repository: `models/NAME/` with the notebook as Python that
//! diffs well, a lock, the files that it reads, tests recorded from two clean runs, and a page about it.
//!
//! The notebook itself is never written to; it runs in a copy of its folder. What people edited in `models/NAME/` since is
//! kept. Not here: running the recorded tests ([`recorded`]), and what the terminal shows.

mod expect;
mod inputs;
mod kept;
mod page;
mod prune;
pub mod recorded;
mod requirements;
mod words;
mod yaml;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tandem_definitions::Adopted;
use tandem_notebook::record::{RecordRequest, Seen, record};
use tandem_notebook::{AsOf, Event as NotebookEvent, Notebook, RunError, Workspace, percent};

use crate::error::Error;
use crate::load::{self, Loaded, hexadecimal};

pub use kept::{Fate, Written};

/// What stands in `meaning` until somebody writes it.
pub const TO_DO: &str = "To do: say in one sentence what this notebook is for";
/// The recorded tests, from the model's folder.
pub const TESTS: &str = "tests/recorded.yaml";
/// The notebook, from the model's folder.
pub const NOTEBOOK: &str = "notebook.py";

/// What to adopt.
#[derive(Clone, Debug)]
pub struct Request {
    /// The notebook: `.ipynb`, or `.py` in the percent format.
    pub file: PathBuf,
    /// Its name in the project; that of the file without it.
    pub name: Option<String>,
    /// How long one cell may take.
    pub cell_limit: Option<Duration>,
    /// As of when packages are chosen, where no requirements are kept yet.
    pub as_of: AsOf,
    /// The most that is copied of its folder for a run, in bytes.
    pub copy_limit: u64,
    /// Today: `2024-05-01`.
    pub today: String,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum Event {
    /// The lock or the environment is being made.
    Environment(String),
    /// A run begins: the first or the second.
    Run(usize),
    /// The notebook runs.
    Notebook(NotebookEvent),
}

/// What came of it.
#[derive(Debug)]
pub struct Adoption {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The files, and what became of each.
    pub files: Vec<Written>,
    /// How many values are asserted.
    pub asserted: usize,
    /// What is not asserted, and why.
    pub not_asserted: Vec<String>,
    /// What a person should know or do.
    pub notes: Vec<String>,
}

/// What was found out before anything is written.
struct Subject {
    name: String,
    folder: PathBuf,
    /// The notebook's file, absolute.
    file: PathBuf,
    /// Its text in the percent format.
    text: String,
    /// Whether it lies in `models/NAME` already, so that its inputs lie where its `model.yaml` says.
    inside: bool,
    /// What of it is not kept.
    note: Option<String>,
}

/// Adopts a notebook, or adopts it again.
///
/// # Errors
/// What reading, resolving and running can say. Nothing is written before both runs came to their end.
pub fn adopt(loaded: &Loaded, request: &Request, on_event: &mut dyn FnMut(Event)) -> Result<Adoption, Error> {
    let subject = subject(loaded, request)?;
    let before = loaded.project.adopted.iter().find(|adopted| adopted.name == subject.name);
    let base = kept::Base::read(&subject.folder);
    let text = base.notebook(&subject.folder, &subject.text, subject.inside)?;
    let notebook = parse(&subject.file, &text)?;
    let mut tell = |line: &str| on_event(Event::Environment(line.to_owned()));
    let locked = requirements::locked(loaded, &notebook, &subject.folder, request, &mut tell)?;
    let fresh = || match before.filter(|_| subject.inside) {
        Some(adopted) => inputs::laid_out(loaded, adopted, true),
        None => Ok(Workspace::copy(&notebook, request.copy_limit, &mut |_, _| {})?),
    };
    let (runs, space) = both_runs(&fresh, &text, &subject.file, &locked.python, request, on_event)?;
    let pruned = prune::pruned(&runs[0].facts, &runs[1].facts, &notebook);
    let inputs = inputs::inputs(loaded, &subject.folder, &space, &runs[0].facts, &notebook)?;
    let mut notes = locked.notes;
    notes.extend(subject.note.clone());
    notes.extend(inputs.iter().filter_map(|input| input.note.clone()));
    let about = page::About {
        loaded,
        subject: &subject.name,
        file: &subject.file,
        before,
        inputs: &inputs,
        run: &runs[0],
        pruned: &pruned,
    };
    let model = page::model(&about);
    let mut files = vec![
        (NOTEBOOK, text),
        ("model.yaml", model),
        ("requirements.in", locked.requirements),
        ("requirements.lock", locked.lock),
        (TESTS, yaml::recorded(&pruned.tests)),
        ("README.md", page::readme(&about)),
    ];
    let large: String = inputs.iter().filter(|input| input.large).map(|input| format!("/{}\n", input.kept)).collect();
    if !large.is_empty() {
        files.push((".gitignore", large));
    }
    for input in &inputs {
        input.copy(&subject.folder)?;
    }
    let files = base.write(&subject.folder, &files, (!subject.inside).then_some(subject.text.as_str()))?;
    Ok(Adoption {
        name: subject.name,
        folder: subject.folder,
        files,
        asserted: expect::count(&pruned.tests),
        not_asserted: pruned.not_asserted,
        notes,
    })
}

/// Two runs, each in a fresh copy; and the copy of the first.
fn both_runs(
    fresh: &dyn Fn() -> Result<Workspace, Error>,
    text: &str,
    file: &Path,
    python: &Path,
    request: &Request,
    on_event: &mut dyn FnMut(Event),
) -> Result<([Seen; 2], Workspace), Error> {
    let named = file.file_stem().map_or_else(|| "notebook".into(), |stem| stem.to_string_lossy().into_owned());
    let mut run = |number: usize, calls: Option<&Value>| {
        on_event(Event::Run(number));
        let space = fresh()?;
        let (_own, notebook) = own_copy(text, &named)?;
        let request = RecordRequest {
            notebook: &notebook,
            python,
            folder: space.folder(),
            calls,
            cell_limit: request.cell_limit,
        };
        let seen = record(&request, &mut |event| on_event(Event::Notebook(event)));
        let mut seen = seen.map_err(|error| match error {
            RunError::Cell(mut failure) => {
                failure.notebook = file.to_path_buf(); // not the copy that ran
                RunError::Cell(failure)
            }
            other => other,
        })?;
        inputs::relative(&space, &mut seen.facts);
        Ok::<_, Error>((seen, space))
    };
    let (first, space) = run(1, None)?;
    let calls = expect::calls_of(&first.facts["functions"], "name");
    let (second, _) = run(2, Some(&calls))?;
    Ok(([first, second], space))
}

/// The notebook as a file to run, in a folder of its own that is gone when this is dropped.
fn own_copy(text: &str, name: &str) -> Result<(tempfile::TempDir, PathBuf), Error> {
    let made = tempfile::Builder::new().prefix("tandem-adopt-").tempdir();
    let folder = made.map_err(Error::file("make", std::env::temp_dir()))?;
    let path = folder.path().join(format!("{name}.ipynb"));
    std::fs::write(&path, percent::read(text).to_string()).map_err(Error::file("write", &path))?;
    Ok((folder, path))
}

fn subject(loaded: &Loaded, request: &Request) -> Result<Subject, Error> {
    let file = std::path::absolute(&request.file).map_err(Error::file("find", &request.file))?;
    let file = file.canonicalize().map_err(Error::file("read", &request.file))?;
    let models = loaded.base.canonicalize().map_err(Error::file("find", &loaded.base))?.join("models");
    let own = file.strip_prefix(&models).ok().filter(|rest| rest.components().count() == 2);
    let inside = own.is_some_and(|rest| rest.ends_with(NOTEBOOK));
    let stem = match own.filter(|_| inside).and_then(Path::parent) {
        Some(folder) => folder.to_string_lossy().into_owned(),
        None => named(&file.file_stem().unwrap_or_default().to_string_lossy()),
    };
    let name = request.name.clone().unwrap_or(stem);
    if named(&name) != name {
        let remedy = format!("write it with small letters, digits and `_`, such as --name {}", named(&name));
        return Err(Error::unusable(format!("`{name}` is no name for a model"), remedy));
    }
    if loaded.project.model(&name).is_some() {
        let what = format!("there is a model `{name}` that answers a question, and it has its own notebook");
        return Err(Error::unusable(what, "choose another name with --name"));
    }
    let folder = models.join(&name);
    if folder.join("model.yaml").exists() && !loaded.project.adopted.iter().any(|adopted| adopted.name == name) {
        let what = format!("{} is there already and not read as an adopted notebook", folder.display());
        return Err(Error::unusable(what, "see `tandem check`, or choose another name with --name"));
    }
    let (text, note) = if file.extension().is_some_and(|extension| extension == "py") {
        (std::fs::read_to_string(&file).map_err(Error::file("read", &file))?, None)
    } else {
        let notebook = Notebook::read(&file).map_err(RunError::from)?;
        (percent::write(notebook.json()), not_kept(notebook.json()))
    };
    Ok(Subject { name, folder, file, text, inside, note })
}

/// What is said of images that were pasted into text cells, which have no place in the Python file.
fn not_kept(notebook: &Value) -> Option<String> {
    let cells = notebook["cells"].as_array()?;
    let pasted = |cell: &&Value| cell["attachments"].as_object().is_some_and(|all| !all.is_empty());
    let numbers = cells.iter().enumerate().filter(|(_, cell)| pasted(cell)).map(|(at, _)| (at + 1).to_string());
    let numbers: Vec<String> = numbers.collect();
    let remedy = "images pasted into it are not in notebook.py: save them as files beside it, or keep the notebook that it came from";
    (!numbers.is_empty()).then(|| format!("cells {} (counted with the text cells): {remedy}", numbers.join(", ")))
}

/// A name as models have it, from whatever a file is called.
fn named(text: &str) -> String {
    let letters = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    let name: String = letters.collect();
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let name = words.join("_");
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name
    } else {
        format!("notebook_{name}").trim_end_matches('_').to_owned()
    }
}

/// The notebook of a text in the percent format; the path is for messages.
fn parse(path: &Path, text: &str) -> Result<Notebook, Error> {
    let json = percent::read(text).to_string();
    Ok(Notebook::parse(path, json.as_bytes()).map_err(RunError::from)?)
}

/// A project for a repository that has none: its name, and the person who begins it.
///
/// # Errors
/// [`Error::Unusable`] outside of a git repository, [`Error::File`].
pub fn begin(folder: &Path) -> Result<PathBuf, Error> {
    let root = inputs::repository(folder).ok_or_else(|| {
        Error::unusable(
            "there is no project here to adopt it into, and no git repository that could become one",
            "go to the team's repository, or make one here: git init (or tandem init, for a project with an example)",
        )
    })?;
    let name = named(&root.file_name().unwrap_or_default().to_string_lossy());
    let who = inputs::git(&root, &["config", "user.name"]).unwrap_or_else(|| "team".to_owned());
    let text = format!(
        "# The team, and whom its features are about. `tandem init` in an empty folder shows what else a project can say.\nname: {name}\npeople:\n  - {{name: {}, role: data scientist}}\nentities: []\n",
        yaml::scalar(&json!(who))
    );
    let path = root.join("tandem.yaml");
    std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    let ignored = root.join(".gitignore");
    let before = std::fs::read_to_string(&ignored).unwrap_or_default();
    if !before.lines().any(|line| line.trim() == ".tandem/") {
        let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        std::fs::write(&ignored, format!("{before}{gap}.tandem/\n")).map_err(Error::file("write", &ignored))?;
    }
    Ok(path)
}

/// The project as it stands after [`begin`].
///
/// # Errors
/// As [`load::load`].
pub fn begun(path: &Path) -> Result<Loaded, Error> {
    load::load(path.parent().unwrap_or(path))
}

/// SHA-256 of bytes, in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The folder of an adopted notebook.
fn folder_of(loaded: &Loaded, adopted: &Adopted) -> PathBuf {
    loaded.base.join("models").join(&adopted.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_a_name() {
        assert_eq!(named("01 - Flight Delays (final)"), "notebook_01_flight_delays_final");
        assert_eq!(named("Churn-v2"), "churn_v2");
        assert_eq!(named("分析"), "notebook");
    }

    #[test]
    fn pasted_images_are_said_not_to_be_kept() {
        let cells = json!({"cells": [{"cell_type": "code"}, {"cell_type": "markdown", "attachments": {"a.png": {}}}]});
        assert!(not_kept(&cells).is_some_and(|note| note.starts_with("cells 2 (counted")));
        assert_eq!(not_kept(&json!({"cells": [{"attachments": {}}]})), None);
    }
}
