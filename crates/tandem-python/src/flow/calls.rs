//! What calls do to the graph: estimators, splits, frames, arrays.

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, ExprCall};

use super::eval::Eval;
use super::graph::{Answer, Edge, Fit, Id, Kind, Test};
use super::methods::{
    COMPOSED, EQUIV, EQUIV_FUNCTIONS, HARMLESS, KEEPING, REDUCE, REDUCE_FUNCTIONS, REPEATING, SUBSET, is_metric,
};

impl<'a> Eval<'a> {
    /// The node of a call.
    pub fn call(&mut self, call: &'a ExprCall) -> Option<Id> {
        let name = self.program.dotted(&call.func).unwrap_or_default();
        if let Expr::Name(function) = call.func.as_ref()
            && let Answer::Known(value) = self.own(function.id.as_str(), call)
        {
            return value;
        }
        if let Answer::Known(value) = self.function(&name, call) {
            return value;
        }
        if let Expr::Attribute(method) = call.func.as_ref()
            && method.value.is_name_expr()
            && let Some(value) = self.listed(method, call)
        {
            return Some(value);
        }
        if let Expr::Attribute(method) = call.func.as_ref()
            && self.program.import_of(name.split('.').next().unwrap_or("")).is_none_or(|_| !name.contains('.'))
        {
            let on = self.expr(&method.value);
            if let Some(on) = on {
                return self.method(on, method.attr.as_str(), &method.value, call);
            }
        }
        // A class of a library makes an object; anything else carries content.
        let last = name.rsplit('.').next().unwrap_or("");
        let arguments: Vec<Option<Id>> = self.arguments(call);
        if last.starts_with(|c: char| c.is_ascii_uppercase()) || last == "make_pipeline" || last == "Sequential" {
            let harmless = self.harmless_part(&arguments).filter(|_| COMPOSED.contains(&last));
            let class = harmless.unwrap_or_else(|| last.to_owned());
            return Some(self.graph.node(Kind::Object(class), []));
        }
        let any = arguments.iter().any(Option::is_some);
        let reads = last.starts_with("read_")
            || last.starts_with("load_")
            || last.starts_with("fetch_")
            || last.starts_with("make_");
        (any || reads).then(|| self.graph.node(Kind::Plain, arguments.into_iter().map(|id| (Edge::Data, id))))
    }

    /// The class of one of these parts, when none of them learns anything.
    fn harmless_part(&self, arguments: &[Option<Id>]) -> Option<String> {
        let mut open: Vec<Id> = arguments.iter().copied().flatten().collect();
        let (mut class, mut seen) = (None, BTreeSet::new());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &self.graph.nodes[id].kind {
                Kind::Tuple(items) => open.extend(items.iter().copied().flatten()),
                Kind::Object(one) if !HARMLESS.contains(&one.as_str()) => return None,
                Kind::Object(one) => class = Some(one.clone()),
                _ => {}
            }
        }
        class
    }

    fn arguments(&mut self, call: &'a ExprCall) -> Vec<Option<Id>> {
        let mut all: Vec<Option<Id>> = call.arguments.args.iter().map(|one| self.expr(one)).collect();
        all.extend(call.arguments.keywords.iter().map(|one| self.expr(&one.value)));
        all
    }

    /// The first argument, or the one with such a name.
    pub fn first(&mut self, call: &'a ExprCall, names: &[&str]) -> Option<Id> {
        let named = names.iter().find_map(|name| call.arguments.find_keyword(name)).map(|keyword| &keyword.value);
        named.or_else(|| call.arguments.find_positional(0)).and_then(|one| self.expr(one))
    }

    /// A function of a library.
    fn function(&mut self, name: &str, call: &'a ExprCall) -> Answer {
        let last = name.rsplit('.').next().unwrap_or(name);
        match last {
            "train_test_split" => return Answer::Known(Some(self.split(call))),
            "cross_val_score" | "cross_validate" | "cross_val_predict" | "learning_curve" => {
                let model = self.first(call, &["estimator"]);
                let data = call.arguments.find_argument_value("X", 1).and_then(|one| self.expr(one));
                let at = self.at(call);
                self.graph.folds.extend(data.map(|data| (model, data, at)));
                return Answer::Known(None);
            }
            "clone" if name.starts_with("sklearn") => {
                let model = self.first(call, &["estimator"]);
                let class = model.and_then(|model| self.graph.class(model)).unwrap_or_default().to_owned();
                return Answer::Known(Some(self.graph.node(Kind::Object(class), [])));
            }
            "len" | "print" | "range" | "type" | "display" => {
                self.arguments(call);
                return Answer::Known(None);
            }
            "zip" => {
                let lists = self.arguments(call);
                return Answer::Known(self.pairs(&lists));
            }
            "enumerate" => {
                let list = self.first(call, &["iterable"]);
                return Answer::Known(self.pairs(&[None, list]));
            }
            "concat" | "concatenate" | "vstack" => return Answer::Known(self.concat(last, call)),
            _ => {}
        }
        if is_metric(name) {
            let arguments = self.arguments(call);
            self.scores(&arguments, call);
            return Answer::Known(None);
        }
        // A number of bins is laid between the smallest and the largest value; edges that are given are not.
        let bins = call.arguments.find_argument_value("bins", 1).is_some_and(Expr::is_number_literal_expr);
        if REDUCE_FUNCTIONS.contains(&name) || name == "pandas.cut" && bins {
            let source = self.first(call, &["a", "x", "X"]);
            let at = self.at(call);
            self.scores(&[source], call);
            if self.rowwise(call, if name.ends_with("ile") { 2 } else { 1 }) {
                return Answer::Known(source.map(|source| self.graph.plain(Edge::Equiv, Some(source))));
            }
            let state = self.graph.reduce(source, at, last);
            return Answer::Known(Some(self.kept(name, source, state)));
        }
        self.table(name, last, call)
    }

    /// A function that makes or keeps rows.
    fn table(&mut self, name: &str, last: &str, call: &'a ExprCall) -> Answer {
        if EQUIV_FUNCTIONS.contains(&name) || EQUIV_FUNCTIONS.contains(&last) {
            let all = self.arguments(call);
            let first = all.first().copied().flatten();
            if let (Some(first), "list" | "tuple") = (first, name) {
                return Answer::Known(Some(first));
            }
            let rest = all.iter().skip(1).map(|id| (Edge::Data, *id));
            let rows = match first.map(|first| self.graph.nodes[first].kind.clone()) {
                Some(Kind::Tuple(items)) if name.contains("stack") => items,
                _ => vec![first],
            };
            let node = self.graph.node(Kind::Plain, rows.into_iter().map(|id| (Edge::Equiv, id)).chain(rest));
            self.graph.nodes[node].timed = last == "to_datetime";
            return Answer::Known(Some(node));
        }
        if name == "patsy.dmatrix" || name == "patsy.dmatrices" {
            let data = call.arguments.find_argument_value("data", 1).and_then(|one| self.expr(one));
            let [answers, rows] = [self.graph.plain(Edge::Equiv, data), self.graph.plain(Edge::Equiv, data)];
            let both = last == "dmatrices";
            return Answer::Known(Some(if both { self.graph.tuple(vec![Some(answers), Some(rows)]) } else { rows }));
        }
        let dates = call.arguments.find_keyword("parse_dates").map(|keyword| &keyword.value);
        if last == "read_csv" && dates.is_some_and(|dates| !dates.is_boolean_literal_expr()) {
            let node = self.graph.node(Kind::Plain, []);
            self.graph.nodes[node].timed = true;
            return Answer::Known(Some(node));
        }
        Answer::Unknown
    }

    /// Tables below or beside each other.
    fn concat(&mut self, last: &str, call: &'a ExprCall) -> Option<Id> {
        let axis = call.arguments.find_argument_value("axis", 1).map(|axis| self.program.text(self.cell, axis));
        let beside = last != "vstack" && axis.is_some_and(|axis| axis.trim_matches(['\'', '"']) != "0");
        let parts = self.first(call, &["objs", "arrays", "tup"])?;
        let edge = if beside { Edge::Equiv } else { Edge::Data };
        let items = match &self.graph.nodes[parts].kind {
            Kind::Tuple(items) => items.clone(),
            _ => vec![Some(parts)],
        };
        Some(self.graph.node(Kind::Plain, items.into_iter().map(|id| (edge, id))))
    }

    /// What a reduction gives: the rows with it, or only the statistic.
    fn kept(&mut self, name: &str, source: Option<Id>, state: Id) -> Id {
        if KEEPING.contains(&name) {
            self.graph.node(Kind::Plain, [(Edge::Equiv, source), (Edge::Data, Some(state))])
        } else {
            state
        }
    }

    fn split(&mut self, call: &'a ExprCall) -> Id {
        let parts: Vec<Option<Id>> = call.arguments.args.iter().map(|one| self.expr(one)).collect();
        let shuffle = call.arguments.find_keyword("shuffle").and_then(|one| one.value.as_boolean_literal_expr());
        if let (Some(first), true) = (parts.first().copied().flatten(), shuffle.is_none_or(|one| one.value)) {
            let at = self.at(call);
            self.graph.splits.push((first, at));
        }
        let mut items = Vec::new();
        for part in parts {
            items.push(part.map(|part| self.graph.plain(Edge::Subset, Some(part))));
            let kept = part.map(|part| self.graph.plain(Edge::Subset, Some(part)));
            self.graph.kept_apart.extend(kept);
            items.push(kept);
        }
        self.graph.node(Kind::Tuple(items), [])
    }

    /// The predictions among these are scored here.
    fn scores(&mut self, arguments: &[Option<Id>], call: &ExprCall) {
        let at = self.at(call);
        let content: Vec<_> = arguments.iter().flatten().map(|id| self.graph.content(*id)).collect();
        for test in &mut self.graph.tests {
            if !test.scored && content.iter().any(|ids| ids.contains(test.out)) {
                test.scored = true;
                test.at = at;
            }
        }
    }

    fn method(&mut self, on: Id, method: &str, receiver: &'a Expr, call: &'a ExprCall) -> Option<Id> {
        if let Some(class) = self.graph.class(on).map(str::to_owned) {
            return self.estimator(on, &class, method, call);
        }
        let arguments = self.arguments(call);
        let at = self.at(call);
        let group = self.graph.nodes[on].kind == Kind::Group;
        let value = if method == "groupby" {
            self.graph.node(Kind::Group, [(Edge::Equiv, Some(on))])
        } else if group {
            let state = self.graph.reduce(Some(on), at, &format!("groupby().{method}"));
            let rows = ["transform", "rank"].contains(&method).then_some(on);
            self.graph.node(Kind::Plain, [(Edge::Equiv, rows), (Edge::Data, Some(state))])
        } else if REDUCE.contains(&method) {
            self.scores(&[Some(on)], call);
            if self.rowwise(call, 0) {
                self.graph.plain(Edge::Equiv, Some(on))
            } else {
                let state = self.graph.reduce(Some(on), at, method);
                self.kept(method, Some(on), state)
            }
        } else {
            let edge = self.edge(method, call);
            let applied = self.applied(method, on, call);
            match applied.filter(|_| method == "pipe") {
                Some(value) => value,
                None => {
                    let rest = arguments.iter().chain([&applied]).map(|id| (Edge::Data, *id));
                    self.graph.node(Kind::Plain, std::iter::once((edge, Some(on))).chain(rest))
                }
            }
        };
        let in_place = call.arguments.find_keyword("inplace").and_then(|one| one.value.as_boolean_literal_expr());
        if in_place.is_some_and(|one| one.value) {
            match receiver {
                Expr::Name(_) => self.replace(receiver, Some(value)),
                Expr::Subscript(item) => self.new_version(&item.value, Some(value)),
                Expr::Attribute(one) => self.new_version(&one.value, Some(value)),
                _ => {}
            }
        }
        Some(value)
    }

    /// Whether the axis, which may stand at this place, is the one along a row.
    pub fn rowwise(&self, call: &ExprCall, place: usize) -> bool {
        call.arguments.find_argument_value("axis", place).is_some_and(|axis| {
            let axis = self.program.text(self.cell, axis).trim_matches(['\'', '"', '(', '[']);
            axis.starts_with(['1', 'c']) || axis == "-1"
        })
    }

    fn edge(&self, method: &str, call: &ExprCall) -> Edge {
        let word = |name: &str| call.arguments.find_keyword(name).map(|one| self.program.text(self.cell, &one.value));
        let columns = || {
            word("columns").is_some()
                || word("axis").is_some_and(|axis| axis != "0" && !axis.contains("index"))
                || call.arguments.find_positional(1).is_some_and(|axis| self.program.text(self.cell, axis) == "1")
        };
        match method {
            "sample" if word("replace") == Some("True") => Edge::Dup,
            "sample" if matches!(word("frac"), Some("1" | "1.0")) => Edge::Equiv,
            "drop" | "dropna" if columns() => Edge::Equiv,
            _ if EQUIV.contains(&method) => Edge::Equiv,
            _ if SUBSET.contains(&method) => Edge::Subset,
            _ => Edge::Data,
        }
    }

    fn estimator(&mut self, on: Id, class: &str, method: &str, call: &'a ExprCall) -> Option<Id> {
        match method {
            "fit" | "partial_fit" | "fit_on_texts" | "adapt" | "train" | "fit_generator" => {
                self.fit(on, class, call);
                Some(on)
            }
            "fit_transform" => {
                let data = self.first(call, &["X", "raw_documents"]);
                let state = self.fit(on, class, call);
                Some(self.graph.node(Kind::Plain, [(Edge::Equiv, data), (Edge::Data, state)]))
            }
            "fit_predict" => {
                let data = self.first(call, &["X"]);
                let state = self.fit(on, class, call);
                Some(self.graph.node(Kind::Plain, [(Edge::Equiv, data), (Edge::Data, state)]))
            }
            "fit_resample" | "fit_sample" => {
                let parts: Vec<Option<Id>> = self.arguments(call);
                let edge = if REPEATING.contains(&class) { Edge::Dup } else { Edge::Subset };
                let items: Vec<Option<Id>> =
                    parts.into_iter().map(|part| part.map(|part| self.graph.plain(edge, Some(part)))).collect();
                Some(self.graph.node(Kind::Tuple(items), []))
            }
            "split" => {
                let data = self.first(call, &["X"]);
                let rows = [self.graph.plain(Edge::Data, data), self.graph.plain(Edge::Data, data)];
                let pair = self.graph.node(Kind::Tuple(rows.iter().map(|id| Some(*id)).collect()), []);
                Some(self.graph.node(Kind::Tuple(vec![Some(pair)]), []))
            }
            "transform" | "texts_to_sequences" | "texts_to_matrix" | "inverse_transform" => {
                let data = self.first(call, &["X", "raw_documents"]);
                let state = self.graph.states.get(&on).copied();
                Some(self.graph.node(Kind::Plain, [(Edge::Equiv, data), (Edge::Data, state)]))
            }
            "score" | "evaluate" | "predict" | "predict_proba" | "decision_function" | "predict_classes" => {
                let data = self.first(call, &["X", "x"])?;
                let state = self.graph.states.get(&on).copied();
                let out = self.graph.node(Kind::Plain, [(Edge::Equiv, Some(data)), (Edge::Data, state)]);
                let fit = self.graph.fits.iter().rposition(|fit| fit.model == on);
                if let Some(fit) = fit {
                    let (at, scored) = (self.at(call), ["score", "evaluate"].contains(&method));
                    self.graph.tests.push(Test { fit, data, at, scored, out, chooses: false });
                }
                Some(out)
            }
            _ => {
                self.arguments(call);
                None
            }
        }
    }

    /// A fit: what was learned is a reduction of the data.
    fn fit(&mut self, on: Id, class: &str, call: &'a ExprCall) -> Option<Id> {
        let data = self.first(call, &["X", "x", "raw_documents", "train_set", "generator"]);
        // A generator hands out rows and answers together.
        let supervised =
            call.arguments.find_argument_value("y", 1).is_some() || call.arguments.find_keyword("generator").is_some();
        let beside = call.arguments.find_keyword("validation_data").and_then(|one| self.expr(&one.value));
        call.arguments.args.iter().skip(1).for_each(|one| _ = self.expr(one));
        let data = data?;
        let at = self.at(call);
        let state = if HARMLESS.contains(&class) {
            self.graph.node(Kind::Plain, [])
        } else {
            self.graph.reduce(Some(data), at, class)
        };
        self.graph.states.insert(on, state);
        self.graph.fits.push(Fit { model: on, train: data, supervised });
        if let Some(beside) = beside {
            let data = self.part(beside, 0).unwrap_or(beside);
            let (fit, out) = (self.graph.fits.len() - 1, self.graph.plain(Edge::Equiv, Some(data)));
            self.graph.tests.push(Test { fit, data, at, scored: true, out, chooses: true });
        }
        Some(state)
    }
}
