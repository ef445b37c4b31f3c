//! Releases: an immutable bundle of definitions, model, lock and measures, named by its content; the register in git
//! that says which exist; and which one is live.
//!
//! Bundles lie in `.tandem/bundles/ID`, the register in `releases/MODEL/`: a file for each release, and `live`, to which
//! every release and rollback appends a line. The last line counts.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tandem_definitions::{File, Micros, Model, time};

use crate::error::Error;
use crate::load::{Loaded, from_files, hexadecimal};
use crate::python;
use crate::train::{Metrics, Request, run_folder, start_model};

/// The format of bundles that this version writes; every past one stays readable.
pub const FORMAT: u32 = 1;

/// What a bundle holds: each file with the SHA-256 of its content. The release's name is that of this text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the bundle.
    pub format: u32,
    /// The model.
    pub model: String,
    /// The question it answers.
    pub question: String,
    /// The features that are its inputs, in order.
    pub features: Vec<String>,
    /// The hash of the definitions.
    pub definitions: String,
    /// The files: path in the bundle, SHA-256 in hexadecimal; in order of path.
    pub files: Vec<(String, String)>,
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its name: the model's, and the beginning of the SHA-256 of its manifest.
    pub id: String,
    /// Its bundle.
    pub folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// How good it was on its test part.
    pub metrics: Metrics,
    /// Whether there was such a release already: the same content has the same name.
    pub existed: bool,
}

/// A release as the register lists it.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The model.
    pub model: String,
    /// The release's name.
    pub id: String,
    /// When it was made.
    pub released: String,
    /// The metric of success and its value on the test part.
    pub measured: String,
    /// Whether it answers now.
    pub live: bool,
    /// Whether its bundle is on this machine.
    pub here: bool,
}

/// Releases the last run of a model, and makes it live.
///
/// # Errors
/// When the model has not been trained, has been changed since, or does not fit its features.
pub fn release(loaded: &Loaded, model: &Model, request: &Request, now: Micros) -> Result<Release, Error> {
    let run = run_folder(loaded, &model.name);
    let metrics: Metrics = read_json(&run.join("metrics.json")).map_err(|_| {
        Error::unusable(
            format!("the model `{}` has not been trained here", model.name),
            format!("run `tandem train {}` first", model.name),
        )
    })?;
    let trained: serde_json::Value = read_json(&run.join("training-set.json"))?;
    if trained["definitions"] != loaded.hash.as_str() {
        return Err(Error::unusable(
            format!("the definitions have changed since `{}` was trained", model.name),
            format!("run `tandem train {}` again", model.name),
        ));
    }
    let environment = python::environment(loaded, &loaded.base.join(&model.lock), &mut |_| {})?;
    start_model(loaded, model, request, &environment.python, &run)?;
    let mut contents: Vec<(String, Vec<u8>)> = Vec::new();
    for file in &loaded.files {
        contents.push((format!("definitions/{}", file.path), file.text.clone().into_bytes()));
    }
    let lock = loaded.base.join(&model.lock);
    contents.push(("requirements.lock".to_owned(), std::fs::read(&lock).map_err(Error::file("read", &lock))?));
    for name in ["model.onnx", "estimator.joblib", "metrics.json", "training-set.json"] {
        let path = run.join(name);
        contents.push((name.to_owned(), std::fs::read(&path).map_err(Error::file("read", &path))?));
    }
    contents.sort();
    let manifest = Manifest {
        format: FORMAT,
        model: model.name.clone(),
        question: loaded.project.questions[model.question].name.clone(),
        features: model.features.iter().map(|&f| loaded.project.features[f].name.clone()).collect(),
        definitions: loaded.hash.clone(),
        files: contents.iter().map(|(path, bytes)| (path.clone(), hexadecimal(&Sha256::digest(bytes)))).collect(),
    };
    let id = name_of(&manifest);
    let folder = bundle_folder(loaded, &id);
    let existed = folder.is_dir();
    if !existed {
        write_bundle(&folder, &manifest, &contents)?;
    }
    register(loaded, &id, &manifest, &metrics, now)?;
    append_live(loaded, &model.name, "release", &id, now)?;
    Ok(Release { id, folder, manifest, metrics, existed })
}

fn name_of(manifest: &Manifest) -> String {
    let text = serde_json::to_string(manifest).expect("plain data");
    format!("{}-{}", manifest.model, &hexadecimal(&Sha256::digest(text))[..12])
}

fn bundle_folder(loaded: &Loaded, id: &str) -> PathBuf {
    loaded.state_dir().join("bundles").join(id)
}

/// Writes a bundle under another name and renames it: there is never half a bundle.
fn write_bundle(folder: &Path, manifest: &Manifest, contents: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let parent = folder.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
    let temporary = tempfile::tempdir_in(parent).map_err(Error::file("write in", parent))?;
    for (path, bytes) in contents {
        let path = temporary.path().join(path);
        let above = path.parent().unwrap_or(temporary.path());
        std::fs::create_dir_all(above).map_err(Error::file("make", above))?;
        std::fs::write(&path, bytes).map_err(Error::file("write", &path))?;
    }
    let path = temporary.path().join("manifest.json");
    std::fs::write(&path, serde_json::to_string(manifest).expect("plain data")).map_err(Error::file("write", &path))?;
    std::fs::rename(temporary.keep(), folder).map_err(Error::file("make", folder))
}

/// The text file in git that says that a release exists. The first one stays: a release never changes.
fn register(loaded: &Loaded, id: &str, manifest: &Manifest, metrics: &Metrics, now: Micros) -> Result<(), Error> {
    let folder = loaded.base.join("releases").join(&manifest.model);
    std::fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let path = folder.join(format!("{id}.yaml"));
    if path.exists() {
        return Ok(());
    }
    let value = metrics.value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let mut text = String::new();
    let _ = write!(
        text,
        "# A release: immutable, named by its content. `tandem releases` lists them, `tandem rollback` goes back to one.\n\
         id: {id}\nmodel: {}\nquestion: {}\nreleased: {}\ndefinitions: {}\nmetric: {}\nvalue: {value}\nat_least: {}\ntrained_on: {}\nfiles:\n",
        manifest.model,
        manifest.question,
        time::format_instant(now),
        manifest.definitions,
        metrics.metric,
        metrics.at_least,
        metrics.trained_on,
    );
    for (file, hash) in &manifest.files {
        let _ = writeln!(text, "  {file}: {hash}");
    }
    std::fs::write(&path, text).map_err(Error::file("write", &path))
}

fn live_file(loaded: &Loaded, model: &str) -> PathBuf {
    loaded.base.join("releases").join(model).join("live")
}

fn append_live(loaded: &Loaded, model: &str, action: &str, id: &str, now: Micros) -> Result<(), Error> {
    let path = live_file(loaded, model);
    let line = format!("{} {action} {id}\n", time::format_instant(now));
    let mut file =
        std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(Error::file("write", &path))?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file("write", &path))
}

/// What was live, oldest first, with the action that made it so.
fn history(loaded: &Loaded, model: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(live_file(loaded, model)).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// The files whose change means that another release is live.
pub fn watched(loaded: &Loaded) -> Vec<PathBuf> {
    loaded.project.models.iter().map(|model| live_file(loaded, &model.name)).collect()
}

/// All releases, of all models or of one, in the order in which they were made.
///
/// # Errors
/// When the register cannot be read.
pub fn releases(loaded: &Loaded, model: Option<&str>) -> Result<Vec<Listed>, Error> {
    let mut listed = Vec::new();
    for model in loaded.project.models.iter().filter(|m| model.is_none_or(|name| m.name == name)) {
        let live = history(loaded, &model.name).pop().map(|(_, id)| id);
        let folder = loaded.base.join("releases").join(&model.name);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.map_err(Error::file("read", &folder))?.path();
            let Some(id) = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".yaml")) else {
                continue;
            };
            let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            let value = |key: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
                line.unwrap_or("unknown").to_owned()
            };
            listed.push(Listed {
                model: model.name.clone(),
                live: live.as_deref() == Some(id),
                here: bundle_folder(loaded, id).is_dir(),
                released: value("released"),
                measured: format!("{} {}", value("metric"), value("value")),
                id: id.to_owned(),
            });
        }
    }
    listed.sort_by(|a, b| (&a.model, &a.released, &a.id).cmp(&(&b.model, &b.released, &b.id)));
    Ok(listed)
}

/// Makes an earlier release live again: the one named, or the one that was live before.
///
/// # Errors
/// When there is none, or its bundle is not here or was changed.
pub fn rollback(loaded: &Loaded, model: &Model, to: Option<&str>, now: Micros) -> Result<Bundle, Error> {
    let history = history(loaded, &model.name);
    let listed = releases(loaded, Some(&model.name))?;
    let id = match to {
        Some(name) => {
            let names = listed.iter().map(|l| l.id.as_str());
            let known = listed.iter().find(|l| l.id == name || l.id.ends_with(name));
            known.map(|l| l.id.clone()).ok_or_else(|| Error::no_such("release", name, names))?
        }
        None => previous(&history).ok_or_else(|| {
            Error::unusable(
                format!("there is no earlier release of `{}` to go back to", model.name),
                "`tandem releases` lists what there is",
            )
        })?,
    };
    let bundle = open_bundle(loaded, &id)?;
    append_live(loaded, &model.name, "rollback", &id, now)?;
    Ok(bundle)
}

/// The release that was live before the one that is, going back past rollbacks: two rollbacks go two releases back.
fn previous(history: &[(String, String)]) -> Option<String> {
    let mut stack: Vec<&str> = Vec::new();
    for (action, id) in history {
        match (action.as_str(), stack.iter().rposition(|s| s == id)) {
            ("rollback", Some(at)) => stack.truncate(at + 1),
            _ if stack.last() == Some(&id.as_str()) => {}
            _ => stack.push(id),
        }
    }
    stack.len().checked_sub(2).map(|at| stack[at].to_owned())
}

/// A release's bundle, opened and found whole.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The release's name.
    pub id: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// How good it was on its test part.
    pub metrics: Metrics,
    /// The project as it was released; its sources lie where the present project's lie.
    pub loaded: Loaded,
}

impl Bundle {
    /// The released model.
    pub fn model(&self) -> &Model {
        let model = self.loaded.project.model(&self.manifest.model);
        model.expect("a bundle was only opened with its model in it")
    }

    /// The model's Python environment, made from the bundle's own lock.
    ///
    /// # Errors
    /// [`Error::Environment`].
    pub fn environment(&self, progress: &mut dyn FnMut(&str)) -> Result<tandem_notebook::Environment, Error> {
        python::environment(&self.loaded, &self.folder.join("requirements.lock"), progress)
    }

    /// The model, running in a process of its own.
    ///
    /// # Errors
    /// What the environment or the model can say.
    pub fn start(&self, request: &Request) -> Result<tandem_inference::Model, Error> {
        let python = self.environment(&mut |_| {})?.python;
        start_model(&self.loaded, self.model(), request, &python, &self.folder)
    }
}

/// The releases that are live: one for each model that has been released.
///
/// # Errors
/// When a live release's bundle is not here or was changed.
pub fn live(loaded: &Loaded) -> Result<Vec<Bundle>, Error> {
    let ids = loaded.project.models.iter().filter_map(|model| history(loaded, &model.name).pop());
    ids.map(|(_, id)| open_bundle(loaded, &id)).collect()
}

/// Opens a bundle, and verifies every file of it.
///
/// # Errors
/// When it is not on this machine, is of a later format, or was changed.
pub fn open_bundle(loaded: &Loaded, id: &str) -> Result<Bundle, Error> {
    let folder = bundle_folder(loaded, id);
    let path = folder.join("manifest.json");
    if !path.is_file() {
        return Err(Error::unusable(
            format!("the bundle of the release {id} is not on this machine ({})", folder.display()),
            "copy it from where it was released, or release again",
        ));
    }
    let changed = |what: &str| {
        Error::unusable(
            format!("the bundle of the release {id} is not what was released: {what}"),
            "a release never changes: copy the bundle anew, or roll back to another",
        )
    };
    let manifest: Manifest = read_json(&path)?;
    if manifest.format > FORMAT {
        return Err(Error::unusable(
            format!("the release {id} has the format {}, and this version reads up to {FORMAT}", manifest.format),
            "use a later version of tandem",
        ));
    }
    if name_of(&manifest) != id {
        return Err(changed("its manifest does not give its name"));
    }
    let mut files = Vec::new();
    for (name, hash) in &manifest.files {
        let bytes = std::fs::read(folder.join(name)).map_err(Error::file("read", folder.join(name)))?;
        if hexadecimal(&Sha256::digest(&bytes)) != *hash {
            return Err(changed(&format!("{name} differs")));
        }
        if let Some(path) = name.strip_prefix("definitions/") {
            let text = String::from_utf8(bytes).map_err(|_| changed(&format!("{name} is no text")))?;
            files.push(File { path: path.to_owned(), text });
        }
    }
    let mut released = from_files(&loaded.base, files).checked()?;
    released.origin = loaded.origin.clone();
    released.options = loaded.options;
    if released.project.model(&manifest.model).is_none() {
        return Err(changed("its definitions do not have its model"));
    }
    let metrics = read_json(&folder.join("metrics.json"))?;
    Ok(Bundle { id: id.to_owned(), folder, manifest, metrics, loaded: released })
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::unusable(format!("{} is not what Tandem wrote there: {e}", path.display()), "make it again")
    })
}

#[cfg(test)]
mod tests {
    use super::previous;

    #[test]
    fn two_rollbacks_go_two_releases_back() {
        let mut history: Vec<(String, String)> =
            ["a", "b", "c"].iter().map(|id| ("release".to_owned(), (*id).to_owned())).collect();
        assert_eq!(previous(&history).as_deref(), Some("b"));
        history.push(("rollback".to_owned(), "b".to_owned()));
        assert_eq!(previous(&history).as_deref(), Some("a"));
        history.push(("rollback".to_owned(), "a".to_owned()));
        assert_eq!(previous(&history), None);
        history.push(("release".to_owned(), "d".to_owned()));
        assert_eq!(previous(&history).as_deref(), Some("a"));
    }
}
