//! From the texts of a project's files to the [`Project`] and every finding at once.
//! What has findings of its own is left out of the project, and what refers to it is not blamed for that.

mod categories;
mod changes;
mod contract;
mod entities;
mod features;
mod models;
mod observations;
mod order;
mod parents;
mod questions;
mod retention;
mod team;

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::Code;
use crate::diagnostic::Diagnostic;
use crate::findings::{Findings, Origin, instead};
use crate::project::Project;
use crate::shape::{self, Shape};
use crate::shapes::{FileKind, KINDS};
use crate::yaml::{self, Node};

pub(crate) use categories::CATEGORIES;

/// One of the project's files: its path relative to the project's folder, with `/`, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Reads a project. What could be read stands in the project, whatever is found besides; nothing here panics.
/// The order of the files makes no difference.
pub fn read(files: &[File]) -> (Project, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    let units = reader.units(files);
    let of = |name: &str| units.iter().filter(|u| u.kind == name).collect::<Vec<_>>();
    reader.team(&of("project"));
    reader.contracts(&of("source"));
    reader.entity_keys();
    reader.features(&of("features"));
    reader.questions(&of("question"));
    reader.kept();
    reader.models(&of("model"));
    (reader.project, reader.findings.sorted())
}

/// A file that could be read as YAML.
struct Unit<'f> {
    kind: &'static str,
    origin: Origin<'f>,
    root: Node,
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    project: Project,
    findings: Findings,
    /// Declared, but with findings: not in the project, and not unknown either.
    broken: Broken,
    /// The names of the entities as their file has them, for findings that come later.
    entity_texts: Vec<String>,
    /// The field that first said which type a part of an entity's key has, by (entity, part).
    key_types: BTreeMap<(usize, usize), String>,
    /// What entities say to belong to.
    belongs: Vec<parents::Belongs>,
}

#[derive(Default)]
struct Broken {
    entities: BTreeSet<String>,
    sources: BTreeMap<String, BrokenSource>,
    request: BTreeSet<String>,
    features: BTreeSet<String>,
    questions: BTreeSet<String>,
}

/// A contract with findings: what is known of it.
struct BrokenSource {
    has_event: bool,
}

/// A name that a definition refers to.
enum Found {
    Index(usize),
    Broken,
    Unknown,
}

impl Reader {
    /// The files that a kind claims, as checked trees, by path.
    fn units<'f>(&mut self, files: &'f [File]) -> Vec<Unit<'f>> {
        let mut files: Vec<&File> = files.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut units = Vec::new();
        for file in files {
            let Some(kind) = kind_of(&file.path) else {
                self.stray(&file.path);
                continue;
            };
            let origin = Origin { path: &file.path, text: &file.text };
            let before = self.findings.len();
            match yaml::parse(&origin, &mut self.findings) {
                Some(root) if root.raw().is_some_and(str::is_empty) => self.empty(&origin, kind),
                Some(root) => {
                    shape::check(&root, Shape::Object(kind.object), &origin, &mut self.findings);
                    units.push(Unit { kind: kind.name, origin, root });
                }
                None if self.findings.len() == before => self.empty(&origin, kind),
                None => {}
            }
        }
        units
    }

    fn empty(&mut self, origin: &Origin<'_>, kind: &FileKind) {
        let keys: Vec<_> = kind.object.keys.iter().filter(|k| k.required.is_some()).map(|k| k.name).collect();
        self.findings.whole(
            Code::EmptyFile,
            origin.path,
            "This file says nothing.",
            format!("Write its keys ({}), or remove the file.", keys.join(", ")),
        );
    }

    fn stray(&mut self, path: &str) {
        let folder = path.split('/').next().unwrap_or("");
        let ours = matches!(folder, "sources" | "features" | "questions" | "models")
            || matches!(path, "tandem.yml" | "Tandem.yaml" | "tandem.YAML");
        let extension = path.rsplit('.').next().unwrap_or("").to_lowercase();
        if !ours || !matches!(extension.as_str(), "yaml" | "yml") {
            return;
        }
        let pattern = KINDS.iter().find(|k| k.pattern.starts_with(folder)).map_or("tandem.yaml", |k| k.pattern);
        self.findings.whole(
            Code::StrayFile,
            path,
            "Nothing reads this file.",
            format!("Give it a path such as `{pattern}`, or move it out of this folder."),
        );
    }

    /// The index of an entity that a definition refers to, or a finding.
    fn entity(&mut self, node: &Node, origin: &Origin<'_>) -> Option<usize> {
        let name = node.text()?;
        if let Some(index) = self.project.entity(name) {
            return Some(index);
        }
        if !self.broken.entities.contains(name) {
            let help = instead(name, "entity (in tandem.yaml)", self.project.entities.iter().map(|e| e.name.as_str()));
            self.findings.at(Code::UnknownEntity, origin, node.span, format!("There is no entity `{name}`."), help);
        }
        None
    }

    /// A source that a definition refers to, or a finding.
    fn source(&mut self, node: &Node, origin: &Origin<'_>) -> Found {
        let name = node.text().unwrap_or("");
        if let Some(index) = self.project.source(name) {
            return Found::Index(index);
        }
        if self.broken.sources.contains_key(name) || name.is_empty() {
            return Found::Broken;
        }
        let names = self.project.sources.iter().map(|s| s.name.as_str());
        let help = instead(
            name,
            "source (a contract in sources/)",
            names.chain(self.broken.sources.keys().map(String::as_str)),
        );
        self.findings.at(Code::UnknownSource, origin, node.span, format!("There is no source `{name}`."), help);
        Found::Unknown
    }

    /// A person that a definition refers to, or a finding.
    fn person(&mut self, node: Option<&Node>, origin: &Origin<'_>) -> Option<String> {
        let node = node?;
        let name = node.text()?;
        let people = &self.project.people;
        if !people.is_empty() && !people.iter().any(|p| p.name == name) {
            let help = instead(name, "person", people.iter().map(|p| p.name.as_str()));
            let help = format!("{help} The team stands in tandem.yaml.");
            self.findings.at(Code::UnknownPerson, origin, node.span, format!("`{name}` is not in the team."), help);
        }
        Some(name.to_owned())
    }

    /// A finding when a name was declared before.
    fn repeated(&mut self, what: &str, node: &Node, origin: &Origin<'_>, first: &crate::diagnostic::Place) {
        let name = node.text().unwrap_or("");
        self.findings.at(
            Code::DuplicateName,
            origin,
            node.span,
            format!("The {what} `{name}` is declared twice; first in {}, line {}.", first.file, first.line),
            "Rename one of the two, or remove it.",
        );
    }
}

fn kind_of(path: &str) -> Option<&'static FileKind> {
    KINDS.iter().find(|kind| matches(kind.pattern, path))
}

/// Whether a path is of a pattern in which each `*` stands for one name without `/`.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, tail)) => path
            .strip_prefix(head)
            .and_then(|rest| rest.strip_suffix(tail))
            .is_some_and(|name| !name.is_empty() && !name.contains('/')),
    }
}
