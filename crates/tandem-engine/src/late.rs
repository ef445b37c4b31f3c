//! Fields whose values become known later than their record: when, and what a record is until then. Plain functions over
//! a record's fields, for drivers by record and by column alike. Not here: corrections (`ledger.rs`).

use tandem_definitions::{Datum, Micros, Source};

/// A field whose value becomes known later than its record, and the field that says when; both by their places in a list
/// of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// The field.
    pub field: usize,
    /// The field with the time from which on the value is known.
    pub arrives: usize,
}

impl Late {
    /// Those among some fields of a source (indices into its contract). A field whose time is not among them is left out.
    pub fn among(source: &Source, fields: &[usize]) -> Vec<Self> {
        let place = |field: usize| fields.iter().position(|f| *f == field);
        let late = |(at, field): (usize, &usize)| {
            let arrives = place(source.fields[*field].arrives?)?;
            Some(Self { field: at, arrives })
        };
        fields.iter().enumerate().filter_map(late).collect()
    }

    /// From when on the value is known in a record that arrived then and has these fields: never before the record
    /// itself; `None` is never.
    pub fn known_from(self, arrival: Micros, fields: &[Datum<'_>]) -> Option<Micros> {
        if let Datum::Time(from) = fields[self.arrives] { Some(from.max(arrival)) } else { None }
    }
}

/// When what is known of a record changes: the arrival times of its versions, in ascending order. The first is its own.
pub fn versions(late: &[Late], arrival: Micros, fields: &[Datum<'_>]) -> Vec<Micros> {
    let mut times: Vec<Micros> = late.iter().filter_map(|l| l.known_from(arrival, fields)).collect();
    times.push(arrival);
    times.sort_unstable();
    times.dedup();
    times
}

/// When more of a record becomes known after a time; `None`: no more.
pub fn next_version(late: &[Late], arrival: Micros, fields: &[Datum<'_>], after: Micros) -> Option<Micros> {
    late.iter().filter_map(|l| l.known_from(arrival, fields)).filter(|from| *from > after).min()
}

/// The fields of a record as they were known by a time, itself included: null where the value became known only later.
pub fn as_known<'a>(late: &[Late], arrival: Micros, fields: &[Datum<'a>], by: Micros) -> Vec<Datum<'a>> {
    let mut known = fields.to_vec();
    for l in late {
        if l.known_from(arrival, fields).is_none_or(|from| from > by) {
            known[l.field] = Datum::Null;
        }
    }
    known
}
