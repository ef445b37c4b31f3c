//! The evaluation of statements and expressions on nodes.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{Expr, Operator, Stmt};
use ruff_text_size::Ranged;

use super::functions::Function;
use super::graph::{Answer, At, Edge, Graph, Id, Kind};
use crate::program::Program;

/// Enough for any notebook that a person wrote.
const MOST_NODES: usize = 40_000;
const DEEPEST_EXPRESSION: usize = 60;

/// Evaluates all cells.
pub fn run(program: &Program) -> Graph {
    let mut eval = Eval {
        program,
        graph: Graph::default(),
        names: BTreeMap::new(),
        functions: BTreeMap::new(),
        words: BTreeMap::new(),
        unrolled: false,
        counters: BTreeSet::new(),
        cell: 0,
        calls: 0,
        depth: 0,
        returned: Vec::new(),
    };
    for (cell, parsed) in program.parsed.iter().enumerate() {
        eval.cell = cell;
        eval.body(&parsed.body);
    }
    eval.graph
}

/// The state of the evaluation.
pub struct Eval<'a> {
    /// The notebook.
    pub program: &'a Program,
    /// What was built.
    pub graph: Graph,
    /// What each name holds.
    pub names: BTreeMap<String, Option<Id>>,
    /// The notebook's own functions.
    pub functions: BTreeMap<String, Function<'a>>,
    /// Parameters of the function that is followed into for which a word stands in the call: `fit=False`.
    pub words: BTreeMap<String, &'a Expr>,
    /// The index of the cell.
    pub cell: usize,
    /// How deep in the notebook's own functions.
    pub calls: usize,
    /// Names that count through a loop: `for i in range(n)`.
    pub counters: BTreeSet<String>,
    /// Whether a loop around this is run for each of its items.
    pub unrolled: bool,
    depth: usize,
    /// What the function that is followed into gives back.
    pub returned: Vec<Option<Id>>,
}

impl<'a> Eval<'a> {
    /// A place in this cell.
    pub fn at(&self, what: &impl Ranged) -> At {
        (self.cell, what.range())
    }

    /// Statements one after the other.
    pub fn body(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            if self.graph.nodes.len() > MOST_NODES {
                return;
            }
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.define(function),
            Stmt::Assign(assign) => {
                let value = self.expr(&assign.value);
                assign.targets.iter().for_each(|target| self.store(target, value));
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let value = self.expr(value);
                    self.store(&assign.target, value);
                }
            }
            Stmt::AugAssign(assign) => {
                let (old, value) = (self.expr(&assign.target), self.expr(&assign.value));
                let new = self.graph.node(Kind::Plain, [(Edge::Equiv, old), (Edge::Data, value)]);
                self.store(&assign.target, Some(new));
            }
            Stmt::Expr(expr) => _ = self.expr(&expr.value),
            Stmt::Return(one) => {
                let value = one.value.as_deref().and_then(|value| self.expr(value));
                self.returned.push(value);
            }
            Stmt::If(one) => {
                self.expr(&one.test);
                if let Some(body) = self.decided(one) {
                    return self.body(body);
                }
                let bodies = one.elif_else_clauses.iter().map(|clause| &clause.body);
                self.branches(std::iter::once(&one.body).chain(bodies).map(|body| &**body));
            }
            Stmt::For(each) => self.each(each),
            Stmt::While(one) => {
                for _ in 0..2 {
                    self.expr(&one.test);
                    self.branches(std::iter::once(&*one.body));
                }
            }
            Stmt::With(with) => {
                for item in &with.items {
                    let value = self.expr(&item.context_expr);
                    item.optional_vars.iter().for_each(|target| self.store(target, value));
                }
                self.body(&with.body);
            }
            Stmt::Try(one) => {
                self.body(&one.body);
                self.body(&one.orelse);
                self.body(&one.finalbody);
            }
            _ => {}
        }
    }

    /// Bodies of which one or none runs: what they leave is joined.
    pub fn branches<'b>(&mut self, bodies: impl Iterator<Item = &'a [Stmt]>)
    where
        'a: 'b,
    {
        let before = self.names.clone();
        let mut joined = before.clone();
        for body in bodies {
            self.names.clone_from(&before);
            self.body(body);
            for (name, value) in std::mem::take(&mut self.names) {
                let known = joined.get(&name).copied();
                let both = match (known, value) {
                    (Some(known), value) if known == value => value,
                    (Some(Some(known)), Some(value))
                        if self.graph.class(value).is_none() && before.get(&name) != Some(&Some(known)) =>
                    {
                        Some(self.graph.node(Kind::Plain, [(Edge::Equiv, Some(known)), (Edge::Equiv, Some(value))]))
                    }
                    (_, value) => value,
                };
                joined.insert(name, both);
            }
        }
        self.names = joined;
    }

    /// The target holds this from now on.
    pub fn store(&mut self, target: &'a Expr, value: Option<Id>) {
        match target {
            Expr::Name(name) => {
                self.counters.remove(name.id.as_str());
                self.names.insert(name.id.to_string(), value);
            }
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, value),
            Expr::List(list) => self.unpack(&list.elts, value),
            Expr::Starred(starred) => self.store(&starred.value, value),
            // A store into a part makes a new version of the whole.
            Expr::Subscript(item) => {
                let root = match item.value.as_ref() {
                    Expr::Attribute(attribute) if ["loc", "iloc", "at", "iat"].contains(&attribute.attr.as_str()) => {
                        &attribute.value
                    }
                    one => one,
                };
                if !self.put(root, &item.slice, value) {
                    self.new_version(root, value);
                }
            }
            Expr::Attribute(attribute) => self.new_version(&attribute.value, value),
            _ => {}
        }
    }

    fn unpack(&mut self, targets: &'a [Expr], value: Option<Id>) {
        let items = value.and_then(|value| match &self.graph.nodes[value].kind {
            Kind::Tuple(items) if items.len() == targets.len() => Some(items.clone()),
            _ => None,
        });
        for (index, target) in targets.iter().enumerate() {
            let item = match &items {
                Some(items) => items[index],
                None => value.map(|value| self.graph.plain(Edge::Data, Some(value))),
            };
            self.store(target, item);
        }
    }

    /// The variable holds the same rows with other content.
    pub fn new_version(&mut self, variable: &Expr, content: Option<Id>) {
        let Expr::Name(name) = variable else { return };
        let old = self.names.get(name.id.as_str()).copied().flatten();
        if old.is_some_and(|old| self.graph.class(old).is_some()) {
            return;
        }
        let new = self.graph.node(Kind::Plain, [(Edge::Equiv, old), (Edge::Data, content)]);
        self.names.insert(name.id.to_string(), Some(new));
    }

    /// The variable holds this from now on.
    pub fn replace(&mut self, variable: &Expr, value: Option<Id>) {
        if let Expr::Name(name) = variable {
            self.names.insert(name.id.to_string(), value);
        }
    }

    /// The node of an expression; nothing for what has no data in it.
    pub fn expr(&mut self, expr: &'a Expr) -> Option<Id> {
        if self.depth > DEEPEST_EXPRESSION || self.graph.nodes.len() > MOST_NODES {
            return None;
        }
        self.depth += 1;
        let value = self.inner(expr);
        self.depth -= 1;
        value
    }

    fn inner(&mut self, expr: &'a Expr) -> Option<Id> {
        match expr {
            Expr::Name(name) => self.names.get(name.id.as_str()).copied().flatten(),
            Expr::Attribute(attribute) => self.attribute(attribute),
            Expr::Subscript(item) => self.subscript(item),
            Expr::Call(call) => self.call(call),
            Expr::BinOp(sum) => {
                let (left, right) = (self.expr(&sum.left), self.expr(&sum.right));
                if left.is_none() && right.is_none() {
                    return None;
                }
                // `X / X.max()`: the rows are those of the left, or of the right where that is a number.
                let mask = matches!(sum.op, Operator::BitAnd | Operator::BitOr);
                let edge = if mask { Edge::Data } else { Edge::Equiv };
                let (rows, content) = if left.is_some() { (left, right) } else { (right, None) };
                Some(self.graph.node(Kind::Plain, [(edge, rows), (Edge::Data, content)]))
            }
            Expr::UnaryOp(one) => {
                let value = self.expr(&one.operand)?;
                Some(self.graph.plain(Edge::Equiv, Some(value)))
            }
            Expr::Compare(one) => {
                let values: Vec<Option<Id>> =
                    std::iter::once(one.left.as_ref()).chain(&one.comparators).map(|side| self.expr(side)).collect();
                values
                    .iter()
                    .any(Option::is_some)
                    .then(|| self.graph.node(Kind::Plain, values.into_iter().map(|id| (Edge::Data, id))))
            }
            Expr::If(one) => {
                // Which of the two it is says something of what was asked: `1 if x > prices.mean() else 0`.
                let (test, yes, no) = (self.expr(&one.test), self.expr(&one.body), self.expr(&one.orelse));
                (test.is_some() || yes.is_some() || no.is_some())
                    .then(|| self.graph.node(Kind::Plain, [(Edge::Data, test), (Edge::Equiv, yes), (Edge::Equiv, no)]))
            }
            Expr::Tuple(tuple) => self.several(&tuple.elts),
            Expr::List(list) => self.several(&list.elts),
            Expr::Dict(dict) => Some(self.entries(dict)),
            Expr::Yield(one) => {
                let value = one.value.as_deref().and_then(|value| self.expr(value));
                self.returned.push(value);
                None
            }
            Expr::ListComp(comprehension) => {
                for generator in &comprehension.generators {
                    let over = self.expr(&generator.iter);
                    let item = self.item(over, &generator.target, 0);
                    self.hand_out(&generator.target, &generator.iter, item);
                }
                let value = self.expr(&comprehension.elt)?;
                Some(self.graph.plain(Edge::Data, Some(value)))
            }
            Expr::Starred(starred) => self.expr(&starred.value),
            Expr::Named(named) => {
                let value = self.expr(&named.value);
                self.store(&named.target, value);
                value
            }
            Expr::Await(one) => self.expr(&one.value),
            _ => None,
        }
    }

    fn several(&mut self, elements: &'a [Expr]) -> Option<Id> {
        if !elements.is_empty() && elements.iter().all(Expr::is_string_literal_expr) {
            return Some(self.graph.node(Kind::Columns, []));
        }
        let items: Vec<Option<Id>> = elements.iter().map(|one| self.expr(one)).collect();
        if items.iter().all(Option::is_none) {
            return None;
        }
        Some(self.graph.tuple(items))
    }

    fn attribute(&mut self, attribute: &'a ruff_python_ast::ExprAttribute) -> Option<Id> {
        let on = self.expr(&attribute.value)?;
        match attribute.attr.as_str() {
            "shape" | "size" | "ndim" | "dtype" | "dtypes" => None,
            "columns" => Some(self.graph.node(Kind::Columns, [])),
            // The search for the best is asked like the best itself.
            "best_estimator_" => Some(on),
            // What an estimator has learned.
            name if name.ends_with('_') => self.graph.states.get(&on).copied(),
            "T" => Some(self.graph.plain(Edge::Data, Some(on))),
            "values" | "str" | "dt" | "cat" | "loc" | "iloc" | "index" => Some(self.graph.plain(Edge::Equiv, Some(on))),
            // `df.price`, or a part of an object.
            _ if self.graph.class(on).is_none() => Some(self.graph.column(on)),
            _ => None,
        }
    }

    fn subscript(&mut self, item: &'a ruff_python_ast::ExprSubscript) -> Option<Id> {
        let on = self.expr(&item.value);
        let key = self.expr(&item.slice);
        let on = on?;
        if let Answer::Known(one) = self.chosen(on, &item.slice) {
            return one;
        }
        let by_place =
            matches!(item.value.as_ref(), Expr::Attribute(one) if ["loc", "iloc"].contains(&one.attr.as_str()));
        let columns = key.filter(|key| self.graph.nodes[*key].kind == Kind::Columns || self.is_chosen(*key));
        let all = |expr: &Expr| matches!(expr, Expr::Slice(slice) if slice.lower.is_none() && slice.upper.is_none());
        let edge = match item.slice.as_ref() {
            Expr::StringLiteral(_) | Expr::List(_) if !by_place => Edge::Equiv,
            Expr::Tuple(tuple) if tuple.elts.first().is_some_and(all) => Edge::Equiv,
            Expr::Name(_) | Expr::BinOp(_) | Expr::Call(_) if columns.is_some() && !by_place => Edge::Equiv,
            key if self.counts(key) => Edge::Each,
            // `groups["x"]` are groups still.
            _ => Edge::Subset,
        };
        let kind = if self.graph.nodes[on].kind == Kind::Group { Kind::Group } else { Kind::Plain };
        // Which columns were chosen is content; which rows is not.
        let chosen = if edge == Edge::Equiv { columns } else { None };
        let node = self.graph.node(kind, [(edge, Some(on)), (Edge::Data, chosen)]);
        self.graph.nodes[node].single = item.slice.is_string_literal_expr();
        Some(node)
    }

    /// Columns that were chosen by a statistic: `corr[corr > 0.5].index`.
    fn is_chosen(&self, key: Id) -> bool {
        self.graph
            .content(key)
            .all
            .iter()
            .any(|id| self.graph.nodes[*id].from.iter().any(|(edge, _)| *edge == Edge::Reduce))
    }
}
