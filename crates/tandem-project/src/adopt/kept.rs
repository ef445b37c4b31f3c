//! Writing what was made without taking away what people edited. `.adopted` holds the hash of each file as it was made: a
//! file that still has it is ours to write anew; another one was edited, and stays. Not here: what is in the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{NOTEBOOK, digest};
use crate::error::Error;

const RECORD: &str = ".adopted";

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    New,
    /// It was ours, and is written anew.
    Updated,
    /// It is as it was.
    Same,
    /// It was edited, and stays; nothing new was to be written.
    Kept,
    /// It was edited, and what did not change in it was brought up to date.
    Merged,
    /// It was edited, and stays; the new one stands beside it, with `.new` at its end.
    Beside,
}

/// A file, and what became of it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its path.
    pub path: PathBuf,
    /// What became of it.
    pub fate: Fate,
}

/// The files as they were made the last time: their hashes, by path from the model's folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Base {
    files: BTreeMap<String, String>,
}

impl Base {
    pub fn read(folder: &Path) -> Self {
        let text = fs::read(folder.join(RECORD)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Whether a file is as it was made.
    pub fn is_ours(&self, name: &str, text: &str) -> bool {
        self.files.get(name).is_some_and(|hash| *hash == digest(text.as_bytes()))
    }

    /// The text to run and to keep as the notebook: the new one, or the edited one when only that changed.
    ///
    /// # Errors
    /// When both changed: nobody but a person can say which is meant.
    pub fn notebook(&self, folder: &Path, new: &str, inside: bool) -> Result<String, Error> {
        let path = folder.join(NOTEBOOK);
        let Ok(there) = fs::read_to_string(&path) else { return Ok(new.to_owned()) };
        if inside || there == new || self.is_ours(NOTEBOOK, &there) {
            return Ok(new.to_owned());
        }
        if self.is_ours(NOTEBOOK, new) {
            return Ok(there); // the one that was adopted is as it was
        }
        let beside = folder.join(format!("{NOTEBOOK}.new"));
        fs::write(&beside, new).map_err(Error::file("write", &beside))?;
        let what = format!(
            "{} was edited since it was adopted, and the notebook that it came from changed too",
            path.display()
        );
        let remedy = format!(
            "bring what you want of {} into it, and record it: tandem notebook adopt {}",
            beside.display(),
            path.display()
        );
        Err(Error::unusable(what, remedy))
    }

    /// Writes the files, and what they were.
    pub fn write(mut self, folder: &Path, files: &[(&str, String)]) -> Result<Vec<Written>, Error> {
        let mut written = Vec::new();
        for (name, new) in files {
            let path = folder.join(name);
            let there = fs::read_to_string(&path).ok();
            let beside = folder.join(format!("{name}.new"));
            let fate = match &there {
                None => Fate::New,
                Some(there) if there == new => Fate::Same,
                // The notebook was settled before it ran.
                Some(there) if *name == NOTEBOOK || self.is_ours(name, there) => Fate::Updated,
                Some(_) if self.is_ours(name, new) => Fate::Kept,
                Some(_) if *name == "model.yaml" => Fate::Merged,
                Some(_) => Fate::Beside,
            };
            let put = match (fate, &there) {
                (Fate::New | Fate::Updated, _) => Some((&path, new.clone())),
                (Fate::Merged, Some(there)) => Some((&path, with_inputs(there, new))),
                (Fate::Beside, _) => Some((&beside, new.clone())),
                _ => None,
            };
            if !matches!(fate, Fate::Beside | Fate::Kept) && beside.exists() {
                fs::remove_file(&beside).map_err(Error::file("remove", &beside))?;
            }
            if let Some((path, text)) = put {
                save(path, &text)?;
            }
            self.files.insert((*name).to_owned(), digest(new.as_bytes()));
            written.push(Written { path, fate });
        }
        let record = serde_json::to_string_pretty(&self).expect("plain data") + "\n";
        save(&folder.join(RECORD), &record)?;
        Ok(written)
    }
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    }
    fs::write(path, text).map_err(Error::file("write", path))
}

/// An edited model.yaml with the inputs of the new one: what a person says of the model stays.
fn with_inputs(edited: &str, new: &str) -> String {
    let (head, _, tail) = around_inputs(edited);
    let (_, inputs, _) = around_inputs(new);
    format!("{head}{inputs}{tail}")
}

/// The text before `inputs:`, with it, and after it.
fn around_inputs(text: &str) -> (&str, &str, &str) {
    let is_key = |line: &str| line.starts_with(|c: char| c.is_alphabetic());
    let mut at = 0;
    let (mut start, mut end) = (text.len(), text.len());
    for line in text.split_inclusive('\n') {
        if start < text.len() && is_key(line) {
            end = at;
            break;
        }
        if line.starts_with("inputs:") {
            start = at;
        }
        at += line.len();
    }
    (&text[..start], &text[start..end], &text[end..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_edited_stays_and_what_was_ours_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let write = |readme: &str, tests: &str| {
            let files = [("README.md", readme.to_owned()), ("tests/recorded.yaml", tests.to_owned())];
            let written = Base::read(folder.path()).write(folder.path(), &files).unwrap();
            written.iter().map(|written| written.fate).collect::<Vec<_>>()
        };
        assert_eq!(write("one", "a"), [Fate::New, Fate::New]);
        assert_eq!(write("one", "a"), [Fate::Same, Fate::Same]);
        fs::write(folder.path().join("README.md"), "mine").unwrap();
        assert_eq!(write("one", "b"), [Fate::Kept, Fate::Updated]);
        assert_eq!(write("two", "b"), [Fate::Beside, Fate::Same]);
        assert_eq!(
            (read("README.md").as_str(), read("README.md.new").as_str(), read("tests/recorded.yaml").as_str()),
            ("mine", "two", "b")
        );
        fs::write(folder.path().join("README.md"), "two").unwrap();
        assert_eq!(write("two", "b"), [Fate::Same, Fate::Same]);
        assert!(!folder.path().join("README.md.new").exists());
    }

    #[test]
    fn an_edited_model_gets_the_new_inputs_and_keeps_the_rest() {
        let edited = "name: x\nmeaning: Mine\ninputs:\n  - file: a\n    bytes: 1\nowner: sam\n";
        let new = "name: x\nmeaning: To do\ninputs:\n  - file: b\n";
        assert_eq!(with_inputs(edited, new), "name: x\nmeaning: Mine\ninputs:\n  - file: b\nowner: sam\n");
        assert_eq!(with_inputs("name: x\n", new), "name: x\ninputs:\n  - file: b\n");
    }

    #[test]
    fn a_notebook_that_changed_on_both_sides_is_for_a_person() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |text: &str| Base::read(folder.path()).write(folder.path(), &[(NOTEBOOK, text.to_owned())]).unwrap();
        let settle = |new: &str| Base::read(folder.path()).notebook(folder.path(), new, false);
        write("a");
        assert_eq!(settle("b").unwrap(), "b");
        fs::write(folder.path().join(NOTEBOOK), "edited").unwrap();
        assert_eq!(settle("a").unwrap(), "edited");
        assert!(settle("b").unwrap_err().to_string().contains("changed too"));
        assert_eq!(fs::read_to_string(folder.path().join("notebook.py.new")).unwrap(), "b");
    }
}
