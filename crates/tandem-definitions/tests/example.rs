//! The repository's own example is a correct project.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::path::Path;

use tandem_definitions::File;

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}

#[test]
fn flights_has_no_findings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    assert!(files.len() > 5, "examples/flights is not there: {files:?}");
    let found: Vec<String> = common::findings(&files).iter().map(common::line).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
