//! The types of values: five of single values ([`Element`]), and lists and maps of these.
//! Not here: the values themselves (`value.rs`). The fields of a source are always single values.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a field, an expression or a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number of 64 bits, IEEE 754.
    Float,
    /// Unicode text.
    Text,
    /// An instant, microseconds since 1970 in UTC.
    Time,
    /// Values of one type, in an order that the aggregation states.
    List(Element),
    /// A value for each key, by the keys in the one order; no key twice.
    Map(Element, Element),
}

/// The type of a single value: what lists and maps are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number of 64 bits, IEEE 754.
    Float,
    /// Unicode text.
    Text,
    /// An instant, microseconds since 1970 in UTC.
    Time,
}

impl Element {
    /// The word that people read and write in definitions: `boolean`, `integer`, `number`, `string`, `timestamp`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "integer",
            Self::Float => "number",
            Self::Text => "string",
            Self::Time => "timestamp",
        }
    }
}

impl Type {
    /// The type as one of single values; `None` for lists and maps.
    pub fn element(self) -> Option<Element> {
        Some(match self {
            Self::Bool => Element::Bool,
            Self::Int => Element::Int,
            Self::Float => Element::Float,
            Self::Text => Element::Text,
            Self::Time => Element::Time,
            Self::List(_) | Self::Map(..) => return None,
        })
    }

    /// The words with their article: `an integer`, `a number`, `a list of numbers`.
    pub fn with_article(self) -> String {
        let article = if self == Self::Int { "an" } else { "a" };
        format!("{article} {self}")
    }

    /// Whether arithmetic is defined on it.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

impl From<Element> for Type {
    fn from(element: Element) -> Self {
        match element {
            Element::Bool => Self::Bool,
            Element::Int => Self::Int,
            Element::Float => Self::Float,
            Element::Text => Self::Text,
            Element::Time => Self::Time,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.element()) {
            (_, Some(element)) => f.write_str(element.word()),
            (Self::List(of), _) => write!(f, "list of {}s", of.word()),
            (Self::Map(key, value), _) => write!(f, "map from {}s to {}s", key.word(), value.word()),
            _ => Ok(()),
        }
    }
}
