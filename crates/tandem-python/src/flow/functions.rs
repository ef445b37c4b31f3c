//! The notebook's own functions: calls are followed into, with the arguments in place of the parameters.
//! Not here: functions of libraries (`calls.rs`).

use std::collections::BTreeMap;

use ruff_python_ast::{
    CmpOp, Expr, ExprCall, ParameterWithDefault, Parameters, Stmt, StmtFunctionDef, StmtIf, UnaryOp,
};

use super::eval::Eval;
use super::graph::{Answer, Edge, Id};

const DEEPEST_CALL: usize = 3;

/// A function or a lambda.
#[derive(Clone, Copy)]
pub struct Function<'a> {
    cell: usize,
    parameters: Option<&'a Parameters>,
    body: Body<'a>,
}

#[derive(Clone, Copy)]
enum Body<'a> {
    Statements(&'a [Stmt]),
    Value(&'a Expr),
}

/// What stands for a parameter: its node, and the word in the call.
type Argument<'a> = (Option<Id>, Option<&'a Expr>);

impl<'a> Eval<'a> {
    /// A function is defined.
    pub fn define(&mut self, function: &'a StmtFunctionDef) {
        let body = Body::Statements(&function.body);
        let known = Function { cell: self.cell, parameters: Some(&function.parameters), body };
        self.functions.insert(function.name.to_string(), known);
    }

    /// The function that an expression is.
    pub fn function_of(&self, expr: &'a Expr) -> Option<Function<'a>> {
        match expr {
            Expr::Lambda(lambda) => Some(Function {
                cell: self.cell,
                parameters: lambda.parameters.as_deref(),
                body: Body::Value(&lambda.body),
            }),
            Expr::Name(name) => self.functions.get(name.id.as_str()).copied(),
            _ => None,
        }
    }

    /// A call of one of the notebook's own functions.
    pub fn own(&mut self, name: &str, call: &'a ExprCall) -> Answer {
        let Some(function) = self.functions.get(name).copied() else { return Answer::Unknown };
        let mut arguments = Vec::new();
        for (index, parameter) in parameters(function).enumerate() {
            let written = call.arguments.find_argument_value(parameter.name().as_str(), index);
            let value = written.and_then(|argument| self.expr(argument));
            arguments.push((value, written.or(parameter.default())));
        }
        Answer::Known(self.followed(function, &arguments))
    }

    /// What `df.apply(f)` computes: `f` sees whole columns, or only one row or value at a time, in which there is no statistic.
    pub fn applied(&mut self, method: &str, on: Id, call: &'a ExprCall) -> Option<Id> {
        if !["apply", "applymap", "map", "pipe", "transform"].contains(&method) {
            return None;
        }
        let function = self.function_of(call.arguments.find_argument_value("func", 0)?)?;
        let whole = method == "pipe"
            || !["applymap", "map"].contains(&method) && !self.rowwise(call, 1) && !self.graph.is_column(on);
        let seen = whole.then(|| self.graph.plain(Edge::Equiv, Some(on)));
        self.followed(function, &[(seen, None)])
    }

    fn followed(&mut self, function: Function<'a>, arguments: &[Argument<'a>]) -> Option<Id> {
        if self.calls >= DEEPEST_CALL {
            return None;
        }
        let (mut names, mut words) = (self.names.clone(), BTreeMap::new());
        for (index, parameter) in parameters(function).enumerate() {
            let (value, word) = arguments.get(index).copied().unwrap_or((None, parameter.default()));
            let name = parameter.name().to_string();
            words.extend(word.filter(|word| word.is_literal_expr()).map(|word| (name.clone(), word)));
            names.insert(name, value);
        }
        let outer = (std::mem::replace(&mut self.names, names), std::mem::replace(&mut self.words, words));
        let (here, returned) = (self.cell, std::mem::take(&mut self.returned));
        self.cell = function.cell;
        self.calls += 1;
        match function.body {
            Body::Statements(body) => self.body(body),
            Body::Value(value) => {
                let value = self.expr(value);
                self.returned.push(value);
            }
        }
        self.calls -= 1;
        self.cell = here;
        (self.names, self.words) = outer;
        let values: Vec<Id> = std::mem::replace(&mut self.returned, returned).into_iter().flatten().collect();
        self.graph.either(&values)
    }

    /// The body that runs when the call says so: `if fit:` after `prepare(rows, fit=False)`.
    pub fn decided(&self, one: &'a StmtIf) -> Option<&'a [Stmt]> {
        if self.holds(&one.test)? {
            return Some(&one.body);
        }
        match one.elif_else_clauses.as_slice() {
            [] => Some(&[]),
            [last] if last.test.is_none() => Some(&last.body),
            _ => None,
        }
    }

    fn holds(&self, test: &Expr) -> Option<bool> {
        let word = |expr: &Expr| self.words.get(expr.as_name_expr()?.id.as_str()).copied();
        match test {
            Expr::Name(_) => match word(test)? {
                Expr::BooleanLiteral(one) => Some(one.value),
                Expr::NoneLiteral(_) => Some(false),
                _ => None,
            },
            Expr::UnaryOp(one) if one.op == UnaryOp::Not => self.holds(&one.operand).map(|holds| !holds),
            Expr::Compare(one) => {
                let (known, [asked]) = (word(&one.left)?, &*one.comparators) else { return None };
                let same = match (known, asked) {
                    (Expr::BooleanLiteral(a), Expr::BooleanLiteral(b)) => a.value == b.value,
                    (Expr::StringLiteral(a), Expr::StringLiteral(b)) => a.value.to_str() == b.value.to_str(),
                    (Expr::NoneLiteral(_), Expr::NoneLiteral(_)) => true,
                    _ => return None,
                };
                match &*one.ops {
                    [CmpOp::Eq | CmpOp::Is] => Some(same),
                    [CmpOp::NotEq | CmpOp::IsNot] => Some(!same),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn parameters(function: Function<'_>) -> impl Iterator<Item = &ParameterWithDefault> {
    function.parameters.into_iter().flat_map(Parameters::iter_non_variadic_params)
}
