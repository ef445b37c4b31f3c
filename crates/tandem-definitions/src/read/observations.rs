//! Observations: when production would ask, and whether the record that it asks on says all that is needed.

use super::{Found, Reader, Unit};
use crate::codes::Code;
use crate::findings::{Origin, instead};
use crate::question::{Observe, Outcome};
use crate::time::parse_duration;
use crate::value::{Micros, Type};
use crate::yaml::Node;

impl Reader {
    pub(super) fn observe(
        &mut self,
        node: &Node,
        unit: &Unit<'_>,
        features: &[usize],
        outcome: Option<&Outcome>,
    ) -> Option<Observe> {
        let origin = &unit.origin;
        let on = node.get("on")?;
        let Found::Index(source) = self.source(on, origin) else { return None };
        let at = node.get("at").and_then(|n| self.instant(n, origin, source));
        let filter = node.get("where").map(|n| self.filter(n, unit.origin, source));
        self.touches_all(on, origin, source, features, outcome);
        let request = self.request_of(on, origin, source, features);
        let (field, offset) = at?;
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        Some(Observe { source, field, offset, filter, request, place: origin.place(on.span) })
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

    /// All keys that the features and the outcome need must be on the record that is asked on.
    fn touches_all(
        &mut self,
        on: &Node,
        origin: &Origin<'_>,
        source: usize,
        features: &[usize],
        outcome: Option<&Outcome>,
    ) {
        let (entities, _) = self.needs(features);
        let source = &self.project.sources[source];
        let touched = |entity: usize| source.touches.iter().any(|t| t.entity == entity);
        let mut lacking = Vec::new();
        if let Some(outcome) = outcome.filter(|o| !touched(o.entity)) {
            lacking.push((outcome.entity, format!("the outcome `{}` is about one", outcome.name)));
        }
        for entity in entities {
            if touched(entity) || lacking.iter().any(|(e, _)| *e == entity) {
                continue;
            }
            let by = features.iter().find(|f| self.needs(&[**f]).0.contains(&entity));
            let by = by.map_or("", |f| self.project.features[*f].name.as_str());
            lacking.push((entity, format!("the feature `{by}` needs one")));
        }
        for (entity, why) in lacking {
            let entity = &self.project.entities[entity].name;
            let message =
                format!("The records of `{}` do not say which {entity} they are about, but {why}.", source.name);
            let help = format!(
                "Observe on a source that touches `{entity}`, mark the field of `{}` that holds it with `entity: {entity}`, or leave the feature out.",
                source.name
            );
            self.findings.at(Code::ObservationLacksEntity, origin, on.span, message, help);
        }
    }

    /// What the asker would tell stands on the record, in fields of the same names.
    fn request_of(&mut self, on: &Node, origin: &Origin<'_>, source: usize, features: &[usize]) -> Vec<(usize, usize)> {
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
        pairs
    }
}
