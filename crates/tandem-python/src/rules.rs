//! What else stands in the way of a run by somebody else, one file a rule. Not here: names (their own module), flows of data,
//! and what needs the folder or the stored outputs (tandem-notebook).

mod clock;
mod files;
pub mod idioms;
mod lines;
mod places;
mod random;
pub mod secrets;
mod syntax;

use crate::calls::calls;
use crate::facts::Facts;
use crate::finding::Finding;
use crate::program::Program;

/// The findings of all rules; `python_2` when the notebook's metadata says so.
pub fn findings(program: &Program, facts: &Facts, python_2: bool) -> Vec<Finding> {
    let all = calls(program);
    let mut found = syntax::findings(program, python_2);
    found.extend(clock::findings(program, &all));
    found.extend(random::findings(program, &all));
    found.extend(files::findings(program, facts, &all));
    found.extend(lines::findings(program, &all));
    found.extend(places::findings(program, facts));
    found.extend(secrets::findings(program));
    found.extend(idioms::findings(program, &all));
    found
}
