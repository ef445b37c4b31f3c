//! Observations on a calendar, for each entity that was active: a record of it that was known at the instant, and had happened
//! in the window. Each record makes its entity active at a run of instants, so time and memory grow with the records and
//! the observations, not with entities times instants.

use std::collections::HashMap;

use tandem_data::read;
use tandem_data::replay::Standing;
use tandem_data::table::{array_of, columns};
use tandem_definitions::{Datum, Expr, Micros, OnCalendar, Question, Value};
use tandem_engine::{Key, Late, as_known, evaluate, instants, interval, versions};

use super::{Observations, empty, in_words, late, position_or_push};
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

    /// A record of an entity that was known from after `arrival` up to and with `until`, if that was not for ever. Windows move
    /// on with the instant, so those in which it lies follow each other.
    fn add(&mut self, key: Vec<Value>, event: Micros, arrival: Micros, until: Option<Micros>) {
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.keys.len() as u32;
                self.keys.push(key.clone());
                self.numbers.insert(key, number);
                self.runs.push(Vec::new());
                number
            }
        };
        let known = self.instants.partition_point(|at| *at <= arrival);
        let entered = self.windows.partition_point(|(_, to)| *to <= event);
        let left = self.windows.partition_point(|(from, _)| from.is_none_or(|from| from <= event));
        let replaced = until.map_or(left, |until| self.instants.partition_point(|at| *at <= until));
        let (begin, end) = (known.max(entered) as u32, left.min(replaced) as u32);
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

    /// Everything that was known of a record, one version after the other: `fields` of which some arrive later than itself.
    pub fn record(
        &mut self,
        active: &Active<'_>,
        fields: &[Datum<'_>],
        event: Micros,
        arrival: Micros,
        until: Option<Micros>,
    ) {
        if active.tombstone.is_some_and(|f| fields[f] == Datum::Bool(true)) {
            return;
        }
        let versions = versions(active.late, arrival, fields);
        for (index, &from) in versions.iter().enumerate() {
            let next = versions.get(index + 1).copied();
            let until = next.into_iter().chain(until).min();
            if let Some(filter) = active.filter {
                let known = as_known(active.late, arrival, fields, from);
                if evaluate(filter, &known) != Value::Bool(true) {
                    continue;
                }
            }
            for key in active.keys {
                let key: Vec<Value> = key.iter().map(|&f| fields[f].to_value()).collect();
                // Nobody is active through a key with a null in it.
                if !key.iter().any(Value::is_null) {
                    self.add(key, event, from, until);
                }
            }
        }
    }

    /// Each active entity at each instant, both by number, in order of the instant, then of the entity's key.
    pub fn observations(&mut self) -> Vec<(u32, u32)> {
        let mut by_key: Vec<u32> = (0..self.keys.len() as u32).collect();
        by_key.sort_by_cached_key(|number| Key(self.keys[*number as usize].clone().into()));
        let mut observed = Vec::new();
        for (rank, number) in (0..).zip(&by_key) {
            let runs = &mut self.runs[*number as usize];
            runs.sort_unstable();
            let mut next = 0;
            for &(begin, end) in &*runs {
                observed.extend((begin.max(next)..end).map(|instant| (instant, rank)));
                next = next.max(end);
            }
        }
        observed.sort_unstable();
        observed.into_iter().map(|(instant, rank): (u32, u32)| (instant, by_key[rank as usize])).collect()
    }
}

/// What says who is active, over the fields that are read of a record.
pub(crate) struct Active<'r> {
    /// For each key that a record holds of the entity, its parts.
    pub keys: &'r [Vec<usize>],
    /// Which records.
    pub filter: Option<&'r Expr>,
    /// Where it stands whether a record removes another.
    pub tombstone: Option<usize>,
    /// The fields that arrive later than their record.
    pub late: &'r [Late],
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
    let touches = source.touches.iter().filter(|t| t.entity == rule.entity);
    let keys: Vec<Vec<usize>> =
        touches.map(|t| t.fields.iter().map(|&f| position_or_push(&mut wanted, f)).collect()).collect();
    if let Some(filter) = &rule.filter {
        filter.columns(&mut |c| {
            position_or_push(&mut wanted, c);
        });
    }
    let filter = rule.filter.as_ref().map(|f| f.map_columns(&|c| wanted.iter().position(|&w| w == c).unwrap_or(0)));
    let tombstone = source.tombstone.map(|field| position_or_push(&mut wanted, field));
    let late = late(source, &mut wanted);
    let active = Active { keys: &keys, filter: filter.as_ref(), tombstone, late: &late };
    let standing = Standing::find(source, &loaded.origin)?;
    let mut activity = Activity::new(rule, first, end);
    let mut reader = read::open(source, &loaded.origin, &wanted)?;
    for batch in &mut reader {
        let batch = batch?;
        let columns = columns(&batch.columns).expect("the reader gives only types that tables have");
        for row in (0..batch.len()).filter(|&row| batch.is_usable(row)) {
            let position = batch.first_position + row as u64;
            if standing.counts(position) {
                let fields: Vec<Datum<'_>> = columns.iter().map(|column| column.get(row)).collect();
                activity.record(&active, &fields, batch.event[row], batch.arrival[row], standing.until(position));
            }
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
