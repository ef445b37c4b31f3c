//! JSON Schemas of every kind of file, for editors to complete and check, from the same tables as the check.

use serde_json::{Map, Value, json};

use crate::project::Period;
use crate::read::CATEGORIES;
use crate::shape::{Object, Shape};
use crate::shapes::KINDS;

/// The JSON Schema (draft 2020-12) of a kind of file.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The kind: `project`, `source`, `features`, `question`, `model`.
    pub name: &'static str,
    /// Where such files lie in a project; `*` stands for one name.
    pub pattern: &'static str,
    /// The schema.
    pub json: Value,
}

/// The schemas of all kinds of file.
pub fn schemas() -> Vec<Schema> {
    KINDS
        .iter()
        .map(|kind| {
            let mut root = Map::new();
            root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
            root.insert("title".to_owned(), json!(format!("Tandem: {}", kind.name)));
            if let Value::Object(rest) = object(kind.object) {
                root.extend(rest);
            }
            Schema { name: kind.name, pattern: kind.pattern, json: Value::Object(root) }
        })
        .collect()
}

fn object(object: &Object) -> Value {
    let mut properties = Map::new();
    for key in object.keys {
        let mut schema = of(key.shape);
        if let Value::Object(map) = &mut schema {
            map.insert("description".to_owned(), json!(sentence(key.doc)));
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let required: Vec<&str> = object.keys.iter().filter(|k| k.required.is_some()).map(|k| k.name).collect();
    let mut schema = json!({ "description": object.doc, "type": "object", "properties": properties });
    if let Value::Object(map) = &mut schema {
        if !required.is_empty() {
            map.insert("required".to_owned(), json!(required));
        }
        if !object.open {
            map.insert("additionalProperties".to_owned(), json!(false));
        }
    }
    schema
}

fn of(shape: Shape) -> Value {
    match shape {
        Shape::Categories => json!({ "type": "integer", "minimum": CATEGORIES.0, "maximum": CATEGORIES.1 }),
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Name => json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }),
        Shape::Instant => json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}([T ].+)?$" }),
        Shape::Duration(_) => json!({ "type": "string", "pattern": SPAN }),
        Shape::Window => json!({ "type": "string", "pattern": window() }),
        Shape::Calendar => json!({ "type": "string", "pattern": CALENDAR }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Sql | Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Any => json!({}),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": of(*item) }),
        Shape::Object(inner) => object(inner),
    }
}

/// Spans, spans that ended some time ago, parts of the calendar, all time.
fn window() -> String {
    let span = SPAN.trim_start_matches('^').trim_end_matches('$');
    let periods = Period::ALL.map(Period::words).join("|");
    format!("^({span}|{span},? ending {span} ago|({periods})( in [A-Za-z0-9_+/-]+)?|all time)$")
}

const CALENDAR: &str = "^(day|month on day \\d{1,2}|[A-Za-z]+day) \\d{2}:\\d{2}(:\\d{2})?( [A-Za-z0-9_+/-]+)?$";

const SPAN: &str = "^(\\d+(\\.\\d+)?\\s*[a-zµ]+\\s*)+$";

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
