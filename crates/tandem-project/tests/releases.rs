//! A release never changes, and every past format is still read: `fixtures/bundles` holds one bundle of each.

#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{shop, write};
use tandem_project::Loaded;
use tandem_project::bundle::open_bundle;
use tandem_project::load::load;
use tandem_project::release::{live, releases, rollback};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bundles")
}

/// The release of format 1 that stands in the fixtures.
const FORMAT_1: &str = "spend-21eb2c885021";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A shop in which the fixtures' releases are on the machine, and live in their order.
fn released() -> (tempfile::TempDir, Loaded) {
    let folder = shop();
    copy(&fixtures(), &folder.path().join(".tandem/bundles"));
    write(
        folder.path(),
        &format!("releases/spend/{FORMAT_1}.yaml"),
        "released: 2026-11-22T00:00:00Z\nmetric: roc_auc\nvalue: 0.7\n",
    );
    write(folder.path(), "releases/spend/live", &format!("2026-11-22T00:00:00Z release {FORMAT_1}\n"));
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    (folder, loaded)
}

#[test]
fn every_past_format_is_read() {
    let (_folder, loaded) = released();
    let bundle = open_bundle(&loaded, FORMAT_1).unwrap();
    assert_eq!(bundle.manifest.format, 1);
    assert_eq!(bundle.manifest.features, ["spent", "orders_so_far"]);
    assert_eq!(bundle.metrics.trained_on, 123);
    assert_eq!(bundle.model().name, "spend");
    let live = live(&loaded).unwrap();
    assert_eq!(live.iter().map(|b| b.id.as_str()).collect::<Vec<_>>(), [FORMAT_1]);
}

#[test]
fn a_bundle_that_was_changed_is_refused_by_the_file() {
    let (folder, loaded) = released();
    write(folder.path(), &format!(".tandem/bundles/{FORMAT_1}/requirements.lock"), "six==1.0\n");
    let error = open_bundle(&loaded, FORMAT_1).unwrap_err().to_string();
    assert!(error.contains("requirements.lock differs") && error.contains("roll back to another"), "{error}");
}

#[test]
fn a_bundle_that_is_elsewhere_is_said_to_be() {
    let (folder, loaded) = released();
    std::fs::remove_dir_all(folder.path().join(".tandem/bundles")).unwrap();
    let listed = releases(&loaded, None).unwrap();
    assert_eq!((listed.len(), listed[0].live, listed[0].here), (1, true, false));
    let error = live(&loaded).unwrap_err().to_string();
    assert!(error.contains("is not on this machine"), "{error}");
}

#[test]
fn there_is_nothing_before_the_first_release() {
    let (_folder, loaded) = released();
    let model = loaded.model("spend").unwrap();
    let error = rollback(&loaded, model, None, 0).unwrap_err().to_string();
    assert!(error.contains("no earlier release"), "{error}");
    let error = rollback(&loaded, model, Some("spend-000"), 0).unwrap_err().to_string();
    assert!(error.contains(FORMAT_1), "the nearest is named: {error}");
    let bundle = rollback(&loaded, model, Some(FORMAT_1), 0).unwrap();
    assert_eq!(bundle.id, FORMAT_1);
}
