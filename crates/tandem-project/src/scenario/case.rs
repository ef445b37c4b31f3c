//! A scenario made ready to run: the text of its tables turned into typed records and observations, by the contracts and
//! features of its project. Not here: computing values (a [`super::Way`]) and comparing them (`run.rs`).

use tandem_data::json::from_json;
use tandem_definitions::{ARRIVED_AT, Arrival, File, KeyPart, Micros, Project, Source, Type, Value, time};

use super::markdown::show;
use super::{Cell, Expect, Scenario, Table};

/// What a [`super::Way`] is given: a project, its logs, and the observations that it is asked about.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The definitions.
    pub project: &'a Project,
    /// Their text, for ways that start from a project on disk.
    pub files: &'a [File],
    /// The records of each source that has any, in log order.
    pub logs: Vec<Log>,
    /// The features asked for, by index in the project.
    pub features: Vec<usize>,
    /// The observations, in the order of the expected rows.
    pub observations: Vec<Observation>,
    /// Whether they are asked with all that is known today, whenever it arrived, instead of what was known at their instant.
    pub as_corrected: bool,
}

/// A source's records in log order: a record's position is its index.
#[derive(Clone, Debug)]
pub struct Log {
    /// The source's index in the project.
    pub source: usize,
    /// The records.
    pub records: Vec<LogRecord>,
}

/// One record.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// When it happened.
    pub event: Micros,
    /// When production first knew; never before the event.
    pub arrival: Micros,
    /// Its values, one for each field of the contract.
    pub fields: Vec<Value>,
}

/// One observation.
#[derive(Clone, Debug)]
pub struct Observation {
    /// For each entity of the project, its key if the observation tells one.
    pub keys: Vec<Option<Vec<Value>>>,
    /// The instant.
    pub at: Micros,
    /// For each request field of the project, what the asker tells.
    pub request: Vec<Value>,
}

/// What is wrong with a cell or a column: the line in the scenario, and a sentence.
pub(super) type Unusable = (usize, String);

/// A column of an expect table.
pub(super) enum Column {
    Key(usize, usize),
    At,
    Request(usize),
    Feature(usize),
}

impl Log {
    /// The logs of a scenario, by source.
    pub(super) fn all(scenario: &Scenario, project: &Project) -> Result<Vec<Self>, Vec<Unusable>> {
        let (mut logs, mut problems) = (Vec::<Self>::new(), Vec::new());
        for (name, table) in &scenario.given {
            let Some(index) = project.source(name) else {
                problems.push((table.line, format!("The project has no source `{name}`.")));
                continue;
            };
            let records = match records(&project.sources[index], table) {
                Ok(records) => records,
                Err(mut found) => {
                    problems.append(&mut found);
                    continue;
                }
            };
            match logs.iter_mut().find(|l| l.source == index) {
                Some(log) => log.records.extend(records),
                None => logs.push(Self { source: index, records }),
            }
        }
        if problems.is_empty() { Ok(logs) } else { Err(problems) }
    }
}

fn records(source: &Source, table: &Table) -> Result<Vec<LogRecord>, Vec<Unusable>> {
    let zone = source.time_zone.as_deref();
    let mut problems = Vec::new();
    let mut columns = Vec::new();
    for name in &table.columns {
        match source.field(name) {
            Some(field) => columns.push(Some(field)),
            None if name == ARRIVED_AT && source.arrival == Arrival::Observed => columns.push(None),
            None => problems.push((table.line, format!("The source `{}` has no field `{name}`.", source.name))),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut records = Vec::new();
    for row in &table.rows {
        let mut fields = vec![Value::Null; source.fields.len()];
        let mut stamped = None;
        let mut wrong = Vec::new();
        for (column, cell) in columns.iter().zip(&row.cells) {
            let ty = column.map_or(Type::Time, |f| source.fields[f].ty);
            match (typed(cell, ty, zone), column) {
                (Ok(value), Some(field)) => fields[*field] = source.fields[*field].normalise.value(value),
                (Ok(value), None) => stamped = instant(&value),
                (Err(message), _) => wrong.push((row.line, message)),
            }
        }
        let event = instant(&fields[source.event]);
        let arrival = match &source.arrival {
            Arrival::Observed => stamped,
            Arrival::Declared { field } => instant(&fields[*field]),
            Arrival::Assumed { delay } => event.map(|t| t.saturating_add(*delay)),
        };
        match (event, arrival) {
            _ if !wrong.is_empty() => problems.append(&mut wrong),
            // As the readers have it: what claims to have arrived before it happened counts from its event on, or as stated.
            (Some(event), said) => match source.treatment.arrival(event, said) {
                Some(arrival) => records.push(LogRecord { event, arrival, fields }),
                None if said.is_none() && source.treatment.missing.is_none() => {
                    problems.push((row.line, "This record has no arrival time.".to_owned()));
                }
                // As the contract says, it never counts.
                None => {}
            },
            (None, _) => problems.push((row.line, "This record has no event time.".to_owned())),
        }
    }
    if problems.is_empty() { Ok(records) } else { Err(problems) }
}

fn instant(value: &Value) -> Option<Micros> {
    if let Value::Time(t) = value { Some(*t) } else { None }
}

/// The case of one expect table, and the cells expected: for each observation one for each feature.
pub(super) fn case<'a>(
    scenario: &'a Scenario,
    project: &'a Project,
    logs: Vec<Log>,
    expect: &'a Expect,
) -> Result<(Case<'a>, Vec<Vec<&'a Cell>>), Vec<Unusable>> {
    let Expect { table, as_corrected } = expect;
    let mut problems = Vec::new();
    let mut columns = Vec::new();
    for name in &table.columns {
        match column(project, name) {
            Ok(column) => columns.push(column),
            Err(message) => problems.push((table.line, message)),
        }
    }
    if !columns.iter().any(|c| matches!(c, Column::At)) {
        problems.push((table.line, "The expect table has no column `at`: at which instant is it asked?".to_owned()));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (mut observations, mut expected) = (Vec::new(), Vec::new());
    for row in &table.rows {
        match observation(project, &columns, &row.cells) {
            Ok(observation) => observations.push(observation),
            Err(message) => problems.push((row.line, message)),
        }
        let features = columns.iter().zip(&row.cells).filter(|(c, _)| matches!(c, Column::Feature(_)));
        expected.push(features.map(|(_, cell)| cell).collect());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let features = columns.iter().filter_map(|c| if let Column::Feature(f) = c { Some(*f) } else { None }).collect();
    let as_corrected = *as_corrected;
    Ok((Case { project, files: &scenario.files, logs, features, observations, as_corrected }, expected))
}

fn observation(project: &Project, columns: &[Column], cells: &[Cell]) -> Result<Observation, String> {
    let mut keys: Vec<Option<Vec<Value>>> = vec![None; project.entities.len()];
    let mut request = vec![Value::Null; project.request.len()];
    let mut at = None;
    for (column, cell) in columns.iter().zip(cells) {
        match column {
            Column::Key(entity, part) => {
                let parts = &project.entities[*entity].keys;
                let value = project.entities[*entity].normalise.value(typed(cell, parts[*part].ty, None)?);
                keys[*entity].get_or_insert_with(|| vec![Value::Null; parts.len()])[*part] = value;
            }
            Column::At => at = instant(&typed(cell, Type::Time, None)?),
            Column::Request(field) => request[*field] = typed(cell, project.request[*field].ty, None)?,
            Column::Feature(_) => {}
        }
    }
    let at = at.ok_or_else(|| "This observation has no instant `at`.".to_owned())?;
    Ok(Observation { keys, at, request })
}

pub(super) fn column(project: &Project, name: &str) -> Result<Column, String> {
    if name == "at" {
        return Ok(Column::At);
    }
    if let Some(feature) = project.feature(name) {
        return Ok(Column::Feature(feature));
    }
    if let Some(field) = name.strip_prefix("request.") {
        let index = project.request.iter().position(|r| r.name == field);
        return index.map(Column::Request).ok_or_else(|| format!("No request field is named `{field}`."));
    }
    let (entity, part) = name.split_once('.').map_or((name, None), |(e, p)| (e, Some(p)));
    let Some(index) = project.entity(entity) else {
        return Err(format!("The column `{name}` is no entity, no feature, no `request.` field, and not `at`."));
    };
    let parts: &[KeyPart] = &project.entities[index].keys;
    let part = match part {
        None if parts.len() == 1 => Some(0),
        None => {
            return Err(format!("The key of `{entity}` has {} parts: name one, as in `{}`.", parts.len(), {
                format!("{entity}.{}", parts[0].name)
            }));
        }
        Some(p) => parts.iter().position(|k| k.name == p),
    };
    part.map(|p| Column::Key(index, p)).ok_or_else(|| format!("The key of `{entity}` has no part as in `{name}`."))
}

/// The value of a cell, of a type.
pub(super) fn typed(cell: &Cell, ty: Type, zone: Option<&str>) -> Result<Value, String> {
    let Some(text) = &cell.0 else {
        return Ok(Value::Null);
    };
    let value = match ty {
        Type::List(_) | Type::Map(..) => {
            let json: serde_json::Value =
                serde_json::from_str(text).map_err(|e| format!("`{}` is no JSON: {e}.", show(cell)))?;
            return from_json(&json, ty, zone).map_err(|why| format!("`{}` is no {ty}: {why}.", show(cell)));
        }
        Type::Bool => text.parse().ok().map(Value::Bool),
        Type::Int => text.parse().ok().map(Value::Int),
        Type::Float => text.parse().ok().map(Value::Float),
        Type::Text => Some(Value::Text(text.as_str().into())),
        Type::Time => time::parse_instant(text, zone).map(Value::Time),
    };
    value.ok_or_else(|| format!("`{}` is no {ty}.", show(cell)))
}
