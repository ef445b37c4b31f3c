//! Any bytes as a file of a source: Parquet when they begin as it does, JSON lines when they begin with a brace, else CSV. What
//! comes back is records, or an error that says what to do.
#![no_main]

mod common;

use std::cell::RefCell;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use tandem_data::read::{Origin, open};
use tandem_definitions::{Format, Source};
use tempfile::TempDir;

thread_local! {
    static HERE: RefCell<Option<(TempDir, Source)>> = const { RefCell::new(None) };
}

/// A source of the project, whose fields are asked for in all three formats.
fn source() -> Source {
    let (project, _) = tandem_definitions::read(&common::with(usize::MAX, ""));
    project.sources.into_iter().find(|source| source.name == "landings").expect("the project has landings")
}

fuzz_target!(|input: &[u8]| {
    HERE.with_borrow_mut(|here| {
        let (folder, source) =
            here.get_or_insert_with(|| (tempfile::tempdir().expect("a temporary folder"), source()));
        let format = match input {
            [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
            [b'{', ..] => Format::Jsonl,
            _ => Format::Csv,
        };
        std::fs::write(folder.path().join("log"), input).expect("the temporary folder can be written");
        source.locations[0].path = "log".to_owned();
        source.locations[0].format = format;
        read(source, folder.path().to_path_buf());
    });
});

fn read(source: &Source, base: PathBuf) {
    let wanted: Vec<usize> = (0..source.fields.len()).collect();
    let reader = match open(source, &Origin { base, ..Origin::default() }, &wanted) {
        Ok(reader) => reader,
        Err(error) => return assert!(!error.remedy().is_empty()),
    };
    for batch in reader {
        match batch {
            Ok(batch) => {
                assert!(batch.columns.iter().all(|column| column.len() == batch.len()));
                assert!(batch.event.iter().zip(&batch.arrival).all(|(event, arrival)| event <= arrival));
            }
            Err(error) => assert!(!error.remedy().is_empty()),
        }
    }
}
