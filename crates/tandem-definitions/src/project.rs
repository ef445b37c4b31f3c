//! The project as the team declared it: what the rest of Tandem reads. Everything in it has been checked;
//! indexes point into the vectors of [`Project`]. Not here: how values are computed
//! (`aggregation.rs`, `expression.rs`), and how all of it is read from YAML (`read/`).

use serde::{Deserialize, Serialize};

pub use crate::aggregation::{Aggregate, Category, Computation, Fraction, Function, Input, Period, Window};
use crate::diagnostic::Place;
use crate::normalise::Normalise;
use crate::question::Question;
use crate::value::{Micros, Type, Value};

/// A whole project.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Project {
    /// The project's name.
    pub name: String,
    /// The team, with the roles.
    pub people: Vec<Person>,
    /// Whom features are about.
    pub entities: Vec<Entity>,
    /// The production logs, by name in alphabetical order.
    pub sources: Vec<Source>,
    /// What the asker of a question tells along with the entities.
    pub request: Vec<RequestField>,
    /// The features, every one after those that it reads.
    pub features: Vec<Feature>,
    /// The product questions.
    pub questions: Vec<Question>,
    /// The models.
    pub models: Vec<Model>,
    /// The server of every contract that production reads; the first one of each without it.
    #[serde(default)]
    pub server: Option<String>,
}

/// One of the team.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The name that `owner` and `asked_by` use.
    pub name: String,
    /// Data scientist, developer, product manager, …
    pub role: String,
}

/// Whom a feature is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// What it is, in a plain sentence.
    pub meaning: String,
    /// The parts of its key, in order; at least one. An entity with one part has the part named like itself unless stated.
    pub keys: Vec<KeyPart>,
    /// What is done to the texts of a key before they are compared.
    #[serde(default, skip_serializing_if = "Normalise::is_nothing")]
    pub normalise: Normalise,
    /// The entities that it belongs to: its features may read theirs.
    #[serde(default)]
    pub parents: Vec<Parent>,
    /// Where it is declared.
    pub place: Place,
}

/// One part of an entity's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyPart {
    /// Its name.
    pub name: String,
    /// Its type; the sources that touch the entity agree on it.
    pub ty: Type,
}

/// An entity that another one belongs to, as the aircraft to its carrier: which one it is says an attribute, at each
/// instant by what was known then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent, by the entity's index.
    pub entity: usize,
    /// For each part of the parent's key, the feature of the child that tells it.
    pub features: Vec<usize>,
}

/// A production log with its data contract.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// Its name: the name of the contract's one schema object.
    pub name: String,
    /// The contract's version.
    pub version: String,
    /// What a record of it is; may be empty.
    pub meaning: String,
    /// Where its records lie, for each server of the contract.
    pub locations: Vec<Location>,
    /// Its fields, in the contract's order.
    pub fields: Vec<Field>,
    /// The field that holds the event time.
    pub event: usize,
    /// How the arrival time is known.
    pub arrival: Arrival,
    /// The fields that identify a record (none: every record is its own).
    pub identity: Vec<usize>,
    /// Whether a later record of the same identity replaces the earlier one, from its arrival on.
    #[serde(default)]
    pub corrects: bool,
    /// The boolean field that removes the record of the same identity where it is true.
    #[serde(default)]
    pub tombstone: Option<usize>,
    /// How long its records are kept, reckoned from their event time; `None`: for ever, as far as anybody has said.
    #[serde(default)]
    pub retention: Option<Micros>,
    /// What is done with records whose arrival time cannot be taken as it stands.
    #[serde(default)]
    pub treatment: Treatment,
    /// The entities that a record touches.
    pub touches: Vec<Touch>,
    /// The IANA zone of times that carry no offset; UTC without it.
    pub time_zone: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// Where a source's records lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Location {
    /// The server's name in the contract: the environment.
    pub server: String,
    /// A file, a folder or a glob, relative to the project's folder or absolute.
    pub path: String,
    /// How they are written.
    pub format: Format,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl Format {
    /// The format that the ending of a path tells.
    pub fn of_path(path: &str) -> Option<Self> {
        let ending = path.rsplit_once('.')?.1.to_lowercase();
        match ending.as_str() {
            "parquet" | "pq" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "jsonl" | "json" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// A field of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether a record without it breaks the contract.
    pub required: bool,
    /// What is done to it as it is read, since it holds a part of a key.
    #[serde(default, skip_serializing_if = "Normalise::is_nothing")]
    pub normalise: Normalise,
    /// The time field that says when its value became known, where that was later than the record; null: never.
    #[serde(default)]
    pub arrives: Option<usize>,
    /// What it is; may be empty.
    pub meaning: String,
    /// Where it is declared.
    pub place: Place,
}

/// How the arrival time of a source's records is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Arrival {
    /// Our own log stamped it, in the column [`ARRIVED_AT`].
    Observed,
    /// A field says so.
    Declared {
        /// The field's index.
        field: usize,
    },
    /// The event time plus a stated delay.
    Assumed {
        /// The delay, zero or more.
        delay: Micros,
    },
}

/// What is done with records whose arrival time cannot be taken as it stands. What is not stated is a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treatment {
    /// With those that have none; left out where nothing is stated.
    pub missing: Option<WhenMissing>,
    /// With those that arrived before they happened; counted from their event on where nothing is stated.
    pub early: Option<WhenEarly>,
}

/// What is done with a record without an arrival time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenMissing {
    /// It never counts.
    LeaveOut,
    /// It is assumed to have arrived so long after its event.
    Assume {
        /// The delay, zero or more.
        delay: Micros,
    },
}

/// What is done with a record that claims to have arrived before it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenEarly {
    /// It counts from its event on.
    Event,
    /// It never counts.
    LeaveOut,
}

impl Treatment {
    /// The arrival time of a record that happened and, as it says, arrived then; `None`: it never counts.
    pub fn arrival(self, event: Micros, said: Option<Micros>) -> Option<Micros> {
        match said {
            Some(arrival) if arrival < event => (self.early != Some(WhenEarly::LeaveOut)).then_some(event),
            Some(arrival) => Some(arrival),
            None => self.assumed_delay().map(|delay| event.saturating_add(delay)),
        }
    }

    /// How long after its event a record without an arrival time is assumed to have arrived, if it is.
    pub fn assumed_delay(self) -> Option<Micros> {
        if let Some(WhenMissing::Assume { delay }) = self.missing { Some(delay) } else { None }
    }
}

/// The column in which Tandem's own log stamps the arrival time of a record.
pub const ARRIVED_AT: &str = "_arrived_at";

/// An entity that a source's records touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// The entity's index.
    pub entity: usize,
    /// For each part of the entity's key, the field that holds it.
    pub fields: Vec<usize>,
    /// As what the record touches it (`sender`), where it touches several of the same kind.
    #[serde(default)]
    pub role: Option<String>,
}

/// What the asker of a question tells along with the entities.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestField {
    /// Its name; expressions write `request.NAME`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it is.
    pub meaning: String,
    /// Where it is declared.
    pub place: Place,
}

/// A named value of an entity at an instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Feature {
    /// Its name, unique in the project.
    pub name: String,
    /// What it means, in a plain sentence.
    pub meaning: String,
    /// Who looks after it.
    pub owner: String,
    /// Whom it is about.
    pub entity: usize,
    /// How it is computed.
    pub value: Computation,
    /// Its type.
    pub ty: Type,
    /// What it is instead of null.
    pub default: Option<Value>,
    /// Where it is declared.
    pub place: Place,
}

/// What turns a training set into an ONNX file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Model {
    /// Its name: the folder's.
    pub name: String,
    /// What it does, in a plain sentence.
    pub meaning: String,
    /// Who looks after it.
    pub owner: String,
    /// The question it answers, by index.
    pub question: usize,
    /// Its inputs, by feature index, in order.
    pub features: Vec<usize>,
    /// The notebook, relative to the project's folder.
    pub notebook: String,
    /// The pinned and hashed requirements, relative to the project's folder.
    pub lock: String,
    /// Where it is declared.
    pub place: Place,
}

impl Project {
    /// The index of the source of this name.
    pub fn source(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|s| s.name == name)
    }

    /// The index of the feature of this name.
    pub fn feature(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|f| f.name == name)
    }

    /// The index of the entity of this name.
    pub fn entity(&self, name: &str) -> Option<usize> {
        self.entities.iter().position(|e| e.name == name)
    }

    /// The question of this name.
    pub fn question(&self, name: &str) -> Option<&Question> {
        self.questions.iter().find(|q| q.name == name)
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|m| m.name == name)
    }
}

impl Source {
    /// The index of the field of this name.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }
}
