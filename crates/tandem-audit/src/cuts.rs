//! Where the data is cut: at events, never on a calendar boundary if that can be avoided, and where sparse leaks show.
//! Not here: what is done with the rows after a cut (`variant.rs`).

use serde::Serialize;

use crate::instant::{DAY, HOUR};
use crate::source::Table;

/// An instant at which the data is cut: what happened until then is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// Why there.
    pub why: String,
}

/// Chooses cuts, all after `after` where it is given.
pub(crate) fn choose(tables: &[Table], count: usize, after: Option<i64>) -> Vec<Cut> {
    let mut times: Vec<i64> = tables.iter().flat_map(|table| table.event.iter().flatten().copied()).collect();
    times.sort_unstable();
    times.dedup();
    let start = times.partition_point(|time| Some(*time) < after);
    let times = &times[start..];
    if times.len() < 3 {
        return Vec::new();
    }
    let share = |percent: usize| Cut {
        at: between(times, times.len() * percent / 100),
        why: format!("{percent} % of the data"),
    };
    let mut cuts: Vec<Cut> = Vec::new();
    let mut wanted = vec![
        Some(share(75)),
        new_category(tables, times),
        Some(share(50)),
        after_gap(tables, times),
        Some(share(92)),
        Some(Cut { at: times[times.len() - 2], why: "near the end".to_owned() }),
    ];
    wanted.extend([60, 35, 85, 67, 25, 80, 45, 96, 55, 30, 70, 88, 40, 65].map(|percent| Some(share(percent))));
    for cut in wanted.into_iter().flatten() {
        if cuts.len() < count && cuts.iter().all(|other| other.at != cut.at) {
            cuts.push(cut);
        }
    }
    cuts.sort_by_key(|cut| cut.at);
    cuts
}

/// A cut before an instant, to tell what is fitted on the training rows from what sees beyond them.
pub(crate) fn before(tables: &[Table], end: i64) -> Option<Cut> {
    let mut times: Vec<i64> = tables.iter().flat_map(|table| table.event.iter().flatten().copied()).collect();
    times.retain(|time| *time < end);
    times.sort_unstable();
    times.dedup();
    (times.len() > 3)
        .then(|| Cut { at: between(&times, times.len() * 6 / 10), why: "within the training rows".to_owned() })
}

/// The event nearest to a position whose successor lies in the same hour; else in the same day; else that event.
fn between(times: &[i64], position: usize) -> i64 {
    let last = times.len() - 2;
    let position = position.clamp(1.min(last), last);
    for unit in [HOUR, DAY] {
        let same = |at: usize| times[at].div_euclid(unit) == times[at + 1].div_euclid(unit);
        let near = (0..=(times.len() / 8)).flat_map(|away| [position.checked_sub(away), Some(position + away)]);
        if let Some(at) = near.flatten().find(|at| *at >= 1.min(last) && *at <= last && same(*at)) {
            return times[at];
        }
    }
    times[position]
}

/// Directly before a value of a text column is first seen.
fn new_category(tables: &[Table], times: &[i64]) -> Option<Cut> {
    let mut best: Option<Cut> = None;
    for table in tables.iter().filter(|table| !table.event.is_empty()) {
        let mut order: Vec<(i64, usize)> =
            table.event.iter().enumerate().filter_map(|(row, time)| Some(((*time)?, row))).collect();
        order.sort_unstable();
        for (name, cells) in table.columns.iter().zip(&table.cells) {
            let mut seen: Vec<&str> = Vec::new();
            let mut newest = None;
            for (time, row) in &order {
                let Some(cell) = cells[*row].as_deref() else { continue };
                if !seen.contains(&cell) {
                    if cell.parse::<f64>().is_ok() || seen.len() > 40 {
                        newest = None;
                        break;
                    }
                    seen.push(cell);
                    newest = Some((*time, cell.to_owned()));
                }
            }
            let Some((time, cell)) = newest else { continue };
            let at = times.partition_point(|other| *other < time);
            if at > times.len() / 4 && at < times.len() && best.as_ref().is_none_or(|best| best.at < times[at - 1]) {
                best = Some(Cut { at: times[at - 1], why: format!("before {name} is `{cell}` for the first time") });
            }
        }
    }
    best
}

/// Directly after a missing value: what fills it comes later.
fn after_gap(tables: &[Table], times: &[i64]) -> Option<Cut> {
    let from = times[times.len() * 2 / 5];
    let mut found: Option<Cut> = None;
    for table in tables.iter().filter(|table| !table.event.is_empty()) {
        for (name, cells) in table.columns.iter().zip(&table.cells) {
            if cells.iter().all(Option::is_none) {
                continue;
            }
            let gaps = cells.iter().zip(&table.event).filter(|(cell, _)| cell.is_none()).filter_map(|(_, time)| *time);
            let first = gaps.filter(|time| *time >= from && *time < times[times.len() - 2]).min();
            if let Some(at) = first.filter(|at| found.as_ref().is_none_or(|found| *at < found.at)) {
                found = Some(Cut { at, why: format!("after a missing value in {name}") });
            }
        }
    }
    found
}
