//! Rows that come together, in the one order: of those that are late, most are late only to each other. Not here: where they
//! go (`track.rs`).

use tandem_definitions::Micros;

use crate::block::Order;
use crate::record::Rows;

/// Where a row stands in the one order.
pub(crate) fn order(rows: &Rows<'_>, i: usize) -> Order {
    (rows.event[i], rows.arrival[i], rows.position[i])
}

/// The rows that have a value, in order; `None` where they are in order as they stand.
pub(crate) fn in_order(rows: &Rows<'_>, measures: usize) -> Option<Vec<u32>> {
    if (1..rows.event.len()).all(|i| order(rows, i - 1) < order(rows, i)) {
        return None;
    }
    let (mut places, mut late, mut last) = (Vec::with_capacity(rows.event.len()), Vec::new(), None);
    for i in (0..rows.event.len()).filter(|&i| !is_null(rows, i, measures)) {
        let is_late = last.is_some_and(|last| order(rows, i) < last);
        if is_late { &mut late } else { &mut places }.push(i as u32);
        last = if is_late { last } else { Some(order(rows, i)) };
    }
    late.sort_unstable_by_key(|&place| order(rows, place as usize));
    // Two runs that are sorted, which a stable sort merges.
    places.append(&mut late);
    places.sort_by_key(|&place| order(rows, place as usize));
    Some(places)
}

/// Some rows in another order.
#[derive(Default)]
pub(crate) struct Copied {
    event: Vec<Micros>,
    arrival: Vec<Micros>,
    position: Vec<u64>,
    nulls: Vec<Vec<u64>>,
    words: Vec<Vec<u64>>,
}

impl Copied {
    /// Hands over the rows at these places.
    pub fn with(&mut self, rows: &Rows<'_>, places: &[u32], with: impl FnOnce(&Rows<'_>)) {
        fn copy<T: Copy>(to: &mut Vec<T>, from: &[T], places: &[u32]) {
            to.clear();
            to.extend(places.iter().map(|&place| from[place as usize]));
        }
        fn copy_all(to: &mut Vec<Vec<u64>>, from: &[&[u64]], places: &[u32]) {
            to.resize_with(from.len(), Vec::new);
            to.iter_mut().zip(from).for_each(|(to, from)| copy(to, from, places));
        }
        copy(&mut self.event, rows.event, places);
        copy(&mut self.arrival, rows.arrival, places);
        copy(&mut self.position, rows.position, places);
        copy_all(&mut self.nulls, rows.nulls, places);
        copy_all(&mut self.words, rows.words, places);
        let nulls: Vec<&[u64]> = self.nulls.iter().map(Vec::as_slice).collect();
        let words: Vec<&[u64]> = self.words.iter().map(Vec::as_slice).collect();
        let Self { event, arrival, position, .. } = self;
        with(&Rows { event, arrival, position, nulls: &nulls, words: &words });
    }
}

/// Whether a row has no value.
pub(crate) fn is_null(rows: &Rows<'_>, i: usize, measures: usize) -> bool {
    let all = |chunk: usize| if measures - chunk * 64 >= 64 { u64::MAX } else { (1 << (measures % 64)) - 1 };
    rows.nulls.iter().enumerate().all(|(chunk, nulls)| nulls[i] == all(chunk))
}
