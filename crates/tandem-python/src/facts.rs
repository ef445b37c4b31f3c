//! The facts of a notebook that others need: what it imports, the files it reads and writes, the functions it defines.
//! Not here: whether any of it is a problem.

use ruff_python_ast::Stmt;
use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_text_size::Ranged;
use serde::Serialize;

use crate::cell::Cell;
use crate::files::file_uses;
use crate::modules;
use crate::program::Program;

/// The facts of a notebook, in the order of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// What it imports.
    pub imports: Vec<Import>,
    /// The files that it reads and writes.
    pub files: Vec<FileUse>,
    /// The functions that its cells define at their top level.
    pub functions: Vec<Function>,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The top-level module: `sklearn`; empty for an import relative to a package.
    pub module: String,
    /// The whole path: `sklearn.ensemble`.
    pub path: String,
    /// The number of its code cell, from 1.
    pub cell: usize,
    /// Its line in the cell, from 1.
    pub line: usize,
    /// Whether it stands in a `try` or an `if`.
    pub guarded: bool,
    /// Where the module comes from.
    pub kind: ImportKind,
}

/// Where a module comes from. A module that lies beside the notebook looks like a distribution: the caller knows the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// From the standard library of some Python from 3.8 to 3.13.
    Standard,
    /// From this distribution; an unknown module is given its own name.
    Distribution(String),
}

/// A file that is read or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileUse {
    /// Its path or URL, where it is a literal or simple propagation finds it.
    pub path: Option<String>,
    /// Read or written.
    pub how: FileHow,
    /// What is called: `pandas.read_csv`, `to_csv`.
    pub call: String,
    /// The number of its code cell, from 1.
    pub cell: usize,
    /// Its line in the cell, from 1.
    pub line: usize,
    /// Where the call begins in the cell, in bytes.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
    /// Whether it stands in a `try` or an `if`.
    pub guarded: bool,
    /// Whether it runs only when a function is called.
    pub in_function: bool,
}

/// Read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileHow {
    /// Read.
    Read,
    /// Written.
    Write,
}

/// A function that a cell defines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The number of its code cell, from 1.
    pub cell: usize,
    /// Where it begins in the cell, in bytes (its decorators included).
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
    /// The names of its parameters, in order.
    pub parameters: Vec<String>,
}

/// The facts of these cells. Never fails.
pub fn facts(cells: &[Cell]) -> Facts {
    facts_of(&Program::new(cells))
}

/// The facts of a program that is already parsed.
pub fn facts_of(program: &Program) -> Facts {
    let mut imports = Vec::new();
    let mut functions = Vec::new();
    for (index, parsed) in program.parsed.iter().enumerate() {
        let mut reader = Imports { program, index, guards: 0, found: Vec::new() };
        reader.visit_body(&parsed.body);
        imports.append(&mut reader.found);
        let defined = parsed.body.iter().filter_map(Stmt::as_function_def_stmt);
        functions.extend(defined.map(|function| Function {
            name: function.name.to_string(),
            cell: program.cells[index].number,
            start: program.cells[index].place_of(&program.read[index], function.start().to_usize()),
            end: program.cells[index].place_of(&program.read[index], function.end().to_usize()),
            parameters: function.parameters.iter().map(|one| one.name().to_string()).collect(),
        }));
    }
    Facts { imports, files: file_uses(program), functions }
}

struct Imports<'a> {
    program: &'a Program,
    index: usize,
    guards: usize,
    found: Vec<Import>,
}

impl Imports<'_> {
    /// `whole` is the path with the imported name: `from google.cloud import bigquery`.
    fn add(&mut self, path: &str, whole: &str, relative: bool, at: &impl Ranged) {
        let module = if relative { "" } else { path.split('.').next().unwrap_or(path) };
        self.found.push(Import {
            module: module.to_owned(),
            path: path.to_owned(),
            cell: self.program.cells[self.index].number,
            line: self.program.line(self.index, at),
            guarded: self.guards > 0,
            kind: modules::kind(whole),
        });
    }
}

impl<'a> Visitor<'a> for Imports<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                import.names.iter().for_each(|alias| self.add(alias.name.as_str(), alias.name.as_str(), false, alias));
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |name| name.as_str());
                let first = import.names.first().map_or("", |alias| alias.name.as_str());
                self.add(module, &format!("{module}.{first}"), import.level > 0, import);
            }
            _ => {
                let guard = usize::from(matches!(stmt, Stmt::If(_) | Stmt::Try(_)));
                self.guards += guard;
                walk_stmt(self, stmt);
                self.guards -= guard;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(sources: &[&str]) -> Facts {
        let cell = |(index, source): (usize, &&str)| Cell {
            number: index + 1,
            source: (*source).into(),
            count: None,
            failed: false,
        };
        facts(&sources.iter().enumerate().map(cell).collect::<Vec<_>>())
    }

    #[test]
    fn imports_are_mapped_to_distributions() {
        let facts = of(&[
            "import os, sklearn.svm as svm\nfrom PIL import Image\ntry:\n    import cv2\nexcept ImportError:\n    pass",
            "from google.cloud import bigquery\nfrom .mine import f\nimport my_tools",
        ]);
        let said: Vec<_> = facts.imports.iter().map(|i| (i.module.as_str(), i.kind.clone(), i.guarded)).collect();
        let from = |name: &str| ImportKind::Distribution(name.into());
        assert_eq!(said[0], ("os", ImportKind::Standard, false));
        assert_eq!(said[1], ("sklearn", from("scikit-learn"), false));
        assert_eq!(said[2], ("PIL", from("pillow"), false));
        assert_eq!(said[3], ("cv2", from("opencv-python"), true));
        assert_eq!(said[4], ("google", from("google-cloud-bigquery"), false));
        assert_eq!(said[5].0, "");
        assert_eq!(said[6], ("my_tools", from("my-tools"), false));
        assert_eq!(facts.imports[4].line, 1);
    }

    #[test]
    fn files_are_found_through_simple_constants() {
        use FileHow::{Read, Write};
        let facts = of(&[
            "import pandas as pd, os, numpy as np\nfrom pathlib import Path\nDATA = 'data/'\nROOT = Path('in')",
            "a = pd.read_csv(DATA + 'a.csv')\nb = pd.read_parquet(ROOT / 'b.parquet')\nc = np.load(f'{DATA}c.npy')",
            "with open(os.path.join(DATA, 'd.txt'), 'w') as f:\n    f.write('x')\na.to_csv('out.csv', index=False)\na.to_json()",
            "for name in names:\n    pd.read_csv(name)\n(ROOT / 'e.txt').read_text()\nopen('f')\ndef load(DATA):\n    return pd.read_csv(DATA)",
            "%%writefile g.py\nx = 1",
        ]);
        let said: Vec<_> = facts.files.iter().map(|file| (file.path.as_deref(), file.how)).collect();
        let expected = [
            (Some("data/a.csv"), Read),
            (Some("in/b.parquet"), Read),
            (Some("data/c.npy"), Read),
            (Some("data/d.txt"), Write),
            (Some("out.csv"), Write),
            (None, Read),
            (Some("in/e.txt"), Read),
            (Some("f"), Read),
            (None, Read),
            (Some("g.py"), Write),
        ];
        assert_eq!(said, expected);
        assert_eq!(facts.functions[0].parameters, ["DATA"]);
        assert_eq!((facts.files[3].cell, facts.files[3].line), (3, 1));
    }
}
