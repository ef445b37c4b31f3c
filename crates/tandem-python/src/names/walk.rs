//! The walk through the cells in their order, with Python's scopes: what is bound when a name is used.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Comprehension, ExceptHandler, Expr, ExprContext, Parameters, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::{Use, Walked, bound};
use crate::program::Program;

/// Walks through all cells.
pub fn walk(program: &Program) -> Walked {
    let mut walker = Walker::default();
    for (cell, parsed) in program.parsed.iter().enumerate() {
        for name in &bound::of(&parsed.body).names {
            walker.out.bound.entry(name.clone()).or_default().push(cell);
        }
    }
    for (cell, parsed) in program.parsed.iter().enumerate() {
        walker.cell = cell;
        // What could not be read may bind any word that stands there.
        walker.broken = !parsed.errors.is_empty();
        if walker.broken {
            let words = program.read[cell].source.split(|c: char| !c.is_alphanumeric() && c != '_');
            let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
            walker.latest.extend(words.into_iter().map(|word| (word, cell)));
        }
        walker.visit_body(&parsed.body);
    }
    walker.out
}

#[derive(Default)]
struct Walker {
    out: Walked,
    cell: usize,
    broken: bool,
    /// The names of the module that are bound now, and the cell that bound each last.
    latest: BTreeMap<String, usize>,
    /// The names of the scopes around, innermost last; the flag says whether functions inside can see them.
    scopes: Vec<(BTreeSet<String>, bool)>,
    /// The outermost function around.
    function: Option<String>,
    branches: usize,
    /// Inside a `try` that survives a missing name.
    forgiven: usize,
}

impl Walker {
    fn bind(&mut self, name: &str) {
        if let Some((names, _)) = self.scopes.last_mut() {
            names.insert(name.to_owned());
            return;
        }
        self.latest.insert(name.to_owned(), self.cell);
        self.out.deleted.remove(name);
    }

    fn load(&mut self, name: &str, at: &impl Ranged) {
        let innermost = self.scopes.len();
        let local = self
            .scopes
            .iter()
            .enumerate()
            .any(|(i, (names, open))| (*open || i + 1 == innermost) && names.contains(name));
        if local || self.forgiven > 0 || self.broken || super::BUILTINS.contains(name) || is_output(name) {
            return;
        }
        let (name, cell, range) = (name.to_owned(), self.cell, at.range());
        if self.function.is_some() {
            self.out.later.push(Use { name, cell, range, maybe: true, function: self.function.clone() });
        } else if let Some(by) = self.latest.get(&name) {
            if *by != cell {
                self.out.passed.push((name, *by, cell, range));
            }
        } else {
            self.out.missing.push(Use { name, cell, range, maybe: self.branches > 0, function: None });
        }
    }

    /// A body that runs later, with names of its own.
    fn body(&mut self, own: &str, names: BTreeSet<String>, visit: impl FnOnce(&mut Self)) {
        let outermost = self.function.is_none();
        if outermost {
            self.function = Some(own.to_owned());
        }
        self.scopes.push((names, true));
        visit(self);
        self.scopes.pop();
        if outermost {
            self.function = None;
        }
    }

    fn function<'a>(&mut self, function: &'a StmtFunctionDef) {
        function.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
        self.defaults(&function.parameters);
        self.bind(function.name.as_str());
        let inner = bound::of(&function.body);
        for name in &inner.outer {
            // A `global` may be bound whenever the function is called.
            if inner.names.contains(name) {
                self.out.bound.entry(name.clone()).or_default().push(self.cell);
                self.latest.entry(name.clone()).or_insert(self.cell);
            }
        }
        let mut names: BTreeSet<String> = inner.names.difference(&inner.outer).cloned().collect();
        names.extend(function.parameters.iter().map(|one| one.name().to_string()));
        let generic = function.type_params.iter().flat_map(|all| all.type_params.iter());
        names.extend(generic.map(|one| one.name().to_string()));
        let body: &'a [Stmt] = &function.body;
        self.body(function.name.as_str(), names, |walker| body.iter().for_each(|stmt| walker.visit_stmt(stmt)));
    }

    fn defaults(&mut self, parameters: &Parameters) {
        let defaults = parameters.iter_non_variadic_params().filter_map(|one| one.default.as_deref());
        defaults.for_each(|default| self.visit_expr(default));
    }

    fn comprehension(&mut self, generators: &[Comprehension], results: &[&Expr]) {
        self.scopes.push((BTreeSet::new(), true));
        for generator in generators {
            self.visit_expr(&generator.iter);
            self.visit_expr(&generator.target);
            generator.ifs.iter().for_each(|test| self.visit_expr(test));
        }
        results.iter().for_each(|result| self.visit_expr(result));
        self.scopes.pop();
    }

    fn branch(&mut self, stmt: &Stmt) {
        self.branches += 1;
        walk_stmt(self, stmt);
        self.branches -= 1;
    }

    fn delete(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) if self.scopes.is_empty() && self.branches == 0 => {
                self.load(name.id.as_str(), name);
                if self.latest.remove(name.id.as_str()).is_some() {
                    self.out.deleted.insert(name.id.to_string(), self.cell);
                }
            }
            Expr::Name(_) => {}
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|one| self.delete(one)),
            other => self.visit_expr(other),
        }
    }
}

/// `_12`, `_i3`: what IPython keeps.
fn is_output(name: &str) -> bool {
    let rest = name.strip_prefix("_i").or_else(|| name.strip_prefix('_')).unwrap_or("");
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a handler catches a missing name.
fn catches(handler: &ExceptHandler) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    let names_one = |expr: &Expr| matches!(expr, Expr::Name(name) if ["NameError", "Exception", "BaseException", "UnboundLocalError"].contains(&name.id.as_str()));
    match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(names_one),
        Some(one) => names_one(one),
    }
}

impl<'a> Visitor<'a> for Walker {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                class.arguments.iter().for_each(|arguments| self.visit_arguments(arguments));
                let generic = class.type_params.iter().flat_map(|all| all.type_params.iter());
                let mut names: BTreeSet<String> = generic.map(|one| one.name().to_string()).collect();
                names.insert("__qualname__".to_owned());
                names.insert("__module__".to_owned());
                self.scopes.push((names, false));
                class.body.iter().for_each(|stmt| self.visit_stmt(stmt));
                self.scopes.pop();
                self.bind(class.name.as_str());
            }
            Stmt::Import(import) => import.names.iter().for_each(|alias| self.bind(bound::of_alias(alias))),
            Stmt::ImportFrom(import) => import.names.iter().for_each(|alias| self.bind(bound::of_alias(alias))),
            Stmt::Assign(assign) => {
                self.visit_expr(&assign.value);
                assign.targets.iter().for_each(|target| self.visit_expr(target));
            }
            Stmt::AugAssign(assign) => {
                if let Expr::Name(name) = assign.target.as_ref() {
                    self.load(name.id.as_str(), name);
                }
                self.visit_expr(&assign.value);
                self.visit_expr(&assign.target);
            }
            Stmt::AnnAssign(assign) => {
                assign.value.iter().for_each(|value| self.visit_expr(value));
                if assign.value.is_some() || !assign.target.is_name_expr() {
                    self.visit_expr(&assign.target);
                }
            }
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.delete(target)),
            Stmt::Try(one) => {
                let forgiving = usize::from(one.handlers.iter().any(catches));
                self.branches += 1;
                self.forgiven += forgiving;
                self.visit_body(&one.body);
                self.forgiven -= forgiving;
                one.handlers.iter().for_each(|handler| self.visit_except_handler(handler));
                self.visit_body(&one.orelse);
                self.visit_body(&one.finalbody);
                self.branches -= 1;
            }
            Stmt::For(each) => {
                self.visit_expr(&each.iter);
                self.visit_expr(&each.target);
                self.branches += 1;
                self.visit_body(&each.body);
                self.visit_body(&each.orelse);
                self.branches -= 1;
            }
            Stmt::If(_) | Stmt::While(_) | Stmt::Match(_) => self.branch(stmt),
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx == ExprContext::Store => self.bind(name.id.as_str()),
            Expr::Name(name) if name.ctx == ExprContext::Load => self.load(name.id.as_str(), name),
            Expr::Lambda(lambda) => {
                let parameters = lambda.parameters.as_deref();
                parameters.into_iter().for_each(|all| self.defaults(all));
                let names =
                    parameters.into_iter().flat_map(Parameters::iter).map(|one| one.name().to_string()).collect();
                self.body("", names, |walker| walker.visit_expr(&lambda.body));
            }
            Expr::ListComp(one) => self.comprehension(&one.generators, &[&one.elt]),
            Expr::SetComp(one) => self.comprehension(&one.generators, &[&one.elt]),
            Expr::Generator(one) => self.comprehension(&one.generators, &[&one.elt]),
            Expr::DictComp(one) => {
                let results: Vec<&Expr> = one.key.as_deref().into_iter().chain([one.value.as_ref()]).collect();
                self.comprehension(&one.generators, &results);
            }
            Expr::Named(named) => {
                self.visit_expr(&named.value);
                if let Expr::Name(name) = named.target.as_ref() {
                    // It binds beyond the comprehension it stands in; to bind it here and there is near enough.
                    self.bind(name.id.as_str());
                    if self.function.is_none() {
                        self.latest.insert(name.id.to_string(), self.cell);
                    }
                }
            }
            Expr::Call(call) => {
                walk_expr(self, expr);
                if let (Expr::Name(name), true) = (call.func.as_ref(), self.scopes.is_empty() && self.branches == 0) {
                    let bound = self.latest.keys().cloned().collect();
                    self.out.calls.push((name.id.to_string(), self.cell, name.range, bound));
                }
            }
            _ => walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        inner.type_.iter().for_each(|one| self.visit_expr(one));
        inner.name.iter().for_each(|name| self.bind(name.as_str()));
        self.visit_body(&inner.body);
    }

    fn visit_match_case(&mut self, case: &'a ruff_python_ast::MatchCase) {
        bound::of_pattern(&case.pattern).iter().for_each(|name| self.bind(name));
        case.guard.iter().for_each(|guard| self.visit_expr(guard));
        self.visit_body(&case.body);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {
        // Texts and names that only type checkers need.
    }
}
