//! Lists, dictionaries and the loops over them: `for name, model in zip(names, models)`.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprDict, StmtFor};

use super::eval::Eval;
use super::graph::{Edge, Id, Kind};

/// Longer lists are no lists of models or tables.
const LONGEST: usize = 16;

impl<'a> Eval<'a> {
    /// A loop: once for each item where they are known, else twice.
    pub fn each(&mut self, each: &'a StmtFor) {
        let over = self.expr(&each.iter);
        let known = over.map_or(0, |over| self.items(over).map_or(0, <[_]>::len));
        // A loop in such a loop stays short, lest the graph grow with the product.
        let passes = if self.unrolled { 2 } else { known.clamp(2, LONGEST) };
        let outer = self.unrolled;
        self.unrolled |= passes > 2;
        for pass in 0..passes {
            let item = self.item(over, &each.target, pass);
            self.store(&each.target, item);
            self.branches(std::iter::once(&*each.body));
        }
        self.unrolled = outer;
        self.body(&each.orelse);
    }

    fn items(&self, id: Id) -> Option<&[Option<Id>]> {
        match &self.graph.nodes[id].kind {
            Kind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// What a loop hands out in this pass from what it goes over.
    pub fn item(&mut self, over: Option<Id>, target: &Expr, pass: usize) -> Option<Id> {
        let over = over?;
        if let Some(items) = self.items(over) {
            // Where less is known than there are passes, the last pass says it again.
            let one = items.get(pass.min(items.len().saturating_sub(1))).copied().flatten()?;
            return (target.is_name_expr() || self.items(one).is_some()).then_some(one);
        }
        match &self.graph.nodes[over].kind {
            Kind::Columns => Some(over),
            _ if target.is_name_expr() => Some(self.graph.plain(Edge::Each, Some(over))),
            _ => None,
        }
    }

    /// `{"tree": DecisionTreeClassifier()}`: its values.
    pub fn entries(&mut self, dict: &'a ExprDict) -> Option<Id> {
        let values: Vec<Option<Id>> = dict.items.iter().map(|item| self.expr(&item.value)).collect();
        values.iter().any(Option::is_some).then(|| self.graph.tuple(values))
    }

    /// Pairs of what stands at the same place in the arguments of `zip`; `enumerate` and `items` give a number or a key with it.
    pub fn pairs(&mut self, lists: &[Option<Id>]) -> Option<Id> {
        let known = lists.iter().flatten().filter_map(|list| self.items(*list).map(<[_]>::len)).min();
        let Some(length) = known.filter(|length| *length <= LONGEST) else {
            let any = lists.iter().any(Option::is_some);
            return any.then(|| self.graph.node(Kind::Plain, lists.iter().map(|id| (Edge::Data, *id))));
        };
        let mut all = Vec::new();
        for place in 0..length {
            let pair: Vec<Option<Id>> = lists
                .iter()
                .map(|list| match (*list, list.and_then(|list| self.items(list))) {
                    (_, Some(items)) => items[place],
                    (Some(list), None) => Some(self.graph.plain(Edge::Data, Some(list))),
                    (None, None) => None,
                })
                .collect();
            all.push(Some(self.graph.tuple(pair)));
        }
        Some(self.graph.tuple(all))
    }

    /// Methods of lists and dictionaries; nothing for others.
    pub fn listed(&mut self, method: &'a ExprAttribute, call: &'a ExprCall) -> Option<Id> {
        let name = method.attr.as_str();
        if !["items", "values", "append"].contains(&name) {
            return None;
        }
        let on = self.expr(&method.value);
        let list = on.and_then(|on| self.items(on)).map(<[_]>::to_vec);
        match name {
            "append" if on.is_none() || list.is_some() => {
                // What is appended to a table is no list; nor is what grows without end.
                let mut items = list.unwrap_or_default();
                items.truncate(LONGEST - 1);
                items.push(self.first(call, &[]));
                let value = Some(self.graph.tuple(items));
                self.replace(&method.value, value);
                value
            }
            "items" if list.is_some() => self.pairs(&[None, on]),
            "values" if list.is_some() => on,
            _ => None,
        }
    }

    /// The item at a place of a list.
    pub fn part(&self, list: Id, place: usize) -> Option<Id> {
        self.items(list)?.get(place).copied().flatten()
    }
}
