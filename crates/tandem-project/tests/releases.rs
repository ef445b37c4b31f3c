//! A release never changes, and every past format is still read: `fixtures/bundles` holds one bundle of each.

#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::{shop, write as put};
use sha2::{Digest, Sha256};
use tandem_project::Loaded;
use tandem_project::bundle::open_bundle;
use tandem_project::load::load;
use tandem_project::release::{live, release, releases, rollback};
use tandem_project::train::Request;

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
    put(
        folder.path(),
        &format!("releases/spend/{FORMAT_1}.yaml"),
        "released: 2026-11-22T00:00:00Z\nmetric: roc_auc\nvalue: 0.7\n",
    );
    put(folder.path(), "releases/spend/live", &format!("2026-11-22T00:00:00Z release {FORMAT_1}\n"));
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
    put(folder.path(), &format!(".tandem/bundles/{FORMAT_1}/requirements.lock"), "six==1.0\n");
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

/// What a release says of a run with these measures, made from the files as they are but for `changed`.
fn refused(success: bool, changed: &str) -> String {
    let folder = shop();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let hash = |path: &str| {
        let bytes = std::fs::read(folder.path().join(path)).unwrap();
        let mut text = String::new();
        Sha256::digest(bytes).iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text
    };
    let mut made_from = serde_json::json!({
        "definitions": loaded.hash,
        "notebook": hash("models/spend/notebook.ipynb"),
        "lock": hash("models/spend/requirements.lock"),
    });
    if !changed.is_empty() {
        made_from[changed] = "other".into();
    }
    let metrics = std::fs::read_to_string(fixtures().join(FORMAT_1).join("metrics.json")).unwrap();
    let metrics = metrics.replace("\"success\": true", &format!("\"success\": {success}"));
    put(folder.path(), ".tandem/runs/spend/metrics.json", &metrics);
    put(folder.path(), ".tandem/runs/spend/made-from.json", &made_from.to_string());
    let request = Request { program: "tandem".into(), cell_limit: None };
    release(&loaded, loaded.model("spend").unwrap(), &request, false, 0).unwrap_err().to_string()
}

#[test]
fn what_changed_since_the_training_is_not_released() {
    for (changed, says) in [("definitions", "the definitions"), ("notebook", "the notebook"), ("lock", "the lock")] {
        let error = refused(true, changed);
        assert!(error.contains(says) && error.contains("run `tandem train spend` again"), "{error}");
    }
}

#[test]
fn a_model_that_is_no_success_is_not_released_by_accident() {
    let error = refused(false, "");
    assert!(error.contains("no success: roc_auc is 0.700") && error.contains("--anyway"), "{error}");
}

#[test]
fn a_model_that_was_never_trained_is_not_released() {
    let folder = shop();
    let loaded = load(folder.path()).unwrap().checked().unwrap();
    let request = Request { program: "tandem".into(), cell_limit: None };
    let error = release(&loaded, loaded.model("spend").unwrap(), &request, false, 0).unwrap_err().to_string();
    assert!(error.contains("has not been trained here") && error.contains("tandem train spend"), "{error}");
}
