//! Lists, dictionaries and the loops over them: `for name, model in zip(names, models)`.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprDict, Number, StmtFor};

use super::eval::Eval;
use super::graph::{Answer, Edge, Id, Kind};

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
            self.hand_out(&each.target, &each.iter, item);
            self.branches(std::iter::once(&*each.body));
        }
        self.unrolled = outer;
        self.body(&each.orelse);
    }

    /// The loop's names hold this item; those that only count are known as such.
    pub fn hand_out(&mut self, target: &'a Expr, over: &'a Expr, item: Option<Id>) {
        self.store(target, item);
        let Expr::Call(call) = over else { return };
        let counter = match (self.program.dotted(&call.func).as_deref(), target) {
            (Some("range"), Expr::Name(name)) => name,
            (Some("enumerate"), Expr::Tuple(pair)) => match pair.elts.first() {
                Some(Expr::Name(name)) => name,
                _ => return,
            },
            _ => return,
        };
        self.counters.insert(counter.id.to_string());
    }

    /// Whether a key is one place after the other: `paths[i]`, `rows[i - 20 : i]`, `images[i, :, :]`.
    pub fn counts(&self, key: &Expr) -> bool {
        match key {
            Expr::Name(name) => self.counters.contains(name.id.as_str()),
            Expr::BinOp(sum) => self.counts(&sum.left) || self.counts(&sum.right),
            Expr::Slice(slice) => [&slice.lower, &slice.upper].into_iter().flatten().any(|end| self.counts(end)),
            Expr::Tuple(tuple) => tuple.elts.first().is_some_and(|first| self.counts(first)),
            _ => false,
        }
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

    /// `{"tree": DecisionTreeClassifier()}`: its values, and its keys beside them.
    pub fn entries(&mut self, dict: &'a ExprDict) -> Id {
        let values: Vec<Option<Id>> = dict.items.iter().map(|item| self.expr(&item.value)).collect();
        let keys = dict.items.iter().map(|item| item.key.as_ref().map_or_else(String::new, word)).collect();
        self.dictionary(values, keys)
    }

    fn dictionary(&mut self, values: Vec<Option<Id>>, keys: Vec<String>) -> Id {
        let node = self.graph.tuple(values);
        self.graph.keys.insert(node, keys);
        node
    }

    /// A value is put into a dictionary; no where the variable holds none.
    pub fn put(&mut self, variable: &Expr, key: &Expr, value: Option<Id>) -> bool {
        let Expr::Name(name) = variable else { return false };
        let old = self.names.get(name.id.as_str()).copied().flatten();
        let Some((old, mut keys)) = old.and_then(|old| Some((old, self.graph.keys.get(&old)?.clone()))) else {
            return false;
        };
        let (mut values, key) = (self.items(old).unwrap_or_default().to_vec(), word(key));
        match keys.iter().position(|one| *one == key && !key.is_empty()) {
            Some(place) => values[place] = value,
            None if values.len() < LONGEST => {
                keys.push(key);
                values.push(value);
            }
            None => {}
        }
        let new = self.dictionary(values, keys);
        self.replace(variable, Some(new));
        true
    }

    /// What a key or a place chooses from a list or a dictionary.
    pub fn chosen(&mut self, on: Id, key: &Expr) -> Answer {
        let Some(items) = self.items(on) else { return Answer::Unknown };
        if let Expr::NumberLiteral(number) = key
            && let Number::Int(place) = &number.value
            && let Some(place) = place.as_usize()
        {
            return Answer::Known(items.get(place).copied().flatten());
        }
        let key = word(key);
        let place =
            self.graph.keys.get(&on).and_then(|keys| keys.iter().position(|one| *one == key && !key.is_empty()));
        if let Some(place) = place {
            return Answer::Known(items[place]);
        }
        // Which model it is does not matter much; which table does.
        let model = items.iter().rev().flatten().find(|id| self.graph.class(**id).is_some()).copied();
        Answer::Known(Some(model.unwrap_or_else(|| self.graph.plain(Edge::Data, Some(on)))))
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

/// The word that a key is, or an empty text.
fn word(key: &Expr) -> String {
    key.as_string_literal_expr().map_or_else(String::new, |one| one.value.to_str().to_owned())
}
