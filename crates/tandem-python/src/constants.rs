//! Which texts the names of a notebook stand for, as far as simple propagation goes: `DATA = 'data/'`, `DATA + 'x.csv'`,
//! f-strings, `os.path.join`, `Path(...) / 'x'`. A name means what the last assignment above it says.
//! Not here: branches, loops and calls of the notebook's own functions; what depends on them is not known.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor, walk_stmt};
use ruff_python_ast::{Expr, FStringPart, InterpolatedStringElement, Operator, Stmt};
use ruff_text_size::Ranged;

use crate::program::Program;

/// A place in the notebook: cell, byte.
type At = (usize, usize);

/// What is known of the names of a notebook.
pub struct Constants<'a> {
    program: &'a Program,
    known: BTreeMap<String, Vec<(At, Option<String>)>>,
}

impl<'a> Constants<'a> {
    /// Reads the assignments.
    pub fn new(program: &'a Program) -> Self {
        let mut reader = Reader { constants: Self { program, known: BTreeMap::new() }, cell: 0 };
        for (cell, parsed) in program.parsed.iter().enumerate() {
            reader.cell = cell;
            reader.visit_body(&parsed.body);
        }
        reader.constants
    }

    /// The text that an expression in a cell stands for.
    pub fn text(&self, cell: usize, expr: &Expr) -> Option<String> {
        match expr {
            Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
            Expr::Name(name) => self.name(name.id.as_str(), (cell, expr.start().to_usize())),
            Expr::FString(string) => string.value.iter().map(|part| self.part(cell, part)).collect(),
            Expr::BinOp(sum) if sum.op == Operator::Add => {
                Some(self.text(cell, &sum.left)? + &self.text(cell, &sum.right)?)
            }
            Expr::BinOp(path) if path.op == Operator::Div => {
                Some(join(&self.text(cell, &path.left)?, &self.text(cell, &path.right)?))
            }
            Expr::Call(call) => self.call(cell, call),
            _ => None,
        }
    }

    fn call(&self, cell: usize, call: &ruff_python_ast::ExprCall) -> Option<String> {
        let name = self.program.dotted(&call.func)?;
        let mut parts = call.arguments.args.iter().map(|part| self.text(cell, part));
        match name.as_str() {
            "os.path.join" | "pathlib.Path" | "Path" | "pathlib.PurePath" => {
                let first = parts.next().unwrap_or_else(|| Some(".".to_owned()))?;
                parts.try_fold(first, |path, part| Some(join(&path, &part?)))
            }
            "str" | "os.path.abspath" | "os.path.normpath" | "os.path.expanduser" | "os.fspath"
            | "os.path.realpath" => parts.next()?,
            "os.getcwd" | "pathlib.Path.cwd" => Some(".".to_owned()),
            _ => None,
        }
    }

    fn part(&self, cell: usize, part: &FStringPart) -> Option<String> {
        match part {
            FStringPart::Literal(literal) => Some(literal.value.to_string()),
            FStringPart::FString(string) => string
                .elements
                .iter()
                .map(|element| match element {
                    InterpolatedStringElement::Literal(literal) => Some(literal.value.to_string()),
                    InterpolatedStringElement::Interpolation(inner) if inner.format_spec.is_none() => {
                        self.text(cell, &inner.expression)
                    }
                    InterpolatedStringElement::Interpolation(_) => None,
                })
                .collect(),
        }
    }

    fn name(&self, name: &str, at: At) -> Option<String> {
        self.known.get(name)?.iter().rev().find(|(bound, _)| *bound < at)?.1.clone()
    }
}

/// Two parts of a path. An absolute second part stands alone, as in Python.
fn join(left: &str, right: &str) -> String {
    if right.starts_with('/') || left.is_empty() || left == "." {
        return right.to_owned();
    }
    format!("{}/{right}", left.trim_end_matches('/'))
}

struct Reader<'a> {
    constants: Constants<'a>,
    cell: usize,
}

impl Reader<'_> {
    fn bind(&mut self, name: &str, at: usize, text: Option<String>) {
        self.constants.known.entry(name.to_owned()).or_default().push(((self.cell, at), text));
    }

    fn forget(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), target.end().to_usize(), None),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|one| self.forget(one)),
            Expr::List(list) => list.elts.iter().for_each(|one| self.forget(one)),
            Expr::Starred(starred) => self.forget(&starred.value),
            _ => {}
        }
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let end = stmt.end().to_usize();
        match stmt {
            Stmt::Assign(assign) => {
                let text = self.constants.text(self.cell, &assign.value);
                for target in &assign.targets {
                    match target {
                        Expr::Name(name) => self.bind(name.id.as_str(), end, text.clone()),
                        other => self.forget(other),
                    }
                }
            }
            Stmt::AnnAssign(assign) => {
                let text = assign.value.as_deref().and_then(|value| self.constants.text(self.cell, value));
                if let Expr::Name(name) = assign.target.as_ref() {
                    self.bind(name.id.as_str(), end, text);
                }
            }
            Stmt::AugAssign(assign) => self.forget(&assign.target),
            Stmt::For(each) => {
                self.forget(&each.target);
                walk_stmt(self, stmt);
            }
            Stmt::With(with) => {
                with.items.iter().filter_map(|item| item.optional_vars.as_deref()).for_each(|one| self.forget(one));
                walk_stmt(self, stmt);
            }
            Stmt::FunctionDef(function) => {
                let start = function.name.range.end().to_usize();
                let names: Vec<&str> = function.parameters.iter().map(|one| one.name().as_str()).collect();
                let before: Vec<Option<String>> =
                    names.iter().map(|name| self.constants.name(name, (self.cell, start))).collect();
                names.iter().for_each(|name| self.bind(name, start, None));
                walk_stmt(self, stmt);
                names.iter().zip(before).for_each(|(name, text)| self.bind(name, end, text));
            }
            _ => walk_stmt(self, stmt),
        }
    }
}
