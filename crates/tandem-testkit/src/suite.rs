//! Our own scenarios, `scenarios/*.md` at the root of the repository, for every test that runs them.

use std::path::{Path, PathBuf};

use tandem_project::scenario::{Scenario, load};

/// The folder of our own scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

/// Every scenario of ours. They all bring their own definitions.
///
/// # Panics
/// On one that cannot be read: this is called by tests only.
pub fn scenarios() -> Vec<Scenario> {
    let folder = folder();
    let root = folder.parent().unwrap_or(&folder);
    let loaded = load(root, &folder, &[]).unwrap_or_else(|e| panic!("{e}"));
    let usable = |found: Vec<tandem_definitions::Diagnostic>| -> Scenario {
        let lines = found.iter().map(|d| format!("{}:{}: {} {}\n", d.place.file, d.place.line, d.message, d.help));
        panic!("{}", lines.collect::<String>())
    };
    loaded.into_iter().map(|s| s.unwrap_or_else(usable)).collect()
}
