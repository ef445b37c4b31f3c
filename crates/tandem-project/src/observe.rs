//! When production would have asked, and about whom: the observations of a question, from its rule.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_select::{concat::concat, take::take};
use tandem_data::read::{self, Batch};
use tandem_data::table::{array_of, columns};
use tandem_data::versions::{Versions, versions};
use tandem_definitions::{Expr, Micros, Project, Question, Source, Value};
use tandem_engine::{Late, Plan, as_known, evaluate};

use crate::error::Error;
use crate::load::Loaded;

/// The observations of a question, in order of their instant; ties in the order of the log.
#[derive(Clone, Debug)]
pub struct Observations {
    /// The instants.
    pub at: Vec<Micros>,
    /// For each of `entities`, the parts of its key, a column each.
    pub keys: Vec<Vec<ArrayRef>>,
    /// The entities that an observation names, by index in the project.
    pub entities: Vec<usize>,
    /// For each entry of the question's `observe.request`, its column.
    pub request: Vec<ArrayRef>,
    /// How many records the rule looked at.
    pub records: u64,
    /// How many of them are no observations, and why.
    pub left_out: Vec<(String, u64)>,
}

impl Observations {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The key columns for the slots of a plan.
    pub fn keys_for(&self, plan: &Plan) -> Vec<Vec<ArrayRef>> {
        let of = |entity: &usize| self.entities.iter().position(|e| e == entity).map(|i| self.keys[i].clone());
        plan.entities().iter().filter_map(of).collect()
    }

    /// The request columns for a plan.
    pub fn request_for(&self, question: &Question, plan: &Plan) -> Vec<ArrayRef> {
        let of = |field: &usize| question.observe.request.iter().position(|(r, _)| r == field);
        plan.request_fields().iter().filter_map(of).map(|i| self.request[i].clone()).collect()
    }

    /// Only these rows, in this order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let index = UInt32Array::from(rows.to_vec());
        let pick = |column: &ArrayRef| take(column, &index, None).expect("rows of this very table");
        Self {
            at: rows.iter().map(|&row| self.at[row as usize]).collect(),
            keys: self.keys.iter().map(|parts| parts.iter().map(pick).collect()).collect(),
            entities: self.entities.clone(),
            request: self.request.iter().map(pick).collect(),
            records: self.records,
            left_out: self.left_out.clone(),
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
    /// Those that arrive later than their record.
    late: Vec<Late>,
}

impl Fields {
    fn new(project: &Project, question: &Question, entities: &[usize]) -> Self {
        let observe = &question.observe;
        let source = &project.sources[observe.source];
        let mut wanted: Vec<usize> = Vec::new();
        let mut place = |field: usize| position_or_push(&mut wanted, field);
        let instant = place(observe.field);
        let key = |entity: &usize| source.touches.iter().find(|t| t.entity == *entity).map(|t| t.fields.clone());
        let keys = entities.iter().filter_map(key).map(|fields| fields.into_iter().map(&mut place).collect()).collect();
        let request = observe.request.iter().map(|&(_, field)| place(field)).collect();
        if let Some(filter) = &observe.filter {
            filter.columns(&mut |c| {
                place(c);
            });
        }
        let filter =
            observe.filter.as_ref().map(|f| f.map_columns(&|c| wanted.iter().position(|&w| w == c).unwrap_or(0)));
        for time in wanted.clone().iter().filter_map(|f| source.fields[*f].arrives) {
            position_or_push(&mut wanted, time);
        }
        let late = Late::among(source, &wanted);
        Self { wanted, instant, filter, keys, request, late }
    }
}

/// Where `item` stands in `list`; appended when it is new.
fn position_or_push(list: &mut Vec<usize>, item: usize) -> usize {
    list.iter().position(|&x| x == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
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

/// The observations of a question: one for each record of its source, at the instant the rule states.
///
/// # Errors
/// What reading the source can say.
pub fn observations(loaded: &Loaded, question: &Question) -> Result<Observations, Error> {
    let project = &loaded.project;
    let source = &project.sources[question.observe.source];
    let entities: Vec<usize> = source.touches.iter().map(|t| t.entity).collect();
    let fields = Fields::new(project, question, &entities);
    let mut reader = read::open(source, &loaded.origin, &fields.wanted)?;
    let versions = versions(source, &loaded.origin)?;
    let mut collected = Collected::default();
    for batch in &mut reader {
        collected.add(&batch?, &fields, question, source, &versions);
    }
    let columns = collected.columns(&fields, project, question)?;
    let mut order: Vec<u32> = (0..collected.at.len() as u32).collect();
    order.sort_by_key(|&row| collected.at[row as usize]);
    let field = &source.fields[question.observe.field].name;
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
        entities,
        request: fields.request.iter().map(|&f| columns[f].clone()).collect(),
        records: reader.position(),
        left_out: left_out.into_iter().filter(|(_, count)| *count > 0).collect(),
    };
    Ok(observations.take(&order))
}

impl Collected {
    fn add(&mut self, batch: &Batch, fields: &Fields, question: &Question, source: &Source, versions: &Versions) {
        let columns = columns(&batch.columns).expect("the reader gives only the five types");
        let mut rows: Vec<u32> = Vec::new();
        // For each field that arrives later than its record, what was known of it.
        let mut known_late: Vec<Vec<Value>> = fields.late.iter().map(|_| Vec::new()).collect();
        for row in 0..batch.len() {
            let values: Vec<_> = columns.iter().map(|column| column.get(row)).collect();
            let Value::Time(from) = values[fields.instant].to_value() else {
                self.unplanned += 1;
                continue;
            };
            let at = from.saturating_add(question.observe.offset);
            let (position, arrival) = (batch.first_position + row as u64, batch.arrival[row]);
            let known = as_known(&fields.late, arrival, &values, at.saturating_sub(1));
            if !source.corrects && versions.never_counts(position) {
                self.duplicates += 1;
            } else if arrival < at && !versions.counts(position, at) {
                self.replaced += 1;
            } else if fields.filter.as_ref().is_some_and(|f| evaluate(f, &known) != Value::Bool(true)) {
                self.filtered += 1;
            } else if !batch.is_usable(row) || arrival >= at || known[fields.instant].is_null() {
                // Production could not have asked about what it had not heard of.
                self.unknown += 1;
            } else {
                self.at.push(at);
                rows.push(row as u32);
                for (late, values) in fields.late.iter().zip(&mut known_late) {
                    values.push(known[late.field].to_value());
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

    fn columns(&self, fields: &Fields, project: &Project, question: &Question) -> Result<Vec<ArrayRef>, Error> {
        let source = &project.sources[question.observe.source];
        if self.batches.is_empty() {
            return Err(Error::unusable(
                format!("the source `{}` has no records, so there is nothing to observe", source.name),
                "check the path in its contract",
            ));
        }
        let column = |i: usize| {
            let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[i].as_ref()).collect();
            concat(&parts).unwrap_or_else(|_| Arc::clone(&self.batches[0][i]))
        };
        Ok((0..fields.wanted.len()).map(column).collect())
    }
}
