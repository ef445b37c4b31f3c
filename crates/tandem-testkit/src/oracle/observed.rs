//! The oracle's observations: for every instant and every entity it looks at every record. Of the calendar it knows only what a
//! clock on the wall shows, minute by minute.

use std::cmp::Ordering;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use tandem_definitions::{Calendar, Days, OnCalendar, OnRecord, Question, Rule, Touch, Value};
use tandem_project::scenario::{Case, LogRecord, Observation};

use super::{span, versions_that_count};
use crate::evaluate::evaluate;

/// The observations of a question, in order.
pub(super) fn observations(case: &Case<'_>, question: &Question) -> Vec<Observation> {
    match &question.observe.rule {
        Rule::Record(rule) => on_records(case, question, rule),
        Rule::Calendar(rule) => on_calendar(case, question, rule),
        Rule::File(_) => Vec::new(),
    }
}

/// The positions of a source's log.
fn positions(case: &Case<'_>, source: usize) -> std::ops::Range<usize> {
    0..case.logs.iter().find(|l| l.source == source).map_or(0, |l| l.records.len())
}

/// The record at a position as it was known at an instant, if it counted then.
fn known(case: &Case<'_>, source: usize, position: usize, at: i64) -> Option<LogRecord> {
    versions_that_count(case, source, at).into_iter().find(|(p, _)| *p == position).map(|(_, r)| r)
}

fn on_records(case: &Case<'_>, question: &Question, rule: &OnRecord) -> Vec<Observation> {
    let source = &case.project.sources[rule.source];
    let mut observations = Vec::new();
    let all = case.logs.iter().filter(|l| l.source == rule.source).flat_map(|l| &l.records);
    for (position, record) in all.enumerate() {
        let Value::Time(from) = record.fields[rule.field] else { continue };
        let at = from + rule.offset;
        // As production knew it when it asked; a time that it did not know yet cannot have made it ask.
        let Some(record) = known(case, rule.source, position, at) else { continue };
        let holds = rule.filter.as_ref().is_none_or(|f| evaluate(f, &record.fields) == Value::Bool(true));
        if !holds || record.fields[rule.field].is_null() {
            continue;
        }
        let mut keys = vec![None; case.project.entities.len()];
        let meant = |t: &&Touch| t.role.is_none() || t.role == rule.role;
        for touch in source.touches.iter().filter(meant) {
            keys[touch.entity] = Some(touch.fields.iter().map(|f| record.fields[*f].clone()).collect());
        }
        let mut request = vec![Value::Null; case.project.request.len()];
        for field in &question.observe.request {
            let name = &case.project.request[*field].name;
            let told = source.fields.iter().position(|f| f.name == *name);
            request[*field] = told.map_or(Value::Null, |f| record.fields[f].clone());
        }
        observations.push(Observation { keys, at, request });
    }
    observations.sort_by_key(|o| o.at);
    observations
}

fn on_calendar(case: &Case<'_>, question: &Question, rule: &OnCalendar) -> Vec<Observation> {
    let source = &case.project.sources[rule.source];
    let arrivals = |source| {
        let logs = case.logs.iter().filter(move |l| l.source == source);
        logs.flat_map(|l| &l.records).map(|r| r.arrival).collect::<Vec<_>>()
    };
    let Some(first) = arrivals(rule.source).into_iter().min() else { return Vec::new() };
    let mut sources = vec![rule.source];
    sources.extend(question.outcome.value.aggregates.iter().map(|a| a.source));
    let end = sources.into_iter().flat_map(arrivals).max().unwrap_or(first);
    let holds = |r: &LogRecord| rule.filter.as_ref().is_none_or(|f| evaluate(f, &r.fields) == Value::Bool(true));
    let names = |r: &LogRecord| -> Vec<Vec<Value>> {
        let meant = |t: &&Touch| t.entity == rule.entity && (rule.role.is_none() || t.role == rule.role);
        let touches = source.touches.iter().filter(meant);
        let keys = touches.map(|t| t.fields.iter().map(|f| r.fields[*f].clone()).collect::<Vec<_>>());
        keys.filter(|key| !key.iter().any(Value::is_null)).collect()
    };
    let mut everybody: Vec<Vec<Value>> = Vec::new();
    for position in positions(case, rule.source) {
        let log = case.logs.iter().filter(|l| l.source == rule.source);
        for key in log.flat_map(|l| names(&l.records[position])) {
            if !everybody.contains(&key) {
                everybody.push(key);
            }
        }
    }
    everybody.sort_by(|a, b| {
        let parts = a.iter().zip(b).map(|(a, b)| a.as_datum().order(b.as_datum()));
        parts.fold(Ordering::Equal, Ordering::then)
    });
    let mut observations = Vec::new();
    for at in instants(&rule.every, first, end) {
        let (from, to) = span(&rule.window, at);
        let counts = |r: &LogRecord| from.is_none_or(|from| from <= r.event) && r.event < to && holds(r);
        let known = versions_that_count(case, rule.source, at).into_iter().map(|(_, r)| r);
        let known: Vec<LogRecord> = known.filter(counts).collect();
        for key in everybody.iter().filter(|key| known.iter().any(|r| names(r).contains(key))) {
            let mut keys = vec![None; case.project.entities.len()];
            keys[rule.entity] = Some(key.clone());
            observations.push(Observation { keys, at, request: vec![Value::Null; case.project.request.len()] });
        }
    }
    observations
}

/// The instants of a calendar: for each day, the first minute at which the clock shows the time, or a later one.
fn instants(calendar: &Calendar, first: i64, end: i64) -> Vec<i64> {
    let civil = |at: i64| {
        let at = Timestamp::from_microsecond(at).ok()?;
        Some(at.in_tz(&calendar.zone).ok()?.datetime())
    };
    let (Some(begin), Some(last)) = (civil(first), civil(end)) else { return Vec::new() };
    let mut day = begin.date().saturating_sub(2.days());
    let mut instants: Vec<i64> = Vec::new();
    while day <= last.date().saturating_add(2.days()) {
        let falls = match calendar.days {
            Days::All => true,
            Days::Weekday(number) => day.weekday().to_monday_one_offset() == number as i8,
            Days::OfMonth(number) => day.day() == number as i8,
        };
        let wanted = day.at(0, 0, 0, 0).saturating_add(SignedDuration::from_micros(calendar.time));
        let at = falls.then(|| first_shown(wanted, &civil)).flatten();
        instants.extend(at.filter(|at| first <= *at && *at <= end && !instants.contains(at)));
        day = day.saturating_add(1.day());
    }
    instants
}

/// The first minute at which the clock shows this, or more. No clock is further from UTC than 26 hours.
fn first_shown(wanted: DateTime, civil: &dyn Fn(i64) -> Option<DateTime>) -> Option<i64> {
    const MINUTE: i64 = 60_000_000;
    let in_utc = wanted.in_tz("UTC").ok()?.timestamp().as_microsecond();
    (-26 * 60..=26 * 60)
        .map(|minutes| in_utc + minutes * MINUTE)
        .find(|at| civil(*at).is_some_and(|shown| shown >= wanted))
}
