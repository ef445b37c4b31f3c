//! What an adopted notebook needs, and its lock: what is in `models/NAME` already, else the requirements beside the notebook,
//! else what it imports, as of the day on which it was last changed. Not here: resolving, which uv does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tandem_notebook::{Notebook, environment};
use tandem_python::ImportKind;

use super::{kept, workspace};
use crate::error::Error;
use crate::load::Loaded;

/// The two files, and where the lock can be used from.
pub(super) struct Wanted {
    pub requirements: String,
    pub lock: String,
    pub lock_path: PathBuf,
    pub notes: Vec<String>,
}

/// Finds out what is needed, and locks it.
pub(super) fn wanted(
    loaded: &Loaded,
    file: &Path,
    folder: &Path,
    notebook: &Notebook,
    progress: &mut dyn FnMut(&str),
) -> Result<Wanted, Error> {
    let work = loaded.state_dir().join("adopting").join(folder.file_name().unwrap_or_default());
    fs::create_dir_all(&work).map_err(Error::file("make", &work))?;
    let beside = file.parent().unwrap_or(Path::new("/"));
    let imported = imported(notebook, beside);
    let (requirements, known, until, mut notes) = stated(folder, beside, file, &imported);
    let (in_path, lock_path) = (work.join("requirements.in"), work.join("requirements.lock"));
    fs::write(&in_path, &requirements).map_err(Error::file("write", &in_path))?;
    if let Some(lock) = known {
        fs::write(&lock_path, &lock).map_err(Error::file("write", &lock_path))?;
        return Ok(Wanted { requirements, lock, lock_path, notes });
    }
    if lock_path.exists() {
        fs::remove_file(&lock_path).map_err(Error::file("remove", &lock_path))?; // uv would keep its versions
    }
    let tools = loaded.state_dir().join("tools");
    let mut compile = |until: Option<&str>| environment::compile(&in_path, &lock_path, until, &tools, progress);
    match until.as_deref() {
        None => compile(None)?,
        Some(day) => match compile(Some(day)) {
            Ok(()) => notes.push(format!(
                "no requirements lie beside it: its imports were locked as of {day}, when it was last changed"
            )),
            Err(_) => {
                compile(None)?;
                notes.push(format!("no requirements lie beside it, and its imports cannot be locked as of {day}: they were locked as of today"));
            }
        },
    }
    let lock = fs::read_to_string(&lock_path).map_err(Error::file("read", &lock_path))?;
    Ok(Wanted { requirements, lock, lock_path, notes })
}

/// The requirements, the lock if there is one that fits, the day as of which to resolve, and what to say about it.
fn stated(
    folder: &Path,
    beside: &Path,
    file: &Path,
    imported: &BTreeSet<String>,
) -> (String, Option<String>, Option<String>, Vec<String>) {
    let read = |path: PathBuf| fs::read_to_string(path).ok();
    if let Some(there) = read(folder.join("requirements.in")) {
        let (text, added) = with_missing(&there, imported);
        let lock = read(folder.join("requirements.lock"));
        let fits = added.is_empty() && kept::Base::read(folder).is_ours("requirements.in", &there);
        let notes =
            if added.is_empty() { vec![] } else { vec![format!("added to requirements.in: {}", added.join(", "))] };
        return (text, lock.filter(|_| fits), None, notes);
    }
    if let Some(lock) = read(beside.join("requirements.lock")).filter(|lock| lock.contains("--hash=")) {
        let text = read(beside.join("requirements.in")).unwrap_or_else(|| pins(&lock));
        let kernel = lock.lines().any(|line| line.starts_with("ipykernel=="));
        let note = "its packages are those of the requirements.lock beside it".to_owned();
        return (with_kernel(&text), Some(lock).filter(|_| kernel), None, vec![note]);
    }
    let names = ["requirements.in", "requirements.txt"];
    let folders = [Some(beside.to_path_buf()), workspace::repository(beside)];
    let found =
        folders.iter().flatten().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file());
    if let Some(path) = found {
        let text = read(path.clone()).unwrap_or_default();
        let note = format!("its packages are those of {}", path.display());
        return (with_kernel(&without_index(&text)), None, None, vec![note]);
    }
    let git = workspace::git(beside, &["log", "-1", "--format=%cs", "--", &file.to_string_lossy()]);
    let text: String = imported.iter().map(|name| format!("{name}\n")).collect();
    (with_kernel(&text), None, git, vec![])
}

fn with_kernel(text: &str) -> String {
    let text = if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    if names(&text).any(|name| name == "ipykernel") { text } else { format!("{text}ipykernel\n") }
}

/// The text with the imported packages that it lacks, and their names.
fn with_missing(text: &str, imported: &BTreeSet<String>) -> (String, Vec<String>) {
    let there: BTreeSet<String> = names(text).collect();
    let missing: Vec<String> = imported.iter().filter(|name| !there.contains(&normal(name))).cloned().collect();
    let gap = if missing.is_empty() || text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let added: String = missing.iter().map(|name| format!("{name}\n")).collect();
    (format!("{text}{gap}{added}"), missing)
}

/// A lock names no index, and what installs a folder is no package.
fn without_index(text: &str) -> String {
    let ours = |line: &&str| !line.trim_start().starts_with('-');
    text.lines().filter(ours).map(|line| format!("{line}\n")).collect()
}

fn pins(lock: &str) -> String {
    let pinned = lock.lines().filter(|line| line.starts_with(|c: char| c.is_alphanumeric()));
    pinned.map(|line| format!("{}\n", line.trim_end_matches('\\').trim())).collect()
}

/// The names of the packages, as the index compares them.
fn names(text: &str) -> impl Iterator<Item = String> + '_ {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_alphanumeric()));
    lines.map(|line| {
        normal(line.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).next().unwrap_or_default())
    })
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// The packages of what the notebook imports, without what lies beside it.
fn imported(notebook: &Notebook, beside: &Path) -> BTreeSet<String> {
    let local = |name: &str| beside.join(format!("{name}.py")).exists() || beside.join(name).is_dir();
    let imports = tandem_python::facts(&notebook.python_cells()).imports.into_iter();
    let imports = imports.filter(|import| !import.module.is_empty() && !local(&import.module));
    imports
        .filter_map(|import| match import.kind {
            // What is tried and may be missing is not needed.
            ImportKind::Distribution(name) if !import.guarded => Some(normal(&name)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_name_no_index_and_get_what_is_missing() {
        assert_eq!(without_index("-i https://x\npandas\n-e .\n"), "pandas\n");
        assert_eq!(with_kernel("pandas==2.0"), "pandas==2.0\nipykernel\n");
        assert_eq!(with_kernel("ipykernel>=6\n"), "ipykernel>=6\n");
        let wanted = ["scikit-learn", "polars"].map(str::to_owned).into_iter().collect();
        assert_eq!(
            with_missing("Scikit_Learn>1", &wanted),
            ("Scikit_Learn>1\npolars\n".to_owned(), vec!["polars".to_owned()])
        );
        assert_eq!(pins("a==1 \\\n    --hash=sha256:0\n# x\n"), "a==1\n");
    }
}
