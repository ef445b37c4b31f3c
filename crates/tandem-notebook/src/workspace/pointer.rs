//! What Git LFS leaves in the place of a file that it did not fetch. Not here: copying.

use std::fs;
use std::path::Path;

use crate::ipynb::Notebook;

/// Whether a file is what Git LFS leaves in the place of one that it did not fetch.
pub(super) fn is_one(path: &Path, bytes: u64) -> bool {
    bytes < 1024 && fs::read(path).is_ok_and(|text| text.starts_with(b"version https://git-lfs.github.com/spec/"))
}

/// Whether the notebook's code has the file's name.
pub(super) fn is_named(notebook: &Notebook, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    notebook.code_cells().iter().any(|cell| cell.source.contains(&*name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use super::super::Workspace;
    use super::*;

    #[test]
    fn a_pointer_of_git_lfs_is_told_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ipynb");
        let text = r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": "open('b.csv')"}]}"#;
        fs::write(&path, text).unwrap();
        let notebook = Notebook::read(&path).unwrap();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
        fs::write(folder.path().join("b.csv"), "1").unwrap();
        fs::write(folder.path().join("c.csv"), pointer).unwrap();
        assert!(Workspace::copy(&notebook, 1_000_000, &mut |_, _| {}).unwrap().pointers().is_empty());
        fs::write(folder.path().join("b.csv"), pointer).unwrap();
        let copy = Workspace::copy(&notebook, 1_000_000, &mut |_, _| {}).unwrap();
        assert_eq!(copy.pointers(), [PathBuf::from("b.csv")]);
    }
}
