//! Any text as one of the files of a project: the first byte says which. It is read or refused with findings that lie in it.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((which, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let files = common::with(usize::from(*which) % common::FILES.len(), text);
    let (_, found) = tandem_definitions::read(&files);
    common::stand_where_they_say(&files, &found);
});
