//! YAML as a tree in which every node knows its place, from the events of `saphyr-parser`.
//! Not here: what the keys mean (`shape.rs`) and which of them a kind of file has (`shapes/`).

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};

use crate::codes::Code;
use crate::findings::{Findings, Origin, Span};

/// Deeper than any definition; a file that nests further is refused before it exhausts the stack.
const DEEPEST: usize = 64;
/// More nodes than any definition; aliases of aliases cannot grow beyond it.
const MOST_NODES: usize = 200_000;

/// A node of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar { text: String, style: Style },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Block,
}

/// What a scalar is, by the core schema of YAML 1.2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

impl Node {
    /// The value of a key, if this is a mapping that has it and it is not null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Kind::Map(entries) = &self.kind else { return None };
        let (_, value) = entries.iter().find(|(k, _)| k.raw() == Some(key))?;
        (value.scalar() != Some(Scalar::Null)).then_some(value)
    }

    /// The items of a list; nothing for every other node.
    pub fn items(&self) -> &[Node] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// The items of the list under a key.
    pub fn list(&self, key: &str) -> &[Node] {
        self.get(key).map_or(&[], Node::items)
    }

    /// The text of a scalar as decoded, whatever its type.
    pub fn raw(&self) -> Option<&str> {
        if let Kind::Scalar { text, .. } = &self.kind { Some(text) } else { None }
    }

    /// The text of a scalar that is not null, without the blanks around it; `None` when nothing is left.
    pub fn text(&self) -> Option<&str> {
        let text = self.raw().map(str::trim)?;
        (!text.is_empty() && self.scalar() != Some(Scalar::Null)).then_some(text)
    }

    /// The text under a key.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// What a scalar is.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        let Kind::Scalar { text, style } = &self.kind else { return None };
        if *style != Style::Plain {
            return Some(Scalar::Text(text));
        }
        Some(match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
            "true" | "True" | "TRUE" => Scalar::Bool(true),
            "false" | "False" | "FALSE" => Scalar::Bool(false),
            text => number(text).unwrap_or(Scalar::Text(text)),
        })
    }

    /// The node as people call it in a message.
    pub fn word(&self) -> &'static str {
        match (&self.kind, self.scalar()) {
            (Kind::List(_), _) => "a list",
            (Kind::Map(_), _) => "a mapping",
            (_, Some(Scalar::Null)) => "nothing",
            (_, Some(Scalar::Bool(_))) => "true or false",
            (_, Some(Scalar::Int(_) | Scalar::Float(_))) => "a number",
            _ => "a text",
        }
    }
}

fn number(text: &str) -> Option<Scalar<'static>> {
    let first = text.trim_start_matches(['+', '-']);
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Scalar::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Scalar::Int);
    }
    match first {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Scalar::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    if !first.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !first.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
    {
        return None;
    }
    text.parse().map(Scalar::Int).ok().or_else(|| text.parse().map(Scalar::Float).ok())
}

/// Reads one document. Everything after a syntax error is lost, what came before is not used either:
/// a tree of half a file would only give findings about what is missing in it.
pub(crate) fn parse(origin: &Origin<'_>, findings: &mut Findings) -> Option<Node> {
    let mut builder = Builder { bytes: Bytes::new(origin.text), ..Builder::default() };
    for event in Parser::new_from_str(origin.text) {
        let (event, marks) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = builder.bytes.at(error.marker().index());
                let message = format!("This file is not YAML: {}.", error.info());
                findings.at(Code::NotYaml, origin, Span::to_line_end(origin.text, at), message, "Mend the YAML at this place: most often it is the indentation, a missing colon, or a text with `: ` or ` #` that needs quotes.");
                return None;
            }
        };
        if let Err(refusal) = builder.take(event, marks) {
            let (span, message) = *refusal;
            findings.at(Code::NotYaml, origin, span, message, "Write the definitions plainly, without deep nesting.");
            return None;
        }
    }
    for (key, first) in &builder.repeated {
        let line = origin.place(*first).line;
        findings.at(
            Code::DuplicateKey,
            origin,
            *key,
            format!("The key `{}` stands twice in this mapping; the first is on line {line}.", origin.excerpt(*key)),
            "Keep one of the two.",
        );
    }
    let mut documents = builder.documents.into_iter();
    let first = documents.next();
    if let Some(second) = documents.next() {
        let span = Span { start: second.span.start, end: second.span.end.min(second.span.start + 1) };
        findings.at(
            Code::SeveralDocuments,
            origin,
            span,
            "This file holds more than one YAML document; only the first is read.",
            "Remove the line `---`, or move what follows it into a file of its own.",
        );
    }
    first
}

/// Character offsets, as the scanner counts, to bytes.
#[derive(Default)]
struct Bytes(Option<Vec<usize>>, usize);

impl Bytes {
    fn new(text: &str) -> Self {
        let table = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Self(table, text.len())
    }

    fn at(&self, index: usize) -> usize {
        match &self.0 {
            Some(table) => table.get(index).copied().unwrap_or(self.1),
            None => index.min(self.1),
        }
    }
}

/// An open list or mapping.
enum Open {
    List { span: Span, anchor: usize, items: Vec<Node> },
    Map { span: Span, anchor: usize, entries: Vec<(Node, Node)>, key: Option<Node> },
}

#[derive(Default)]
struct Builder {
    bytes: Bytes,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    documents: Vec<Node>,
    repeated: Vec<(Span, Span)>,
    nodes: usize,
}

type Refusal = Box<(Span, String)>;

impl Builder {
    fn take(&mut self, event: Event<'_>, marks: Marks) -> Result<(), Refusal> {
        let span = Span { start: self.bytes.at(marks.start.index()), end: self.bytes.at(marks.end.index()) };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mut style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                // `!!str 5` is a text; the quoted style says so to `scalar`, and has no escapes to trip over.
                if style == Style::Plain && tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str") {
                    style = Style::Block;
                }
                self.close(Node { span, kind: Kind::Scalar { text: text.into_owned(), style } }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.nest(Open::List { span, anchor, items: Vec::new() }, span),
            Event::MappingStart(anchor, _) => {
                self.nest(Open::Map { span, anchor, entries: Vec::new(), key: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { span: start, anchor, items }) => {
                    self.close(Node { span: start.to(span.end), kind: Kind::List(items) }, anchor)
                }
                Some(Open::Map { span: start, anchor, entries, .. }) => {
                    self.close(Node { span: start.to(span.end), kind: Kind::Map(entries) }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => {
                    self.nodes += count(&node);
                    self.close(node, 0)
                }
                None => Err(Box::new((span, "This alias stands inside what it names.".to_owned()))),
            },
            _ => Ok(()),
        }
    }

    fn nest(&mut self, open: Open, span: Span) -> Result<(), Refusal> {
        if self.open.len() >= DEEPEST {
            return Err(Box::new((span, format!("This file nests deeper than {DEEPEST} levels."))));
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a finished node into what holds it.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Box::new((node.span, format!("This file has more than {MOST_NODES} values."))));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                None => *key = Some(node),
                Some(name) => {
                    let same = |other: &&(Node, Node)| other.0.raw().is_some() && other.0.raw() == name.raw();
                    if let Some((first, _)) = entries.iter().find(same) {
                        self.repeated.push((name.span, first.span));
                    } else {
                        entries.push((name, node));
                    }
                }
            },
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar { .. } => 1,
        Kind::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Kind::Map(entries) => 1 + entries.iter().map(|(_, value)| 1 + count(value)).sum::<usize>(),
    }
}

/// For every character of a scalar's decoded text, the byte of the file that it was read from; one more for its end.
/// Escapes, folded lines and indentation are followed, so that a finding points at the very word.
pub(crate) fn scalar_bytes(file: &str, node: &Node) -> Vec<usize> {
    let Kind::Scalar { text, style } = &node.kind else { return Vec::new() };
    let raw = file.get(node.span.start..node.span.end).unwrap_or("");
    let mut at = match style {
        Style::Single | Style::Double => 1,
        // The header (`|`, `>-`, …) ends with its line.
        Style::Block if raw.starts_with(['|', '>']) => raw.find('\n').map_or(raw.len(), |n| n + 1),
        Style::Plain | Style::Block => 0,
    };
    let next = |at: usize| raw.get(at..).and_then(|rest| rest.chars().next());
    let mut bytes = Vec::with_capacity(text.len() + 1);
    for c in text.chars() {
        if *style == Style::Double {
            while raw.get(at..).is_some_and(|rest| rest.starts_with("\\\n") || rest.starts_with("\\\r\n")) {
                at += raw[at..].find('\n').unwrap_or(0) + 1;
            }
        }
        if !c.is_whitespace() {
            while let Some(blank) = next(at).filter(|b| b.is_whitespace()) {
                at += blank.len_utf8();
            }
        }
        bytes.push(node.span.start + at);
        match next(at) {
            Some('\\') if *style == Style::Double => {
                at += match raw[at + 1..].chars().next() {
                    Some('x') => 4,
                    Some('u') => 6,
                    Some('U') => 10,
                    Some(other) => 1 + other.len_utf8(),
                    None => 1,
                };
            }
            Some('\'') if *style == Style::Single => at += 2,
            Some(found) if found == c || (c.is_whitespace() && found.is_whitespace()) => at += found.len_utf8(),
            _ => {}
        }
        at = at.min(raw.len());
    }
    bytes.push(node.span.start + at);
    bytes
}

/// A YAML document as JSON, as an editor that checks it against a schema sees it; `None` when it is not YAML.
pub fn yaml_to_json(text: &str) -> Option<serde_json::Value> {
    let origin = Origin { path: "", text };
    let mut findings = Findings::default();
    let root = parse(&origin, &mut findings)?;
    (findings.len() == 0).then(|| json(&root))
}

fn json(node: &Node) -> serde_json::Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => {
            entries.iter().map(|(key, value)| (key.raw().unwrap_or_default().to_owned(), json(value))).collect()
        }
        Kind::Scalar { .. } => match node.scalar() {
            Some(Scalar::Bool(b)) => b.into(),
            Some(Scalar::Int(i)) => i.into(),
            Some(Scalar::Float(x)) => x.into(),
            Some(Scalar::Text(text)) => text.into(),
            Some(Scalar::Null) | None => serde_json::Value::Null,
        },
    }
}
