//! The shape of a kind of file: one table of keys from which both the structural check (here) and the
//! JSON Schema (`schemas.rs`) are made. Not here: the tables themselves (`shapes.rs`).

use crate::codes::Code;
use crate::findings::{Findings, Origin, Span, instead, nearest};
use crate::read::CATEGORIES;
use crate::time::{Zone, parse_duration, parse_instant};
use crate::yaml::{Kind, Node, Scalar};

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A name that expressions can write.
    Name,
    /// A SQL expression.
    Sql,
    /// A date or an instant.
    Instant,
    /// A span of time; with `true`, greater than zero.
    Duration(bool),
    /// How far back it looks: a span, one that ended some time ago, a part of the calendar, or `all time`.
    Window,
    /// Instants that come again on a wall clock.
    Calendar,
    /// A number.
    Number,
    /// How many categories: a whole number in a range.
    Categories,
    /// True or false.
    Bool,
    /// A text, a number, or true or false.
    Scalar,
    /// Whatever the standard says; Tandem looks closer where it reads it.
    Any,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A list.
    List(&'static Shape),
    /// A mapping.
    Object(&'static Object),
}

/// A mapping with its keys.
#[derive(Debug)]
pub(crate) struct Object {
    /// What it is, in a sentence.
    pub doc: &'static str,
    pub keys: &'static [Key],
    /// Whether other keys are welcome: the contract standard has many that Tandem does not read.
    pub open: bool,
}

/// A key of a mapping.
#[derive(Debug)]
pub(crate) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// The finding when it is missing; `None` for an optional key.
    pub required: Option<Code>,
    /// What it says, in a sentence.
    pub doc: &'static str,
}

impl Key {
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, required: None, doc }
    }

    pub const fn required(mut self) -> Self {
        self.required = Some(Code::MissingKey);
        self
    }

    pub const fn required_as(mut self, code: Code) -> Self {
        self.required = Some(code);
        self
    }
}

/// Looks at everything below a node; every finding of a file comes at once.
pub(crate) fn check(node: &Node, shape: Shape, origin: &Origin<'_>, findings: &mut Findings) {
    match shape {
        Shape::Object(object) => check_object(node, object, origin, findings),
        Shape::List(item) => match &node.kind {
            Kind::List(items) => items.iter().for_each(|n| check(n, *item, origin, findings)),
            _ => wrong_type(node, shape, origin, findings),
        },
        Shape::Any => {}
        _ => check_scalar(node, shape, origin, findings),
    }
}

fn check_object(node: &Node, object: &'static Object, origin: &Origin<'_>, findings: &mut Findings) {
    let Kind::Map(entries) = &node.kind else {
        return wrong_type(node, Shape::Object(object), origin, findings);
    };
    // A misspelt key is one finding: that key, and not also the right one as missing.
    let mut meant = Vec::new();
    for (key, value) in entries {
        let name = key.raw().unwrap_or("");
        if let Some(known) = object.keys.iter().find(|k| k.name == name) {
            if value.scalar() != Some(Scalar::Null) {
                check(value, known.shape, origin, findings);
            }
            continue;
        }
        let absent = object.keys.iter().filter(|k| node.get(k.name).is_none());
        let guess = nearest(name, absent.map(|k| k.name));
        if object.open && !guess.is_some_and(|g| g.eq_ignore_ascii_case(name)) {
            continue;
        }
        meant.extend(guess);
        let help = match guess {
            Some(right) => format!("Did you mean `{right}`?"),
            None => instead(name, "key", object.keys.iter().map(|k| k.name)),
        };
        let message = format!("`{name}` is not a key of {}.", lower_first(object.doc));
        findings.at(Code::UnknownKey, origin, key.span, message, help);
    }
    for key in object.keys {
        let Some(code) = key.required else { continue };
        let found = node.get(key.name);
        let blank = found.is_some_and(|n| n.raw().is_some_and(|text| text.trim().is_empty()));
        if (found.is_none() || blank) && !meant.contains(&key.name) {
            let (span, whose) = subject(node, object, origin);
            let message = match code {
                Code::MissingMeaning => format!("Nothing says what {whose} means."),
                Code::MissingOwner => format!("Nobody is named as the owner of {whose}."),
                Code::NoOutcome => format!("The question {whose} says no outcome: what it wants to know."),
                _ => format!("`{}` is missing in {whose}.", key.name),
            };
            findings.missing(code, origin, span, message, format!("Add `{}:` — {}", key.name, key.doc));
        }
    }
}

/// Where to point when something is missing, and what to call it: by its name where it has one.
fn subject(node: &Node, object: &Object, origin: &Origin<'_>) -> (Span, String) {
    for key in ["name", "id", "property", "server"] {
        if let Some((value, text)) = node.get(key).and_then(|v| Some((v, v.text()?))) {
            return (value.span, format!("`{text}`"));
        }
    }
    let first = match &node.kind {
        Kind::Map(entries) => entries.first().map(|(key, _)| key.span),
        _ => None,
    };
    let span = first.unwrap_or(node.span);
    (Span { start: span.start, end: span.end.min(origin.text.len()) }, lower_first(object.doc))
}

fn check_scalar(node: &Node, shape: Shape, origin: &Origin<'_>, findings: &mut Findings) {
    let Some(scalar) = node.scalar() else { return wrong_type(node, shape, origin, findings) };
    let text = node.raw().unwrap_or("").trim();
    let fits = match shape {
        Shape::Number => matches!(scalar, Scalar::Int(_) | Scalar::Float(_)),
        Shape::Categories => matches!(scalar, Scalar::Int(_)),
        Shape::Bool => matches!(scalar, Scalar::Bool(_)),
        Shape::Sql | Shape::Scalar | Shape::Instant | Shape::Window | Shape::Calendar | Shape::Duration(_) => true,
        _ => matches!(scalar, Scalar::Text(_)),
    };
    if !fits {
        return wrong_type(node, shape, origin, findings);
    }
    match shape {
        Shape::Name if !is_name(text) && !text.is_empty() => findings.at(
            Code::BadName,
            origin,
            node.span,
            format!("`{text}` is not a name that expressions can write."),
            "Begin with a letter, and go on with letters, digits and `_`.",
        ),
        Shape::Choice(words) if !words.contains(&text) => findings.at(
            Code::NotAllowed,
            origin,
            node.span,
            format!("`{text}` is not allowed here."),
            instead(text, "word", words.iter().copied()),
        ),
        Shape::Instant if parse_instant(text, None).is_none() => bad_instant(node, text, origin, findings),
        Shape::Categories => check_categories(node, &scalar, origin, findings),
        Shape::Duration(positive) => check_duration(node, text, positive, origin, findings),
        Shape::Window | Shape::Calendar => {
            let read = match shape {
                Shape::Window => crate::window::parse(text).map(drop),
                _ => crate::calendar::parse(text).map(drop),
            };
            if let Err(problem) = read {
                findings.at(problem.code, origin, node.span, problem.message, problem.help);
            }
        }
        _ => {}
    }
}

fn check_categories(node: &Node, scalar: &Scalar<'_>, origin: &Origin<'_>, findings: &mut Findings) {
    let (least, most) = CATEGORIES;
    if matches!(scalar, Scalar::Int(n) if (i64::from(least)..=i64::from(most)).contains(n)) {
        return;
    }
    let message = format!("There can be {least} to {most} categories, and not {}.", node.raw().unwrap_or(""));
    let help = "Write as many as you expect, and some more; or group by something coarser.";
    findings.at(Code::CategoriesOutOfRange, origin, node.span, message, help);
}

fn bad_instant(node: &Node, text: &str, origin: &Origin<'_>, findings: &mut Findings) {
    findings.at(
        Code::BadInstant,
        origin,
        node.span,
        format!("`{text}` is not a date or an instant."),
        "Write `2013-11-01`, or `2013-11-01T06:00:00Z`.",
    );
}

/// A span of time that can be read, and is not negative; with `positive`, not zero either.
pub(crate) fn check_duration(node: &Node, text: &str, positive: bool, origin: &Origin<'_>, findings: &mut Findings) {
    match parse_duration(text) {
        None => findings.at(
            Code::BadDuration,
            origin,
            node.span,
            format!("`{text}` is not a span of time."),
            "Write a number and a unit: `7 days`, `1 hour`, `90 minutes`, `500 ms`.",
        ),
        Some(span) if span < 0 || (positive && span == 0) => findings.at(
            Code::BadWindow,
            origin,
            node.span,
            format!(
                "The span `{text}` holds no time: it must be {}.",
                if positive { "more than zero" } else { "zero or more" }
            ),
            "Write a positive span, such as `7 days`; which way it looks is said by the key, never by a sign.",
        ),
        Some(_) => {}
    }
}

/// The zone of a name, or a finding.
pub(crate) fn check_zone(node: &Node, origin: &Origin<'_>, findings: &mut Findings) -> Option<String> {
    let name = node.text()?;
    if Zone::find(name).is_some() {
        return Some(name.to_owned());
    }
    let help = instead_of_zone(name);
    findings.at(Code::UnknownZone, origin, node.span, format!("There is no time zone `{name}`."), help);
    None
}

/// What to write instead of a zone that does not exist.
pub(crate) fn instead_of_zone(name: &str) -> String {
    let common = [
        "UTC",
        "America/New_York",
        "America/Chicago",
        "America/Los_Angeles",
        "Europe/London",
        "Europe/Berlin",
        "Europe/Paris",
        "Asia/Tokyo",
        "Asia/Kolkata",
        "Australia/Sydney",
    ];
    match nearest(name, common) {
        Some(right) => format!("Did you mean `{right}`?"),
        None => "Write an IANA name, such as `America/New_York` or `UTC`.".to_owned(),
    }
}

pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn wrong_type(node: &Node, shape: Shape, origin: &Origin<'_>, findings: &mut Findings) {
    let (expected, help) = match shape {
        Shape::Object(_) => ("a mapping", "Write `key: value` lines here."),
        Shape::List(_) => ("a list", "Write a list: `[a, b]`, or one `- item` a line."),
        Shape::Categories => ("a whole number", "Write how many categories there may be, such as `50`."),
        Shape::Number => ("a number", "Write a plain number, such as `0.65`, without quotes."),
        Shape::Bool => ("true or false", "Write `true` or `false`, without quotes."),
        _ => ("a text", "Write a text; one that looks like a number or a truth value needs quotes."),
    };
    let message = format!("This must be {expected}, but it is {}.", node.word());
    findings.at(Code::WrongType, origin, node.span, message, help);
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
