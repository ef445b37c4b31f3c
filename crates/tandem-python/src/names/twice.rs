//! T605: a cell that silently changes a variable of another cell by something made from it, so that a second run gives other
//! numbers and says nothing.
//! Not here: what fails or does nothing the second time (`drop`, `set_index`, `merge`, `get_dummies`): whoever runs it twice
//! sees that by himself.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Operator, Stmt};
use tandem_definitions::Code;

use super::bound;
use crate::finding::Finding;
use crate::program::Program;

/// Methods that do the same once more.
const CHANGING: &[&str] = &["shift", "diff", "pct_change", "cumsum", "append"];
const CHANGING_FUNCTIONS: &[&str] = &[
    "pandas.concat",
    "numpy.log",
    "numpy.log1p",
    "numpy.exp",
    "numpy.sqrt",
    "numpy.square",
    "numpy.append",
    "numpy.concatenate",
    "numpy.diff",
];

/// The findings, one a variable.
pub fn findings(program: &Program) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut said: BTreeSet<&str> = BTreeSet::new();
    for (cell, parsed) in program.parsed.iter().enumerate() {
        // What this cell makes itself is made anew on a second run.
        let mut own: BTreeSet<String> = BTreeSet::new();
        for stmt in &parsed.body {
            let column =
                stmt.as_assign_stmt().and_then(|assign| assign.targets.first()).filter(|one| !one.is_name_expr());
            if let Some(target) = changes(program, stmt)
                && let Some(name) = root(target)
                && let shown = program.text(cell, target)
                && !own.contains(name)
                && !own.contains(shown)
                && said.insert(name)
            {
                let message = format!(
                    "`{shown}` is replaced by something made from itself: a second run of this cell gives other values, and no error."
                );
                let help = "Give the result a name of its own, or make the change in the cell that makes the variable.";
                found.push(Finding::new(program, Code::TwiceChanges, cell, stmt, message, help));
            }
            own.extend(bound::of(std::slice::from_ref(stmt)).names);
            own.extend(column.map(|column| program.text(cell, column).to_owned()));
        }
    }
    found
}

/// What the statement replaces by something made from itself.
fn changes<'a>(program: &Program, stmt: &'a Stmt) -> Option<&'a Expr> {
    match stmt {
        Stmt::AugAssign(assign) if matches!(assign.op, Operator::BitOr | Operator::BitAnd) => None,
        Stmt::AugAssign(assign) => is_variable(&assign.target).then_some(&assign.target),
        Stmt::Assign(assign) => {
            let [target] = assign.targets.as_slice() else { return None };
            (is_variable(target) && made_from(program, &assign.value, target)).then_some(target)
        }
        _ => None,
    }
}

/// A name, a column or a field; not a place in an array, which a teaching cell counts up on purpose.
fn is_variable(target: &Expr) -> bool {
    match target {
        Expr::Subscript(item) => item.slice.is_string_literal_expr(),
        one => one.is_name_expr() || one.is_attribute_expr(),
    }
}

fn made_from(program: &Program, value: &Expr, target: &Expr) -> bool {
    match value {
        Expr::BinOp(sum) => {
            let arithmetic = !matches!(sum.op, Operator::BitAnd | Operator::BitOr | Operator::Mod);
            arithmetic
                && (same(&sum.left, target) || same(&sum.right, target))
                && !holds_both(&sum.left, &sum.right, target)
        }
        Expr::Call(call) => {
            if let Expr::Attribute(method) = call.func.as_ref()
                && same(&method.value, target)
            {
                return CHANGING.contains(&method.attr.as_str());
            }
            let name = program.dotted(&call.func).unwrap_or_default();
            let first = call.arguments.find_positional(0);
            let first_is = first.is_some_and(|first| match first {
                Expr::List(list) => list.elts.iter().any(|one| same(one, target)),
                Expr::Tuple(tuple) => tuple.elts.iter().any(|one| same(one, target)),
                one => same(one, target),
            });
            CHANGING_FUNCTIONS.contains(&name.as_str()) && first_is
        }
        _ => false,
    }
}

/// `x / x.max()` gives the same the second time.
fn holds_both(left: &Expr, right: &Expr, target: &Expr) -> bool {
    holds(left, target) && holds(right, target)
}

fn holds(expr: &Expr, target: &Expr) -> bool {
    struct Holds<'t> {
        target: &'t Expr,
        found: bool,
    }
    impl<'a> Visitor<'a> for Holds<'_> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            self.found |= same(expr, self.target);
            walk_expr(self, expr);
        }
    }
    let mut search = Holds { target, found: false };
    search.visit_expr(expr);
    search.found
}

/// Whether two expressions say the same; one is read where the other is written.
fn same(left: &Expr, right: &Expr) -> bool {
    match (left, right) {
        (Expr::Name(left), Expr::Name(right)) => left.id == right.id,
        (Expr::Attribute(left), Expr::Attribute(right)) => {
            left.attr.id == right.attr.id && same(&left.value, &right.value)
        }
        (Expr::Subscript(left), Expr::Subscript(right)) => {
            same(&left.value, &right.value) && same(&left.slice, &right.slice)
        }
        (Expr::StringLiteral(left), Expr::StringLiteral(right)) => left.value.to_str() == right.value.to_str(),
        _ => false,
    }
}

fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        Expr::Subscript(subscript) => root(&subscript.value),
        _ => None,
    }
}
