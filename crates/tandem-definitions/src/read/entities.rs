//! Which entities a source's records touch, and of which types their keys are.

use std::collections::BTreeMap;

use super::contract::{Draft, Held};
use super::{Reader, Unit};
use crate::codes::Code;
use crate::findings::{Span, instead};
use crate::project::Touch;
use crate::value::Type;

/// The field that holds a part of a key, if any does, and where that is said.
type Part = Option<(usize, Span)>;

impl Reader {
    /// Resolves what the fields say they hold; every part of a key must be there.
    pub(super) fn touched(&mut self, unit: &Unit<'_>, draft: &mut Draft) {
        // By entity and role.
        let mut found: BTreeMap<(usize, Option<String>), Vec<Part>> = BTreeMap::new();
        for Held { field, entity: name, part, role, span } in &draft.touches {
            let Some(entity) = self.project.entity(name) else {
                if !self.broken.entities.contains(name) {
                    let names = self.project.entities.iter().map(|e| e.name.as_str());
                    let help = instead(name, "entity (in tandem.yaml)", names);
                    let message = format!("There is no entity `{name}`.");
                    self.findings.at(Code::UnknownEntity, &unit.origin, *span, message, help);
                }
                continue;
            };
            let keys = &self.project.entities[entity].keys;
            let index = match part {
                None if keys.len() == 1 => Some(0),
                None => None,
                Some(part) => keys.iter().position(|k| k.name == *part),
            };
            let Some(index) = index else {
                let parts: Vec<String> = keys.iter().map(|k| format!("{name}.{}", k.name)).collect();
                let message = format!(
                    "The key of `{name}` has {} parts; this must say which of them the field holds.",
                    keys.len()
                );
                let word = part.as_ref().map_or(name.clone(), |p| format!("{name}.{p}"));
                let help = instead(&word, "part", parts.iter().map(String::as_str));
                self.findings.at(Code::IncompleteKey, &unit.origin, *span, message, help);
                continue;
            };
            let slots = found.entry((entity, role.clone())).or_insert_with(|| vec![None; keys.len()]);
            if let Some((other, _)) = slots[index] {
                let message = format!("`{name}` is held by `{}` already.", draft.source.fields[other].name);
                let help = format!(
                    "Say as what each of the two is touched: `entity: {name} as sender`, `entity: {name} as receiver`."
                );
                self.findings.at(Code::IncompleteKey, &unit.origin, *span, message, help);
                continue;
            }
            slots[index] = Some((*field, *span));
        }
        for (touched, slots) in found {
            self.touch(unit, draft, touched, &slots);
        }
    }

    fn touch(&mut self, unit: &Unit<'_>, draft: &mut Draft, (entity, role): (usize, Option<String>), slots: &[Part]) {
        let mut fields = Vec::new();
        for (part, slot) in slots.iter().enumerate() {
            match slot {
                Some((field, span)) => {
                    self.key_type(unit, draft, (entity, part), *field, *span);
                    self.normalise(unit, draft, entity, *field, *span);
                    fields.push(*field);
                }
                None => {
                    let declared = &self.project.entities[entity];
                    let message = format!(
                        "The records of `{}` hold a part of the key of `{}`, but not `{}`.",
                        draft.source.name, declared.name, declared.keys[part].name
                    );
                    let help = format!(
                        "Mark the field that holds it with `entity: {}.{}`.",
                        declared.name, declared.keys[part].name
                    );
                    let span = slots.iter().flatten().map(|(_, span)| *span).next().unwrap_or_default();
                    self.findings.at(Code::IncompleteKey, &unit.origin, span, message, help);
                }
            }
        }
        if fields.len() == slots.len() {
            draft.source.touches.push(Touch { entity, fields, role });
        }
    }

    /// The field is read in the form that the entity asks for: in one, even where it holds the keys of two entities.
    fn normalise(&mut self, unit: &Unit<'_>, draft: &mut Draft, entity: usize, field: usize, span: Span) {
        let declared = &self.project.entities[entity];
        let others = draft.source.touches.iter().filter(|touch| touch.fields.contains(&field));
        for other in others.map(|touch| &self.project.entities[touch.entity]) {
            if other.normalise != declared.normalise {
                let name = &draft.source.fields[field].name;
                let (one, two) = (&other.name, &declared.name);
                let message = format!("`{name}` holds the key of `{one}` and of `{two}`, which normalise differently.");
                let help = format!("Give `{one}` and `{two}` the same `normalise` in tandem.yaml.");
                self.findings.at(Code::KeyTypesDiffer, &unit.origin, span, message, help);
            }
        }
        if draft.source.fields[field].ty == Type::Text {
            draft.source.fields[field].normalise = declared.normalise;
        }
    }

    /// The first source (by its file's path) says which type a key has; the others agree.
    fn key_type(&mut self, unit: &Unit<'_>, draft: &Draft, part: (usize, usize), field: usize, span: Span) {
        let field = &draft.source.fields[field];
        let key = &mut self.project.entities[part.0].keys[part.1];
        match self.key_types.get(&part) {
            None => {
                key.ty = field.ty;
                self.key_types.insert(part, format!("{}.{}", draft.source.name, field.name));
            }
            Some(_) if key.ty == field.ty => {}
            Some(first) => {
                let message = format!(
                    "`{}` is {} here, but the same key is {} in `{first}`: no record of one would meet the other.",
                    field.name,
                    field.ty.with_article(),
                    key.ty.with_article()
                );
                let help = format!("Bring both contracts to one `logicalType`, most likely `{}`.", key.ty);
                self.findings.at(Code::KeyTypesDiffer, &unit.origin, span, message, help);
            }
        }
    }

    /// An entity that no record touches can have no features.
    pub(super) fn entity_keys(&mut self) {
        for (index, entity) in self.project.entities.iter().enumerate() {
            if !(0..entity.keys.len()).any(|part| self.key_types.contains_key(&(index, part))) {
                self.findings.placed(
                    Code::UntouchedEntity,
                    entity.place.clone(),
                    &self.entity_texts[index],
                    format!("No source holds a key of `{}`.", entity.name),
                    format!("Mark the field that holds it: `customProperties: [{{property: entity, value: {}, vendor: tandem}}]`.", entity.name),
                );
            }
        }
    }
}
