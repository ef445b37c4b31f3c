//! The code cells of a notebook, parsed: top-level statements with their places. Magics and shell lines are understood; a
//! cell with a syntax error keeps the statements that could be read.
//! Not here: what the statements mean.

use ruff_python_ast::{Mod, PySourceType, Suite};
use ruff_python_parser::{ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

/// A code cell, as it stands in the notebook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which code cell it is, counted from 1 among code cells.
    pub number: usize,
    /// Its text.
    pub source: String,
    /// The count that Jupyter stored when it was last run.
    pub count: Option<u64>,
}

/// A statement at the top level of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it begins, in bytes of the cell.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
    /// Its first line in the cell, from 1.
    pub line: usize,
}

/// A parsed cell.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Its statements; statements that could not be read are left out.
    pub body: Suite,
    /// What could not be read: line in the cell, from 1, and why.
    pub errors: Vec<(usize, String)>,
}

impl Cell {
    /// Parses the cell. Never fails.
    pub fn parse(&self) -> Parsed {
        let parsed = parse_unchecked(&self.source, ParseOptions::from(PySourceType::Ipynb));
        let errors = parsed.errors().iter();
        let errors =
            errors.map(|error| (self.line(error.location.start().to_usize()), error.error.to_string())).collect();
        let body = match parsed.into_syntax() {
            Mod::Module(module) => module.body,
            Mod::Expression(_) => Vec::new().into(), // only what was asked for as an expression is one
        };
        Parsed { body, errors }
    }

    /// The line in the cell, from 1, of a place in bytes.
    pub fn line(&self, place: usize) -> usize {
        self.source.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
    }
}

impl Parsed {
    /// The statements at the top level.
    pub fn statements<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = Statement> + 'a {
        self.body.iter().map(|statement| {
            let (start, end) = (statement.start().to_usize(), statement.end().to_usize());
            Statement { start, end, line: cell.line(start) }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn magics_are_statements_and_errors_leave_the_rest() {
        let cell = |source: &str| Cell { number: 1, source: source.into(), count: None };
        let whole = cell("%matplotlib inline\nimport pandas as pd\n!pip install x\ndf = pd.read_csv('a.csv')\n");
        let parsed = whole.parse();
        assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
        assert_eq!(parsed.statements(&whole).map(|s| s.line).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let broken = cell("x = 1\nprint 'two'\ny = (\n");
        let parsed = broken.parse();
        assert_eq!(parsed.errors.first().unwrap().0, 2);
        assert!(!parsed.body.is_empty());
    }
}
