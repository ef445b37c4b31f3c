//! Observations on every record of a source, at an instant reckoned from one of its times.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::{concat::concat, take::take};
use tandem_data::read::{self, Batch};
use tandem_data::table::{array_of, columns};
use tandem_data::versions::{Versions, versions};
use tandem_definitions::{Datum, Expr, Micros, OnRecord, Project, Question, Type, Value};
use tandem_engine::{Late, as_known, evaluate};

use super::{Observations, empty, in_words, late_among, position_or_push};
use crate::error::Error;
use crate::load::Loaded;

/// Why a record is no observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The time that the instant is reckoned from is null.
    Unplanned,
    /// The condition does not hold.
    Filtered,
    /// Production had not heard of it at the instant.
    Unknown,
    /// A later record of the same identity had replaced or removed it.
    Replaced,
    /// It repeats another one.
    Repeated,
}

/// What makes production ask on a record; fields are meant by their places among the values.
pub(crate) struct Trigger<'r> {
    /// The time that the instant is reckoned from.
    pub field: usize,
    pub offset: Micros,
    pub filter: Option<&'r Expr>,
    /// The fields that arrive later than their record.
    pub late: &'r [Late],
    pub versions: &'r Versions,
    /// A later record of an identity replaces the earlier one, and is no repetition.
    pub corrects: bool,
}

impl Trigger<'_> {
    /// The instant at which production asks on the record with these values, and what it knows of it then. `arrival` is
    /// `None` for one that cannot be used.
    pub fn ask<'a>(
        &self,
        position: u64,
        values: &[Datum<'a>],
        arrival: Option<Micros>,
    ) -> Result<(Micros, Vec<Datum<'a>>), LeftOut> {
        let Datum::Time(from) = values[self.field] else { return Err(LeftOut::Unplanned) };
        let at = from.saturating_add(self.offset);
        if !self.corrects && self.versions.never_counts(position) {
            return Err(LeftOut::Repeated);
        }
        let heard = arrival.filter(|arrival| *arrival < at);
        if heard.is_some() && !self.versions.counts(position, at) {
            return Err(LeftOut::Replaced);
        }
        let known = as_known(self.late, arrival.unwrap_or(Micros::MAX), values, at.saturating_sub(1));
        if self.filter.is_some_and(|f| evaluate(f, &known) != Value::Bool(true)) {
            return Err(LeftOut::Filtered);
        }
        // Production could not have asked about what it had not heard of.
        if heard.is_none() || known[self.field].is_null() { Err(LeftOut::Unknown) } else { Ok((at, known)) }
    }
}

/// What the rule needs of the source's fields.
struct Fields {
    wanted: Vec<usize>,
    instant: usize,
    filter: Option<Expr>,
    keys: Vec<Vec<usize>>,
    request: Vec<usize>,
    /// Those that arrive later than their record, and their types.
    late: Vec<Late>,
    late_types: Vec<Type>,
}

impl Fields {
    fn new(project: &Project, rule: &OnRecord) -> Self {
        let source = &project.sources[rule.source];
        let mut wanted: Vec<usize> = Vec::new();
        let mut place = |field: usize| position_or_push(&mut wanted, field);
        let instant = place(rule.field);
        let keys = rule.keys.iter().map(|fields| fields.iter().map(|&f| place(f)).collect()).collect();
        let request = rule.request.iter().map(|&field| place(field)).collect();
        if let Some(filter) = &rule.filter {
            filter.columns(&mut |c| {
                place(c);
            });
        }
        let filter = rule.filter.as_ref().map(|f| f.map_columns(&|c| wanted.iter().position(|&w| w == c).unwrap_or(0)));
        let late = late_among(source, &mut wanted);
        let late_types = late.iter().map(|l| source.fields[wanted[l.field]].ty).collect();
        Self { wanted, instant, filter, keys, request, late, late_types }
    }
}

/// Collects the rows of one batch after the other.
#[derive(Default)]
struct Collected {
    at: Vec<Micros>,
    batches: Vec<Vec<ArrayRef>>,
    unplanned: u64,
    unknown: u64,
    replaced: u64,
    duplicates: u64,
    filtered: u64,
}

/// The observations: one for each record of the source, at the instant that the rule states.
pub(super) fn observations(loaded: &Loaded, question: &Question, rule: &OnRecord) -> Result<Observations, Error> {
    let project = &loaded.project;
    let source = &project.sources[rule.source];
    let fields = Fields::new(project, rule);
    let mut reader = read::open(source, &loaded.origin, &fields.wanted)?;
    let versions = versions(source, &loaded.origin)?;
    let trigger = Trigger {
        field: fields.instant,
        offset: rule.offset,
        filter: fields.filter.as_ref(),
        late: &fields.late,
        versions: &versions,
        corrects: source.corrects,
    };
    let mut collected = Collected::default();
    for batch in &mut reader {
        collected.add(&batch?, &fields, &trigger);
    }
    if collected.batches.is_empty() {
        return Err(empty(source));
    }
    let columns = collected.columns(&fields);
    let mut order: Vec<u32> = (0..collected.at.len() as u32).collect();
    order.sort_by_key(|&row| collected.at[row as usize]);
    let field = &source.fields[rule.field].name;
    let left_out = [
        (format!("{field} is not known"), collected.unplanned),
        (format!("the {} record arrived only after the instant", source.name), collected.unknown),
        ("replaced or removed by a later record before the instant".to_owned(), collected.replaced),
        ("repeated by the log (same identity)".to_owned(), collected.duplicates),
        ("the question's `where` does not hold".to_owned(), collected.filtered),
    ];
    let observations = Observations {
        at: collected.at,
        keys: fields.keys.iter().map(|parts| parts.iter().map(|&f| columns[f].clone()).collect()).collect(),
        entities: question.observe.entities.clone(),
        request: fields.request.iter().map(|&f| columns[f].clone()).collect(),
        told: question.observe.request.clone(),
        records: reader.position(),
        left_out: left_out.into_iter().filter(|(_, count)| *count > 0).collect(),
        rule: in_words(project, question),
    };
    Ok(observations.take(&order))
}

impl Collected {
    fn add(&mut self, batch: &Batch, fields: &Fields, trigger: &Trigger<'_>) {
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let mut rows: Vec<u32> = Vec::new();
        // What was known of each field that arrives later than its record.
        let mut known_late: Vec<Vec<Value>> = fields.late.iter().map(|_| Vec::new()).collect();
        let mut values: Vec<Datum<'_>> = Vec::new();
        for row in 0..batch.len() {
            values.clear();
            values.extend(columns.iter().map(|column| column.get(row)));
            let arrival = batch.is_usable(row).then(|| batch.arrival[row]);
            match trigger.ask(batch.first_position + row as u64, &values, arrival) {
                Err(LeftOut::Unplanned) => self.unplanned += 1,
                Err(LeftOut::Repeated) => self.duplicates += 1,
                Err(LeftOut::Replaced) => self.replaced += 1,
                Err(LeftOut::Filtered) => self.filtered += 1,
                Err(LeftOut::Unknown) => self.unknown += 1,
                Ok((at, known)) => {
                    self.at.push(at);
                    rows.push(row as u32);
                    for (late, values) in fields.late.iter().zip(&mut known_late) {
                        values.push(known[late.field].to_value());
                    }
                }
            }
        }
        let index = UInt32Array::from(rows);
        let pick = |column: &ArrayRef| take(column, &index, None).expect("rows of this very batch");
        let mut picked: Vec<ArrayRef> = batch.columns.iter().map(pick).collect();
        for ((late, ty), values) in fields.late.iter().zip(&fields.late_types).zip(&known_late) {
            picked[late.field] = array_of(*ty, values);
        }
        self.batches.push(picked);
    }

    fn columns(&self, fields: &Fields) -> Vec<ArrayRef> {
        let column = |i: usize| {
            let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[i].as_ref()).collect();
            concat(&parts).unwrap_or_else(|_| Arc::clone(&self.batches[0][i]))
        };
        (0..fields.wanted.len()).map(column).collect()
    }
}
