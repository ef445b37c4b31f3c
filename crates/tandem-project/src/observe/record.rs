//! Observations on every record of a source, at an instant reckoned from one of its times.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::{concat::concat, take::take};
use tandem_data::read::{self, Batch};
use tandem_data::replay::{Admitted, first_of_identity};
use tandem_data::table::columns;
use tandem_definitions::{Datum, Expr, Micros, OnRecord, Project, Question, Value};
use tandem_engine::evaluate;

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
    /// Production had not heard of it at the instant.
    Unknown,
}

/// The instant at which production asks on a record with these values and this arrival (`None`: one that cannot be used).
/// `field` is where the time stands among the values, and the filter reads them.
pub(crate) fn instant(
    values: &[Datum<'_>],
    field: usize,
    offset: Micros,
    filter: Option<&Expr>,
    arrival: Option<Micros>,
) -> Result<Micros, LeftOut> {
    let Value::Time(from) = values[field].to_value() else { return Err(LeftOut::Unplanned) };
    let at = from.saturating_add(offset);
    if filter.is_some_and(|f| evaluate(f, values) != Value::Bool(true)) {
        return Err(LeftOut::Filtered);
    }
    // Production could not have asked about what it had not heard of.
    if arrival.is_none_or(|arrival| arrival >= at) { Err(LeftOut::Unknown) } else { Ok(at) }
}

/// What the rule needs of the source's fields.
struct Fields {
    wanted: Vec<usize>,
    instant: usize,
    filter: Option<Expr>,
    keys: Vec<Vec<usize>>,
    request: Vec<usize>,
}

impl Fields {
    fn new(project: &Project, question: &Question, rule: &OnRecord) -> Self {
        let source = &project.sources[rule.source];
        let mut wanted: Vec<usize> = Vec::new();
        let mut place = |field: usize| position_or_push(&mut wanted, field);
        let instant = place(rule.field);
        let key = |entity: &usize| source.touches.iter().find(|t| t.entity == *entity).map(|t| t.fields.clone());
        let keys = question.observe.entities.iter().filter_map(key);
        let keys = keys.map(|fields| fields.into_iter().map(&mut place).collect()).collect();
        let request = rule.request.iter().map(|&field| place(field)).collect();
        if let Some(filter) = &rule.filter {
            filter.columns(&mut |c| {
                place(c);
            });
        }
        let filter = rule.filter.as_ref().map(|f| f.map_columns(&|c| wanted.iter().position(|&w| w == c).unwrap_or(0)));
        Self { wanted, instant, filter, keys, request }
    }
}

/// Collects the rows of one batch after the other.
#[derive(Default)]
struct Collected {
    at: Vec<Micros>,
    batches: Vec<Vec<ArrayRef>>,
    unplanned: u64,
    unknown: u64,
    duplicates: u64,
    filtered: u64,
}

/// The observations: one for each record of the source, at the instant that the rule states.
pub(super) fn observations(loaded: &Loaded, question: &Question, rule: &OnRecord) -> Result<Observations, Error> {
    let project = &loaded.project;
    let source = &project.sources[rule.source];
    let fields = Fields::new(project, question, rule);
    let mut reader = read::open(source, &loaded.origin, &fields.wanted)?;
    let admitted = first_of_identity(source, &loaded.origin, false)?;
    let mut collected = Collected::default();
    for batch in &mut reader {
        collected.add(&batch?, &fields, rule, admitted.as_ref());
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
    fn add(&mut self, batch: &Batch, fields: &Fields, rule: &OnRecord, admitted: Option<&Admitted>) {
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let mut rows: Vec<u32> = Vec::new();
        let mut values: Vec<Datum<'_>> = Vec::new();
        for row in 0..batch.len() {
            values.clear();
            values.extend(columns.iter().map(|column| column.get(row)));
            let arrival = batch.is_usable(row).then(|| batch.arrival[row]);
            match instant(&values, fields.instant, rule.offset, fields.filter.as_ref(), arrival) {
                Err(LeftOut::Unplanned) => self.unplanned += 1,
                _ if admitted.is_some_and(|a| !a.counts(batch.first_position + row as u64)) => self.duplicates += 1,
                Err(LeftOut::Filtered) => self.filtered += 1,
                Err(LeftOut::Unknown) => self.unknown += 1,
                Ok(at) => {
                    self.at.push(at);
                    rows.push(row as u32);
                }
            }
        }
        let index = UInt32Array::from(rows);
        let pick = |column: &ArrayRef| take(column, &index, None).expect("rows of this very batch");
        self.batches.push(batch.columns.iter().map(pick).collect());
    }

    fn columns(&self, fields: &Fields) -> Vec<ArrayRef> {
        let column = |i: usize| {
            let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[i].as_ref()).collect();
            concat(&parts).unwrap_or_else(|_| Arc::clone(&self.batches[0][i]))
        };
        (0..fields.wanted.len()).map(column).collect()
    }
}
