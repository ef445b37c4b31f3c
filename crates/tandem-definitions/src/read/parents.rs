//! Which entities an entity belongs to, and by which features that is known; and in which roles records touch them.
//! Not here: reading the other features (`features.rs`).

use std::collections::BTreeSet;

use super::{Reader, Unit};
use crate::codes::Code;
use crate::diagnostic::Place;
use crate::findings::{Origin, instead};
use crate::project::{Input, Parent, Project};
use crate::sql::Inherited;
use crate::yaml::Node;

/// That an entity belongs to another one, as tandem.yaml says it.
pub(super) struct Belongs {
    child: usize,
    parent: usize,
    /// Which of the child's parents it is.
    position: usize,
    place: Place,
    text: String,
    /// The features that tell the parent's key, as they are named.
    by: Vec<String>,
}

impl Reader {
    /// Reads `belongs_to` of an entity, once all are declared.
    pub(super) fn belongs(&mut self, unit: &Unit<'_>, node: &Node) {
        let Some(child) = node.text_of("name").and_then(|name| self.project.entity(name)) else { return };
        for (position, parent) in node.list("belongs_to").iter().enumerate() {
            let Some(named) = parent.get("entity") else { continue };
            let Some(index) = self.entity(named, &unit.origin) else { continue };
            let by: Vec<String> = parent.list("by").iter().filter_map(|b| b.text().map(str::to_owned)).collect();
            let place = unit.origin.place(named.span);
            let text = unit.origin.excerpt(named.span).to_owned();
            self.belongs.push(Belongs { child, parent: index, position, place, text, by });
        }
    }

    /// The features that tell the key of the parent of this name, for a feature about `child`.
    pub(super) fn attributes(&self, child: Option<usize>, parent: &str) -> impl Iterator<Item = String> {
        let parent = self.project.entity(parent);
        let belongs = self.belongs.iter().filter(move |b| Some(b.child) == child && Some(b.parent) == parent);
        belongs.flat_map(|b| b.by.iter().cloned())
    }

    /// Resolves the features that tell the parents' keys, once all features are read.
    pub(super) fn parents(&mut self) {
        for belongs in std::mem::take(&mut self.belongs) {
            let features = self.attributes_of(&belongs).unwrap_or_default();
            let parents = &mut self.project.entities[belongs.child].parents;
            debug_assert!(parents.len() <= belongs.position, "parents are resolved in their order");
            parents.push(Parent { entity: belongs.parent, features });
        }
    }

    fn attributes_of(&mut self, belongs: &Belongs) -> Option<Vec<usize>> {
        let (child, parent) = (&self.project.entities[belongs.child], &self.project.entities[belongs.parent]);
        if belongs.by.len() != parent.keys.len() {
            let message = format!(
                "The key of `{}` has {} parts, and `by` names {} features.",
                parent.name,
                parent.keys.len(),
                belongs.by.len()
            );
            let parts: Vec<&str> = parent.keys.iter().map(|k| k.name.as_str()).collect();
            let help = format!("Name one feature for each part, in their order: {}.", parts.join(", "));
            return self.say(belongs, vec![(message, help)]);
        }
        let mut features = Vec::new();
        let mut problems: Vec<(String, String)> = Vec::new();
        for (name, part) in belongs.by.iter().zip(&parent.keys) {
            let Some(feature) = self.project.feature(name) else {
                if !self.broken.features.contains(name) {
                    let own = self.project.features.iter().filter(|f| f.entity == belongs.child);
                    let help = instead(name, "feature", own.map(|f| f.name.as_str()));
                    problems.push((format!("There is no feature `{name}` about the {}.", child.name), help));
                }
                return self.say(belongs, problems);
            };
            let declared = &self.project.features[feature];
            if declared.entity != belongs.child {
                let about = &self.project.entities[declared.entity].name;
                let message = format!("`{name}` is about the {about}, and must be about the {}.", child.name);
                problems.push((
                    message,
                    format!("Declare a feature about the {} that tells the {}.", child.name, parent.name),
                ));
            } else if declared.ty != part.ty {
                let message = format!(
                    "`{name}` is {}, and the key of `{}` is {}: they would never meet.",
                    declared.ty.with_article(),
                    parent.name,
                    part.ty.with_article()
                );
                problems.push((message, format!("Let it be {}, for example by `cast`.", part.ty.with_article())));
            }
            features.push(feature);
        }
        if problems.is_empty() { Some(features) } else { self.say(belongs, problems) }
    }

    fn say<T>(&mut self, belongs: &Belongs, problems: Vec<(String, String)>) -> Option<T> {
        for (message, help) in problems {
            self.findings.placed(Code::BadParent, belongs.place.clone(), &belongs.text, message, help);
        }
        None
    }

    /// The role that a feature names with `as`.
    pub(super) fn role(
        &mut self,
        node: &Node,
        origin: &Origin<'_>,
        (source, entity): (usize, usize),
    ) -> Option<String> {
        let role = node.text()?;
        let declared = &self.project.sources[source];
        let roles = || declared.touches.iter().filter(|t| t.entity == entity).filter_map(|t| t.role.as_deref());
        if roles().any(|known| known == role) {
            return Some(role.to_owned());
        }
        let entity = &self.project.entities[entity].name;
        let message = format!("The records of `{}` touch no {entity} as `{role}`.", declared.name);
        let help = if roles().next().is_none() {
            format!("Say it at the field of the contract: `entity: {entity} as {role}`, or leave `as` out.")
        } else {
            instead(role, "role", roles())
        };
        self.findings.at(Code::UnknownRole, origin, node.span, message, help);
        None
    }
}

/// What `ENTITY.FEATURE` means in a feature about `own`.
pub(super) fn inherited(
    project: &Project,
    declared: &BTreeSet<String>,
    belongs: &[Belongs],
    own: usize,
    (entity, name): (&str, &str),
) -> Inherited {
    let Some(parent) = project.entity(entity) else { return Inherited::NoEntity };
    let Some(belongs) = belongs.iter().find(|b| b.child == own && b.parent == parent) else {
        return Inherited::NoParent(project.entities[own].name.clone());
    };
    match project.feature(name).map(|feature| (feature, &project.features[feature])) {
        Some((feature, of)) if of.entity == parent => {
            Inherited::Known(Input::Parent { child: own, parent: belongs.position, feature }, of.ty)
        }
        None if declared.contains(name) => Inherited::Broken,
        _ => {
            let theirs = project.features.iter().filter(|f| f.entity == parent);
            Inherited::NoFeature(theirs.map(|f| f.name.clone()).collect())
        }
    }
}
