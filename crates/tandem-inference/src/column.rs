//! The values of one feature for some rows, as they travel to a model: numbers become 32-bit floats there.
//! Not here: the types that a model wants (`signature`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Type};

/// One feature's values, one a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Column {
    /// Numbers, whole numbers and booleans (0 and 1). Null is NaN for the model.
    Numbers(Vec<Option<f64>>),
    /// Texts. Null is the empty text for the model, as ONNX has no null.
    Texts(Vec<Option<String>>),
}

impl Column {
    /// The values of a feature of this type. The one way from features to a model's inputs: training must do the same.
    pub fn new<'a>(kind: Type, values: impl IntoIterator<Item = Datum<'a>>) -> Self {
        let values = values.into_iter();
        match kind {
            Type::Text => Self::Texts(
                values.map(|value| if let Datum::Text(text) = value { Some(text.to_owned()) } else { None }).collect(),
            ),
            _ => Self::Numbers(values.map(number).collect()),
        }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn number(value: Datum<'_>) -> Option<f64> {
    match value {
        Datum::Bool(yes) => Some(f64::from(u8::from(yes))),
        Datum::Int(whole) => Some(whole as f64),
        Datum::Float(number) => Some(number),
        Datum::Time(instant) => Some(instant as f64),
        Datum::Null | Datum::Text(_) | Datum::List(_) | Datum::Map(_) => None,
    }
}
