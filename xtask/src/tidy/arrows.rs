//! The house's arrows, from `cargo metadata`: they point down only, the pure crates depend on nothing that could do I/O, and
//! each heavy dependency has one crate that knows it.

use serde_json::Value;

use crate::shell;

/// The floors of the house; a crate depends on lower floors only.
const FLOORS: [(&str, u8); 10] = [
    ("tandem-definitions", 0),
    ("tandem-engine", 1),
    ("tandem-python", 1),
    ("tandem-data", 2),
    ("tandem-notebook", 2),
    ("tandem-inference", 2),
    ("tandem-audit", 3),
    ("tandem-project", 4),
    ("tandem-server", 5),
    ("tandem-workbench", 6),
];

/// All that the pure crates may depend on. A new name here must do no I/O, read no clock and draw no randomness.
const PURE: [(&str, &[&str]); 3] = [
    ("tandem-definitions", &["jiff", "saphyr-parser", "serde", "serde_json", "sqlparser", "strsim"]),
    ("tandem-engine", &["foldhash", "jiff", "serde", "tandem-definitions"]),
    ("tandem-python", &["ruff_python_ast", "ruff_python_parser", "ruff_text_size", "serde", "tandem-definitions"]),
];

/// Dependencies that only these crates know.
const KNOWN_BY: [(&str, &[&str]); 14] = [
    ("parquet", &["tandem-data"]),
    ("arrow-csv", &["tandem-data"]),
    ("arrow-json", &["tandem-data"]),
    ("ruff_python_ast", &["tandem-python"]),
    ("ruff_python_parser", &["tandem-python"]),
    ("jupyter-protocol", &["tandem-notebook"]),
    ("jupyter-zmq-client", &["tandem-notebook"]),
    ("diffy", &["tandem-project"]),
    ("ort", &["tandem-inference"]),
    ("axum", &["tandem-server"]),
    ("clap", &["tandem-workbench"]),
    ("indicatif", &["tandem-workbench"]),
    ("annotate-snippets", &["tandem-workbench"]),
    ("sqlparser", &["tandem-definitions"]),
];

/// What cargo knows of the workspace's own packages.
pub fn metadata() -> Result<Value, String> {
    let text = shell::output(&mut shell::cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// Every arrow that may not be.
pub fn findings(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        // Dev-dependencies and build-dependencies carry a kind.
        for dependency in dependencies.filter(|dependency| dependency["kind"].is_null()) {
            let on = dependency["name"].as_str().unwrap_or_default();
            findings.extend(broken(name, on).map(|why| format!("{name} -> {on}: {why}")));
        }
    }
    findings
}

/// Why this dependency may not be.
fn broken(name: &str, on: &str) -> Option<&'static str> {
    if matches!(name, "xtask" | "tandem-testkit") {
        return None; // development only
    }
    let floor = |name: &str| FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor);
    let Some(own) = floor(name) else {
        return Some("this crate has no floor in xtask/src/tidy/arrows.rs; DESIGN comes first");
    };
    if matches!(on, "xtask" | "tandem-testkit") {
        return Some("it is for development only");
    }
    if floor(on).is_some_and(|other| other >= own) {
        return Some("arrows point down only");
    }
    if PURE.iter().any(|(pure, allowed)| *pure == name && !allowed.contains(&on)) {
        return Some("this crate is pure; what it may depend on is listed in xtask/src/tidy/arrows.rs");
    }
    let known = KNOWN_BY.iter().find(|(dependency, _)| *dependency == on);
    known.filter(|(_, by)| !by.contains(&name)).map(|_| "another crate is the only one that knows it")
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn arrows_point_down_and_the_pure_stay_pure() {
        assert_eq!(broken("tandem-server", "tandem-project"), None);
        assert!(broken("tandem-project", "tandem-server").is_some());
        assert!(broken("tandem-data", "tandem-notebook").is_some());
        assert!(broken("tandem-engine", "tokio").is_some());
        assert!(broken("tandem-project", "parquet").is_some());
        assert!(broken("tandem-workbench", "tandem-testkit").is_some());
    }
}
