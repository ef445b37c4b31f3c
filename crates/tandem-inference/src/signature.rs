//! What a model takes and gives, and whether that fits the features it is released with.
//! Not here: reading it out of a model (`session`).

use std::fmt;

use serde::{Deserialize, Serialize};
use tandem_definitions::Type;

/// The kind of values that an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Floating numbers; NaN is null.
    Number,
    /// Whole numbers; they have no null.
    Integer,
    /// True and false; they have no null.
    Boolean,
    /// Texts.
    Text,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Number => "numbers",
            Self::Integer => "whole numbers",
            Self::Boolean => "booleans",
            Self::Text => "texts",
        }
    }

    /// Whether a feature of this type can be given to such an input without a loss of meaning.
    fn takes(self, feature: Type) -> bool {
        match self {
            Self::Number => matches!(feature, Type::Float | Type::Int | Type::Bool),
            Self::Integer => matches!(feature, Type::Int | Type::Bool),
            Self::Boolean => feature == Type::Bool,
            Self::Text => feature == Type::Text,
        }
    }
}

/// An input of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name: that of a feature.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// How many columns a row has in it: 1 for a feature; 0 when the model takes any number.
    pub columns: usize,
}

/// An output of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its type, in ONNX's words.
    pub kind: String,
}

/// What the number is that a model answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The probability of the positive class, from 0 to 1.
    Probability,
    /// A value of its own.
    Value,
}

/// What a model takes and gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Its inputs, in the model's order, which is the order of the columns of a question.
    pub inputs: Vec<Input>,
    /// All its outputs.
    pub outputs: Vec<Output>,
    /// What it answers.
    pub answer: Answer,
}

impl Signature {
    /// The one input that takes all features side by side, without their names, if the model is of that kind.
    pub fn unnamed(&self) -> Option<&Input> {
        let [input] = self.inputs.as_slice() else { return None };
        (input.columns != 1 && input.kind == Kind::Number).then_some(input)
    }
}

/// A place where a model does not fit its features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The model wants what is no feature of it.
    Missing {
        /// The input.
        input: String,
    },
    /// The model does not take a feature that it is given.
    Extra {
        /// The feature.
        feature: String,
    },
    /// They differ in type.
    Differs {
        /// The feature and input.
        name: String,
        /// The feature's type.
        feature: Type,
        /// What the model takes.
        model: Kind,
    },
    /// The input of a feature has several columns.
    Columns {
        /// The input.
        input: String,
        /// How many.
        columns: usize,
    },
    /// The model takes all features in one input without names, so that only their number can be checked.
    Unnamed {
        /// The input.
        input: String,
        /// How many columns it has; 0 is any number.
        columns: usize,
        /// How many features there are.
        features: usize,
    },
}

impl Mismatch {
    /// Whether the model cannot be asked; otherwise it is a thing to know.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Unnamed { columns, features, .. } if *columns == 0 || columns == features)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { input } => write!(
                f,
                "the model wants an input `{input}`, and no feature of its question has that name. Add the feature, or train the model again without it."
            ),
            Self::Extra { feature } => write!(
                f,
                "the model has no input for the feature `{feature}`. Take it off the model's list of features, or train the model again with it."
            ),
            Self::Differs { name, feature: Type::Time, .. } => write!(
                f,
                "the feature `{name}` is an instant, and a model cannot use instants. Give it a span, such as the time since something."
            ),
            Self::Differs { name, feature, model } => write!(
                f,
                "the feature `{name}` is of type {feature}, and the model's input of that name takes {}. Train the model again with this type, or change the feature.",
                model.word()
            ),
            Self::Columns { input, columns } => write!(
                f,
                "the model's input `{input}` has {columns} columns a row, and a feature is one. Export the model with one input of shape [None, 1] for each feature."
            ),
            Self::Unnamed { input, columns, features } if self.is_fatal() => write!(
                f,
                "the model takes all features in one input `{input}` of {columns} columns, and there are {features} features. Export it with one named input for each feature."
            ),
            Self::Unnamed { input, features, .. } => write!(
                f,
                "the model takes its {features} features in one input `{input}` without names, so their order cannot be checked. Export it with one named input for each feature."
            ),
        }
    }
}

/// Compares a model's inputs with the features that it will be given, in their order, by name and type.
pub fn check_signature(signature: &Signature, features: &[(&str, Type)]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if let Some(input) = signature.unnamed() {
        let (input_name, columns) = (input.name.clone(), input.columns);
        found.push(Mismatch::Unnamed { input: input_name, columns, features: features.len() });
        for (name, kind) in features.iter().filter(|(_, kind)| !input.kind.takes(*kind)) {
            found.push(Mismatch::Differs { name: (*name).to_owned(), feature: *kind, model: input.kind });
        }
        return found;
    }
    for input in &signature.inputs {
        match features.iter().find(|(name, _)| *name == input.name) {
            None => found.push(Mismatch::Missing { input: input.name.clone() }),
            Some(_) if input.columns != 1 => {
                found.push(Mismatch::Columns { input: input.name.clone(), columns: input.columns });
            }
            Some((_, kind)) if !input.kind.takes(*kind) => {
                found.push(Mismatch::Differs { name: input.name.clone(), feature: *kind, model: input.kind });
            }
            Some(_) => {}
        }
    }
    let unknown = features.iter().filter(|(name, _)| signature.inputs.iter().all(|input| input.name != *name));
    found.extend(unknown.map(|(name, _)| Mismatch::Extra { feature: (*name).to_owned() }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(inputs: &[(&str, Kind, usize)]) -> Signature {
        let inputs = inputs.iter().map(|&(name, kind, columns)| Input { name: name.to_owned(), kind, columns });
        Signature { inputs: inputs.collect(), outputs: Vec::new(), answer: Answer::Probability }
    }

    #[test]
    fn names_and_types_are_compared() {
        let model = signature(&[("delay", Kind::Number, 1), ("carrier", Kind::Text, 1), ("seats", Kind::Integer, 1)]);
        let fits = [("seats", Type::Int), ("carrier", Type::Text), ("delay", Type::Float)];
        assert_eq!(check_signature(&model, &fits), []);
        let found = check_signature(&model, &[("delay", Type::Time), ("carrier", Type::Text), ("seat", Type::Int)]);
        let expected = [
            Mismatch::Differs { name: "delay".to_owned(), feature: Type::Time, model: Kind::Number },
            Mismatch::Missing { input: "seats".to_owned() },
            Mismatch::Extra { feature: "seat".to_owned() },
        ];
        assert_eq!(found, expected);
        assert!(found.iter().all(Mismatch::is_fatal));
        let wide = signature(&[("delay", Kind::Number, 1), ("other", Kind::Number, 2)]);
        let found = check_signature(&wide, &[("delay", Type::Int), ("other", Type::Float)]);
        assert_eq!(found, [Mismatch::Columns { input: "other".to_owned(), columns: 2 }]);
    }

    #[test]
    fn one_input_for_all_is_told_and_its_width_checked() {
        let model = signature(&[("X", Kind::Number, 2)]);
        let found = check_signature(&model, &[("a", Type::Float), ("b", Type::Bool)]);
        assert!(found.len() == 1 && !found[0].is_fatal() && found[0].to_string().contains("without names"));
        let found = check_signature(&model, &[("a", Type::Float)]);
        assert!(found[0].is_fatal() && found[0].to_string().contains("2 columns, and there are 1 features"));
        assert_eq!(check_signature(&model, &[("a", Type::Float), ("b", Type::Text)]).len(), 2);
    }
}
