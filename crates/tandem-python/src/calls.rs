//! Every call in a notebook, in reading order, with its name written out and what surrounds it.
//! Not here: what a call does.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};

use crate::program::Program;

/// A call and what surrounds it.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The index of its cell, from 0.
    pub cell: usize,
    /// The call.
    pub expr: &'a ExprCall,
    /// Its name, imported names written out: `pandas.read_csv`; empty when what is called has no name.
    pub name: String,
    /// The last part of what is called: `read_csv`; of `df.groupby(k).mean()` it is `mean`.
    pub method: &'a str,
    /// Whether it stands in a `try`, an `if` or an `except`.
    pub guarded: bool,
    /// Whether it stands in the body of a function, and so runs only when that is called.
    pub in_function: bool,
    /// The bodies of loops and comprehensions that it stands in.
    pub loops: usize,
}

impl<'a> Call<'a> {
    /// The argument of this name or at this position.
    pub fn argument(&self, name: &str, position: usize) -> Option<&'a Expr> {
        self.expr.arguments.find_argument_value(name, position)
    }

    /// The argument of this name.
    pub fn keyword(&self, name: &str) -> Option<&'a Expr> {
        self.expr.arguments.find_keyword(name).map(|keyword| &keyword.value)
    }

    /// What the method is called on.
    pub fn receiver(&self) -> Option<&'a Expr> {
        self.expr.func.as_attribute_expr().map(|attribute| attribute.value.as_ref())
    }
}

/// Every call of the program, in the order of the text.
pub fn calls(program: &Program) -> Vec<Call<'_>> {
    let mut all = Vec::new();
    for (cell, parsed) in program.parsed.iter().enumerate() {
        let mut collector = Collector { program, cell, guards: 0, functions: 0, loops: 0, calls: Vec::new() };
        collector.visit_body(&parsed.body);
        collector.calls.sort_by_key(|call| call.expr.arguments.range.start());
        all.append(&mut collector.calls);
    }
    all
}

struct Collector<'a> {
    program: &'a Program,
    cell: usize,
    guards: usize,
    functions: usize,
    loops: usize,
    calls: Vec<Call<'a>>,
}

impl<'a> Visitor<'a> for Collector<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let guard = usize::from(matches!(stmt, Stmt::If(_) | Stmt::Try(_)));
        let function = usize::from(matches!(stmt, Stmt::FunctionDef(_)));
        let a_loop = usize::from(matches!(stmt, Stmt::For(_) | Stmt::While(_)));
        self.guards += guard;
        self.functions += function;
        self.loops += a_loop;
        walk_stmt(self, stmt);
        self.guards -= guard;
        self.functions -= function;
        self.loops -= a_loop;
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let lambda = usize::from(expr.is_lambda_expr());
        let a_loop =
            usize::from(matches!(expr, Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_)));
        if let Expr::Call(call) = expr {
            let method = match call.func.as_ref() {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => "",
            };
            let name = self.program.dotted(&call.func).unwrap_or_default();
            let (guarded, in_function) = (self.guards > 0, self.functions > 0);
            self.calls.push(Call {
                cell: self.cell,
                expr: call,
                name,
                method,
                guarded,
                in_function,
                loops: self.loops,
            });
        }
        self.functions += lambda;
        self.loops += a_loop;
        walk_expr(self, expr);
        self.functions -= lambda;
        self.loops -= a_loop;
    }
}
