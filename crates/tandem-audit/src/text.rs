//! What can be told from a notebook's text, before it runs: what it imports, and which files it names.
//! Not here: findings (`tandem-python`).

use std::path::{Path, PathBuf};

use tandem_notebook::Notebook;
use tandem_python::{Facts, FileHow, ImportKind};

/// The modules that a notebook imports and that are packages.
pub fn modules(notebook: &Notebook) -> Vec<String> {
    let imports = facts(notebook).imports.into_iter();
    let mut modules: Vec<String> =
        imports.filter(|import| matches!(import.kind, ImportKind::Distribution(_))).map(|import| import.path).collect();
    modules.sort();
    modules.dedup();
    modules
}

/// The files that a notebook names to read them and that are there, as the system calls them.
pub fn named_files(notebook: &Notebook) -> Vec<PathBuf> {
    let folder = notebook.path().parent().unwrap_or(Path::new(""));
    let files = facts(notebook).files.into_iter().filter(|file| file.how == FileHow::Read);
    files.filter_map(|file| folder.join(file.path?).canonicalize().ok()).collect()
}

fn facts(notebook: &Notebook) -> Facts {
    tandem_python::facts(&notebook.python_cells())
}
