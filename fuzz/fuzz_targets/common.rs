//! A full and correct project, of which a target replaces a part.
#![allow(dead_code)] // each target uses its part

use tandem_definitions::{Diagnostic, File};

macro_rules! files {
    ($($path:literal),*) => {
        [$(($path, include_str!(concat!("../../crates/tandem-definitions/tests/flights/", $path)))),*]
    };
}

/// Path and text of each file.
pub const FILES: [(&str, &str); 7] = files![
    "tandem.yaml",
    "sources/schedule.odcs.yaml",
    "sources/landings.odcs.yaml",
    "features/aircraft.yaml",
    "features/route.yaml",
    "questions/late_landing.yaml",
    "models/late/model.yaml"
];

/// The project with other text in one of its files.
pub fn with(index: usize, text: &str) -> Vec<File> {
    let text_of = |i: usize, whole: &str| if i == index { text.to_owned() } else { whole.to_owned() };
    let file = |(i, (path, whole)): (usize, &(&str, &str))| File { path: (*path).to_owned(), text: text_of(i, whole) };
    FILES.iter().enumerate().map(file).collect()
}

/// Every finding stands where it says that it does.
pub fn stand_where_they_say(files: &[File], found: &[Diagnostic]) {
    for finding in found {
        if let Some(file) = files.iter().find(|file| file.path == finding.place.file) {
            let there = file.text.get(finding.place.start..finding.place.end);
            assert!(there.is_some_and(|text| text.contains(&finding.text)), "{finding:?}");
        }
    }
}
