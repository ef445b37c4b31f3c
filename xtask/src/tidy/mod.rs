//! The house rules that no compiler and no clippy lint knows, as one test. It ratchets: what is too large today stands in
//! `ratchet.txt` with its exact size, and a ceiling may only fall.

mod arrows;
mod files;
mod lexer;
mod promises;
mod sizes;
mod words;

use crate::shell;
use crate::steps::Count;

/// How many rules hold; every broken one is printed with its places.
pub fn count() -> Result<Count, String> {
    let files = files::read(&shell::root())?;
    let metadata = arrows::metadata()?;
    let rules: [(&str, Vec<String>); 10] = [
        ("every Rust file opens with //!, and what it is for", words::without_opening(&files)),
        ("files and functions keep to their sizes", sizes::findings(&files)?),
        ("nothing is left to do, and no test is ignored", words::unfinished(&files)),
        ("only the terminal prints", words::printing(&files)),
        ("arrows between crates point down, and the pure crates stay pure", arrows::findings(&metadata)),
        ("no file knows this machine", words::machine_paths(&files)),
        ("locks are pinned, hashed, and name no index", words::locks(&files)),
        ("every code of a finding is unique, and is tested", promises::codes(&files)),
        ("the commands in the documents exist", promises::commands(&files)),
        ("the links in the documents lead somewhere", promises::links(&files)),
    ];
    let mut count = Count::default();
    for (rule, findings) in rules {
        if findings.is_empty() {
            count.passed += 1;
            continue;
        }
        count.failed += 1;
        println!("broken: {rule}");
        for finding in findings {
            println!("  {finding}");
        }
    }
    Ok(count)
}

/// `cargo xtask tidy`.
pub fn report() -> Result<bool, String> {
    let count = count()?;
    println!("{} rules hold, {} are broken", count.passed, count.failed);
    Ok(count.failed == 0)
}

/// `cargo xtask tidy --ratchet`: lowers ceilings, and never raises one; adds one only when told to.
pub fn lower_the_ratchet(take_in: bool) -> Result<bool, String> {
    sizes::lower(&files::read(&shell::root())?, take_in)?;
    Ok(true)
}
