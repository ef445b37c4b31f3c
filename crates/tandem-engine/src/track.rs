//! The records of one source that touched one entity, in the one order: (event time, arrival time, position).
//!
//! A record is a row of 64-bit words; rows lie in blocks, and every block but the last keeps the partial results of
//! its rows, so that a long window costs a scan of two blocks and a merge for each block between. A late record goes
//! to its place: it costs what its block costs, wherever it lies. Not here: what is folded, and how (`fold.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Micros, Value};

use crate::fold::{Lane, Nest};
use crate::partial::Partial;
use crate::record::{self, Record};
use crate::texts::Texts;

/// Rows in a block; a full one is closed or split. Measured on the replay workload: 64 to 256 differ by less than 5 %.
const BLOCK: usize = 128;
/// Words before the measures: event time, arrival time, position; then one bit a measure that says null.
const HEAD: usize = 3;

/// The records of one source that touched one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Track {
    stride: usize,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Block {
    words: Vec<u64>,
    /// For each fold of the lane the partial result of all rows; the last block has none.
    partials: Option<Vec<Partial>>,
}

/// A block, and a row in it.
type Place = (usize, usize);

/// One record's row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'t> {
    words: &'t [u64],
    measures: usize,
}

impl Row<'_> {
    /// The one order within a source.
    pub fn order(self) -> (Micros, Micros, u64) {
        (self.words[0] as i64, self.words[1] as i64, self.words[2])
    }

    /// The word of a measure; `None` is null.
    #[inline]
    pub fn word(self, measure: usize) -> Option<u64> {
        let nulls = self.words[HEAD + measure / 64];
        (nulls >> (measure % 64) & 1 == 0).then(|| self.words[self.measures + measure])
    }
}

impl Track {
    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        let block = |block: &Block| {
            let partials = block.partials.as_ref().map_or(0, |p| p.len() * size_of::<Partial>());
            size_of::<Block>() + 8 * block.words.capacity() + partials
        };
        size_of::<Self>() + self.blocks.iter().map(block).sum::<usize>()
    }

    /// Forgets the records and keeps some memory.
    pub fn clear(&mut self) {
        self.blocks.truncate(1);
        if let Some(block) = self.blocks.first_mut() {
            block.words.clear();
            block.partials = None;
        }
    }

    /// Puts a record into its place. A record of which no measure has a value is not kept.
    pub fn apply(&mut self, lane: &Lane, texts: &mut Texts, record: &Record<'_>) {
        let (start, head) = self.begin_row(lane, (record.event, record.arrival, record.position));
        let words = &mut self.open_block().words;
        let mut any = false;
        for (m, measure) in lane.measures.iter().enumerate() {
            match measure.word(record.fields, texts) {
                Some(word) => {
                    words[start + head + m] = word;
                    any = true;
                }
                None => words[start + HEAD + m / 64] |= 1 << (m % 64),
            }
        }
        self.end_row(lane, texts, any);
    }

    /// Puts many records into their places.
    pub fn extend(&mut self, lane: &Lane, texts: &Texts, rows: &record::Rows<'_>) {
        for (i, &event) in rows.event.iter().enumerate() {
            let (start, head) = self.begin_row(lane, (event, rows.arrival[i], rows.position[i]));
            let words = &mut self.open_block().words;
            for (n, nulls) in rows.nulls.iter().enumerate() {
                words[start + HEAD + n] = nulls[i];
            }
            for (m, column) in rows.words.iter().enumerate() {
                words[start + head + m] = column[i];
            }
            let any = (0..lane.measures.len()).any(|m| rows.nulls[m / 64][i] >> (m % 64) & 1 == 0);
            self.end_row(lane, texts, any);
        }
    }

    /// Begins a row at the very end, where in arrival order most records belong: where it begins, and its measures in it.
    fn begin_row(&mut self, lane: &Lane, order: (Micros, Micros, u64)) -> (usize, usize) {
        let head = HEAD + lane.measures.len().div_ceil(64);
        self.stride = head + lane.measures.len();
        if self.blocks.is_empty() {
            self.blocks.push(Block::default());
        }
        let stride = self.stride;
        let words = &mut self.open_block().words;
        let start = words.len();
        words.extend([order.0 as u64, order.1 as u64, order.2]);
        words.resize(start + stride, 0);
        (start, head)
    }

    /// Drops the row begun last when it has no value, and moves it when it does not belong at the end.
    fn end_row(&mut self, lane: &Lane, texts: &Texts, any: bool) {
        let (stride, last) = (self.stride, self.blocks.len() - 1);
        let start = self.open_block().words.len() - stride;
        if !any {
            self.open_block().words.truncate(start);
            return;
        }
        let order = self.row(last, start / stride).order();
        let in_place = if start > 0 {
            self.row(last, start / stride - 1).order() < order
        } else {
            last == 0 || self.last_of(last - 1) < order
        };
        if in_place {
            self.close_full(lane, texts);
        } else {
            let row = self.open_block().words.split_off(start);
            self.insert(lane, texts, order, &row);
        }
    }

    /// The last block, which is the one that grows.
    fn open_block(&mut self) -> &mut Block {
        self.blocks.last_mut().expect("a row was begun, so there is a block")
    }

    /// Takes the row of this order out, and folds what its block keeps anew: nothing is ever subtracted.
    pub fn retract(&mut self, lane: &Lane, texts: &Texts, order: (Micros, Micros, u64)) {
        let begins = |block: &Block| block.words.get(..HEAD).is_some_and(|w| (w[0] as i64, w[1] as i64, w[2]) <= order);
        let Some(b) = self.blocks.partition_point(begins).checked_sub(1) else { return };
        let rows = self.rows(b);
        let at = rows.partition_point(|row| row.order() < order);
        if at == rows.len || rows.get(at).order() != order {
            return;
        }
        let at = at * self.stride;
        self.blocks[b].words.drain(at..at + self.stride);
        if self.blocks[b].words.is_empty() && self.blocks.len() > 1 {
            self.blocks.remove(b);
        }
        let last = self.blocks.len() - 1;
        self.blocks[last].partials = None;
        if b < last && self.blocks[b].partials.is_some() {
            self.summarise(lane, texts, b);
        }
    }

    /// Closes the last block when it is full, and opens the next.
    fn close_full(&mut self, lane: &Lane, texts: &Texts) {
        let last = self.blocks.len() - 1;
        if self.blocks[last].words.len() >= BLOCK * self.stride {
            self.summarise(lane, texts, last);
            self.blocks.push(Block::default());
        }
    }

    /// Puts a late row into the block it belongs to.
    fn insert(&mut self, lane: &Lane, texts: &Texts, order: (Micros, Micros, u64), row: &[u64]) {
        let b = self
            .blocks
            .partition_point(|block| block.words.get(..HEAD).is_some_and(|w| (w[0] as i64, w[1] as i64, w[2]) < order));
        let b = b.saturating_sub(1);
        let at = self.rows(b).partition_point(|r| r.order() < order) * self.stride;
        let block = &mut self.blocks[b];
        block.words.splice(at..at, row.iter().copied());
        let rows = block.words.len() / self.stride;
        if rows < 2 * BLOCK && b + 1 < self.blocks.len() {
            self.absorb_into_partials(lane, texts, b, row);
        } else if rows >= BLOCK {
            let half = rows / 2 * self.stride;
            let upper = self.blocks[b].words.split_off(half);
            let was_last = b + 1 == self.blocks.len();
            self.blocks.insert(b + 1, Block { words: upper, partials: None });
            self.summarise(lane, texts, b);
            if !was_last {
                self.summarise(lane, texts, b + 1);
            }
        }
    }

    fn absorb_into_partials(&mut self, lane: &Lane, texts: &Texts, b: usize, row: &[u64]) {
        let Self { blocks, stride } = self;
        let row = Row { words: row, measures: *stride - lane.measures.len() };
        for (partial, fold) in blocks[b].partials.iter_mut().flatten().zip(&lane.folds) {
            if partial.is_kept() {
                partial.absorb(fold, std::iter::once(row), texts);
            }
        }
    }

    fn summarise(&mut self, lane: &Lane, texts: &Texts, b: usize) {
        let mut partials: Vec<Partial> = (0..lane.folds.len()).map(|f| lane.partial(f)).collect();
        for (partial, fold) in partials.iter_mut().zip(&lane.folds) {
            if partial.is_kept() {
                partial.absorb(fold, self.rows(b).iter(), texts);
            }
        }
        self.blocks[b].partials = Some(partials);
    }

    /// The aggregates at an instant.
    pub fn fold(&self, lane: &Lane, texts: &Texts, at: Micros, out: &mut [Value]) {
        for nest in &lane.nests {
            self.fold_nest(lane, texts, nest, at, out);
        }
    }

    fn fold_nest(&self, lane: &Lane, texts: &Texts, nest: &Nest, at: Micros, out: &mut [Value]) {
        let mut partials: Vec<Partial> = (0..lane.folds.len()).map(|f| lane.partial(f)).collect();
        let mut upper = self.first_from(nest.rings[0].span(at).to);
        for ring in &nest.rings {
            let span = ring.span(at);
            let lower = span.from.map_or((0, 0), |from| self.first_from(from));
            for &f in &ring.active {
                if !partials[f].is_settled(lane.folds[f].kind) {
                    self.fold_range(lane, texts, f, &mut partials[f], (lower, upper));
                }
            }
            for view in &ring.views {
                out[view.out] = partials[view.fold].value(view, &lane.folds[view.fold], &span, texts);
            }
            upper = lower;
        }
    }

    /// Folds the rows from `lower` up to and without `upper`, both (block, row).
    fn fold_range(&self, lane: &Lane, texts: &Texts, f: usize, partial: &mut Partial, (lower, upper): (Place, Place)) {
        if lower >= upper {
            return;
        }
        let fold = &lane.folds[f];
        for b in lower.0..=upper.0.min(self.blocks.len() - 1) {
            let rows = self.rows(b);
            let from = if b == lower.0 { lower.1 } else { 0 };
            let to = if b == upper.0 { upper.1 } else { rows.len };
            match &self.blocks[b].partials {
                Some(kept) if kept[f].is_kept() && from == 0 && to == rows.len => {
                    partial.merge(&kept[f], fold, texts);
                }
                _ => partial.absorb(fold, rows.range(from, to), texts),
            }
        }
    }

    /// Where the first row with this event time or a later one stands: (block, row).
    fn first_from(&self, event: Micros) -> (usize, usize) {
        let begins_before = |block: &Block| block.words.first().is_some_and(|&w| (w as i64) < event);
        let b = self.blocks.partition_point(begins_before).saturating_sub(1);
        if self.blocks.is_empty() {
            return (0, 0);
        }
        (b, self.rows(b).partition_point(|row| (row.words[0] as i64) < event))
    }

    fn last_of(&self, b: usize) -> (Micros, Micros, u64) {
        let rows = self.rows(b);
        rows.get(rows.len - 1).order()
    }

    fn row(&self, b: usize, r: usize) -> Row<'_> {
        self.rows(b).get(r)
    }

    fn rows(&self, b: usize) -> Rows<'_> {
        let words = &self.blocks[b].words;
        Rows { words, stride: self.stride, len: words.len() / self.stride, measures: self.measures() }
    }

    /// Where the measures begin in a row.
    fn measures(&self) -> usize {
        // stride = HEAD + ceil(m / 64) + m, so 65 words of the rest hold 64 measures and their bits.
        HEAD + (self.stride - HEAD).div_ceil(65)
    }
}

/// The rows of a block.
#[derive(Clone, Copy)]
struct Rows<'t> {
    words: &'t [u64],
    stride: usize,
    len: usize,
    measures: usize,
}

impl<'t> Rows<'t> {
    fn get(self, r: usize) -> Row<'t> {
        Row { words: &self.words[r * self.stride..(r + 1) * self.stride], measures: self.measures }
    }

    fn iter(self) -> impl Iterator<Item = Row<'t>> {
        self.range(0, self.len)
    }

    fn range(self, from: usize, to: usize) -> impl Iterator<Item = Row<'t>> {
        let measures = self.measures;
        let words = &self.words[from * self.stride..to * self.stride];
        words.chunks_exact(self.stride).map(move |words| Row { words, measures })
    }

    fn partition_point(self, holds: impl Fn(Row<'t>) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if holds(self.get(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}
