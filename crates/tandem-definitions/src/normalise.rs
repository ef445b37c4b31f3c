//! How the texts of a key are brought into one form before they are compared, where an entity says so: `normalise: [trim, lower]`.
//! Not here: where keys are read, in the readers of records and of what an asker tells.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// What is done to the texts of a key; nothing unless it is declared. Other types are left as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalise {
    /// White space at both ends goes, as Unicode has it.
    #[serde(default)]
    pub trim: bool,
    /// Letters become lower case, as Unicode has it, whatever the language.
    #[serde(default)]
    pub lower: bool,
}

impl Normalise {
    /// The words that declare it.
    pub(crate) const WORDS: &'static [&'static str] = &["trim", "lower"];

    /// Whether keys are compared as they are.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The form in which a text is compared.
    pub fn text(self, text: &str) -> Cow<'_, str> {
        let text = if self.trim { text.trim() } else { text };
        // Made anew only where it changes.
        if self.lower && text.chars().any(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit()) {
            return Cow::Owned(text.to_lowercase());
        }
        Cow::Borrowed(text)
    }

    /// The form in which a value is compared.
    pub fn value(self, value: Value) -> Value {
        match &value {
            Value::Text(text) if !self.is_nothing() => Value::Text(self.text(text).as_ref().into()),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_meet_that_differ_in_case_and_white_space_only() {
        let both = Normalise { trim: true, lower: true };
        for text in ["ann@example.org", " Ann@Example.org\t", "ANN@EXAMPLE.ORG\u{a0}"] {
            assert_eq!(both.text(text), "ann@example.org");
        }
        assert_eq!(Normalise { trim: true, lower: false }.text(" A b "), "A b");
        assert_eq!(Normalise { trim: false, lower: true }.text(" ÄB "), " äb ");
        assert_eq!(Normalise::default().text(" A"), " A");
        assert_eq!(both.value(Value::Int(7)), Value::Int(7));
        assert_eq!(both.value(Value::Null), Value::Null);
    }
}
