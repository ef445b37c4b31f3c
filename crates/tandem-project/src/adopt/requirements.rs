//! What an adopted notebook needs, and its lock: the one in `models/NAME` while it fits; else one made from the requirements
//! there; and at first whatever [`prepare`] finds beside the notebook or in its imports, as of the notebook's date.
//! Not here: resolving.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tandem_notebook::environment::{missing, prepare_for_all, usual_python};
use tandem_notebook::{AsOf, Notebook, Prepared, Wanted};

use super::{Request, kept};
use crate::error::Error;
use crate::load::Loaded;

/// Begins the line of `requirements.in` with the day as of which it is locked.
const AS_OF: &str = "# as of: ";

/// The two files, and the Python of the environment.
pub(super) struct Locked {
    pub requirements: String,
    pub lock: String,
    pub python: PathBuf,
    pub notes: Vec<String>,
}

/// Finds out what is needed, locks it, and makes the environment.
pub(super) fn locked(
    loaded: &Loaded,
    notebook: &Notebook,
    folder: &Path,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<Locked, Error> {
    let state = loaded.state_dir();
    let (in_path, lock_path) = (folder.join("requirements.in"), folder.join("requirements.lock"));
    let stated = fs::read_to_string(&in_path).ok();
    // The tests will run with this Python, so an older one that fits the notebook's date better is no help.
    let python = usual_python()?;
    let mut wanted = Wanted {
        notebook,
        lock: None,
        requirements: None,
        as_of: request.as_of.clone(),
        python: Some(&python),
        folder: &state.join("environments"),
        tools: &state.join("tools"),
        today: &request.today,
    };
    let mut added = Vec::new();
    if let Some(text) = &stated {
        added = missing(notebook, text);
        let is_ours = kept::Base::read(folder).is_ours("requirements.in", text);
        if is_ours && added.is_empty() && lock_path.is_file() {
            wanted.lock = Some(&lock_path);
        } else {
            wanted.requirements = Some(&in_path);
            wanted.as_of = day_in(text).map_or(AsOf::Today, AsOf::Date);
        }
    }
    let prepared = prepare_for_all(&wanted, progress)?;
    let lock = fs::read_to_string(&prepared.lock).map_err(Error::file("read", &prepared.lock))?;
    let mut notes = prepared.notes.clone();
    if stated.is_none() {
        notes.insert(0, format!("its packages are locked from {}", prepared.source));
    }
    let requirements = match stated {
        Some(text) => with_added(&text, &added, &prepared.notes),
        None => written(&prepared),
    };
    Ok(Locked { requirements, lock, python: prepared.environment.python, notes })
}

/// The day as of which a person, or we, want it locked.
fn day_in(text: &str) -> Option<String> {
    let day = text.lines().find_map(|line| line.strip_prefix(AS_OF))?;
    day.split_whitespace().next().map(str::to_owned)
}

/// The first requirements: with the day, and what was left out, so that nobody looks for it again.
fn written(prepared: &Prepared) -> String {
    let mut text = String::new();
    if let Some(day) = &prepared.day {
        let _ = writeln!(
            text,
            "{AS_OF}{day} (only what was published until then; another day, or without this line today)"
        );
    }
    prepared.requirements.iter().for_each(|line| text.extend([line, "\n"]));
    with_left_out(&text, &prepared.notes)
}

/// A person's requirements, with the packages that the notebook uses and they lack.
fn with_added(text: &str, added: &[String], notes: &[String]) -> String {
    let left = |name: &&String| !notes.iter().any(|note| note.starts_with(&format!("left out `{name}`:")));
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let added: String = added.iter().filter(left).map(|name| format!("{name}\n")).collect();
    if added.is_empty() && notes.is_empty() {
        text.to_owned()
    } else {
        with_left_out(&format!("{text}{gap}{added}"), notes)
    }
}

fn with_left_out(text: &str, notes: &[String]) -> String {
    let left = notes.iter().filter_map(|note| note.strip_prefix("left out `")?.split_once("`: "));
    let left: String = left.map(|(name, why)| format!("# {name}: left out, since {why}\n")).collect();
    format!("{text}{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_added_and_what_was_left_out_is_said() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let notes = texts(&["left out `pattern`: it cannot be built here"]);
        assert_eq!(
            with_added("# as of: 2021-03-01\npandas", &texts(&["polars", "pattern"]), &notes),
            "# as of: 2021-03-01\npandas\npolars\n# pattern: left out, since it cannot be built here\n"
        );
        assert_eq!(with_added("pandas", &[], &[]), "pandas");
        assert_eq!(day_in("# as of: 2021-03-01 (only)\npandas\n").as_deref(), Some("2021-03-01"));
        assert_eq!(day_in("pandas\n"), None);
    }
}
