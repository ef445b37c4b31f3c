//! Which names a piece of code binds in its own scope.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{ExceptHandler, Expr, ExprContext, Pattern, Stmt};

/// The names that these statements bind in their scope, and those that they declare `global` or `nonlocal`.
#[derive(Default)]
pub struct Bound {
    /// Bound here.
    pub names: BTreeSet<String>,
    /// Declared to be of an outer scope.
    pub outer: BTreeSet<String>,
}

/// Reads statements.
pub fn of<'a>(body: &'a [Stmt]) -> Bound {
    let mut bound = Bound::default();
    body.iter().for_each(|stmt: &'a Stmt| bound.visit_stmt(stmt));
    bound
}

/// The name that an import binds: the first part of a dotted path without `as`.
pub fn of_alias(alias: &ruff_python_ast::Alias) -> &str {
    match &alias.asname {
        Some(name) => name.as_str(),
        None => alias.name.as_str().split('.').next().unwrap_or_default(),
    }
}

/// The names of the pattern of a `case`.
pub fn of_pattern(pattern: &Pattern) -> BTreeSet<String> {
    let mut bound = Bound::default();
    bound.visit_pattern(pattern);
    bound.names
}

impl<'a> Visitor<'a> for Bound {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            // Their bodies are scopes of their own.
            Stmt::FunctionDef(function) => _ = self.names.insert(function.name.to_string()),
            Stmt::ClassDef(class) => _ = self.names.insert(class.name.to_string()),
            Stmt::Import(import) => self.names.extend(import.names.iter().map(|alias| of_alias(alias).to_owned())),
            Stmt::ImportFrom(import) => self.names.extend(import.names.iter().map(|alias| of_alias(alias).to_owned())),
            Stmt::Global(global) => self.outer.extend(global.names.iter().map(ToString::to_string)),
            Stmt::Nonlocal(outer) => self.outer.extend(outer.names.iter().map(ToString::to_string)),
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx == ExprContext::Store => _ = self.names.insert(name.id.to_string()),
            Expr::Lambda(_) => {}
            // Of a comprehension only `:=` reaches out.
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                let mut inner = Walrus::default();
                walk_expr(&mut inner, expr);
                self.names.extend(inner.names);
            }
            _ => walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        self.names.extend(inner.name.iter().map(ToString::to_string));
        ruff_python_ast::visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(one) => one.name.as_ref(),
            Pattern::MatchStar(one) => one.name.as_ref(),
            Pattern::MatchMapping(one) => one.rest.as_ref(),
            _ => None,
        };
        self.names.extend(name.map(ToString::to_string));
        walk_pattern(self, pattern);
    }
}

#[derive(Default)]
struct Walrus {
    names: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Walrus {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Named(named) = expr
            && let Expr::Name(name) = named.target.as_ref()
        {
            self.names.insert(name.id.to_string());
        }
        walk_expr(self, expr);
    }
}
