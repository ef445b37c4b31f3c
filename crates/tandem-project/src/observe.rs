//! When production would have asked, and about whom: the observations of a question, from its rule. Not here: the values at
//! these instants (`training.rs`).

pub(crate) mod calendar;
pub(crate) mod file;
pub(crate) mod record;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_select::take::take;
use tandem_definitions::{Micros, OnRecord, Project, Question, Rule, Source, Window, time};
use tandem_engine::{Late, Plan};

use crate::error::Error;
use crate::load::Loaded;

/// The observations of a question: of a file in the order of its rows; else in order of their instant, ties in the order of
/// the log (on records) or of the keys (on a calendar).
#[derive(Clone, Debug)]
pub struct Observations {
    /// The instants.
    pub at: Vec<Micros>,
    /// For each of `entities`, the parts of its key, a column each.
    pub keys: Vec<Vec<ArrayRef>>,
    /// The entities that an observation names, by index in the project.
    pub entities: Vec<usize>,
    /// For each of `told`, its column.
    pub request: Vec<ArrayRef>,
    /// The fields of the request that an observation tells, by index in the project.
    pub told: Vec<usize>,
    /// How many records, or rows of a file, the rule looked at.
    pub records: u64,
    /// How many of them are no observations, and why.
    pub left_out: Vec<(String, u64)>,
    /// The rule, in words.
    pub rule: String,
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
    pub fn request_for(&self, plan: &Plan) -> Vec<ArrayRef> {
        let of = |field: &usize| self.told.iter().position(|told| told == field).map(|i| self.request[i].clone());
        plan.request_fields().iter().filter_map(of).collect()
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
            told: self.told.clone(),
            records: self.records,
            left_out: self.left_out.clone(),
            rule: self.rule.clone(),
        }
    }
}

/// The observations of a question.
///
/// # Errors
/// What reading the source or the file can say.
pub fn observations(loaded: &Loaded, question: &Question) -> Result<Observations, Error> {
    match &question.observe.rule {
        Rule::Record(rule) => record::observations(loaded, question, rule),
        Rule::Calendar(rule) => calendar::observations(loaded, question, rule),
        Rule::File(path) => file::observations(loaded, question, path),
    }
}

/// The rule of a question in words: `on every record of schedule, 1 hour before sched_dep`.
pub fn in_words(project: &Project, question: &Question) -> String {
    match &question.observe.rule {
        Rule::Record(OnRecord { source, field, offset, filter, role, .. }) => {
            let source = &project.sources[*source];
            let field = &source.fields[*field].name;
            let offset = match *offset {
                0 => format!("at {field}"),
                o if o < 0 => format!("{} before {field}", time::format_duration(-o)),
                o => format!("{} after {field}", time::format_duration(o)),
            };
            let filter = if filter.is_some() { ", where the condition holds" } else { "" };
            format!("on every record of {}, {offset}{filter}{}", source.name, as_role(role.as_deref()))
        }
        Rule::Calendar(rule) => {
            let entity = &project.entities[rule.entity].name;
            let source = &project.sources[rule.source].name;
            let source = format!("{source}{}", as_role(rule.role.as_deref()));
            let filter = if rule.filter.is_some() { " (where the condition holds)" } else { "" };
            let span = match &rule.window {
                Window::AllTime => "ever before".to_owned(),
                window => crate::words::window(window).replacen("of", "in", 1),
            };
            format!("every {}, for each {entity} that was active in {source}{filter} {span}, as known then", rule.every)
        }
        Rule::File(path) => format!("from the rows of {path}"),
    }
}

fn as_role(role: Option<&str>) -> String {
    role.map_or_else(String::new, |role| format!(" as {role}"))
}

/// A rule finds nothing in a log without records.
fn empty(source: &Source) -> Error {
    Error::unusable(
        format!("the source `{}` has no records, so there is nothing to observe", source.name),
        "check the path in its contract",
    )
}

/// The fields among these that arrive later than their record; the times at which they do are added.
pub(crate) fn late_among(source: &Source, wanted: &mut Vec<usize>) -> Vec<Late> {
    for time in wanted.clone().iter().filter_map(|f| source.fields[*f].arrives) {
        position_or_push(wanted, time);
    }
    Late::among(source, wanted)
}

/// Where `item` stands in `list`; appended when it is new.
fn position_or_push(list: &mut Vec<usize>, item: usize) -> usize {
    list.iter().position(|&x| x == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
