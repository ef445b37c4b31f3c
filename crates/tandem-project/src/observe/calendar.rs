//! Observations on a calendar, for each entity that was active: a record of it that was known at the instant, and had happened
//! in the window. Each record makes its entity active at a run of instants, so time and memory grow with the records and
//! the observations, not with entities times instants.

use std::collections::HashMap;

use tandem_data::read;
use tandem_data::table::{array_of, columns};
use tandem_definitions::{Datum, Expr, Micros, OnCalendar, Question, Value};
use tandem_engine::{Key, Late, as_known, evaluate, instants, interval, versions};

use super::{Observations, empty, in_words, late_among, position_or_push};
use crate::error::Error;
use crate::load::Loaded;

/// Who was active at which instants of a calendar.
pub(crate) struct Activity {
    /// The instants, in order.
    pub instants: Vec<Micros>,
    /// For each instant, the event times that its window spans.
    windows: Vec<(Option<Micros>, Micros)>,
    /// The entities' keys.
    pub keys: Vec<Vec<Value>>,
    numbers: HashMap<Vec<Value>, u32>,
    /// For each entity, the runs of instants at which one record after the other makes it active.
    runs: Vec<Vec<(u32, u32)>>,
}

impl Activity {
    /// Nobody, yet, on the calendar's instants from the first arrival to the end of the log.
    pub fn new(rule: &OnCalendar, first: Micros, end: Micros) -> Self {
        let instants = instants(&rule.every, first, end);
        let windows = instants.iter().map(|&at| interval(&rule.window, at)).collect();
        Self { instants, windows, keys: Vec::new(), numbers: HashMap::new(), runs: Vec::new() }
    }

    /// The number of an entity, whom a record of the log names.
    fn number(&mut self, key: Vec<Value>) -> u32 {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.keys.len() as u32;
        self.keys.push(key.clone());
        self.numbers.insert(key, number);
        self.runs.push(Vec::new());
        number
    }

    /// A record makes its entities active: at each instant until which it counts, by what was known of it then.
    pub fn take(&mut self, keys: Vec<Vec<Value>>, record: &Seen<'_>) {
        let who: Vec<u32> = keys.into_iter().map(|key| self.number(key)).collect();
        let Seen { late, values, filter, event, arrival, until } = *record;
        let times = versions(late, arrival, values);
        for (i, &from) in times.iter().enumerate() {
            let to = times.get(i + 1).map_or(until, |next| until.min(*next));
            if filter.is_none_or(|f| evaluate(f, &as_known(late, arrival, values, from)) == Value::Bool(true)) {
                who.iter().for_each(|&who| self.add(who, event, from, to));
            }
        }
    }

    /// What is known of a record of an entity from one time (which it lies behind) to another. Windows move on with the
    /// instant, so those in which it lies follow each other.
    fn add(&mut self, number: u32, event: Micros, from: Micros, to: Micros) {
        let known = self.instants.partition_point(|at| *at <= from);
        let until = self.instants.partition_point(|at| *at <= to);
        let entered = self.windows.partition_point(|(_, to)| *to <= event);
        let left = self.windows.partition_point(|(from, _)| from.is_none_or(|from| from <= event));
        let (begin, end) = (known.max(entered) as u32, left.min(until) as u32);
        if begin >= end {
            return;
        }
        let runs = &mut self.runs[number as usize];
        match runs.last_mut() {
            // Most records go on where the one before them leaves off.
            Some(last) if last.0 <= begin && begin <= last.1 => last.1 = last.1.max(end),
            _ => runs.push((begin, end)),
        }
    }

    /// Each active entity at each instant, both by number, in order of the instant, then of the key: whatever the order of the
    /// log's files.
    pub fn observations(&mut self) -> Vec<(u32, u32)> {
        let mut by_key: Vec<u32> = (0..self.keys.len() as u32).collect();
        by_key.sort_by_cached_key(|number| Key(self.keys[*number as usize].clone().into()));
        let mut observed: Vec<(u32, u32)> = Vec::new();
        for (number, rank) in by_key.iter().zip(0..) {
            let runs = &mut self.runs[*number as usize];
            runs.sort_unstable();
            let mut next = 0;
            for &(begin, end) in &*runs {
                observed.extend((begin.max(next)..end).map(|instant| (instant, rank)));
                next = next.max(end);
            }
        }
        observed.sort_unstable();
        observed.into_iter().map(|(instant, rank)| (instant, by_key[rank as usize])).collect()
    }
}

/// A record that may count as activity.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Which of the values arrive later.
    pub late: &'a [Late],
    pub values: &'a [Datum<'a>],
    pub filter: Option<&'a Expr>,
    pub event: Micros,
    pub arrival: Micros,
    /// The last instant at which it counts.
    pub until: Micros,
}

/// The first and the last arrival of a source, up to the present.
fn arrivals(loaded: &Loaded, source: usize) -> Result<Option<(Micros, Micros)>, Error> {
    let mut range: Option<(Micros, Micros)> = None;
    for batch in read::open(&loaded.project.sources[source], &loaded.origin, &[])? {
        let batch = batch?;
        for row in (0..batch.len()).filter(|&row| batch.is_usable(row)) {
            let arrival = batch.arrival[row];
            if loaded.options.now.is_none_or(|now| arrival <= now) {
                range = Some(range.map_or((arrival, arrival), |(a, b)| (a.min(arrival), b.max(arrival))));
            }
        }
    }
    Ok(range)
}

/// The observations: for each instant, everybody who was active.
pub(super) fn observations(loaded: &Loaded, question: &Question, rule: &OnCalendar) -> Result<Observations, Error> {
    let project = &loaded.project;
    let source = &project.sources[rule.source];
    let (first, mut end) = arrivals(loaded, rule.source)?.ok_or_else(|| empty(source))?;
    // Who was active is known as long as anything of the outcome is.
    for aggregate in question.outcome.value.aggregates.iter().filter(|a| a.source != rule.source) {
        end = end.max(arrivals(loaded, aggregate.source)?.map_or(end, |(_, last)| last));
    }
    let mut wanted = Vec::new();
    let keys = rule.keys.iter().map(|fields| fields.iter().map(|&f| position_or_push(&mut wanted, f)).collect());
    let keys: Vec<Vec<usize>> = keys.collect();
    if let Some(filter) = &rule.filter {
        filter.columns(&mut |c| {
            position_or_push(&mut wanted, c);
        });
    }
    let filter = rule.filter.as_ref().map(|f| f.map_columns(&|c| wanted.iter().position(|&w| w == c).unwrap_or(0)));
    let late = late_among(source, &mut wanted);
    let lives = tandem_data::versions::versions(source, &loaded.origin)?;
    let mut activity = Activity::new(rule, first, end);
    let mut reader = read::open(source, &loaded.origin, &wanted)?;
    for batch in &mut reader {
        let batch = batch?;
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        for row in (0..batch.len()).filter(|&row| batch.is_usable(row)) {
            let values: Vec<Datum<'_>> = columns.iter().map(|column| column.get(row)).collect();
            let key = |fields: &Vec<usize>| fields.iter().map(|&f| values[f].to_value()).collect::<Vec<Value>>();
            let keys = keys.iter().map(key).filter(|key| !key.iter().any(Value::is_null)).collect();
            let (event, arrival) = (batch.event[row], batch.arrival[row]);
            let until = lives.until(batch.first_position + row as u64);
            let seen = Seen { late: &late, values: &values, filter: filter.as_ref(), event, arrival, until };
            activity.take(keys, &seen);
        }
    }
    let observed = activity.observations();
    let parts = project.entities[rule.entity].keys.iter().enumerate();
    let part = |(part, declared): (usize, &tandem_definitions::KeyPart)| {
        let values: Vec<Value> = observed.iter().map(|(_, who)| activity.keys[*who as usize][part].clone()).collect();
        array_of(declared.ty, &values)
    };
    Ok(Observations {
        at: observed.iter().map(|(instant, _)| activity.instants[*instant as usize]).collect(),
        keys: vec![parts.map(part).collect()],
        entities: question.observe.entities.clone(),
        request: Vec::new(),
        told: Vec::new(),
        records: reader.position(),
        left_out: Vec::new(),
        rule: in_words(project, question),
    })
}
