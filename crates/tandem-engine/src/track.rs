//! The records of one source that touched one entity, in the one order: (event time, arrival time, position).
//!
//! A record is a row of 64-bit words; rows lie in blocks, and every block but the last keeps the partial results of
//! its rows, so that a long window costs a scan of two blocks and a merge for each block between. A late record goes
//! to its place: it costs what its block costs, wherever it lies. Not here: what is folded, and how (`fold.rs`).

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_definitions::{Datum, Micros, Type, Value, canonical_bits};

use crate::evaluate::{compute, truth};
use crate::fold::{Lane, Measure, Nest};
use crate::partial::Partial;
use crate::record::Record;

/// Rows in a block; a full one is closed or split. Measured on the replay workload: 64 to 256 differ by less than 5 %.
const BLOCK: usize = 128;
/// Words before the measures: event time, arrival time, position; then one bit a measure that says null.
const HEAD: usize = 3;
/// So many texts are searched one by one before an index is worth its memory.
const FEW_TEXTS: usize = 12;

/// The records of one source that touched one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Track {
    stride: usize,
    blocks: Vec<Block>,
    texts: Texts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Block {
    words: Vec<u64>,
    /// For each fold of the lane the partial result of all rows; the last block has none.
    partials: Option<Vec<Partial>>,
}

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
        let texts: usize = self.texts.list.iter().map(|text| text.len() + 2 * size_of::<Arc<str>>()).sum();
        size_of::<Self>() + self.blocks.iter().map(block).sum::<usize>() + texts
    }

    /// Forgets the records and keeps some memory.
    pub fn clear(&mut self) {
        self.blocks.truncate(1);
        if let Some(block) = self.blocks.first_mut() {
            block.words.clear();
            block.partials = None;
        }
        self.texts = Texts::default();
    }

    /// Puts a record into its place. A record of which no measure has a value is not kept.
    pub fn apply(&mut self, lane: &Lane, record: &Record<'_>) {
        let head = HEAD + lane.measures.len().div_ceil(64);
        self.stride = head + lane.measures.len();
        if self.blocks.is_empty() {
            self.blocks.push(Block::default());
        }
        // In arrival order most records belong at the very end: write the row there, and move it if it does not.
        let Self { blocks, texts, stride } = self;
        let last = blocks.len() - 1;
        let words = &mut blocks[last].words;
        let start = words.len();
        words.extend([record.event as u64, record.arrival as u64, record.position]);
        words.resize(start + *stride, 0);
        let mut any = false;
        for (m, measure) in lane.measures.iter().enumerate() {
            match encode(measure, record, texts) {
                Some(word) => {
                    words[start + head + m] = word;
                    any = true;
                }
                None => words[start + HEAD + m / 64] |= 1 << (m % 64),
            }
        }
        if !any {
            words.truncate(start);
            return;
        }
        let order = (record.event, record.arrival, record.position);
        let in_place = if start > 0 {
            self.row(last, start / self.stride - 1).order() < order
        } else {
            last == 0 || self.last_of(last - 1) < order
        };
        if in_place {
            self.close_full(lane);
        } else {
            let row = self.blocks[last].words.split_off(start);
            self.insert(lane, order, &row);
        }
    }

    /// Takes the row of this order out, and folds what its block keeps anew: nothing is ever subtracted.
    pub fn retract(&mut self, lane: &Lane, order: (Micros, Micros, u64)) {
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
            self.summarise(lane, b);
        }
    }

    /// Closes the last block when it is full, and opens the next.
    fn close_full(&mut self, lane: &Lane) {
        let last = self.blocks.len() - 1;
        if self.blocks[last].words.len() == BLOCK * self.stride {
            self.summarise(lane, last);
            self.blocks.push(Block::default());
        }
    }

    /// Puts a late row into the block it belongs to.
    fn insert(&mut self, lane: &Lane, order: (Micros, Micros, u64), row: &[u64]) {
        let b = self
            .blocks
            .partition_point(|block| block.words.get(..HEAD).is_some_and(|w| (w[0] as i64, w[1] as i64, w[2]) < order));
        let b = b.saturating_sub(1);
        let at = self.rows(b).partition_point(|r| r.order() < order) * self.stride;
        let block = &mut self.blocks[b];
        block.words.splice(at..at, row.iter().copied());
        let rows = block.words.len() / self.stride;
        if rows < 2 * BLOCK && b + 1 < self.blocks.len() {
            self.absorb_into_partials(lane, b, row);
        } else if rows >= BLOCK {
            let half = rows / 2 * self.stride;
            let upper = self.blocks[b].words.split_off(half);
            let was_last = b + 1 == self.blocks.len();
            self.blocks.insert(b + 1, Block { words: upper, partials: None });
            self.summarise(lane, b);
            if !was_last {
                self.summarise(lane, b + 1);
            }
        }
    }

    fn absorb_into_partials(&mut self, lane: &Lane, b: usize, row: &[u64]) {
        let Self { blocks, texts, stride } = self;
        let row = Row { words: row, measures: *stride - lane.measures.len() };
        for (partial, fold) in blocks[b].partials.iter_mut().flatten().zip(&lane.folds) {
            if partial.is_kept() {
                partial.absorb(fold, std::iter::once(row), texts);
            }
        }
    }

    fn summarise(&mut self, lane: &Lane, b: usize) {
        let mut partials: Vec<Partial> = (0..lane.folds.len()).map(|f| lane.partial(f)).collect();
        for (partial, fold) in partials.iter_mut().zip(&lane.folds) {
            if partial.is_kept() {
                partial.absorb(fold, self.rows(b).iter(), &self.texts);
            }
        }
        self.blocks[b].partials = Some(partials);
    }

    /// The aggregates at an instant.
    pub fn fold(&self, lane: &Lane, at: Micros, out: &mut [Value]) {
        for nest in &lane.nests {
            self.fold_nest(lane, nest, at, out);
        }
    }

    fn fold_nest(&self, lane: &Lane, nest: &Nest, at: Micros, out: &mut [Value]) {
        let mut partials: Vec<Partial> = (0..lane.folds.len()).map(|f| lane.partial(f)).collect();
        let mut upper = self.first_from(nest.rings[0].span(at).to);
        for ring in &nest.rings {
            let span = ring.span(at);
            let lower = span.from.map_or((0, 0), |from| self.first_from(from));
            for &f in &ring.active {
                if !partials[f].is_settled(lane.folds[f].kind) {
                    self.fold_range(lane, f, &mut partials[f], lower, upper);
                }
            }
            for view in &ring.views {
                out[view.out] = partials[view.fold].value(view, &lane.folds[view.fold], &span, &self.texts);
            }
            upper = lower;
        }
    }

    /// Folds the rows from `lower` up to and without `upper`, both (block, row).
    fn fold_range(&self, lane: &Lane, f: usize, partial: &mut Partial, lower: (usize, usize), upper: (usize, usize)) {
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
                    partial.merge(&kept[f], fold, &self.texts);
                }
                _ => partial.absorb(fold, rows.range(from, to), &self.texts),
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

/// The word of a measure of a record; `None` is null. Equal values have equal words, within one track.
fn encode(measure: &Measure, record: &Record<'_>, texts: &mut Texts) -> Option<u64> {
    if let Some(filter) = &measure.filter
        && truth(filter, record.fields) != Some(true)
    {
        return None;
    }
    let Some(input) = &measure.input else { return Some(1) };
    match compute(input, record.fields).as_datum() {
        Datum::Null => None,
        Datum::Bool(b) => Some(u64::from(b)),
        Datum::Int(i) | Datum::Time(i) => Some(i as u64),
        Datum::Float(x) => Some(canonical_bits(x)),
        Datum::Text(s) => Some(texts.intern(s)),
    }
}

/// The texts that rows refer to by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Texts {
    list: Vec<Arc<str>>,
    /// Made when there are many; never iterated, not written with the state.
    #[serde(skip)]
    index: HashMap<Arc<str>, u64>,
}

impl Texts {
    fn intern(&mut self, text: &str) -> u64 {
        if self.list.len() <= FEW_TEXTS {
            if let Some(i) = self.list.iter().position(|known| **known == *text) {
                return i as u64;
            }
        } else {
            if self.index.len() < self.list.len() {
                self.index = self.list.iter().enumerate().map(|(i, t)| (Arc::clone(t), i as u64)).collect();
            }
            if let Some(&i) = self.index.get(text) {
                return i;
            }
        }
        let (i, text) = (self.list.len() as u64, Arc::<str>::from(text));
        if self.list.len() > FEW_TEXTS {
            self.index.insert(Arc::clone(&text), i);
        }
        self.list.push(text);
        i
    }

    pub fn get(&self, word: u64) -> &str {
        &self.list[word as usize]
    }

    /// The value that a word of this type stands for.
    pub fn value(&self, word: u64, ty: Type) -> Value {
        match ty {
            Type::Bool => Value::Bool(word != 0),
            Type::Int => Value::Int(word as i64),
            Type::Float => Value::Float(f64::from_bits(word)),
            Type::Text => Value::Text(Arc::clone(&self.list[word as usize])),
            Type::Time => Value::Time(word as i64),
        }
    }
}
