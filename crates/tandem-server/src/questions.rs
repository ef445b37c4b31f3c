//! What is asked: rows of entities, request fields and an instant, read from JSON against the definitions, and written into the
//! served log. Not here: the values (`states.rs`) and who predicts (`live.rs`).

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use tandem_data::json;
use tandem_definitions::{Entity, KeyPart, Project, Value, time};
use tandem_engine::{Key, Plan};

use crate::problem::{Problem, nearest};
use crate::states::{Answered, Asked, Refused};

/// One request asks about so many rows at most, so that records are not kept waiting.
pub const ROWS: usize = 10_000;

/// What some features need to be answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Entities that must be told (they may be null), by index.
    pub entities: BTreeSet<usize>,
    /// Fields of the request that must be told (they may be null), by index.
    pub request: BTreeSet<usize>,
}

impl Needs {
    /// What these features need, and all that they read.
    pub fn of(project: &Project, features: &[usize]) -> Self {
        let plan = Plan::compile(project, features);
        Self {
            entities: plan.entities().iter().copied().collect(),
            request: plan.request_fields().iter().copied().collect(),
        }
    }
}

/// One row as it was asked, checked.
pub struct Row {
    /// For the states.
    pub asked: Asked,
    /// The entities told, in canonical JSON.
    entities: Json,
    /// The request's fields told, in canonical JSON.
    request: Json,
}

/// A request's rows.
pub struct Question {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Whether rows without a prediction go to the served log as well.
    pub log: bool,
}

/// Reads `{"rows": [{"entities": {…}, "request": {…}, "at": "…"}, …], "log": false}`, or one row alone.
pub fn read(project: &Project, plan: &Plan, needs: &Needs, body: &[u8]) -> Result<Question, Problem> {
    let json: Json = serde_json::from_slice(body).map_err(|e| crate::records::not_json(&e, "the body", 1))?;
    let reader = Reader { project, plan, needs };
    let Json::Object(mut object) = json else {
        return Err(shape(format!("the body is {}", json::found(&json)), ""));
    };
    if !object.contains_key("rows") {
        return Ok(Question { log: take_log(&mut object)?, rows: vec![reader.row(&object, "")?] });
    }
    let log = take_log(&mut object)?;
    if let Some(other) = object.keys().find(|key| *key != "rows") {
        let known = nearest(other, ["rows", "log"].into_iter());
        return Err(shape(format!("`{other}` means nothing here: {known}"), &format!("/{other}")));
    }
    let Some(Json::Array(items)) = object.get("rows") else {
        return Err(shape("`rows` is not an array".to_owned(), "/rows"));
    };
    if items.is_empty() {
        return Err(shape("`rows` is empty".to_owned(), "/rows"));
    }
    if items.len() > ROWS {
        return Err(Problem::new(
            axum::http::StatusCode::PAYLOAD_TOO_LARGE,
            "Too many rows",
            format!("{} rows in one request, and {ROWS} is the most", items.len()),
            "ask in several requests",
        )
        .at("/rows"));
    }
    let rows = items.iter().enumerate().map(|(i, item)| {
        let place = format!("/rows/{i}");
        match item {
            Json::Object(row) => reader.row(row, &place),
            other => Err(shape(format!("a row is {}", json::found(other)), &place)),
        }
    });
    Ok(Question { rows: rows.collect::<Result<_, _>>()?, log })
}

fn take_log(object: &mut Map<String, Json>) -> Result<bool, Problem> {
    match object.shift_remove("log") {
        None => Ok(false),
        Some(Json::Bool(log)) => Ok(log),
        Some(other) => Err(shape(format!("`log` is true or false, and here stands {}", json::found(&other)), "/log")),
    }
}

fn shape(detail: String, place: &str) -> Problem {
    let remedy = "send {\"rows\": [{\"entities\": {…}, \"request\": {…}, \"at\": \"2013-01-01T05:15:00Z\"}]}; GET /openapi.json \
                  has the exact form";
    Problem::content("Not a question", detail, remedy).at(place)
}

/// What a row says.
const KEYS: [&str; 3] = ["entities", "request", "at"];

struct Reader<'a> {
    project: &'a Project,
    plan: &'a Plan,
    needs: &'a Needs,
}

impl Reader<'_> {
    fn row(&self, row: &Map<String, Json>, place: &str) -> Result<Row, Problem> {
        let nothing = Map::new();
        let part = |name: &str| match row.get(name) {
            Some(Json::Object(object)) => Ok(object),
            None | Some(Json::Null) => Ok(&nothing),
            Some(other) => Err(shape(format!("`{name}` is {}", json::found(other)), &format!("{place}/{name}"))),
        };
        if let Some(other) = row.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let known = nearest(other, KEYS.into_iter());
            return Err(shape(format!("`{other}` means nothing here: {known}"), &format!("{place}/{other}")));
        }
        let (entities, keys) = self.entities(part("entities")?, &format!("{place}/entities"))?;
        let (request, values) = self.request(part("request")?, &format!("{place}/request"))?;
        let at = match row.get("at") {
            None | Some(Json::Null) => None,
            Some(json) => Some(json::instant(json, None).map_err(|expected| {
                Problem::content("Not an instant", expected, "leave `at` away to ask about the present")
                    .at(format!("{place}/at"))
            })?),
        };
        Ok(Row { asked: Asked { keys, request: values, at }, entities, request })
    }

    fn entities(&self, told: &Map<String, Json>, place: &str) -> Result<(Json, Vec<Option<Key>>), Problem> {
        let mut canonical = Map::new();
        let mut keys: Vec<Option<Key>> = vec![None; self.plan.entities().len()];
        for (name, json) in told {
            let Some(index) = self.project.entity(name) else {
                let known = nearest(name, self.project.entities.iter().map(|e| e.name.as_str()));
                let detail = format!("there is no entity `{name}`");
                return Err(Problem::content("Unknown entity", detail, known).at(format!("{place}/{name}")));
            };
            let entity = &self.project.entities[index];
            let parts = key_parts(entity, json, &format!("{place}/{name}"))?;
            canonical.insert(name.clone(), entity_json(entity, &parts));
            if let Some(slot) = self.plan.entities().iter().position(|e| *e == index)
                && parts.iter().all(|part| !part.is_null())
            {
                keys[slot] = Some(Key(parts.into()));
            }
        }
        if let Some(missing) = self.needs.entities.iter().find(|e| !told.contains_key(&self.project.entities[**e].name))
        {
            let name = &self.project.entities[*missing].name;
            let detail = format!("the answer needs the entity `{name}`, and this row does not say which");
            let remedy = format!("add `{name}` to `entities` (null when there is none)");
            return Err(Problem::content("An entity is missing", detail, remedy).at(place));
        }
        Ok((Json::Object(canonical), keys))
    }

    fn request(&self, told: &Map<String, Json>, place: &str) -> Result<(Json, Vec<Value>), Problem> {
        let mut canonical = Map::new();
        let mut values = vec![Value::Null; self.plan.request_fields().len()];
        for (name, json) in told {
            let Some(index) = self.project.request.iter().position(|field| field.name == *name) else {
                let known = nearest(name, self.project.request.iter().map(|f| f.name.as_str()));
                let detail = format!("no feature reads `request.{name}`");
                return Err(Problem::content("Unknown request field", detail, known).at(format!("{place}/{name}")));
            };
            let value = json::from_json(json, self.project.request[index].ty, None).map_err(|expected| {
                let detail = format!("`request.{name}`: {expected}");
                let remedy = format!("`{name}` is declared as {}", self.project.request[index].ty);
                Problem::content("Wrong type", detail, remedy).at(format!("{place}/{name}"))
            })?;
            canonical.insert(name.clone(), json::to_json(&value));
            if let Some(slot) = self.plan.request_fields().iter().position(|r| *r == index) {
                values[slot] = value;
            }
        }
        if let Some(missing) = self.needs.request.iter().find(|r| !told.contains_key(&self.project.request[**r].name)) {
            let field = &self.project.request[*missing];
            let detail =
                format!("the answer needs `request.{}` ({}), and this row does not tell it", field.name, field.meaning);
            let remedy = format!("add `{}` to `request` (null when it is not known)", field.name);
            return Err(Problem::content("A request field is missing", detail, remedy).at(place));
        }
        Ok((Json::Object(canonical), values))
    }
}

/// The parts of an entity's key: a lone value for a key of one part, an object by part otherwise.
fn key_parts(entity: &Entity, json: &Json, place: &str) -> Result<Vec<Value>, Problem> {
    let wrong = |detail: String, place: String| {
        let parts: Vec<String> = entity.keys.iter().map(|k| format!("\"{}\": {}", k.name, k.ty)).collect();
        let form =
            if let [only] = entity.keys.as_slice() { only.ty.to_string() } else { format!("{{{}}}", parts.join(", ")) };
        Problem::content("Not a key", detail, format!("`{}` is told as {form}", entity.name)).at(place)
    };
    let part = |key: &KeyPart, json: &Json, place: String| {
        let value = json::from_json(json, key.ty, None);
        let value = value.map_err(|expected| wrong(format!("`{}`: {expected}", key.name), place))?;
        Ok(entity.normalise.value(value))
    };
    match (entity.keys.as_slice(), json) {
        (keys, Json::Null) => Ok(vec![Value::Null; keys.len()]),
        (keys, Json::Object(object)) => {
            if let Some(other) = object.keys().find(|name| !keys.iter().any(|key| key.name == **name)) {
                let detail = format!("the key of `{}` has no part `{other}`", entity.name);
                return Err(wrong(detail, format!("{place}/{other}")));
            }
            keys.iter()
                .map(|key| match object.get(&key.name) {
                    Some(json) => part(key, json, format!("{place}/{}", key.name)),
                    None => Err(wrong(format!("the part `{}` is missing", key.name), place.to_owned())),
                })
                .collect()
        }
        ([only], json) => Ok(vec![part(only, json, place.to_owned())?]),
        _ => Err(wrong(format!("the key of `{}` has {} parts", entity.name, entity.keys.len()), place.to_owned())),
    }
}

fn entity_json(entity: &Entity, parts: &[Value]) -> Json {
    match (entity.keys.as_slice(), parts) {
        ([_], [only]) => json::to_json(only),
        (keys, parts) => {
            Json::Object(keys.iter().zip(parts).map(|(k, v)| (k.name.clone(), json::to_json(v))).collect())
        }
    }
}

/// What stands in the served log beside a row's values.
pub struct Context<'a> {
    /// The positions of all sources, by name.
    pub positions: &'a Json,
    /// The question.
    pub question: &'a str,
    /// The model and its release; `None` for features alone.
    pub model: Option<(&'a str, &'a str)>,
    /// The hash of the definitions.
    pub project_hash: &'a str,
}

/// A row of the served log, without its number.
pub fn served_row(
    context: &Context<'_>,
    row: &Row,
    answered: &Answered,
    values: &Json,
    prediction: Option<f64>,
) -> String {
    let mut object = Map::new();
    object.insert("at".into(), time::format_instant(answered.at).into());
    object.insert("positions".into(), context.positions.clone());
    object.insert("question".into(), context.question.into());
    object.insert("model".into(), context.model.map(|(model, _)| model).into());
    object.insert("release".into(), context.model.map(|(_, release)| release).into());
    object.insert("project_hash".into(), context.project_hash.into());
    object.insert("entities".into(), row.entities.clone());
    object.insert("request".into(), row.request.clone());
    object.insert("values".into(), values.clone());
    object.insert("prediction".into(), prediction.map_or(Json::Null, json::number));
    let mut text = Json::Object(object).to_string();
    text.remove(0);
    text
}

/// The values of some features, by name.
pub fn values_json(project: &Project, features: &[usize], values: &[Value]) -> Json {
    Json::Object(features.iter().map(|f| (project.features[*f].name.clone(), json::to_json(&values[*f]))).collect())
}

/// The instant asked about cannot be answered for.
pub fn refused(question: &Question, refused: &Refused) -> Problem {
    let (Refused::Overtaken { row, .. } | Refused::Ahead { row, .. }) = *refused;
    let at = question.rows[row].asked.at.map(time::format_instant).unwrap_or_default();
    let problem = match refused {
        Refused::Overtaken { last_arrival, .. } => Problem::new(
            axum::http::StatusCode::CONFLICT,
            "The past has been overtaken",
            format!(
                "asked as of {at}, and a record that arrived at {} is known already: the answer would know the future",
                time::format_instant(*last_arrival)
            ),
            "ask about a later instant or leave `at` away; for the past, `tandem data` replays what was known then",
        ),
        Refused::Ahead { now, .. } => Problem::content(
            "The future is not known",
            format!(
                "asked as of {at}, and here it is {}: what arrives until then is not known",
                time::format_instant(*now)
            ),
            "leave `at` away to ask about the present, or ask again when that time has come",
        ),
    };
    problem.at(if question.rows.len() > 1 { format!("/rows/{row}/at") } else { "/at".to_owned() })
}
