//! Writing what was made without taking away what people edited. `.adopted` holds the hash of each file as it was made, and
//! `.made/` a copy: a file that still has the hash is ours to write anew; another one was edited, and what is new is merged into
//! it over the copy. Of the lock there is no copy: nobody merges hashes. Not here: what is in the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use diffy::{ConflictStyle, MergeOptions};
use serde::{Deserialize, Serialize};

use super::{NOTEBOOK, digest};
use crate::error::Error;

const RECORD: &str = ".adopted";
const COPIES: &str = ".made";
/// Reviews need not show the copies.
const FOLDED: &str = "* linguist-generated -diff\n";

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
    /// It was edited, and what is new was merged into it.
    Merged,
    /// It was edited where it is new too, and stays; both stand beside it, with `.new` at its end.
    Conflict,
    /// It was edited, and stays; the new one stands beside it, with `.new` at its end, since there is no copy of the last.
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

    /// The text to run and to keep as the notebook: the new one, or the edited one when only that changed, or both merged.
    ///
    /// # Errors
    /// When both changed in the same lines: nobody but a person can say which is meant.
    pub fn notebook(&self, folder: &Path, new: &str, inside: bool) -> Result<String, Error> {
        let path = folder.join(NOTEBOOK);
        let Ok(there) = fs::read_to_string(&path) else { return Ok(new.to_owned()) };
        if inside || there == new || self.is_ours(NOTEBOOK, &there) {
            return Ok(new.to_owned());
        }
        if self.is_ours(NOTEBOOK, new) {
            return Ok(there); // the one that was adopted is as it was
        }
        let marked = match self.merged(folder, NOTEBOOK, &there, new) {
            Some(Ok(both)) => return Ok(both),
            Some(Err(marked)) => marked,
            None => new.to_owned(),
        };
        let beside = folder.join(format!("{NOTEBOOK}.new"));
        fs::write(&beside, marked).map_err(Error::file("write", &beside))?;
        let what = format!(
            "{} was edited since it was adopted, and the notebook that it came from changed in the same lines",
            path.display()
        );
        let remedy = format!(
            "bring what you want of {} into it, and record it: tandem notebook adopt {}",
            beside.display(),
            path.display()
        );
        Err(Error::unusable(what, remedy))
    }

    /// The edited text with what is new, or with both between marks where they touch the same lines. Nothing without the copy.
    fn merged(&self, folder: &Path, name: &str, edited: &str, new: &str) -> Option<Result<String, String>> {
        let made = fs::read_to_string(folder.join(COPIES).join(name)).ok().filter(|made| self.is_ours(name, made))?;
        Some(MergeOptions::new().set_conflict_style(ConflictStyle::Merge).merge(&made, edited, new))
    }

    /// What becomes of a file, and where which text is written for it.
    fn fate(&self, folder: &Path, name: &str, new: &str) -> (Fate, Option<String>) {
        let Ok(there) = fs::read_to_string(folder.join(name)) else { return (Fate::New, Some(new.to_owned())) };
        if there == new {
            return (Fate::Same, None);
        }
        // The notebook was settled before it ran.
        if name == NOTEBOOK || self.is_ours(name, &there) {
            return (Fate::Updated, Some(new.to_owned()));
        }
        if self.is_ours(name, new) {
            return (Fate::Kept, None);
        }
        // What a person says of the model stands between inputs that are ours, whatever lines they take.
        if name == "model.yaml" {
            return (Fate::Merged, Some(with_inputs(&there, new)));
        }
        match self.merged(folder, name, &there, new) {
            Some(Ok(both)) => (Fate::Merged, Some(both)),
            Some(Err(marked)) => (Fate::Conflict, Some(marked)),
            None => (Fate::Beside, Some(new.to_owned())),
        }
    }

    /// Writes the files, and what they were. `source` is the notebook as its own file has it, where that is another text than
    /// what is kept; nothing, where what is kept was adopted itself.
    pub fn write(
        mut self,
        folder: &Path,
        files: &[(&str, String)],
        source: Option<&str>,
    ) -> Result<Vec<Written>, Error> {
        let mut written = Vec::new();
        for (name, new) in files {
            let path = folder.join(name);
            let beside = folder.join(format!("{name}.new"));
            let (fate, text) = self.fate(folder, name, new);
            let aside = matches!(fate, Fate::Beside | Fate::Conflict);
            if !aside && fate != Fate::Kept && beside.exists() {
                fs::remove_file(&beside).map_err(Error::file("remove", &beside))?;
            }
            if let Some(text) = text {
                save(if aside { &beside } else { &path }, &text)?;
            }
            let made = match source {
                _ if *name != NOTEBOOK => Some(new.as_str()),
                None if self.files.contains_key(NOTEBOOK) => None,
                source => Some(source.unwrap_or(new)),
            };
            if let Some(made) = made {
                self.files.insert((*name).to_owned(), digest(made.as_bytes()));
                if *name != "requirements.lock" {
                    save(&folder.join(COPIES).join(name), made)?;
                }
            }
            written.push(Written { path, fate });
        }
        save(&folder.join(COPIES).join(".gitattributes"), FOLDED)?;
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

    const TESTS: &str = "one: 1\ntwo: 2\nthree: 3\nfour: 4\n";

    fn written(folder: &Path, files: &[(&str, &str)], source: Option<&str>) -> Vec<Fate> {
        let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let written = Base::read(folder).write(folder, &files, source).unwrap();
        written.iter().map(|written| written.fate).collect()
    }

    #[test]
    fn what_was_ours_is_written_anew_and_what_was_edited_is_merged() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let write = |readme: &str, tests: &str| {
            written(folder.path(), &[("README.md", readme), ("tests/recorded.yaml", tests)], None)
        };
        assert_eq!(write("one", TESTS), [Fate::New, Fate::New]);
        assert_eq!(write("one", TESTS), [Fate::Same, Fate::Same]);
        fs::write(folder.path().join("README.md"), "mine").unwrap();
        fs::write(folder.path().join("tests/recorded.yaml"), TESTS.replace("one: 1\n", "")).unwrap();
        assert_eq!(write("one", TESTS), [Fate::Kept, Fate::Kept]);
        // The new run changes other lines than the person did.
        assert_eq!(write("one", &TESTS.replace('4', "5")), [Fate::Kept, Fate::Merged]);
        assert_eq!(read("tests/recorded.yaml"), "two: 2\nthree: 3\nfour: 5\n");
        // And the same ones.
        assert_eq!(write("two", &TESTS.replace('4', "5")), [Fate::Conflict, Fate::Kept]);
        assert_eq!(read("README.md"), "mine");
        let both = read("README.md.new");
        assert!(["<<<<<<<", "mine", "=======", "two", ">>>>>>>"].iter().all(|part| both.contains(part)), "{both}");
        fs::write(folder.path().join("README.md"), "two").unwrap();
        assert_eq!(write("two", &TESTS.replace('4', "5")), [Fate::Same, Fate::Kept]);
        assert!(!folder.path().join("README.md.new").exists());
    }

    #[test]
    fn without_a_copy_of_what_was_made_the_new_one_stands_beside() {
        let folder = tempfile::tempdir().unwrap();
        let write = |lock: &str| written(folder.path(), &[("requirements.lock", lock)], None);
        write("a==1");
        fs::write(folder.path().join("requirements.lock"), "a==1  # mine").unwrap();
        assert_eq!(write("a==2"), [Fate::Beside]);
        assert_eq!(fs::read_to_string(folder.path().join("requirements.lock.new")).unwrap(), "a==2");
    }

    #[test]
    fn an_edited_model_gets_the_new_inputs_and_keeps_the_rest() {
        let edited = "name: x\nmeaning: Mine\ninputs:\n  - file: a\n    bytes: 1\nowner: sam\n";
        let new = "name: x\nmeaning: To do\ninputs:\n  - file: b\n";
        assert_eq!(with_inputs(edited, new), "name: x\nmeaning: Mine\ninputs:\n  - file: b\nowner: sam\n");
        assert_eq!(with_inputs("name: x\n", new), "name: x\ninputs:\n  - file: b\n");
    }

    #[test]
    fn an_edited_notebook_keeps_its_edits_however_often_it_is_adopted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NOTEBOOK);
        let settle = |new: &str| Base::read(folder.path()).notebook(folder.path(), new, false);
        let adopt = |new: &str| {
            let kept = settle(new).unwrap();
            written(folder.path(), &[(NOTEBOOK, &kept)], Some(new));
            fs::read_to_string(&path).unwrap()
        };
        assert_eq!(adopt("a\nb\nc\nd\n"), "a\nb\nc\nd\n");
        assert_eq!(adopt("a\nb\nc\ne\n"), "a\nb\nc\ne\n");
        fs::write(&path, "A\nb\nc\ne\n").unwrap();
        // The notebook that it came from is as it was, time and again; what is kept is recorded by itself; then it changes.
        assert_eq!(adopt("a\nb\nc\ne\n"), "A\nb\nc\ne\n");
        assert_eq!(adopt("a\nb\nc\ne\n"), "A\nb\nc\ne\n");
        written(folder.path(), &[(NOTEBOOK, "A\nb\nc\ne\n")], None);
        assert_eq!(adopt("a\nb\nc\nf\n"), "A\nb\nc\nf\n");
        assert!(settle("B\nb\nc\nf\n").unwrap_err().to_string().contains("in the same lines"));
        let marked = fs::read_to_string(folder.path().join("notebook.py.new")).unwrap();
        assert!(marked.contains("A\n=======\nB\n>>>>>>>"), "{marked}");
    }
}
