//! Data contracts of the open standard, as sources. What Tandem adds rides in `customProperties`.
//! Not here: everything else that the standard has; it is welcome and left alone.

use super::changes::Stated;
use super::{BrokenSource, Reader, Unit};
use crate::codes::Code;
use crate::findings::{Span, instead};
use crate::normalise::Normalise;
use crate::project::{ARRIVED_AT, Arrival, Field, Format, Location, Source, Treatment};
use crate::shape::{check_duration, check_zone};
use crate::time::{DAY, format_duration, parse_duration};
use crate::value::{Micros, Type};
use crate::yaml::{Node, Scalar};

const OF_FIELD: &[&str] = &["timeRole", "entity", "identity", "tombstone", "arrives"];
const OF_SCHEMA: &[&str] =
    &["arrival", "arrivalDelay", "timeZone", "corrects", "whenArrivalMissing", "whenArrivalBeforeEvent"];
const TYPES: &[&str] = &["string", "integer", "number", "boolean", "timestamp", "date"];

/// A source while its contract is read.
pub(super) struct Draft {
    pub source: Source,
    pub event: Option<usize>,
    pub arrival: Option<Arrival>,
    pub touches: Vec<Held>,
    pub stated: Stated,
    /// A time role could not be read: that finding is enough, the missing time is not another one.
    pub role_unread: bool,
}

/// What a field holds: an entity's key, or a part of it.
pub(super) struct Held {
    pub field: usize,
    pub entity: String,
    pub part: Option<String>,
    /// As what the record touches it: `account.branch as sender`.
    pub role: Option<String>,
    pub span: Span,
}

impl Reader {
    pub(super) fn contracts(&mut self, units: &[&Unit<'_>]) {
        let mut named: Vec<(String, Span, &Unit<'_>)> = Vec::new();
        for unit in units {
            let Some((schema, name)) = self.contract(unit) else { continue };
            let Some(node) = schema.get("name") else { continue };
            if let Some((_, span, other)) = named.iter().find(|(n, ..)| *n == name) {
                let place = other.origin.place(*span);
                self.repeated("source", node, &unit.origin, &place);
                continue;
            }
            named.push((name.clone(), node.span, unit));
            let draft = self.draft(unit, schema, &name);
            self.conclude(draft);
        }
        self.project.sources.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// The contract's one schema and its name.
    fn contract<'u>(&mut self, unit: &'u Unit<'_>) -> Option<(&'u Node, String)> {
        let root = &unit.root;
        if let Some(kind) = root.get("kind").filter(|k| k.text() != Some("DataContract")) {
            let message = format!("This says it is a `{}`.", kind.text().unwrap_or(""));
            self.findings.at(Code::NotAContract, &unit.origin, kind.span, message, "Write `kind: DataContract`.");
        }
        if let Some(version) = root.get("apiVersion")
            && !version.text().is_some_and(|v| v.starts_with("v3"))
        {
            let message = "Tandem reads version 3 of the Open Data Contract Standard.";
            self.findings.at(Code::NotAContract, &unit.origin, version.span, message, "Write `apiVersion: v3.2.0`.");
        }
        let schemas = root.list("schema");
        if schemas.len() != 1 {
            if let Some(node) = root.get("schema") {
                let message = format!("This contract describes {} streams of records; a source is one.", schemas.len());
                let span = schemas.get(1).map_or(node.span, |second| second.span);
                self.findings.at(Code::NotOneSchema, &unit.origin, span, message, "Write a contract for each stream.");
            }
            return None;
        }
        let schema = &schemas[0];
        Some((schema, schema.text_of("name")?.to_owned()))
    }

    fn draft(&mut self, unit: &Unit<'_>, schema: &Node, name: &str) -> Draft {
        let place = unit.origin.place(schema.get("name").map_or(schema.span, |n| n.span));
        let source = Source {
            name: name.to_owned(),
            version: unit.root.get("version").and_then(Node::raw).unwrap_or_default().to_owned(),
            meaning: schema.text_of("description").unwrap_or_default().to_owned(),
            locations: Vec::new(),
            fields: Vec::new(),
            event: 0,
            arrival: Arrival::Observed,
            identity: Vec::new(),
            corrects: false,
            tombstone: None,
            retention: self.retention(unit),
            treatment: Treatment::default(),
            touches: Vec::new(),
            time_zone: None,
            place,
        };
        let mut draft = Draft {
            source,
            event: None,
            arrival: None,
            touches: Vec::new(),
            stated: Stated::default(),
            role_unread: false,
        };
        for node in schema.list("properties") {
            self.property(unit, node, &mut draft);
        }
        self.of_the_stream(unit, schema, &mut draft);
        self.locations(unit, &mut draft);
        self.times(unit, schema, &mut draft);
        self.touched(unit, &mut draft);
        self.changes(unit, &mut draft);
        draft
    }

    fn property(&mut self, unit: &Unit<'_>, node: &Node, draft: &mut Draft) {
        let Some(name_node) = node.get("name") else { return };
        let Some(name) = name_node.text() else { return };
        if let Some(index) = draft.source.field(name) {
            let place = draft.source.fields[index].place.clone();
            return self.repeated("field", name_node, &unit.origin, &place);
        }
        if name == ARRIVED_AT {
            let message = format!("`{ARRIVED_AT}` is where Tandem's own log stamps the arrival time.");
            let help = "Name the field otherwise; to rest on the stamps, say `arrival: observed` of the schema.";
            return self.findings.at(Code::ReservedField, &unit.origin, name_node.span, message, help);
        }
        let Some(type_node) = node.get("logicalType") else { return };
        let Some(ty) = self.field_type(unit, name, type_node) else { return };
        let index = draft.source.fields.len();
        draft.source.fields.push(Field {
            normalise: Normalise::default(),
            name: name.to_owned(),
            ty,
            required: node.get("required").and_then(Node::scalar) == Some(Scalar::Bool(true)),
            arrives: None,
            meaning: node.text_of("description").unwrap_or_default().to_owned(),
            place: unit.origin.place(name_node.span),
        });
        for custom in node.list("customProperties") {
            let (Some(key), Some(value)) = (custom.get("property"), custom.get("value")) else { continue };
            match key.text().unwrap_or("") {
                "timeRole" => self.time_role(unit, value, index, draft),
                "identity" if self.says_yes(unit, value, "identity") => draft.source.identity.push(index),
                "identity" => {}
                word @ ("tombstone" | "arrives") => self.change_of_field(unit, word, value, index, draft),
                "entity" => match value.text() {
                    Some(text) => {
                        let (name, role) =
                            text.split_once(" as ").map_or((text, None), |(n, r)| (n.trim(), Some(r.trim())));
                        let (entity, part) =
                            name.split_once('.').map_or((name, None), |(e, p)| (e, Some(p.to_owned())));
                        draft.touches.push(Held {
                            field: index,
                            entity: entity.to_owned(),
                            part,
                            role: role.map(str::to_owned),
                            span: value.span,
                        });
                    }
                    None => self.bad_property(
                        unit,
                        value,
                        "`entity` is a name.",
                        "Write `value: aircraft`, or `value: route.origin`.",
                    ),
                },
                other => self.other_property(unit, custom, key, other, OF_FIELD),
            }
        }
    }

    fn field_type(&mut self, unit: &Unit<'_>, name: &str, node: &Node) -> Option<Type> {
        let word = node.text()?;
        let ty = match word {
            "string" => Type::Text,
            "integer" => Type::Int,
            "number" => Type::Float,
            "boolean" => Type::Bool,
            "timestamp" | "date" => Type::Time,
            "object" | "array" | "time" => {
                let message = format!("Tandem does not read the type `{word}`: the field `{name}` is left out.");
                let help = "Put what you need of it into a field of its own.";
                self.findings.at(Code::FieldTypeNotRead, &unit.origin, node.span, message, help);
                return None;
            }
            _ => {
                let message = format!("`{word}` is not a type of the contract standard.");
                self.findings.at(
                    Code::NotAllowed,
                    &unit.origin,
                    node.span,
                    message,
                    instead(word, "type", TYPES.iter().copied()),
                );
                return None;
            }
        };
        Some(ty)
    }

    fn time_role(&mut self, unit: &Unit<'_>, value: &Node, index: usize, draft: &mut Draft) {
        let role = value.text().unwrap_or("");
        let field = &draft.source.fields[index];
        let name = field.name.clone();
        if !matches!(role, "event" | "arrival") {
            draft.role_unread = true;
            let help = instead(role, "role", ["event", "arrival"]);
            return self.bad_property(unit, value, &format!("`{role}` is not a role of a time."), &help);
        }
        if field.ty != Type::Time {
            draft.role_unread = true;
            let message = format!("`{name}` is the {role} time, but its type is {}.", field.ty);
            let help = "Write `logicalType: timestamp` (or `date`).";
            return self.findings.at(Code::TimeRoleNotTime, &unit.origin, value.span, message, help);
        }
        if role == "event" {
            if let Some(first) = draft.event {
                let other = &draft.source.fields[first].name;
                let message = format!("`{name}` is the event time, but `{other}` is it already.");
                let help = "Keep the one that says when it happened.";
                return self.findings.at(Code::SeveralEventTimes, &unit.origin, value.span, message, help);
            }
            draft.event = Some(index);
        } else {
            self.arrives(unit, value.span, Arrival::Declared { field: index }, draft);
        }
    }

    /// A source says exactly once how its arrival time is known.
    fn arrives(&mut self, unit: &Unit<'_>, span: Span, arrival: Arrival, draft: &mut Draft) {
        if let Some(first) = &draft.arrival {
            let first = match first {
                Arrival::Observed => "it is observed by our own log".to_owned(),
                Arrival::Declared { field } => format!("the field `{}` declares it", draft.source.fields[*field].name),
                Arrival::Assumed { delay } => {
                    format!("it is assumed to be {} after the event", format_duration(*delay))
                }
            };
            let message = format!("The arrival time of `{}` is said twice: {first}.", draft.source.name);
            let help = "Keep one: a field with `timeRole: arrival`, or `arrival: observed`, or `arrivalDelay`.";
            self.findings.at(Code::SeveralArrivalTimes, &unit.origin, span, message, help);
            return;
        }
        draft.arrival = Some(arrival);
    }

    fn of_the_stream(&mut self, unit: &Unit<'_>, schema: &Node, draft: &mut Draft) {
        for custom in schema.list("customProperties") {
            let (Some(key), Some(value)) = (custom.get("property"), custom.get("value")) else { continue };
            let text = value.text().unwrap_or("");
            match key.text().unwrap_or("") {
                "arrival" if text == "observed" => self.arrives(unit, value.span, Arrival::Observed, draft),
                "arrival" => {
                    let message = format!("`arrival: {text}` is not known.");
                    let help = "Write `observed`; a field that holds the time says `timeRole: arrival` itself, and a stated delay is `arrivalDelay: 5 minutes`.";
                    self.bad_property(unit, value, &message, help);
                }
                "arrivalDelay" => match parse_duration(text) {
                    Some(delay) if delay >= 0 => self.arrives(unit, value.span, Arrival::Assumed { delay }, draft),
                    Some(_) => {
                        let message = format!("With the delay `{text}`, records arrive before they happen.");
                        let help = "Write how long after the event production knows: `5 minutes`, or `0 seconds`.";
                        self.findings.at(Code::NegativeDelay, &unit.origin, value.span, message, help);
                    }
                    None => check_duration(value, text, false, &unit.origin, &mut self.findings),
                },
                word @ ("corrects" | "whenArrivalMissing" | "whenArrivalBeforeEvent") => {
                    self.change_of_stream(unit, word, value, draft);
                }
                "timeZone" => draft.source.time_zone = check_zone(value, &unit.origin, &mut self.findings),
                other => self.other_property(unit, custom, key, other, OF_SCHEMA),
            }
        }
    }

    /// Another vendor's property is left alone; one that is Tandem's, or nearly one of Tandem's, is a finding.
    fn other_property(&mut self, unit: &Unit<'_>, custom: &Node, key: &Node, name: &str, known: &[&str]) {
        let elsewhere = OF_FIELD.iter().chain(OF_SCHEMA).any(|k| *k == name);
        if custom.text_of("vendor") != Some("tandem") && !elsewhere {
            return;
        }
        let help = match elsewhere {
            true if OF_FIELD.contains(&name) => "It is a property of a field: move it there.".to_owned(),
            true => "It is a property of the schema: move it to the `customProperties` beside `properties`.".to_owned(),
            false => instead(name, "property", known.iter().copied()),
        };
        let message = format!("Tandem knows no property `{name}` here.");
        self.findings.at(Code::UnknownProperty, &unit.origin, key.span, message, help);
    }

    pub(super) fn bad_property(&mut self, unit: &Unit<'_>, value: &Node, message: &str, help: &str) {
        self.findings.at(Code::BadProperty, &unit.origin, value.span, message, help);
    }

    /// How long records are kept: the service level `retention` of the standard.
    fn retention(&mut self, unit: &Unit<'_>) -> Option<Micros> {
        let level =
            unit.root.list("slaProperties").iter().find(|level| level.text_of("property") == Some("retention"))?;
        let value = level.get("value")?;
        let written = value.raw().unwrap_or("");
        let number = written.parse::<f64>().ok().filter(|number| *number > 0.0);
        let span = match level.text_of("unit").unwrap_or("") {
            "y" | "yr" | "yrs" | "year" | "years" => number.map(|years| (years * 365.0 * DAY as f64) as Micros),
            unit => parse_duration(&format!("{written} {unit}")).filter(|span| *span > 0),
        };
        if span.is_none() {
            let message = "This does not say how long records are kept.";
            let help = "Write `{property: retention, value: 90, unit: d}`: a number above zero, and days (`d`) or years (`y`).";
            self.findings.at(Code::BadRetention, &unit.origin, value.span, message, help);
        }
        span
    }

    fn locations(&mut self, unit: &Unit<'_>, draft: &mut Draft) {
        for server in unit.root.list("servers") {
            let (Some(name), Some(path)) = (server.text_of("server"), server.text_of("path")) else { continue };
            let format = server.get("format");
            let known = match format.and_then(Node::text).map(str::to_lowercase).as_deref() {
                Some("parquet") => Some(Format::Parquet),
                Some("csv") => Some(Format::Csv),
                Some("jsonl" | "json" | "ndjson") => Some(Format::Jsonl),
                Some(_) => None,
                None => Format::of_path(path),
            };
            let Some(format) = known else {
                let node = format.unwrap_or(server);
                let message = format!("Tandem does not read the format of the server `{name}`.");
                let help = "Say `format: parquet`, `format: csv` or `format: jsonl`.";
                self.findings.at(Code::FormatNotRead, &unit.origin, node.span, message, help);
                continue;
            };
            draft.source.locations.push(Location { server: name.to_owned(), path: path.to_owned(), format });
        }
        let name = &draft.source.name;
        let found = &draft.source.locations;
        let span = unit.root.get("servers").map_or(unit.root.span, |n| n.span);
        if found.is_empty() && unit.root.list("servers").is_empty() && draft.arrival != Some(Arrival::Observed) {
            let message = format!("Nothing says where the records of `{name}` lie.");
            let help = "Add `servers: [{server: production, type: local, path: logs/…, format: parquet}]`; only a source with `arrival: observed` can do without.";
            self.findings.missing(Code::NoLocation, &unit.origin, span, message, help);
        }
        if let Some(server) = &self.project.server
            && !found.is_empty()
            && !found.iter().any(|l| l.server == *server)
        {
            let message = format!("The project reads the server `{server}`, but `{name}` has none of this name.");
            let help = format!(
                "{} The project's choice stands in tandem.yaml under `serve:`.",
                instead(server, "server", found.iter().map(|l| l.server.as_str()))
            );
            self.findings.missing(Code::UnknownServer, &unit.origin, span, message, help);
        }
    }

    fn times(&mut self, unit: &Unit<'_>, schema: &Node, draft: &mut Draft) {
        let span = schema.get("name").map_or(schema.span, |n| n.span);
        let name = &draft.source.name;
        if draft.event.is_none() && !draft.role_unread {
            let message = format!("No field of `{name}` says when it happened.");
            let help = "Add to the field that says it: `customProperties: [{property: timeRole, value: event, vendor: tandem}]`.";
            self.findings.missing(Code::NoEventTime, &unit.origin, span, message, help);
        }
        if draft.arrival.is_none() && !draft.role_unread {
            let message = format!("Nothing says when production first knew a record of `{name}`.");
            let help = "Say one of three: a field with `timeRole: arrival`; or of the schema `arrival: observed` (our own log stamps it); or `arrivalDelay: 5 minutes` (assumed).";
            self.findings.missing(Code::NoArrivalTime, &unit.origin, span, message, help);
        }
    }

    /// A contract with findings is kept aside, so that what refers to it is not blamed.
    fn conclude(&mut self, draft: Draft) {
        let Draft { mut source, event, arrival, role_unread, .. } = draft;
        match (event, arrival) {
            (Some(event), Some(arrival)) => {
                source.event = event;
                source.arrival = arrival;
                self.project.sources.push(source);
            }
            (event, _) => {
                let broken = BrokenSource { has_event: event.is_some() || role_unread };
                self.broken.sources.insert(source.name, broken);
            }
        }
    }
}
