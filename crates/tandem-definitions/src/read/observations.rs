//! Observations: when production would ask, by which of the three rules, and whether it then knows all that is needed: the
//! keys of every entity, and what the asker would tell.

use std::collections::BTreeSet;

use super::{Found, Reader, Unit};
use crate::calendar;
use crate::codes::Code;
use crate::findings::{Origin, instead};
use crate::project::Format;
use crate::question::{Observe, OnCalendar, OnRecord, Outcome, Rule};
use crate::time::parse_duration;
use crate::value::{Micros, Type};
use crate::window;
use crate::yaml::{Kind, Node};

/// The keys that begin a rule, each with those that belong to it.
const RULES: [(&str, &[&str]); 3] =
    [("on", &["at", "where", "as"]), ("every", &["for", "active_in", "over", "where", "as"]), ("from", &[])];
const FORMS: &str = "Write `on: SOURCE` with `at: FIELD`; or `every: Monday 06:00 Europe/London` with `for: ENTITY`, `active_in: SOURCE` and `over: 90 days`; or `from: FILE`.";

/// What a question needs to be told.
struct Wanted<'w> {
    features: &'w [usize],
    outcome: Option<&'w Outcome>,
}

impl Reader {
    pub(super) fn observe(
        &mut self,
        node: &Node,
        unit: &Unit<'_>,
        features: &[usize],
        outcome: Option<&Outcome>,
    ) -> Option<Observe> {
        let wanted = Wanted { features, outcome };
        match self.rule(node, &unit.origin)? {
            "on" => self.on_record(node, unit, &wanted),
            "every" => self.on_calendar(node, unit, &wanted),
            _ => self.on_file(node, unit, &wanted),
        }
    }

    /// The key that begins the rule; there is one, and nothing of another rule.
    fn rule(&mut self, node: &Node, origin: &Origin<'_>) -> Option<&'static str> {
        let Kind::Map(entries) = &node.kind else { return None };
        let begun = RULES.iter().filter(|(key, _)| node.get(key).is_some());
        let Some(&(rule, own)) = begun.clone().next() else {
            let span = entries.first().map_or(node.span, |(key, _)| key.span);
            let message = "Nothing says when production would ask.";
            self.findings.missing(Code::MissingKey, origin, span, message, FORMS);
            return None;
        };
        let before = self.findings.len();
        for (key, _) in entries {
            let name = key.raw().unwrap_or("");
            let another = RULES.iter().any(|(other, keys)| *other == name || keys.contains(&name));
            if name != rule && !own.contains(&name) && another {
                let message =
                    format!("`{name}` does not go with `{rule}`: these are two ways to say when production would ask.");
                self.findings.at(Code::TwoWaysToObserve, origin, key.span, message, FORMS);
            }
        }
        for name in own.iter().filter(|name| !matches!(**name, "where" | "as") && node.get(name).is_none()) {
            let span = node.get(rule).map_or(node.span, |n| n.span);
            let message = format!("`{name}` is missing beside `{rule}`.");
            self.findings.missing(Code::MissingKey, origin, span, message, FORMS);
        }
        (self.findings.len() == before).then_some(rule)
    }

    fn on_record(&mut self, node: &Node, unit: &Unit<'_>, wanted: &Wanted<'_>) -> Option<Observe> {
        let origin = &unit.origin;
        let on = node.get("on")?;
        let Found::Index(source) = self.source(on, origin) else { return None };
        let at = node.get("at").and_then(|n| self.instant(n, origin, source));
        let filter = node.get("where").map(|n| self.filter(n, unit.origin, source));
        let declared = &self.project.sources[source];
        let entities: BTreeSet<usize> = declared.touches.iter().map(|t| t.entity).collect();
        let entities: Vec<usize> = entities.into_iter().collect();
        let name = declared.name.clone();
        let lacks = |entity: &str, why: &str| {
            (
                format!("The records of `{name}` do not say which {entity} they are about, but {why}."),
                format!(
                    "Observe on a source that touches `{entity}`, mark the field of `{name}` that holds it with `entity: {entity}`, or leave the feature out."
                ),
            )
        };
        self.names_all(on, origin, &entities, &lacks, wanted);
        let held = self.keys(node, origin, (source, &entities), wanted);
        let (request, fields) = self.request_of(on, origin, source, wanted.features);
        let (field, offset) = at?;
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        let (keys, role) = held?;
        let rule = Rule::Record(OnRecord { source, field, offset, filter, keys, role, request: fields });
        Some(Observe { rule, entities, request, place: origin.place(on.span) })
    }

    fn on_calendar(&mut self, node: &Node, unit: &Unit<'_>, wanted: &Wanted<'_>) -> Option<Observe> {
        let origin = &unit.origin;
        let every = node.get("every")?;
        let entity = node.get("for").and_then(|n| self.entity(n, origin));
        let active_in = node.get("active_in")?;
        let source = self.source(active_in, origin);
        let Found::Index(source) = source else { return None };
        let filter = node.get("where").map(|n| self.filter(n, unit.origin, source));
        let entity = entity?;
        if !self.project.sources[source].touches.iter().any(|t| t.entity == entity) {
            self.not_touched(active_in, origin, source, entity);
            return None;
        }
        let name = self.project.entities[entity].name.clone();
        let lacks = |other: &str, why: &str| {
            (
                format!("On a calendar an observation names one {name}, and nothing says which {other}, but {why}."),
                format!(
                    "Observe on records that name both (`on:`), or from a file (`from:`); or ask about {other} in a question of its own."
                ),
            )
        };
        self.names_all(node.get("for")?, origin, &[entity], &lacks, wanted);
        if let Some(&told) = self.needs(wanted.features).1.first() {
            let told = &self.project.request[told].name;
            let message =
                format!("A feature reads `request.{told}`, but on a calendar nobody asks, so nobody tells it.");
            let help = format!(
                "Observe on records that have it (`on:`), from a file with a column `request.{told}` (`from:`), or leave the feature out."
            );
            self.findings.at(Code::ObservationLacksRequest, origin, every.span, message, help);
        }
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        let role = match node.get("as") {
            Some(n) => Some(self.role(n, origin, (source, entity))?),
            None => None,
        };
        let touches = self.project.sources[source].touches.iter();
        let touches = touches.filter(|t| t.entity == entity && (role.is_none() || role == t.role));
        let rule = OnCalendar {
            keys: touches.map(|t| t.fields.clone()).collect(),
            role,
            every: calendar::parse(every.raw()?).ok()?,
            entity,
            source,
            filter,
            window: window::parse(node.get("over")?.raw()?).ok()?,
        };
        let place = origin.place(every.span);
        Some(Observe { rule: Rule::Calendar(rule), entities: vec![entity], request: Vec::new(), place })
    }

    /// For each entity that a record touches, the fields that hold its key: of several of one kind, those of the role that is
    /// meant.
    fn keys(
        &mut self,
        node: &Node,
        origin: &Origin<'_>,
        (source, entities): (usize, &[usize]),
        wanted: &Wanted<'_>,
    ) -> Option<(Vec<Vec<usize>>, Option<String>)> {
        let touches = self.project.sources[source].touches.clone();
        let of = |entity: usize| touches.iter().filter(move |t| t.entity == entity);
        let mut needed = self.needs(wanted.features).0;
        needed.extend(wanted.outcome.map(|o| o.entity));
        let several = entities.iter().copied().find(|e| of(*e).count() > 1 && needed.contains(e));
        let role = match (node.get("as"), several.or(entities.first().copied())) {
            (Some(n), Some(entity)) => Some(self.role(n, origin, (source, entity))?),
            _ => None,
        };
        if let (None, Some(entity)) = (&role, several) {
            let roles: Vec<String> = of(entity).filter_map(|t| t.role.as_ref()).map(|r| format!("`{r}`")).collect();
            let (source, entity) = (&self.project.sources[source].name, &self.project.entities[entity].name);
            let message = format!(
                "The records of `{source}` touch a {entity} as {}, and nothing says which is asked about.",
                roles.join(" and as ")
            );
            let help = format!("Say which: `as: ROLE`, one of {}.", roles.join(", "));
            self.findings.at(Code::WhichOfSeveral, origin, node.get("on")?.span, message, help);
            return None;
        }
        let key = |entity: &usize| {
            let meant = of(*entity).find(|t| t.role == role).or_else(|| of(*entity).next());
            meant.map_or_else(Vec::new, |t| t.fields.clone())
        };
        Some((entities.iter().map(key).collect(), role))
    }

    /// A file names whatever is needed: which columns that are is said when it is read.
    fn on_file(&mut self, node: &Node, unit: &Unit<'_>, wanted: &Wanted<'_>) -> Option<Observe> {
        let from = node.get("from")?;
        let path = from.text()?;
        if Format::of_path(path).is_none() {
            let message = format!("The ending of `{path}` tells no format.");
            let help = "Name a file that ends in `.parquet`, `.csv` or `.jsonl`.";
            self.findings.at(Code::FormatNotRead, &unit.origin, from.span, message, help);
            return None;
        }
        let (mut entities, request) = self.needs(wanted.features);
        entities.extend(wanted.outcome.map(|outcome| outcome.entity));
        let place = unit.origin.place(from.span);
        let (entities, request) = (entities.into_iter().collect(), request.into_iter().collect());
        Some(Observe { rule: Rule::File(path.to_owned()), entities, request, place })
    }

    /// `FIELD`, `1 hour before FIELD`, `1 hour after FIELD`.
    fn instant(&mut self, node: &Node, origin: &Origin<'_>, source: usize) -> Option<(usize, Micros)> {
        let text = node.text()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let (word, offset) = match words.as_slice() {
            [field] => (*field, Some(0)),
            [span @ .., way @ ("before" | "after"), field] => {
                let span = parse_duration(&span.join(" ")).filter(|span| *span >= 0);
                (*field, span.map(|span| if *way == "before" { -span } else { span }))
            }
            _ => (text, None),
        };
        let Some(offset) = offset else {
            let message = format!("`{text}` does not say an instant.");
            let help = "Write a time field of the source, or `1 hour before FIELD`, or `1 hour after FIELD`.";
            self.findings.at(Code::BadObservationTime, origin, node.span, message, help);
            return None;
        };
        let declared = &self.project.sources[source];
        let times = || declared.fields.iter().filter(|f| f.ty == Type::Time).map(|f| f.name.as_str());
        match declared.field(word) {
            Some(field) if declared.fields[field].ty == Type::Time => Some((field, offset)),
            Some(field) => {
                let message = format!("`{word}` is {}, not a time.", declared.fields[field].ty.with_article());
                let help = instead(word, "time field", times());
                self.findings.at(Code::BadObservationTime, origin, node.span, message, help);
                None
            }
            None => {
                let message = format!("The source `{}` has no field `{word}`.", declared.name);
                let help = instead(word, "time field", times());
                let start = node.span.start + origin.text[node.span.start..node.span.end].rfind(word).unwrap_or(0);
                let span = crate::findings::Span { start, end: start + word.len() };
                self.findings.at(Code::UnknownField, origin, span, message, help);
                None
            }
        }
    }

    /// The keys that the features and the outcome need are among those that an observation names. `lacks` says what is wrong,
    /// and what to do, of an entity that is not, and of what needs it.
    fn names_all(
        &mut self,
        at: &Node,
        origin: &Origin<'_>,
        named: &[usize],
        lacks: &dyn Fn(&str, &str) -> (String, String),
        wanted: &Wanted<'_>,
    ) {
        let (entities, _) = self.needs(wanted.features);
        let mut lacking = Vec::new();
        if let Some(outcome) = wanted.outcome.filter(|o| !named.contains(&o.entity)) {
            lacking.push((outcome.entity, format!("the outcome `{}` is about one", outcome.name)));
        }
        for entity in entities {
            if named.contains(&entity) || lacking.iter().any(|(e, _)| *e == entity) {
                continue;
            }
            let by = wanted.features.iter().find(|f| self.needs(&[**f]).0.contains(&entity));
            let by = by.map_or("", |f| self.project.features[*f].name.as_str());
            lacking.push((entity, format!("the feature `{by}` needs one")));
        }
        for (entity, why) in lacking {
            let (message, help) = lacks(&self.project.entities[entity].name, &why);
            self.findings.at(Code::ObservationLacksEntity, origin, at.span, message, help);
        }
    }

    /// What the asker would tell stands on the record, in fields of the same names.
    fn request_of(
        &mut self,
        on: &Node,
        origin: &Origin<'_>,
        source: usize,
        features: &[usize],
    ) -> (Vec<usize>, Vec<usize>) {
        let (_, requests) = self.needs(features);
        let source = &self.project.sources[source];
        let mut pairs = Vec::new();
        for request in requests {
            let wanted = &self.project.request[request];
            match source.field(&wanted.name) {
                Some(field) if source.fields[field].ty == wanted.ty => pairs.push((request, field)),
                Some(field) => {
                    let ty = source.fields[field].ty;
                    let message = format!(
                        "`request.{}` is {}, but the field of `{}` is {}.",
                        wanted.name,
                        wanted.ty.with_article(),
                        source.name,
                        ty.with_article()
                    );
                    let help = format!(
                        "Give both one type: `type: {ty}` under `request:`, or `logicalType: {}` in the contract.",
                        wanted.ty
                    );
                    self.findings.at(Code::ObservationLacksRequest, origin, on.span, message, help);
                }
                None => {
                    let message = format!(
                        "A feature reads `request.{0}`, but the records of `{1}` have no field `{0}`.",
                        wanted.name, source.name
                    );
                    let help = instead(&wanted.name, "field", source.fields.iter().map(|f| f.name.as_str()));
                    let help = format!("Add the field to the contract under this name. {help}");
                    self.findings.at(Code::ObservationLacksRequest, origin, on.span, message, help);
                }
            }
        }
        pairs.into_iter().unzip()
    }
}
