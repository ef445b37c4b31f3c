//! Observations on every record of a source, at an instant reckoned from one of its times.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::{concat::concat, take::take};
use tandem_data::read::{self, Batch};
use tandem_data::replay::Standing;
use tandem_data::table::{array_of, columns};
use tandem_definitions::{Datum, Expr, Micros, OnRecord, Project, Question, Value};
use tandem_engine::{Late, as_known, evaluate};

use super::{Observations, empty, in_words, late, position_or_push};
use crate::error::Error;
use crate::load::Loaded;

/// Why a record is no observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The time that the instant is reckoned from is null.
    Unplanned,
    /// The condition does not hold.
    Filtered,
    /// Production had not heard of it, or not of its time, at the instant.
    Unknown,
    /// Another record had taken its place by then, or it removes one.
    Replaced,
}

/// The rule, over the fields that are read of a record.
pub(crate) struct Asking<'r> {
    /// Where the time stands that the instant is reckoned from.
    pub field: usize,
    /// What is added to it.
    pub offset: Micros,
    /// Which records.
    pub filter: Option<&'r Expr>,
    /// Where it stands whether a record removes another.
    pub tombstone: Option<usize>,
    /// The fields that arrive later than their record.
    pub late: &'r [Late],
}

impl Asking<'_> {
    /// The instant at which production asks on a record with these fields, and the fields as it knew them then. `arrival`:
    /// `None` for one that cannot be used; `until`: when another record takes its place.
    pub fn instant<'d>(
        &self,
        fields: &[Datum<'d>],
        arrival: Option<Micros>,
        until: Option<Micros>,
    ) -> Result<(Micros, Vec<Datum<'d>>), LeftOut> {
        let Value::Time(from) = fields[self.field].to_value() else { return Err(LeftOut::Unplanned) };
        if self.tombstone.is_some_and(|f| fields[f] == Datum::Bool(true)) {
            return Err(LeftOut::Replaced);
        }
        let at = from.saturating_add(self.offset);
        let known = as_known(self.late, arrival.unwrap_or(at), fields, at.saturating_sub(1));
        // Production could not have asked about what it had not heard of.
        let unknown = arrival.is_none_or(|arrival| arrival >= at) || known[self.field] == Datum::Null;
        if self.filter.is_some_and(|f| evaluate(f, if unknown { fields } else { &known }) != Value::Bool(true)) {
            Err(LeftOut::Filtered)
        } else if unknown {
            Err(LeftOut::Unknown)
        } else if until.is_some_and(|until| until < at) {
            Err(LeftOut::Replaced)
        } else {
            Ok((at, known))
        }
    }
}

/// What the rule needs of the source's fields.
struct Fields {
    wanted: Vec<usize>,
    instant: usize,
    filter: Option<Expr>,
    keys: Vec<Vec<usize>>,
    request: Vec<usize>,
    tombstone: Option<usize>,
    late: Vec<Late>,
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
        let tombstone = source.tombstone.map(&mut place);
        if let Some(filter) = &rule.filter {
            filter.columns(&mut |c| {
                place(c);
            });
        }
        let filter = rule.filter.as_ref().map(|f| f.map_columns(&|c| wanted.iter().position(|&w| w == c).unwrap_or(0)));
        let late = late(source, &mut wanted);
        Self { wanted, instant, filter, keys, request, tombstone, late }
    }
}

/// Collects the rows of one batch after the other.
#[derive(Default)]
struct Collected {
    at: Vec<Micros>,
    batches: Vec<Vec<ArrayRef>>,
    /// For each field of the request that is told, its values as known at the instant.
    told: Vec<Vec<Value>>,
    unplanned: u64,
    unknown: u64,
    duplicates: u64,
    filtered: u64,
    replaced: u64,
}

/// The observations: one for each record of the source, at the instant that the rule states.
pub(super) fn observations(loaded: &Loaded, question: &Question, rule: &OnRecord) -> Result<Observations, Error> {
    let project = &loaded.project;
    let source = &project.sources[rule.source];
    let fields = Fields::new(project, question, rule);
    let mut reader = read::open(source, &loaded.origin, &fields.wanted)?;
    let standing = Standing::find(source, &loaded.origin)?;
    let mut collected = Collected { told: vec![Vec::new(); fields.request.len()], ..Collected::default() };
    for batch in &mut reader {
        collected.add(&batch?, &fields, rule, &standing);
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
        ("a later record of the same identity had replaced or removed it by then".to_owned(), collected.replaced),
        ("the question's `where` does not hold".to_owned(), collected.filtered),
    ];
    let told = question.observe.request.iter().zip(&collected.told);
    let observations = Observations {
        at: collected.at,
        keys: fields.keys.iter().map(|parts| parts.iter().map(|&f| columns[f].clone()).collect()).collect(),
        entities: question.observe.entities.clone(),
        request: told.map(|(&field, values)| array_of(project.request[field].ty, values)).collect(),
        told: question.observe.request.clone(),
        records: reader.position(),
        left_out: left_out.into_iter().filter(|(_, count)| *count > 0).collect(),
        rule: in_words(project, question),
    };
    Ok(observations.take(&order))
}

impl Collected {
    fn add(&mut self, batch: &Batch, fields: &Fields, rule: &OnRecord, standing: &Standing) {
        let columns = columns(&batch.columns).expect("the reader gives only types that tables have");
        let asking = Asking {
            field: fields.instant,
            offset: rule.offset,
            filter: fields.filter.as_ref(),
            tombstone: fields.tombstone,
            late: &fields.late,
        };
        let mut rows: Vec<u32> = Vec::new();
        let mut values: Vec<Datum<'_>> = Vec::new();
        for row in 0..batch.len() {
            values.clear();
            values.extend(columns.iter().map(|column| column.get(row)));
            let arrival = batch.is_usable(row).then(|| batch.arrival[row]);
            let position = batch.first_position + row as u64;
            match asking.instant(&values, arrival, standing.until(position)) {
                Err(LeftOut::Unplanned) => self.unplanned += 1,
                _ if !standing.counts(position) => self.duplicates += 1,
                Err(LeftOut::Filtered) => self.filtered += 1,
                Err(LeftOut::Unknown) => self.unknown += 1,
                Err(LeftOut::Replaced) => self.replaced += 1,
                Ok((at, known)) => {
                    self.at.push(at);
                    rows.push(row as u32);
                    for (told, field) in self.told.iter_mut().zip(&fields.request) {
                        told.push(known[*field].to_value());
                    }
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
