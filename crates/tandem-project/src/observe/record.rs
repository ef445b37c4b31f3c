//! Observations on every record of a source, at an instant reckoned from one of its times.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::{concat::concat, take::take};
use tandem_data::read::{self, Batch};
use tandem_data::table::{array_of, columns};
use tandem_data::versions::{Versions, versions};
use tandem_definitions::{Datum, Expr, Micros, OnRecord, Project, Question, Source, Value};
use tandem_engine::{Late, as_known, evaluate};

use super::{Observations, empty, in_words, position_or_push};
use crate::error::Error;
use crate::load::Loaded;

/// Why a record is no observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The time that the instant is reckoned from is null.
    Unplanned,
    /// The condition does not hold.
    Filtered,
    /// Production had not heard of it at the instant, or not of the time that the instant is reckoned from.
    Unknown,
    /// It repeats a record of the same identity.
    Repeated,
    /// A later record had replaced or removed it by then.
    Replaced,
}

/// What says when production asks on a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When<'w> {
    /// Where the time that the instant is reckoned from stands among the values.
    pub field: usize,
    pub offset: Micros,
    /// It reads the values.
    pub filter: Option<&'w Expr>,
    /// The values that arrive later than their record.
    pub late: &'w [Late],
}

impl When<'_> {
    /// The instant at which production asks on a record with these values, and the values as they were known then.
    /// `arrival` is `None` for a record that cannot be used, and `until` for one that never counts.
    pub fn asked<'d>(
        &self,
        values: &[Datum<'d>],
        arrival: Option<Micros>,
        until: Option<Micros>,
    ) -> Result<(Micros, Vec<Datum<'d>>), LeftOut> {
        let Value::Time(from) = values[self.field].to_value() else { return Err(LeftOut::Unplanned) };
        let at = from.saturating_add(self.offset);
        let Some(until) = until else { return Err(LeftOut::Repeated) };
        if until < at {
            return Err(LeftOut::Replaced);
        }
        let known = as_known(self.late, arrival.unwrap_or(Micros::MIN), values, at.saturating_sub(1));
        if self.filter.is_some_and(|f| evaluate(f, &known) != Value::Bool(true)) {
            return Err(LeftOut::Filtered);
        }
        // Production could not have asked about what it had not heard of.
        if known[self.field].is_null() || arrival.is_none_or(|arrival| arrival >= at) {
            return Err(LeftOut::Unknown);
        }
        Ok((at, known))
    }
}

/// What the rule needs of the source's fields.
struct Fields {
    wanted: Vec<usize>,
    instant: usize,
    filter: Option<Expr>,
    keys: Vec<Vec<usize>>,
    request: Vec<usize>,
    late: Vec<Late>,
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
        for time in wanted.clone().iter().filter_map(|f| source.fields[*f].arrives) {
            position_or_push(&mut wanted, time);
        }
        let late = Late::among(source, &wanted);
        Self { wanted, instant, filter, keys, request, late }
    }
}

/// Collects the rows of one batch after the other.
#[derive(Default)]
struct Collected {
    at: Vec<Micros>,
    batches: Vec<Vec<ArrayRef>>,
    unplanned: u64,
    unknown: u64,
    repeated: u64,
    replaced: u64,
    filtered: u64,
}

/// The observations: one for each record of the source, at the instant that the rule states.
pub(super) fn observations(loaded: &Loaded, question: &Question, rule: &OnRecord) -> Result<Observations, Error> {
    let project = &loaded.project;
    let source = &project.sources[rule.source];
    let fields = Fields::new(project, rule);
    let mut reader = read::open(source, &loaded.origin, &fields.wanted)?;
    let versions = versions(source, &loaded.origin)?;
    let mut collected = Collected::default();
    for batch in &mut reader {
        collected.add(&batch?, &fields, (source, rule), &versions);
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
        ("repeated by the log (same identity)".to_owned(), collected.repeated),
        ("replaced or removed by a later record before the instant".to_owned(), collected.replaced),
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
    fn add(&mut self, batch: &Batch, fields: &Fields, (source, rule): (&Source, &OnRecord), versions: &Versions) {
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let Fields { instant, filter, late, .. } = fields;
        let when = When { field: *instant, offset: rule.offset, filter: filter.as_ref(), late };
        let mut rows: Vec<u32> = Vec::new();
        let mut values: Vec<Datum<'_>> = Vec::new();
        // Of each field that arrives later than its record, what was known of it.
        let mut known_late: Vec<Vec<Value>> = fields.late.iter().map(|_| Vec::new()).collect();
        for row in 0..batch.len() {
            values.clear();
            values.extend(columns.iter().map(|column| column.get(row)));
            let arrival = batch.is_usable(row).then(|| batch.arrival[row]);
            let until = versions.until(batch.first_position + row as u64);
            match when.asked(&values, arrival, until) {
                Err(LeftOut::Unplanned) => self.unplanned += 1,
                // A tombstone is a record that removes.
                Err(LeftOut::Repeated) if source.corrects => self.replaced += 1,
                Err(LeftOut::Repeated) => self.repeated += 1,
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
        for (late, values) in fields.late.iter().zip(&known_late) {
            picked[late.field] = array_of(source.fields[fields.wanted[late.field]].ty, values);
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
