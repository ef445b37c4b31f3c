//! The tables: what stands in each kind of file. Both the structural check and the JSON Schemas come from here.

use crate::codes::Code;
use crate::normalise::Normalise;
use crate::shape::{Key, Object, Shape};

/// A kind of file.
#[derive(Debug)]
pub(crate) struct FileKind {
    pub name: &'static str,
    /// Where such files lie in a project; `*` stands for one name.
    pub pattern: &'static str,
    pub object: &'static Object,
}

/// All kinds of file.
pub(crate) static KINDS: &[FileKind] = &[
    FileKind { name: "project", pattern: "tandem.yaml", object: &PROJECT },
    FileKind { name: "source", pattern: "sources/*.odcs.yaml", object: &CONTRACT },
    FileKind { name: "features", pattern: "features/*.yaml", object: &FEATURES },
    FileKind { name: "question", pattern: "questions/*.yaml", object: &QUESTION },
    FileKind { name: "model", pattern: "models/*/model.yaml", object: &MODEL },
];

const TEXTS: Shape = Shape::List(&Shape::Text);
const NAMES: Shape = Shape::List(&Shape::Name);

const fn list_of(item: &'static Shape) -> Shape {
    Shape::List(item)
}

pub(crate) static PROJECT: Object = Object {
    doc: "A project: the team, and whom its features are about.",
    open: false,
    keys: &[
        Key::new("name", Shape::Text, "the project's name.").required(),
        Key::new("people", list_of(&Shape::Object(&PERSON)), "the team: owners and askers are named here.").required(),
        Key::new("entities", list_of(&Shape::Object(&ENTITY)), "whom features are about.").required(),
        Key::new("serve", Shape::Object(&SERVE), "what this project reads in production."),
    ],
};

static PERSON: Object = Object {
    doc: "A person of the team.",
    open: false,
    keys: &[
        Key::new("name", Shape::Text, "the name that `owner` and `asked_by` use.").required(),
        Key::new("role", Shape::Text, "data scientist, developer, product, …").required(),
    ],
};

static ENTITY: Object = Object {
    doc: "An entity.",
    open: false,
    keys: &[
        Key::new("name", Shape::Name, "the name that features and contracts use.").required(),
        Key::new("meaning", Shape::Text, "what it is, in a plain sentence.").required_as(Code::MissingMeaning),
        Key::new("keys", NAMES, "the parts of its key; without it, one part named like the entity."),
        Key::new(
            "normalise",
            list_of(&Shape::Choice(Normalise::WORDS)),
            "what is done to the texts of its key before they are compared: `trim` (white space at both ends), `lower` (case).",
        ),
        Key::new(
            "belongs_to",
            list_of(&Shape::Object(&PARENT)),
            "the entities that it is a part of: its features may read theirs, as in `carrier.delay_7d`.",
        ),
    ],
};

static PARENT: Object = Object {
    doc: "An entity that another one belongs to.",
    open: false,
    keys: &[
        Key::new("entity", Shape::Name, "the parent.").required(),
        Key::new("by", NAMES, "for each part of the parent's key, the feature of the child that tells it.").required(),
    ],
};

static SERVE: Object = Object {
    doc: "What this project reads in production.",
    open: false,
    keys: &[Key::new("server", Shape::Text, "the server of every contract that is read; the first one without it.")],
};

pub(crate) static CONTRACT: Object = Object {
    doc: "A data contract of the Open Data Contract Standard 3.x, as Tandem reads it.",
    open: true,
    keys: &[
        Key::new("apiVersion", Shape::Text, "the version of the standard, such as `v3.2.0`.").required(),
        Key::new("kind", Shape::Text, "always `DataContract`.").required(),
        Key::new("id", Shape::Text, "the contract's id.").required(),
        Key::new("version", Shape::Text, "the contract's own version, such as `1.0.0`.").required(),
        Key::new("status", Shape::Text, "`active`, `draft`, …"),
        Key::new("servers", list_of(&Shape::Object(&SERVER)), "where the records lie, for each environment."),
        Key::new("schema", list_of(&Shape::Object(&SCHEMA)), "the one stream of records that it describes.").required(),
        Key::new(
            "slaProperties",
            list_of(&Shape::Object(&SLA)),
            "service levels; `retention` says how long records are kept.",
        ),
    ],
};

static SLA: Object = Object {
    doc: "A service level of a contract.",
    open: true,
    keys: &[
        Key::new("property", Shape::Text, "its name; Tandem reads `retention`."),
        Key::new("value", Shape::Any, "its value: a number for `retention`."),
        Key::new("unit", Shape::Text, "the unit of the value: `d` for days, `y` for years of 365 days."),
    ],
};

static SERVER: Object = Object {
    doc: "A server of a contract.",
    open: true,
    keys: &[
        Key::new("server", Shape::Text, "the environment's name.").required(),
        Key::new("type", Shape::Text, "`local`, …"),
        Key::new("path", Shape::Text, "a file, a folder or a glob, relative to the project."),
        Key::new("format", Shape::Text, "`parquet`, `csv` or `jsonl`."),
    ],
};

static SCHEMA: Object = Object {
    doc: "The schema of a source.",
    open: true,
    keys: &[
        Key::new("name", Shape::Name, "the source's name.").required(),
        Key::new("logicalType", Shape::Text, "always `object`."),
        Key::new("description", Shape::Text, "what a record of it is."),
        Key::new("properties", list_of(&Shape::Object(&PROPERTY)), "the fields of a record.").required(),
        Key::new(
            "customProperties",
            list_of(&Shape::Object(&CUSTOM)),
            "Tandem's own: `arrival: observed` or `arrivalDelay: 5 minutes`, `corrects: true` (a later record of the same identity replaces the earlier one), `whenArrivalMissing: leave out` or `assume 5 minutes`, `whenArrivalBeforeEvent: event` or `leave out`, and `timeZone: America/New_York`.",
        ),
    ],
};

static PROPERTY: Object = Object {
    doc: "A field of a source.",
    open: true,
    keys: &[
        Key::new("name", Shape::Text, "the field's name.").required(),
        Key::new("logicalType", Shape::Text, "`string`, `integer`, `number`, `boolean`, `timestamp` or `date`.")
            .required(),
        Key::new("required", Shape::Bool, "whether a record without it breaks the contract."),
        Key::new("description", Shape::Text, "what it is."),
        Key::new(
            "customProperties",
            list_of(&Shape::Object(&CUSTOM)),
            "Tandem's own: `timeRole: event` or `arrival`, `entity: NAME` or `NAME.PART`, `identity: true`, `tombstone: true` (where it is true, the record of the same identity is removed), `arrives: FIELD` (the time from which on the value is known).",
        ),
    ],
};

static CUSTOM: Object = Object {
    doc: "A custom property of a contract.",
    open: true,
    keys: &[
        Key::new("property", Shape::Text, "its name.").required(),
        Key::new("value", Shape::Any, "its value.").required(),
        Key::new("vendor", Shape::Text, "`tandem` for Tandem's own."),
    ],
};

pub(crate) static FEATURES: Object = Object {
    doc: "A file of features of one entity.",
    open: false,
    keys: &[
        Key::new("entity", Shape::Text, "whom the features are about.").required(),
        Key::new(
            "request",
            list_of(&Shape::Object(&REQUEST)),
            "what the asker tells; expressions write `request.NAME`.",
        ),
        Key::new("features", list_of(&Shape::Object(&FEATURE)), "the features.").required(),
    ],
};

static REQUEST: Object = Object {
    doc: "A field of the request.",
    open: false,
    keys: &[
        Key::new("name", Shape::Name, "expressions write `request.NAME`.").required(),
        Key::new("type", Shape::Choice(TYPES), "its type.").required(),
        Key::new("meaning", Shape::Text, "what it is, in a plain sentence.").required_as(Code::MissingMeaning),
    ],
};

/// The types of a field of the request.
pub(crate) const TYPES: &[&str] = &["string", "integer", "number", "boolean", "timestamp"];

static FEATURE: Object = Object {
    doc: "A feature.",
    open: false,
    keys: &[
        Key::new("name", Shape::Name, "its name, unique in the project.").required(),
        Key::new("meaning", Shape::Text, "what it means, in a plain sentence that a product person understands.")
            .required_as(Code::MissingMeaning),
        Key::new("owner", Shape::Text, "who of the team looks after it.").required_as(Code::MissingOwner),
        Key::new("from", Shape::Text, "the source whose records are folded."),
        Key::new("value", Shape::Sql, "a SQL expression: aggregations of the source, other features, `request.NAME`.")
            .required(),
        Key::new(
            "as",
            Shape::Name,
            "only records that touch the entity in this role, as its contract says (`sender`).",
        ),
        Key::new("where", Shape::Sql, "which records count: a SQL condition over the source's fields."),
        Key::new(
            "over",
            Shape::Window,
            "how far back in event time it looks: `7 days`, `7 days, ending 7 days ago`, `today in Europe/London`, `this week`, `this month`, or `all time`.",
        ),
        Key::new(
            "by",
            Shape::Sql,
            "what its records are grouped by, for a map from category to value: a field of the source, or an expression over its fields.",
        ),
        Key::new(
            "categories",
            Shape::Categories,
            "how many categories `by` may find in the window; with more, the value is null and a finding says so; 100 without it.",
        ),
        Key::new("default", Shape::Scalar, "what it is instead of null."),
    ],
};

pub(crate) static QUESTION: Object = Object {
    doc: "A question.",
    open: false,
    keys: &[
        Key::new("name", Shape::Name, "its name.").required(),
        Key::new("question", Shape::Text, "the question, in the words of who asked it.").required(),
        Key::new("asked_by", Shape::Text, "who of the team asked.").required(),
        Key::new("decides", Shape::Text, "what will be decided with the answer.").required(),
        Key::new("by", Shape::Instant, "by when the answer is wanted."),
        Key::new("observe", Shape::Object(&OBSERVE), "when production would ask, and about whom.").required(),
        Key::new("outcome", Shape::Object(&OUTCOME), "what the question wants to know, seen after the observation.")
            .required_as(Code::NoOutcome),
        Key::new("features", TEXTS, "the features that may answer it; all of the project without it."),
        Key::new("success", Shape::Object(&SUCCESS), "what success looks like.").required(),
        Key::new("split", Shape::Object(&SPLIT), "how the observations are split in time.").required(),
    ],
};

static OBSERVE: Object = Object {
    doc: "The observations of a question.",
    open: false,
    keys: &[
        Key::new("on", Shape::Text, "the source whose every record is an observation."),
        Key::new("at", Shape::Text, "with `on`: a time field, or `1 hour before FIELD`, or `1 hour after FIELD`."),
        Key::new(
            "every",
            Shape::Calendar,
            "how often, on a wall clock: `day 06:00 Europe/London`, `Monday 06:00 Europe/London`, `month on day 1 06:00 UTC`.",
        ),
        Key::new(
            "for",
            Shape::Text,
            "with `every`: the entity; each that was active at the instant is an observation.",
        ),
        Key::new("active_in", Shape::Text, "with `every`: the source whose records say who was active."),
        Key::new("as", Shape::Name, "with `on` or `every`: in which role the record touches the entity (`sender`)."),
        Key::new(
            "over",
            Shape::Window,
            "with `every`: how far back a record may have happened: `90 days`, or `all time`.",
        ),
        Key::new("where", Shape::Sql, "with `on` or `every`: which records: a SQL condition over the source's fields."),
        Key::new(
            "from",
            Shape::Text,
            "a Parquet, CSV or JSON lines file in the project: the entities' keys, `at`, and `request.NAME`; a row each.",
        ),
    ],
};

static OUTCOME: Object = Object {
    doc: "The outcome of a question.",
    open: false,
    keys: &[
        Key::new("name", Shape::Name, "its name: the label column of the training set.").required(),
        Key::new("entity", Shape::Text, "whom it is about.").required(),
        Key::new("from", Shape::Text, "the source that tells it.").required(),
        Key::new("value", Shape::Sql, "a SQL expression over aggregations of the source.").required(),
        Key::new("where", Shape::Sql, "which records count: a SQL condition over the source's fields."),
        Key::new("within", Shape::Duration(true), "the horizon: how far ahead in event time it looks.").required(),
        Key::new("reporting_delay", Shape::Duration(false), "how long after the horizon the last record may arrive."),
        Key::new("when_missing", Shape::Text, "why there is no outcome, when there is none: `cancelled or diverted`."),
    ],
};

static SUCCESS: Object = Object {
    doc: "What success of a question looks like.",
    open: false,
    keys: &[
        Key::new("metric", Shape::Choice(METRICS), "how it is measured.").required(),
        Key::new("at_least", Shape::Number, "the least value that counts as success.").required(),
    ],
};

/// The metrics, by their words.
pub(crate) const METRICS: &[&str] = &["roc_auc", "average_precision", "brier_skill"];

static SPLIT: Object = Object {
    doc: "The split of a question's observations.",
    open: false,
    keys: &[
        Key::new("test_from", Shape::Instant, "observations from here on are for testing (of the first fold).")
            .required(),
        Key::new(
            "gap",
            Shape::Duration(false),
            "what is left out before it; as long as the outcome's horizon without it.",
        ),
        Key::new("folds", Shape::Number, "how many test windows follow each other; the last one measures the model."),
        Key::new("each", Shape::Duration(true), "with `folds`: how long each test window is."),
    ],
};

pub(crate) static MODEL: Object = Object {
    doc: "A model.",
    open: false,
    keys: &[
        Key::new("name", Shape::Text, "its name: the folder's.").required(),
        Key::new("meaning", Shape::Text, "what it does, in a plain sentence.").required_as(Code::MissingMeaning),
        Key::new("owner", Shape::Text, "who of the team looks after it.").required_as(Code::MissingOwner),
        Key::new("question", Shape::Text, "the question that it answers.").required(),
        Key::new(
            "features",
            TEXTS,
            "its inputs, in order; all of the question's that are no lists or maps without it.",
        ),
        Key::new("notebook", Shape::Text, "the notebook, beside this file.").required(),
        Key::new("lock", Shape::Text, "the pinned and hashed requirements, beside this file.").required(),
    ],
};
