//! A notebook's cells, parsed once for everything that reads them: the names that imports bind, the calls, the constants.
//! Not here: what any of it means.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::cell::{Cell, Parsed};

/// A notebook's cells, parsed.
#[derive(Debug)]
pub struct Program {
    /// The cells as they stand in the notebook.
    pub cells: Vec<Cell>,
    /// The same, for reading: see [`Cell::unwrapped`].
    pub read: Vec<Cell>,
    /// `read`, parsed.
    pub parsed: Vec<Parsed>,
    aliases: BTreeMap<String, String>,
    /// Whether a star import or `%pylab` binds names that nothing here can know.
    pub stars: bool,
}

/// Names that nearly every notebook gives to these, for those whose import cannot be seen.
const CUSTOMARY: &[(&str, &str)] = &[
    ("np", "numpy"),
    ("pd", "pandas"),
    ("plt", "matplotlib.pyplot"),
    ("gpd", "geopandas"),
    ("sns", "seaborn"),
    ("tf", "tensorflow"),
];

impl Program {
    /// Parses the cells. Never fails.
    pub fn new(cells: &[Cell]) -> Self {
        let read: Vec<Cell> = cells.iter().map(Cell::unwrapped).collect();
        let parsed: Vec<Parsed> = read.iter().map(Cell::parse).collect();
        let mut found = Aliases::default();
        parsed.iter().for_each(|parsed| found.visit_body(&parsed.body));
        let pylab = |cell: &Cell| cell.source.lines().any(|line| line.trim_start().starts_with("%pylab"));
        let stars = found.stars || cells.iter().any(pylab);
        for (short, long) in CUSTOMARY {
            found.names.entry((*short).to_owned()).or_insert_with(|| (*long).to_owned());
        }
        Self { cells: cells.to_vec(), read, parsed, aliases: found.names, stars }
    }

    /// The line in its cell, from 1, where something stands.
    pub fn line(&self, cell: usize, at: &impl Ranged) -> usize {
        self.read[cell].line(at.start().to_usize())
    }

    /// The text of something in a cell, as it was read.
    pub fn text(&self, cell: usize, at: &impl Ranged) -> &str {
        self.read[cell].source.get(at.start().to_usize()..at.end().to_usize()).unwrap_or("")
    }

    /// The dotted name of an expression with imported names written out: `pd.read_csv` is `pandas.read_csv`.
    pub fn dotted(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Name(name) => {
                Some(self.aliases.get(name.id.as_str()).cloned().unwrap_or_else(|| name.id.to_string()))
            }
            Expr::Attribute(attribute) => {
                Some(format!("{}.{}", self.dotted(&attribute.value)?, attribute.attr.as_str()))
            }
            _ => None,
        }
    }

    /// What the name is an import of, if it is one.
    pub fn import_of(&self, name: &str) -> Option<&str> {
        self.aliases.get(name).map(String::as_str)
    }

    /// Whether a cell's text holds any of these, in code, magics or shell lines.
    pub fn says_any(&self, words: &[&str]) -> bool {
        self.cells.iter().any(|cell| words.iter().any(|word| cell.source.contains(word)))
    }
}

#[derive(Default)]
struct Aliases {
    names: BTreeMap<String, String>,
    stars: bool,
}

impl<'a> Visitor<'a> for Aliases {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let path = alias.name.as_str();
                    let top = path.split('.').next().unwrap_or(path);
                    let (name, target) = alias.asname.as_ref().map_or((top, top), |name| (name.as_str(), path));
                    self.names.insert(name.to_owned(), target.to_owned());
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |name| name.as_str());
                for alias in &import.names {
                    if alias.name.as_str() == "*" {
                        self.stars = true;
                        continue;
                    }
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    let dots = ".".repeat(import.level as usize);
                    self.names.insert(name.to_string(), format!("{dots}{module}.{}", alias.name.as_str()));
                }
            }
            _ => walk_stmt(self, stmt),
        }
    }
}
