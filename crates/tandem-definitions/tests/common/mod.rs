//! A full and correct project, and a way to break it in one place.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use tandem_definitions::{Code, Diagnostic, File, read};

const FILES: &[(&str, &str)] = &[
    ("tandem.yaml", include_str!("../flights/tandem.yaml")),
    ("sources/schedule.odcs.yaml", include_str!("../flights/sources/schedule.odcs.yaml")),
    ("sources/landings.odcs.yaml", include_str!("../flights/sources/landings.odcs.yaml")),
    ("features/aircraft.yaml", include_str!("../flights/features/aircraft.yaml")),
    ("features/route.yaml", include_str!("../flights/features/route.yaml")),
    ("questions/late_landing.yaml", include_str!("../flights/questions/late_landing.yaml")),
    ("models/late/model.yaml", include_str!("../flights/models/late/model.yaml")),
];

/// The project as it is.
pub fn flights() -> Vec<File> {
    FILES.iter().map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

/// The project with one text replaced in one file; the text stands there exactly once.
pub fn broken(path: &str, from: &str, to: &str) -> Vec<File> {
    let mut files = flights();
    let file = files.iter_mut().find(|f| f.path == path).unwrap_or_else(|| panic!("no file {path}"));
    assert_eq!(file.text.matches(from).count(), 1, "{from:?} must stand once in {path}");
    file.text = file.text.replace(from, to);
    files
}

/// The findings of files.
pub fn findings(files: &[File]) -> Vec<Diagnostic> {
    read(files).1
}

/// A finding on one line, for comparing.
pub fn line(d: &Diagnostic) -> String {
    format!("{} {}:{}:{} [{}] {} | {}", d.code, d.place.file, d.place.line, d.place.column, d.text, d.message, d.help)
}

/// The only finding of a code.
pub fn the(code: Code, files: &[File]) -> Diagnostic {
    let all = findings(files);
    let mut of: Vec<_> = all.iter().filter(|d| d.code == code).cloned().collect();
    let shown: Vec<String> = all.iter().map(line).collect();
    assert_eq!(of.len(), 1, "one {code} was expected among\n{}", shown.join("\n"));
    of.remove(0)
}
