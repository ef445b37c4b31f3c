//! Scenarios: examples in prose, with given records and expected values, run as tests. A scenario is one Markdown file:
//! a title, prose that both sides can read, and fenced blocks that say what they are in their info string.
//!
//! | block | is |
//! |---|---|
//! | ```` ```yaml features/aircraft.yaml ```` | a definition file; with any of these the scenario brings its own project |
//! | ```` ```yaml include ```` | a list of definition files, taken from `scenarios/common/` |
//! | ```` ```csv landings ````, ```` ```yaml landings ```` | given records of a source, in log order |
//! | ```` ```csv expect ```` | observations (entities, `at`, `request.NAME`) and the expected value of each feature |
//! | ```` ```csv expect as corrected ```` | the same with all that is known today: every record as last corrected, whenever it arrived |
//! | ```` ```csv observations late_landing ```` | the observations of a question, all of them and in order; with `part` (of the last fold) and `fold`, where it tests, if wanted |
//! | ```` ```text findings ```` | the findings that the definitions must give: `CODE file:line:column` |
//!
//! Every other block is prose. Empty cells and `null` are null, quoted cells are text, spaces around cells do not count,
//! and a line that begins with `#` is a remark.
//!
//! How records become values is a [`Way`]: [`InMemory`] is the shortest; the testkit has the others, which must all agree.
//! Not here: finding the project's own definitions (the caller hands them to [`load`]) and printing (the terminal).

mod case;
mod load;
mod markdown;
mod memory;
mod observed;
mod run;
mod table;

use tandem_definitions::{File, Question};

pub use case::{Case, Log, LogRecord, Observation};
pub use load::{LoadError, load};
pub use markdown::parse;
pub use memory::{Fold, InMemory, Step, timeline};
pub use run::{Failure, Report, What, cases, run};
pub use table::{Cell, Row, Table};

/// One scenario, as written; nothing in it has been checked against the definitions yet.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's path, as it is shown.
    pub path: String,
    /// The title: the first heading.
    pub title: String,
    /// The paragraphs of prose.
    pub prose: Vec<String>,
    /// The definitions that it stands on: its own, or the surrounding project's.
    pub files: Vec<File>,
    /// Definition files to take from the common folder, with their lines.
    pub includes: Vec<(usize, String)>,
    /// The given records: the source's name and its records in log order. A source may have several tables.
    pub given: Vec<(String, Table)>,
    /// The observations with their expected values.
    pub expect: Vec<Expect>,
    /// The expected observations: the question's name, and all of them in order.
    pub observed: Vec<(String, Table)>,
    /// The expected findings with their lines, each `CODE file:line:column`; `None` when nothing is said about findings.
    pub findings: Option<Vec<(usize, String)>>,
}

/// Observations with their expected values.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The table.
    pub table: Table,
    /// Whether the values are those with all that is known today, instead of what was known at each instant.
    pub as_corrected: bool,
}

impl Scenario {
    /// Whether it brings definitions of its own; one that does not stands on the surrounding project's.
    pub fn brings_definitions(&self) -> bool {
        !self.files.is_empty() || !self.includes.is_empty()
    }
}

/// A way to turn a log into values. All ways give the same bits: that is what the scenarios hold.
pub trait Way {
    /// Its name, as reports show it.
    fn name(&self) -> String;

    /// The values of `case.features` for each of `case.observations`, in their order.
    ///
    /// # Errors
    /// A sentence that says why the way could not be walked.
    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<tandem_definitions::Value>>, String>;

    /// The observations of a question over the case's logs, in order.
    ///
    /// # Errors
    /// A sentence that says why there are none to be had.
    fn observations(&self, case: &Case<'_>, question: &Question) -> Result<Vec<Observation>, String> {
        observed::in_memory(case, question)
    }
}
