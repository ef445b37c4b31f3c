//! The texts that states refer to by number. A driver keeps one for all its states, beside them: the same text is kept
//! once however many entities have it, and a record's text becomes a word as cheap as a number.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Type, Value};

/// The texts that states refer to by number. Equal texts have one number, for as long as this lives.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Arc<str>>", into = "Vec<Arc<str>>")]
pub struct Texts {
    list: Vec<Arc<str>>,
    /// Only looked up, never iterated; not written, but made again.
    index: HashMap<Arc<str>, u64>,
}

impl Texts {
    /// The number of a text, which is given one when it is new.
    pub fn intern(&mut self, text: &str) -> u64 {
        if let Some(&number) = self.index.get(text) {
            return number;
        }
        let (number, text) = (self.list.len() as u64, Arc::<str>::from(text));
        self.index.insert(Arc::clone(&text), number);
        self.list.push(text);
        number
    }

    /// The text of a number that [`Texts::intern`] gave.
    pub fn get(&self, number: u64) -> &str {
        &self.list[number as usize]
    }

    /// About how many bytes they take in memory.
    pub fn bytes(&self) -> usize {
        // Twice the reference, once in each collection, and the counts that stand before a shared text.
        self.list.iter().map(|text| text.len() + 16 + 2 * size_of::<Arc<str>>() + size_of::<u64>()).sum()
    }

    /// The value that a word of this type stands for.
    pub(crate) fn value(&self, word: u64, ty: Type) -> Value {
        match ty {
            Type::Bool => Value::Bool(word != 0),
            Type::Int => Value::Int(word as i64),
            Type::Float => Value::Float(f64::from_bits(word)),
            Type::Text => Value::Text(Arc::clone(&self.list[word as usize])),
            Type::Time => Value::Time(word as i64),
            Type::List(_) | Type::Map(..) => unreachable!("a record's fields are single values, not {ty}"),
        }
    }
}

impl From<Vec<Arc<str>>> for Texts {
    fn from(list: Vec<Arc<str>>) -> Self {
        let index = list.iter().zip(0..).map(|(text, number)| (Arc::clone(text), number)).collect();
        Self { list, index }
    }
}

impl From<Texts> for Vec<Arc<str>> {
    fn from(texts: Texts) -> Self {
        texts.list
    }
}
