//! Releases: an immutable bundle of definitions, model, lock and measures, named by its content; the register in git
//! that says which exist; and which one is live.
//!
//! Bundles lie in `.tandem/bundles/ID`, the register in `releases/MODEL/`: a file for each release, and `live`, to which
//! every release and rollback appends a line. The last line counts.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tandem_definitions::{Micros, Model, time};

use crate::bundle::{Bundle, FORMAT, Manifest, bundle_folder, name_of, open_bundle, read_json, write_bundle};
use crate::error::Error;
use crate::load::{Loaded, hexadecimal};
use crate::python;
use crate::train::{MadeFrom, Metrics, Request, run_folder, start_model};

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
/// When the model has not been trained, has been changed since, does not fit its features, or is no success by its
/// question's measure (unless it is to be released `anyway`).
pub fn release(loaded: &Loaded, model: &Model, request: &Request, anyway: bool, now: Micros) -> Result<Release, Error> {
    let run = run_folder(loaded, &model.name);
    let metrics: Metrics = read_json(&run.join("metrics.json")).map_err(|_| {
        Error::unusable(
            format!("the model `{}` has not been trained here", model.name),
            format!("run `tandem train {}` first", model.name),
        )
    })?;
    let made_from: MadeFrom = read_json(&run.join("made-from.json"))?;
    let again = format!("run `tandem train {}` again", model.name);
    if let Some(changed) = made_from.difference(&MadeFrom::now(loaded, model)?) {
        let what = format!("{changed} of `{}` changed since it was trained", model.name);
        return Err(Error::unusable(what, again));
    }
    if !metrics.success && !anyway {
        let value = metrics.value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"));
        let what = format!(
            "`{}` is no success: {} is {value}, and the question wants at least {}",
            model.name, metrics.metric, metrics.at_least
        );
        return Err(Error::unusable(what, "train a better one, or release it all the same with `--anyway`"));
    }
    let environment = python::environment(loaded, &loaded.base.join(&model.lock), &mut |_| {})?;
    start_model(loaded, model, request, &environment.python, &run)?;
    let contents = contents(loaded, model, &run)?;
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
    // The same content has the same name; one that was damaged since is written anew.
    let existed = folder.is_dir() && open_bundle(loaded, &id).is_ok();
    if !existed {
        write_bundle(&folder, &manifest, &contents)?;
    }
    register(loaded, &id, &manifest, &metrics, now)?;
    append_live(loaded, &model.name, "release", &id, now)?;
    Ok(Release { id, folder, manifest, metrics, existed })
}

/// The files of a bundle, by path.
fn contents(loaded: &Loaded, model: &Model, run: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut contents: Vec<(String, Vec<u8>)> = Vec::new();
    for file in &loaded.files {
        contents.push((format!("definitions/{}", file.path), file.text.clone().into_bytes()));
    }
    let kept =
        ["model.onnx", "estimator.joblib", "metrics.json", "training-set.json"].map(|name| (name, run.join(name)));
    let stated = [("requirements.lock", &model.lock), ("notebook.ipynb", &model.notebook)];
    let stated = stated.map(|(name, path)| (name, loaded.base.join(path)));
    for (name, path) in kept.into_iter().chain(stated) {
        contents.push((name.to_owned(), std::fs::read(&path).map_err(Error::file("read", &path))?));
    }
    contents.sort();
    Ok(contents)
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

/// The releases that are live: one for each model that has been released.
///
/// # Errors
/// When a live release's bundle is not here or was changed.
pub fn live(loaded: &Loaded) -> Result<Vec<Bundle>, Error> {
    let ids = loaded.project.models.iter().filter_map(|model| history(loaded, &model.name).pop());
    ids.map(|(_, id)| open_bundle(loaded, &id)).collect()
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
            // The end of a name will do when it is long enough to be meant, and only one release has it.
            let meant = |id: &str| id == name || (name.len() >= 4 && id.ends_with(name));
            let mut known = listed.iter().map(|l| l.id.as_str()).filter(|id| meant(id));
            match (known.next(), known.next()) {
                (Some(id), None) => id.to_owned(),
                _ => return Err(Error::no_such("release", name, names)),
            }
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
