//! How a value came about: the very records that made it up, those that had happened but were not known yet, and those
//! that had left the window. The value itself is the engine's; this file only says of each record why it counts or not.

use serde::Serialize;
use tandem_data::read::{self, Batch};
use tandem_data::replay::{Asks, Known, replay};
use tandem_data::table::{array_of, columns, value};
use tandem_data::versions::versions;
use tandem_definitions::{
    Aggregate, Computation, Datum, Expr, Feature, Input, KeyPart, Micros, Project, Touch, Type, Value, time,
};
use tandem_engine::{Late, Plan, as_known, evaluate, interval};

use crate::arithmetic::arithmetic;
use crate::error::Error;
use crate::load::Loaded;
use crate::training::key_columns;
use crate::words::aggregation;

/// How many records of each kind are kept to be shown, the latest.
const SHOWN: usize = 20;

/// How a feature's value at an instant came about.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// The feature.
    pub feature: String,
    /// The expression, as the team wrote it.
    pub expression: String,
    /// The instant.
    pub at: String,
    /// The value.
    pub value: String,
    /// What the expression read: features of its own, with their values.
    pub read: Vec<(String, String)>,
    /// Its aggregations, each with its records.
    pub aggregations: Vec<Part>,
}

/// One aggregation, and what became of each record of the entity.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Part {
    /// The source.
    pub source: String,
    /// The entity and its key.
    pub entity: String,
    /// The window, as an interval of event time.
    pub window: String,
    /// How the values are folded, in words.
    pub how: String,
    /// The arithmetic: what goes in, and what the engine makes of it.
    pub arithmetic: String,
    /// The records that count.
    pub counted: Records,
    /// In the window, but they had not arrived by the instant.
    pub not_yet_known: Records,
    /// Known, but they happened before the window.
    pub before_the_window: Records,
    /// In the window and known, but a later record of the same identity had replaced or removed them by the instant.
    pub replaced: Records,
    /// In the window and known, but a field of theirs that would make them count was not, by the instant.
    pub value_not_yet_known: Records,
    /// In the window and known, but the condition does not hold or there is no value.
    pub without_a_value: Records,
}

/// Some records, the latest of them in full.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Records {
    /// How many.
    pub count: u64,
    /// The latest, in order of event time.
    pub latest: Vec<Line>,
}

/// One record.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// When it happened.
    pub event: String,
    /// When production first knew.
    pub arrival: String,
    /// What it gives to the aggregation, after its category, if it is grouped; empty where that is nothing but its being there.
    pub value: String,
    #[serde(skip)]
    order: (Micros, Micros, u64),
}

impl Records {
    fn add(&mut self, line: Line) {
        self.count += 1;
        self.latest.push(line);
        if self.latest.len() > 4 * SHOWN {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.latest.sort_by_key(|line| line.order);
        let surplus = self.latest.len().saturating_sub(SHOWN);
        self.latest.drain(..surplus);
    }
}

/// Says how the value of a feature for an entity at an instant came about. `key` gives the parts of the entities' keys by
/// column name: `aircraft`, or `route.origin`.
///
/// # Errors
/// [`Error::NoSuch`] for an unknown feature; [`Error::Unusable`] for a part of a key that is missing; what reading says.
pub fn account(loaded: &Loaded, name: &str, key: &[(String, String)], at: Micros) -> Result<Account, Error> {
    let project = &loaded.project;
    let index = loaded.feature(name)?;
    let feature = &project.features[index];
    // Of a parent's feature, who the parent is.
    let reads = feature.value.inputs.iter().flat_map(|input| match input {
        Input::Feature(f) => vec![*f],
        Input::Parent { child, parent, .. } => project.entities[*child].parents[*parent].features.clone(),
        Input::Aggregate(_) | Input::Request(_) => Vec::new(),
    });
    let wanted: Vec<usize> = std::iter::once(index).chain(reads).collect();
    let own = wanted.len();
    let (apart, wanted) = each_apart(project, feature, wanted);
    let plan = Plan::compile(&apart, &wanted);
    if !plan.request_fields().is_empty() {
        return Err(Error::unusable(
            format!("`{name}` reads what the asker tells, and here nobody asks"),
            "explain the features that it is made of",
        ));
    }
    let keys: Vec<Vec<Value>> =
        plan.entities().iter().map(|&entity| key_of(loaded, entity, key)).collect::<Result<_, _>>()?;
    let mut parts: Vec<Part> = Vec::new();
    for aggregate in &feature.value.aggregates {
        let slot = plan.entities().iter().position(|e| *e == aggregate.entity).unwrap_or(0);
        parts.push(part(loaded, aggregate, &keys[slot], at)?);
    }
    let values = values(loaded, &plan, &keys, at)?;
    let (values, apart) = values.split_at(own);
    for ((part, aggregate), result) in parts.iter_mut().zip(&feature.value.aggregates).zip(apart) {
        part.arithmetic = arithmetic(aggregate, &part.counted, result, at, interval(&aggregate.window, at));
    }
    let read = wanted[1..own].iter().zip(&values[1..]);
    Ok(Account {
        feature: feature.name.clone(),
        expression: feature.value.text.clone(),
        at: time::format_instant(at),
        value: values[0].to_string(),
        read: read.map(|(&f, value)| (project.features[f].name.clone(), value.to_string())).collect(),
        aggregations: parts,
    })
}

/// The project with a feature for each aggregation of a feature, after all others; and these after the wanted ones.
fn each_apart(project: &Project, feature: &Feature, mut wanted: Vec<usize>) -> (Project, Vec<usize>) {
    let mut project = project.clone();
    for (index, aggregate) in feature.value.aggregates.iter().enumerate() {
        let value = Computation {
            text: String::new(),
            aggregates: vec![aggregate.clone()],
            inputs: vec![Input::Aggregate(0)],
            expr: Expr::Column(0),
        };
        wanted.push(project.features.len());
        let (name, ty) = (format!("{} {index}", feature.name), aggregate.ty);
        project.features.push(Feature { name, value, ty, default: None, ..feature.clone() });
    }
    (project, wanted)
}

/// The key of an entity from what was told, in the types that the sources agree on.
fn key_of(loaded: &Loaded, entity: usize, told: &[(String, String)]) -> Result<Vec<Value>, Error> {
    let declared = &loaded.project.entities[entity];
    let columns = key_columns(&loaded.project, entity);
    let part = |(column, ty): (&String, Type)| {
        let text = told.iter().find(|(name, _)| name == column).map(|(_, text)| text);
        let text = text.ok_or_else(|| {
            Error::unusable(format!("nothing says which {column} is meant"), format!("add `--entity {column}=…`"))
        })?;
        let literal = Expr::Literal(Value::Text(text.as_str().into()));
        let value = evaluate(&Expr::Cast(Box::new(literal), ty), &[]);
        if value.is_null() {
            return Err(Error::unusable(format!("`{text}` is no {ty}"), format!("{column} is of type {ty}")));
        }
        Ok(declared.normalise.value(value))
    };
    columns.iter().zip(declared.keys.iter().map(|k| k.ty)).map(part).collect()
}

/// A record of a batch that is of the entity, with the values of the fields wanted.
fn each_record<'b>(
    batch: &'b Batch,
    key_fields: &'b [Vec<usize>],
    key: &'b [Value],
    mut each: impl FnMut(usize, &[Datum<'b>]),
) {
    let columns = columns(&batch.columns).expect("the reader gives only the five types");
    for row in (0..batch.len()).filter(|&row| batch.is_usable(row)) {
        let values: Vec<Datum<'b>> = columns.iter().map(|column| column.get(row)).collect();
        let same = |fields: &Vec<usize>| fields.iter().zip(key).all(|(&f, part)| values[f] == part.as_datum());
        if key_fields.iter().any(same) {
            each(row, &values);
        }
    }
}

/// What becomes of each record of the entity in one aggregation.
fn part(loaded: &Loaded, aggregate: &Aggregate, key: &[Value], at: Micros) -> Result<Part, Error> {
    let project = &loaded.project;
    let source = &project.sources[aggregate.source];
    let (from, to) = interval(&aggregate.window, at);
    let names = key_columns(project, aggregate.entity);
    let key_text = names.iter().zip(key).map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
    let mut part = Part {
        source: source.name.clone(),
        how: aggregation(project, aggregate),
        entity: key_text.join(", "),
        window: match from {
            None => format!("(…, {})", time::format_instant(to)),
            Some(from) => format!("[{}, {})", time::format_instant(from), time::format_instant(to)),
        },
        ..Part::default()
    };
    let all: Vec<usize> = (0..source.fields.len()).collect();
    let is_meant = |t: &&Touch| t.entity == aggregate.entity && (aggregate.role.is_none() || aggregate.role == t.role);
    let touches = source.touches.iter().filter(is_meant);
    let key_fields: Vec<Vec<usize>> = touches.map(|t| t.fields.clone()).collect();
    let versions = versions(source, &loaded.origin)?;
    let late = Late::among(source, &all);
    for batch in read::open(source, &loaded.origin, &all)? {
        let batch = batch?;
        each_record(&batch, &key_fields, key, |row, values| {
            let position = batch.first_position + row as u64;
            let (event, arrival) = (batch.event[row], batch.arrival[row]);
            if event >= to || versions.never_counts(position) {
                return;
            }
            let in_window = from.is_none_or(|from| event >= from);
            let (value, counts) = folded(aggregate, values);
            let (known_value, known_counts) =
                folded(aggregate, &as_known(&late, arrival, values, at.saturating_sub(1)));
            let (records, value) = if arrival >= at {
                (&mut part.not_yet_known, value)
            } else if !in_window {
                (&mut part.before_the_window, known_value)
            } else if !versions.counts(position, at) {
                (&mut part.replaced, known_value)
            } else if known_counts {
                (&mut part.counted, known_value)
            } else if counts {
                (&mut part.value_not_yet_known, value)
            } else {
                (&mut part.without_a_value, value)
            };
            if arrival < at || in_window {
                records.add(Line {
                    event: time::format_instant(event),
                    arrival: time::format_instant(arrival),
                    value,
                    order: (event, arrival, position),
                });
            }
        });
    }
    let Part { counted, not_yet_known, before_the_window, replaced, value_not_yet_known, without_a_value, .. } =
        &mut part;
    for records in [counted, not_yet_known, before_the_window, replaced, value_not_yet_known, without_a_value] {
        records.trim();
    }
    Ok(part)
}

/// What a record with these fields gives to an aggregation, in words, and whether it counts there.
fn folded(aggregate: &Aggregate, fields: &[Datum<'_>]) -> (String, bool) {
    let holds = aggregate.filter.as_ref().is_none_or(|f| evaluate(f, fields) == Value::Bool(true));
    let category = aggregate.by.as_ref().map(|by| evaluate(&by.expr, fields));
    let value = aggregate.input.as_ref().map(|input| evaluate(input, fields));
    let told: Vec<&Value> = category.iter().chain(&value).collect();
    let counts = holds && !told.iter().any(|value| value.is_null());
    (told.iter().map(ToString::to_string).collect::<Vec<_>>().join(": "), counts)
}

/// The values of a plan for these entities, by the same replay that a training set comes from.
fn values(loaded: &Loaded, plan: &Plan, keys: &[Vec<Value>], at: Micros) -> Result<Vec<Value>, Error> {
    let entities = plan.entities().iter().map(|&entity| &loaded.project.entities[entity].keys);
    let column = |(part, value): (&KeyPart, &Value)| array_of(part.ty, std::slice::from_ref(value));
    let keys = entities.zip(keys).map(|(parts, key)| parts.iter().zip(key).map(column).collect());
    let asks = Asks { keys: keys.collect(), at: vec![at], request: Vec::new(), known: Known::Arrived };
    let replayed = replay(&loaded.project, plan, &loaded.origin, &asks, &loaded.options, &|_| {})?;
    Ok(replayed.columns.iter().map(|column| value(column, 0)).collect())
}
