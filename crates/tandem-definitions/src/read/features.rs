//! Features files: what the asker tells, and the features in the order of what they read.

use std::collections::BTreeSet;
use std::mem;

use super::order::order;
use super::parents::{Belongs, inherited};
use super::{Found, Reader, Unit};
use crate::codes::Code;
use crate::expression::Expr;
use crate::findings::{Origin, Span};
use crate::project::{Computation, Feature, Project, RequestField, Source, Window};
use crate::sql::{Checker, Folding, Inherited, Names, Record, Scope, Sql, reads, reads_of_others};
use crate::value::{Type, Value};
use crate::yaml::{Node, Scalar};

/// A feature before its expression is checked.
pub(super) struct Draft<'u> {
    pub origin: Origin<'u>,
    pub node: &'u Node,
    name: &'u str,
    name_span: Span,
    entity: Option<usize>,
    value: Option<Sql<'u>>,
}

/// The names that expressions over features may use.
struct Known<'p> {
    project: &'p Project,
    /// The features that come later in the order are known by then; what is declared and not in the project is broken.
    declared: &'p BTreeSet<String>,
    requests: &'p BTreeSet<String>,
    /// What the entities say to belong to, and which of them the feature is about.
    parents: &'p [Belongs],
    own: usize,
}

impl Names for Known<'_> {
    fn parent(&self, entity: &str, feature: &str) -> Inherited {
        inherited(self.project, self.declared, self.parents, self.own, (entity, feature))
    }

    fn feature(&self, name: &str) -> crate::sql::Named {
        match self.project.feature(name) {
            Some(index) => crate::sql::Named::Known(index, self.project.features[index].ty),
            None if self.declared.contains(name) => crate::sql::Named::Broken,
            None => crate::sql::Named::Unknown,
        }
    }

    fn request(&self, name: &str) -> crate::sql::Named {
        match self.project.request.iter().position(|r| r.name == name) {
            Some(index) => crate::sql::Named::Known(index, self.project.request[index].ty),
            None if self.requests.contains(name) => crate::sql::Named::Broken,
            None => crate::sql::Named::Unknown,
        }
    }

    fn features(&self) -> Vec<&str> {
        self.declared.iter().map(String::as_str).collect()
    }

    fn requests(&self) -> Vec<&str> {
        self.project.request.iter().map(|r| r.name.as_str()).collect()
    }
}

impl Reader {
    pub(super) fn features(&mut self, units: &[&Unit<'_>]) {
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        for unit in units {
            for node in unit.root.list("request") {
                self.request_field(unit, node);
            }
            let entity = unit.root.get("entity").and_then(|node| self.entity(node, &unit.origin));
            for node in unit.root.list("features") {
                self.drafted(unit, node, entity, &mut drafts);
            }
        }
        // Until a feature stands in the project, it counts as declared and not as unknown.
        self.broken.features = drafts.iter().map(|d| d.name.to_owned()).collect();
        let index = |name: &str| drafts.iter().position(|d| d.name == name);
        let edges: Vec<BTreeSet<usize>> = drafts
            .iter()
            .map(|d| {
                let own = d.value.iter().flat_map(|sql| reads(&sql.ast));
                let others = d.value.iter().flat_map(|sql| reads_of_others(&sql.ast));
                let others = others.flat_map(|(parent, name)| {
                    let by = self.attributes(d.entity, &parent);
                    by.chain([name]).collect::<Vec<String>>()
                });
                own.chain(others).filter_map(|name| index(&name)).collect()
            })
            .collect();
        let (ordered, cycles) = order(&edges);
        for cycle in cycles {
            self.cycle(&cycle.iter().map(|i| &drafts[*i]).collect::<Vec<_>>());
        }
        for index in ordered {
            self.feature(&drafts[index]);
        }
        self.parents();
    }

    fn request_field(&mut self, unit: &Unit<'_>, node: &Node) {
        let Some(name_node) = node.get("name") else { return };
        let Some(name) = name_node.text() else { return };
        if let Some(first) = self.project.request.iter().find(|r| r.name == name) {
            let place = first.place.clone();
            return self.repeated("field of the request", name_node, &unit.origin, &place);
        }
        let ty = match node.text_of("type") {
            Some("string") => Type::Text,
            Some("integer") => Type::Int,
            Some("number") => Type::Float,
            Some("boolean") => Type::Bool,
            Some("timestamp") => Type::Time,
            _ => {
                self.broken.request.insert(name.to_owned());
                return;
            }
        };
        self.project.request.push(RequestField {
            name: name.to_owned(),
            ty,
            meaning: node.text_of("meaning").unwrap_or_default().to_owned(),
            place: unit.origin.place(name_node.span),
        });
    }

    fn drafted<'u>(&mut self, unit: &'u Unit<'_>, node: &'u Node, entity: Option<usize>, drafts: &mut Vec<Draft<'u>>) {
        self.person(node.get("owner"), &unit.origin);
        let Some(name_node) = node.get("name") else { return };
        let Some(name) = name_node.text() else { return };
        if let Some(first) = drafts.iter().find(|d| d.name == name) {
            let place = first.origin.place(first.name_span);
            return self.repeated("feature", name_node, &unit.origin, &place);
        }
        let value = node.get("value").and_then(|v| Sql::parse(v, unit.origin, &mut self.findings));
        drafts.push(Draft { origin: unit.origin, node, name, name_span: name_node.span, entity, value });
    }

    fn cycle(&mut self, cycle: &[&Draft<'_>]) {
        let first = cycle[0];
        let mut chain: Vec<&str> = cycle.iter().map(|d| d.name).collect();
        chain.push(first.name);
        let chain = chain.join(" → ");
        let message = if cycle.len() == 1 {
            format!("The feature `{}` is made of itself: {chain}.", first.name)
        } else {
            format!("These features are made of each other: {chain}.")
        };
        let help = "Break the chain: let one of them fold records (with `from:`) instead of reading the next.";
        self.findings.at(Code::FeatureCycle, &first.origin, first.name_span, message, help);
    }

    fn feature(&mut self, draft: &Draft<'_>) {
        let Some(folding) = self.folding(draft) else { return };
        let Some(entity) = draft.entity else { return };
        let Some(sql) = &draft.value else { return };
        let Some((value, ty)) = self.computation(sql, folding, entity) else { return };
        self.unused_clauses(draft, &value);
        let Some((value, ty)) = self.grouped(draft, value, ty) else { return };
        let default = draft.node.get("default").and_then(|node| self.default(node, ty, draft));
        let text = |key: &str| draft.node.text_of(key).unwrap_or_default().to_owned();
        self.broken.features.remove(draft.name);
        self.project.features.push(Feature {
            name: draft.name.to_owned(),
            meaning: text("meaning"),
            owner: text("owner"),
            entity,
            value,
            ty,
            default,
            place: draft.origin.place(draft.name_span),
        });
    }

    /// What the feature's aggregations fold: `Some(None)` without `from`, `None` when that cannot be said.
    #[allow(clippy::option_option)]
    fn folding(&mut self, draft: &Draft<'_>) -> Option<Option<Plan>> {
        let Some(from) = draft.node.get("from") else { return Some(None) };
        let over = draft.node.get("over");
        let window = match over.and_then(Node::text) {
            None => Some(Window::AllTime),
            Some(text) => crate::window::parse(text).ok(),
        };
        let index = match self.source(from, &draft.origin) {
            Found::Index(index) => index,
            Found::Broken | Found::Unknown => {
                self.window_without_time(draft, from, over);
                return None;
            }
        };
        let filter = draft.node.get("where").map(|node| self.filter(node, draft.origin, index));
        let (entity, window) = (draft.entity?, window?);
        let source = &self.project.sources[index];
        if !source.touches.iter().any(|t| t.entity == entity) {
            self.not_touched(from, &draft.origin, index, entity);
            return None;
        }
        let role = match draft.node.get("as") {
            Some(node) => Some(self.role(node, &draft.origin, (index, entity))?),
            None => None,
        };
        let filter = match filter {
            Some(None) => return None,
            Some(filter) => filter,
            None => None,
        };
        Some(Some(Plan { source: index, entity, filter, window, role }))
    }

    pub(super) fn not_touched(&mut self, from: &Node, origin: &Origin<'_>, source: usize, entity: usize) {
        let source = &self.project.sources[source];
        let entity = &self.project.entities[entity].name;
        let elsewhere: Vec<String> = self
            .project
            .sources
            .iter()
            .filter(|s| s.touches.iter().any(|t| self.project.entities[t.entity].name == *entity))
            .map(|s| format!("`{}`", s.name))
            .collect();
        let help = if elsewhere.is_empty() {
            format!("Mark the field of `{}` that holds it with `entity: {entity}` in its contract.", source.name)
        } else {
            format!(
                "Take a source that does ({}), or mark the field that holds it with `entity: {entity}` in the contract.",
                elsewhere.join(", ")
            )
        };
        let message = format!("The records of `{}` do not say which {entity} they are about.", source.name);
        self.findings.at(Code::EntityNotTouched, origin, from.span, message, help);
    }

    fn window_without_time(&mut self, draft: &Draft<'_>, from: &Node, over: Option<&Node>) {
        let Some(over) = over.filter(|o| o.text() != Some("all time")) else { return };
        let name = from.text().unwrap_or("");
        if self.broken.sources.get(name).is_some_and(|s| !s.has_event) {
            let message = format!("The window cannot be cut: `{name}` has no event time.");
            let help = "Say in its contract which field is the event time (`timeRole: event`), or look at `all time`.";
            self.findings.at(Code::WindowWithoutEventTime, &draft.origin, over.span, message, help);
        }
    }

    /// A condition on the records of a source.
    pub(super) fn filter(&mut self, node: &Node, origin: Origin<'_>, source: usize) -> Option<Expr> {
        let sql = Sql::parse(node, origin, &mut self.findings)?;
        let source = &self.project.sources[source];
        Checker::new(&sql, Scope::Record(record(source)), &mut self.findings).condition()
    }

    /// Checks an expression over features.
    fn computation(&mut self, sql: &Sql<'_>, plan: Option<Plan>, own: usize) -> Option<(Computation, Type)> {
        let known = Known {
            project: &self.project,
            declared: &self.broken.features,
            requests: &self.broken.request,
            parents: &self.belongs,
            own,
        };
        let all: BTreeSet<String> =
            known.declared.iter().cloned().chain(known.project.features.iter().map(|f| f.name.clone())).collect();
        let known = Known { declared: &all, ..known };
        let folding = plan.map(|plan| plan.folding(&self.project));
        let scope = Scope::Entity { folding, names: Some(&known), aggregates: Vec::new(), inputs: Vec::new() };
        computed(sql, scope, &mut self.findings)
    }

    /// `from`, `where` and `over` are about records that are folded.
    fn unused_clauses(&mut self, draft: &Draft<'_>, value: &Computation) {
        if !value.aggregates.is_empty() {
            return;
        }
        for key in ["from", "as", "where", "over", "by"] {
            if let Some(node) = draft.node.get(key) {
                let message = format!("`{key}` says which records are folded, but `value` folds none.");
                let help = format!("Fold something in `value` (`last(x)`, `count(*)`, …), or remove `{key}`.");
                self.findings.at(Code::NothingAggregated, &draft.origin, node.span, message, help);
            }
        }
    }

    fn default(&mut self, node: &Node, ty: Type, draft: &Draft<'_>) -> Option<Value> {
        let value = match (node.scalar()?, ty) {
            (Scalar::Bool(b), Type::Bool) => Some(Value::Bool(b)),
            (Scalar::Int(i), Type::Int) => Some(Value::Int(i)),
            (Scalar::Int(i), Type::Float) => Some(Value::Float(i as f64)),
            (Scalar::Float(x), Type::Float) => Some(Value::Float(x)),
            (Scalar::Text(text), Type::Text) => Some(Value::Text(text.into())),
            (Scalar::Text(text), Type::Time) => crate::time::parse_instant(text, None).map(Value::Time),
            _ => None,
        };
        if value.is_none() {
            let help = match ty {
                Type::Bool => "Write, for example, `default: false`.",
                Type::Int => "Write, for example, `default: 0`.",
                Type::Float => "Write, for example, `default: 0.0`.",
                Type::Text => "Write, for example, `default: \"unknown\"`.",
                Type::Time => "Write, for example, `default: 1970-01-01`.",
                Type::List(_) | Type::Map(..) => {
                    "Remove it: a list or a map of nothing is empty, and not null. Where one value of it is read, that feature may have a default."
                }
            };
            let message = format!("The feature `{}` is {}, but its default is not.", draft.name, ty.with_article());
            self.findings.at(Code::BadDefault, &draft.origin, node.span, message, help);
        }
        value
    }
}

/// What aggregations fold, by index.
pub(super) struct Plan {
    pub source: usize,
    pub entity: usize,
    pub filter: Option<Expr>,
    pub window: Window,
    pub role: Option<String>,
}

impl Plan {
    pub fn folding(self, project: &Project) -> Folding<'_> {
        let Self { source, entity, filter, window, role } = self;
        Folding { record: record(&project.sources[source]), source, entity, filter, window, role }
    }
}

pub(super) fn record(source: &Source) -> Record<'_> {
    Record { source: &source.name, fields: &source.fields, zone: source.time_zone.as_deref() }
}

/// An expression over an entity, checked.
pub(super) fn computed(
    sql: &Sql<'_>,
    scope: Scope<'_>,
    findings: &mut crate::findings::Findings,
) -> Option<(Computation, Type)> {
    let mut checker = Checker::new(sql, scope, findings);
    let (expr, ty) = checker.whole()?;
    let Scope::Entity { aggregates, inputs, .. } = &mut checker.scope else { return None };
    let (aggregates, inputs) = (mem::take(aggregates), mem::take(inputs));
    Some((Computation { text: sql.text.clone(), aggregates, inputs, expr }, ty))
}
