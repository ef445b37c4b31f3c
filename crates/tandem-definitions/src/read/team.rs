//! `tandem.yaml`: the team, and whom its features are about.

use super::{Reader, Unit};
use crate::codes::Code;
use crate::normalise::Normalise;
use crate::project::{Entity, KeyPart, Person};
use crate::shape::is_name;
use crate::value::Type;
use crate::yaml::Node;

impl Reader {
    pub(super) fn team(&mut self, units: &[&Unit<'_>]) {
        let Some(unit) = units.first() else {
            self.findings.whole(
                Code::NoProject,
                "tandem.yaml",
                "The project has no tandem.yaml that can be read.",
                "Write one with `name`, `people` and `entities`; `tandem init` makes one.",
            );
            return;
        };
        unit.root.text_of("name").unwrap_or_default().clone_into(&mut self.project.name);
        self.project.server = unit.root.get("serve").and_then(|s| s.text_of("server")).map(str::to_owned);
        for node in unit.root.list("people") {
            self.one_of_the_team(unit, node);
        }
        for node in unit.root.list("entities") {
            self.declared_entity(unit, node);
        }
        for node in unit.root.list("entities") {
            self.belongs(unit, node);
        }
    }

    fn one_of_the_team(&mut self, unit: &Unit<'_>, node: &Node) {
        let Some(name_node) = node.get("name") else { return };
        let Some(name) = name_node.text() else { return };
        if self.project.people.iter().any(|p| p.name == name) {
            let message = format!("`{name}` stands twice in the team.");
            self.findings.at(Code::DuplicateName, &unit.origin, name_node.span, message, "Keep one of the two.");
            return;
        }
        let role = node.text_of("role").unwrap_or_default().to_owned();
        self.project.people.push(Person { name: name.to_owned(), role });
    }

    fn declared_entity(&mut self, unit: &Unit<'_>, node: &Node) {
        let Some(name_node) = node.get("name") else { return };
        let Some(name) = name_node.text() else { return };
        if let Some(first) = self.project.entities.iter().find(|e| e.name == name) {
            let place = first.place.clone();
            return self.repeated("entity", name_node, &unit.origin, &place);
        }
        let mut keys: Vec<KeyPart> = Vec::new();
        for part in node.list("keys") {
            let Some(word) = part.text().filter(|w| is_name(w)) else { continue };
            if keys.iter().any(|k| k.name == word) {
                let message = format!("The key of `{name}` names the part `{word}` twice.");
                self.findings.at(Code::DuplicateName, &unit.origin, part.span, message, "Keep one of the two.");
                continue;
            }
            // Its type is that of the fields that hold it; see `entities.rs`.
            keys.push(KeyPart { name: word.to_owned(), ty: Type::Text });
        }
        if keys.is_empty() {
            keys.push(KeyPart { name: name.to_owned(), ty: Type::Text });
        }
        let told = |word: &str| node.list("normalise").iter().any(|one| one.text() == Some(word));
        let normalise = Normalise { trim: told("trim"), lower: told("lower") };
        self.entity_texts.push(unit.origin.excerpt(name_node.span).to_owned());
        self.project.entities.push(Entity {
            name: name.to_owned(),
            meaning: node.text_of("meaning").unwrap_or_default().to_owned(),
            keys,
            normalise,
            parents: Vec::new(),
            place: unit.origin.place(name_node.span),
        });
    }
}
