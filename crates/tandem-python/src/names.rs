//! Names in the order of the cells: which a clean run would not find (T601, T602, T603), which had another value than a clean
//! run gives (T604, in [`order`]), and which a second run of the cell would change (T605, in [`twice`]).
//!
//! A cell runs from top to bottom, a function's body when it is called. What binds names unseen (a star import, `%run`, `exec`)
//! makes these rules silent.

mod bound;
mod order;
mod rules;
mod twice;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ruff_text_size::TextRange;

use crate::finding::Finding;
use crate::program::Program;

static BUILTINS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| include_str!("names/builtins.txt").lines().collect());

/// Builtins of Python 2 that Python 3 does not have.
pub(crate) const PYTHON_2: &[&str] =
    &["xrange", "raw_input", "unicode", "basestring", "unichr", "execfile", "cmp", "reload", "long", "file", "reduce"];

/// Words in a notebook after which nothing is known of its names.
const UNSEEN: &[&str] = &[
    "%run",
    "%load ",
    "%loadpy",
    "%store",
    "%macro",
    "%rerun",
    "%recall",
    "%R ",
    "%octave",
    "%matlab",
    "%sql",
    "%bigquery",
    "exec(",
    "execfile(",
    "globals()",
    "locals()",
    "vars()",
    "import_ipynb",
    ".run_line_magic(",
    ".run_cell",
    ".magic(",
    "user_ns",
    "builtins.",
    "__builtin__",
    "%autoload",
    "%aimport",
    "%%cython",
    "%%R",
    "%%julia",
    "%spark",
    "inject(",
];

/// Cell magics that bind no names.
const HARMLESS: &[&str] = &[
    "bash",
    "sh",
    "html",
    "HTML",
    "javascript",
    "js",
    "latex",
    "markdown",
    "svg",
    "SVG",
    "writefile",
    "file",
    "script",
    "perl",
    "ruby",
    "cmd",
    "system",
    "sx",
    "!",
    "writetemplate",
    "configure",
];

/// A use of a name at the level of the module, or in a function that runs later.
#[derive(Clone, Debug)]
struct Use {
    name: String,
    cell: usize,
    range: TextRange,
    /// In a branch, a loop or a `try`: it may never run.
    maybe: bool,
    /// The outermost function it stands in, if it runs later.
    function: Option<String>,
}

/// What a walk through the cells found.
#[derive(Default)]
struct Walked {
    /// Uses of names that were not bound at that time.
    missing: Vec<Use>,
    /// Uses in bodies that run later.
    later: Vec<Use>,
    /// Calls at the level of the module: function, cell, place, and the names bound at that time.
    calls: Vec<(String, usize, TextRange, BTreeSet<String>)>,
    /// Uses of a name bound in another cell: name, cell that binds it, cell and place that use it.
    passed: Vec<(String, usize, usize, TextRange)>,
    /// Where each name is bound at the level of the module, in order: cell.
    bound: BTreeMap<String, Vec<usize>>,
    /// Names that are deleted, and in which cell.
    deleted: BTreeMap<String, usize>,
}

/// Whether something binds names that cannot be seen.
fn unseen(program: &Program) -> bool {
    let foreign =
        |cell: &crate::Cell| cell.is_foreign() && !cell.magic().is_some_and(|magic| HARMLESS.contains(&magic));
    program.stars || program.says_any(UNSEEN) || program.cells.iter().any(foreign)
}

/// The findings about names.
pub fn findings(program: &Program) -> Vec<Finding> {
    let walked = walk::walk(program);
    let mut found = Vec::new();
    if !unseen(program) {
        found.extend(rules::undefined(program, &walked));
    }
    found.extend(order::findings(program, &walked));
    found.extend(twice::findings(program));
    found
}
