//! Everything that can be said about a notebook's Python without its folder: the findings, and the suspicions for an audit.
//! Not here: the rules, and what needs the folder or the stored outputs.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;
use serde::Serialize;
use tandem_definitions::{Code, Severity};

use crate::cell::Cell;
use crate::facts::facts_of;
use crate::finding::Finding;
use crate::program::Program;
use crate::{flow, names, rules};

/// What the caller knows about the notebook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The metadata says that it is Python 2.
    pub python_2: bool,
}

/// All findings, in the order of the notebook. Never fails.
pub fn check(cells: &[Cell], known: Known) -> Vec<Finding> {
    check_program(&Program::new(cells), known)
}

/// All findings of a program that is already parsed.
pub fn check_program(program: &Program, known: Known) -> Vec<Finding> {
    let facts = facts_of(program);
    let mut found = rules::findings(program, &facts, known.python_2);
    let old = found.iter().any(|one| one.code == Code::PythonTwo && one.severity == Severity::Error);
    // In Python 2 the names follow other rules, and one finding says all.
    if !old {
        found.extend(names::findings(program));
        found.extend(flow::findings(program));
    }
    found.sort_by_key(|one| (one.cell, one.start, one.code));
    found.dedup_by(|a, b| (a.code, a.cell, a.line, a.start) == (b.code, b.cell, b.line, b.start));
    let mut said = false;
    found.retain(|one| one.code != Code::PythonTwo || !std::mem::replace(&mut said, true));
    found
}

/// A suspicion of a look into the future, or of test rows among the training rows, for `tandem audit` to prove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspicion {
    /// Which kind: T640 to T650.
    pub code: Code,
    /// The number of the code cell, from 1.
    pub cell: usize,
    /// The line in the cell, from 1.
    pub line: usize,
    /// What is suspected.
    pub text: String,
    /// The column that the statement stores: `df["x"] = …`.
    pub column: Option<String>,
    /// The frame or variable that it stores into.
    pub frame: Option<String>,
}

/// The suspicions, in the order of the notebook. Never fails.
pub fn suspicions(cells: &[Cell]) -> Vec<Suspicion> {
    let program = Program::new(cells);
    let found = check_program(&program, Known::default());
    let suspected = found.iter().filter(|one| one.code.id() >= "T640" && one.code.id() <= "T669");
    suspected
        .map(|one| {
            let (frame, column) = stored(&program, one);
            Suspicion { code: one.code, cell: one.cell, line: one.line, text: one.message.clone(), column, frame }
        })
        .collect()
}

/// What the top-level statement around a finding stores: frame and column.
fn stored(program: &Program, finding: &Finding) -> (Option<String>, Option<String>) {
    let cell = program.cells.iter().position(|cell| cell.number == finding.cell);
    let body = cell.map(|cell| &program.parsed[cell].body);
    let around = body
        .into_iter()
        .flatten()
        .find(|stmt| (stmt.start().to_usize()..stmt.end().to_usize()).contains(&finding.start));
    let target = match around {
        Some(Stmt::Assign(assign)) => assign.targets.first(),
        Some(Stmt::AugAssign(assign)) => Some(assign.target.as_ref()),
        _ => None,
    };
    target.map_or((None, None), frame_and_column)
}

/// `df`, `df["x"]`, `df.x`, `df.loc[rows, "x"]`.
pub fn frame_and_column(target: &Expr) -> (Option<String>, Option<String>) {
    let name = |expr: &Expr| expr.as_name_expr().map(|name| name.id.to_string());
    match target {
        Expr::Name(_) => (name(target), None),
        Expr::Attribute(attribute) => (name(&attribute.value), Some(attribute.attr.to_string())),
        Expr::Subscript(item) => {
            let last = match item.slice.as_ref() {
                Expr::Tuple(tuple) => tuple.elts.last(),
                one => Some(one),
            };
            let column = last.and_then(Expr::as_string_literal_expr).map(|text| text.value.to_str().to_owned());
            let frame = match item.value.as_ref() {
                Expr::Attribute(attribute) if ["loc", "iloc", "at"].contains(&attribute.attr.as_str()) => {
                    name(&attribute.value)
                }
                one => name(one),
            };
            (frame, column)
        }
        _ => (None, None),
    }
}
