//! When each record happened and arrived, and which records can be used: those with both times, as the contract has it.
//! Not here: the columns that the times lie in (`shape.rs`).

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use tandem_definitions::{Micros, WhenEarly};

use super::shape::{ArrivalFrom, Shape};
use crate::finding::Findings;
use crate::json::{EARLIEST, LATEST};

/// The times of some records.
pub(super) struct Times {
    pub event: ScalarBuffer<Micros>,
    /// Never before `event`.
    pub arrival: ScalarBuffer<Micros>,
    /// Which records can be used; `None`: all.
    pub usable: Option<NullBuffer>,
}

impl Times {
    /// Finds them in the columns, and counts what is odd. `row` says where a record lies in the file.
    pub fn find(
        shape: &Shape,
        columns: &[ArrayRef],
        findings: &mut Findings,
        file: &Arc<Path>,
        row: &dyn Fn(usize) -> u64,
    ) -> Self {
        let (event, event_nulls) = times(&columns[shape.event]);
        let (mut arrival, mut arrival_nulls) = match shape.arrival {
            ArrivalFrom::Column(column) => times(&columns[column]),
            ArrivalFrom::Delay(delay) => (event.iter().map(|e| e.saturating_add(delay)).collect(), None),
        };
        if let (Some(delay), Some(nulls)) = (shape.treatment.assumed_delay(), &arrival_nulls) {
            for i in (0..event.len()).filter(|i| nulls.is_null(*i) && is_there(event_nulls.as_ref(), *i)) {
                findings.assumed_arrival.add(file, row(i));
            }
            let assumed = |i: usize| if nulls.is_null(i) { event[i].saturating_add(delay) } else { arrival[i] };
            arrival = (0..event.len()).map(assumed).collect();
            arrival_nulls = None;
        }
        let in_calendar = in_calendar(&event, &arrival);
        let mut usable = NullBuffer::union(event_nulls.as_ref(), arrival_nulls.as_ref());
        usable = NullBuffer::union(usable.as_ref(), in_calendar.as_ref());
        if usable.is_some() {
            for i in 0..event.len() {
                if !is_there(event_nulls.as_ref(), i) {
                    findings.without_event_time.add(file, row(i));
                } else if !is_there(arrival_nulls.as_ref(), i) {
                    findings.without_arrival_time.add(file, row(i));
                } else if !is_there(in_calendar.as_ref(), i) {
                    findings.outside_the_calendar.add(file, row(i));
                }
            }
        }
        let early: Vec<usize> =
            (0..event.len()).filter(|&i| arrival[i] < event[i] && is_there(usable.as_ref(), i)).collect();
        let left_out = shape.treatment.early == Some(WhenEarly::LeaveOut);
        for &i in &early {
            let count = if left_out { &mut findings.early_left_out } else { &mut findings.arrived_before_event };
            count.add(file, row(i));
        }
        if left_out && !early.is_empty() {
            let kept: NullBuffer =
                (0..event.len()).map(|i| early.binary_search(&i).is_err()).collect::<Vec<bool>>().into();
            usable = NullBuffer::union(usable.as_ref(), Some(&kept));
        }
        if event.iter().zip(&arrival).any(|(e, a)| a < e) {
            arrival = event.iter().zip(&arrival).map(|(e, a)| *e.max(a)).collect();
        }
        Self { event, arrival, usable }
    }
}

fn is_there(nulls: Option<&NullBuffer>, i: usize) -> bool {
    nulls.is_none_or(|nulls| nulls.is_valid(i))
}

/// Which records have both times in the years 1 to 9999; `None`: all. Others cannot be written as RFC 3339, and are slips.
fn in_calendar(event: &[Micros], arrival: &[Micros]) -> Option<NullBuffer> {
    let calendar = EARLIEST..=LATEST;
    let is_in = |(event, arrival): (&Micros, &Micros)| calendar.contains(event) && calendar.contains(arrival);
    if event.iter().zip(arrival).all(is_in) {
        return None;
    }
    Some(event.iter().zip(arrival).map(is_in).collect::<Vec<bool>>().into())
}

/// The values of a column of times, and which are null, if any is.
fn times(column: &ArrayRef) -> (ScalarBuffer<Micros>, Option<NullBuffer>) {
    let column = column.as_primitive::<TimestampMicrosecondType>();
    (column.values().clone(), column.nulls().filter(|n| n.null_count() > 0).cloned())
}
