//! The observations of a question over a scenario's logs, in memory, and whether they are those that it expects.
//! Not here: the rules (`crate::observe`).

use tandem_data::versions::{Collector, Versions};
use tandem_definitions::{Datum, Micros, OnCalendar, OnRecord, Project, Question, Rule, Source, Type, Value, time};
use tandem_engine::Late;

use super::case::{Column, column, typed};
use super::{Case, LogRecord, Observation, Table};
use crate::observe::calendar::{Activity, Seen};
use crate::observe::record::Trigger;
use crate::training::Part;

/// The observations, from records in memory.
pub(super) fn in_memory(case: &Case<'_>, question: &Question) -> Result<Vec<Observation>, String> {
    match &question.observe.rule {
        Rule::Record(rule) => Ok(on_records(case, question, rule)),
        Rule::Calendar(rule) => Ok(on_calendar(case, question, rule)),
        Rule::File(path) => {
            Err(format!("The observations of `{}` come from {path}, not from the given records.", question.name))
        }
    }
}

/// The records of a source by position, and until when each counts.
fn records<'c>(case: &'c Case<'_>, source: usize) -> (Vec<&'c LogRecord>, Versions) {
    let declared = &case.project.sources[source];
    let log = case.logs.iter().find(|l| l.source == source);
    let records: Vec<&LogRecord> = log.map(|l| l.records.iter().collect()).unwrap_or_default();
    let mut collector = Collector::new(declared);
    for record in &records {
        let identity = declared.identity.iter().map(|f| record.fields[*f].as_datum());
        let removes = declared.tombstone.is_some_and(|f| record.fields[f] == Value::Bool(true));
        collector.add(identity, removes, Some(record.arrival));
    }
    (records, collector.finish())
}

/// All fields of a source that arrive later than their record.
fn late(source: &Source) -> Vec<Late> {
    Late::among(source, &(0..source.fields.len()).collect::<Vec<_>>())
}

/// The keys that these fields of a record hold.
fn keys_of<'r>(keys: &'r [Vec<usize>], record: &'r LogRecord) -> impl Iterator<Item = Vec<Value>> + 'r {
    keys.iter().map(|fields| fields.iter().map(|f| record.fields[*f].clone()).collect())
}

fn datums(record: &LogRecord) -> Vec<Datum<'_>> {
    record.fields.iter().map(Value::as_datum).collect()
}

fn on_records(case: &Case<'_>, question: &Question, rule: &OnRecord) -> Vec<Observation> {
    let source = &case.project.sources[rule.source];
    let (records, versions) = records(case, rule.source);
    let (late, filter) = (late(source), rule.filter.as_ref());
    let OnRecord { field, offset, .. } = *rule;
    let trigger = Trigger { field, offset, filter, late: &late, versions: &versions, corrects: source.corrects };
    let mut observations = Vec::new();
    for (record, position) in records.into_iter().zip(0..) {
        let Ok((at, known)) = trigger.ask(position, &datums(record), Some(record.arrival)) else { continue };
        let mut observation = nobody(case.project, at);
        for (entity, key) in question.observe.entities.iter().zip(keys_of(&rule.keys, record)) {
            observation.keys[*entity] = Some(key);
        }
        for (told, field) in question.observe.request.iter().zip(&rule.request) {
            observation.request[*told] = known[*field].to_value();
        }
        observations.push(observation);
    }
    observations.sort_by_key(|o| o.at);
    observations
}

fn on_calendar(case: &Case<'_>, question: &Question, rule: &OnCalendar) -> Vec<Observation> {
    let source = &case.project.sources[rule.source];
    let arrivals = |source: usize| {
        let log = case.logs.iter().filter(move |l| l.source == source);
        log.flat_map(|l| &l.records).map(|r| r.arrival)
    };
    let Some(first) = arrivals(rule.source).min() else { return Vec::new() };
    let told = question.outcome.value.aggregates.iter().map(|a| a.source);
    let end = std::iter::once(rule.source).chain(told).flat_map(arrivals).max().unwrap_or(first);
    let mut activity = Activity::new(rule, first, end);
    let (records, lives) = records(case, rule.source);
    let late = late(source);
    for (record, position) in records.into_iter().zip(0..) {
        let keys = keys_of(&rule.keys, record).filter(|key| !key.iter().any(Value::is_null)).collect();
        let (filter, until) = (rule.filter.as_ref(), lives.until(position));
        let LogRecord { event, arrival, .. } = *record;
        activity.take(keys, &Seen { late: &late, values: &datums(record), filter, event, arrival, until });
    }
    let observed = activity.observations();
    let one = |&(instant, who): &(u32, u32)| {
        let mut observation = nobody(case.project, activity.instants[instant as usize]);
        observation.keys[rule.entity] = Some(activity.keys[who as usize].clone());
        observation
    };
    observed.iter().map(one).collect()
}

fn nobody(project: &Project, at: Micros) -> Observation {
    Observation { keys: vec![None; project.entities.len()], at, request: vec![Value::Null; project.request.len()] }
}

/// What an expected column says of an observation.
enum Expected {
    Of(Column),
    Part,
    Fold,
}

/// Where observations differ from those that a table expects: the line, and a sentence. The first is enough: what follows a
/// missing one is shifted.
pub(super) fn difference(
    project: &Project,
    question: &Question,
    table: &Table,
    got: &[Observation],
) -> Option<(usize, String)> {
    let mut columns = Vec::new();
    for name in &table.columns {
        columns.push(match name.as_str() {
            "part" => Expected::Part,
            "fold" => Expected::Fold,
            name => match column(project, name) {
                Ok(Column::Feature(_)) => {
                    return Some((table.line, format!("`{name}` is a feature: expect it in a table of values.")));
                }
                Ok(column) => Expected::Of(column),
                Err(message) => return Some((table.line, message)),
            },
        });
    }
    for (row, observation) in table.rows.iter().zip(got) {
        let all: Vec<Value> = columns.iter().map(|column| said(question, column, observation)).collect();
        for ((column, cell), said) in columns.iter().zip(&row.cells).zip(&all) {
            match typed(cell, type_of(project, column), None) {
                Ok(expected) if expected.same_bits(said) => {}
                Ok(_) => {
                    let whole: Vec<String> =
                        table.columns.iter().zip(&all).map(|(name, value)| format!("{name} {value}")).collect();
                    return Some((row.line, format!("Another observation stands here: {}.", whole.join(", "))));
                }
                Err(message) => return Some((row.line, message)),
            }
        }
    }
    let expected = table.rows.len();
    (expected != got.len()).then(|| {
        let line = table.rows.get(got.len()).map_or(table.line, |row| row.line);
        let next =
            got.get(expected).map_or(String::new(), |o| format!("; the next is at {}", time::format_instant(o.at)));
        (line, format!("{expected} observations are expected, and there are {}{next}.", got.len()))
    })
}

fn said(question: &Question, column: &Expected, observation: &Observation) -> Value {
    match column {
        Expected::Of(Column::Key(entity, part)) => {
            observation.keys[*entity].as_ref().map_or(Value::Null, |k| k[*part].clone())
        }
        Expected::Of(Column::Request(field)) => observation.request[*field].clone(),
        Expected::Of(Column::At | Column::Feature(_)) => Value::Time(observation.at),
        Expected::Part => Value::Text(Part::of(&question.split.last(), observation.at).word().into()),
        Expected::Fold => {
            let tests = question.split.folds().find(|fold| Part::of(fold, observation.at) == Part::Test);
            tests.map_or(Value::Null, |fold| Value::Int(i64::from(fold.number)))
        }
    }
}

fn type_of(project: &Project, column: &Expected) -> Type {
    match column {
        Expected::Of(Column::Key(entity, part)) => project.entities[*entity].keys[*part].ty,
        Expected::Of(Column::Request(field)) => project.request[*field].ty,
        Expected::Of(Column::At | Column::Feature(_)) => Type::Time,
        Expected::Part => Type::Text,
        Expected::Fold => Type::Int,
    }
}
