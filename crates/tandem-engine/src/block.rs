//! Up to 64 records of one source in columns, in the one order: what a track is made of.
//!
//! One buffer holds all columns; for each measure one word says in its bits which of the records have a value, so that a
//! count is a population count. Not here: which records (`tree.rs`), and what of them (`partial.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::Micros;

use crate::fold::Lane;
use crate::record::Rows;

/// Records in a block: as many as a word has bits. A longer block costs more at the edges of a window, a shorter one more
/// partial results.
pub(crate) const ROWS: usize = 64;
/// The first room of a block: most entities of most logs have few records.
const LEAST: usize = 4;
/// Columns before the measures: event time, arrival time, position.
const HEAD: usize = 3;

/// The words of a measure that has no column.
static ONES: [u64; ROWS] = [1; ROWS];

/// The one order within a source: event time, arrival time, position.
pub(crate) type Order = (Micros, Micros, u64);

/// What the rows of a track are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many measures there are.
    pub measures: usize,
    /// How many of them have a column of words.
    pub words: usize,
    /// How many columns stand beside them, for counts of distinct values (`distinct.rs`).
    pub marks: usize,
}

impl Shape {
    fn columns(self) -> usize {
        HEAD + self.words + self.marks
    }
}

/// Records in columns. The buffer: one word of bits a measure, then the columns, each with room for the same number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Block {
    len: usize,
    room: usize,
    data: Vec<u64>,
}

/// The lowest `n` bits.
fn low(n: usize) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

impl Block {
    pub fn len(&self) -> usize {
        self.len
    }

    /// About how many bytes it takes beside itself.
    pub fn bytes(&self) -> usize {
        8 * self.data.capacity()
    }

    /// Forgets the records and keeps the buffer. What stands in it beyond the records says nothing.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    fn column(&self, shape: Shape, column: usize) -> &[u64] {
        if self.len == 0 {
            return &[];
        }
        let start = shape.measures + column * self.room;
        &self.data[start..start + self.len]
    }

    /// The event times, as words.
    pub fn events(&self, shape: Shape) -> &[u64] {
        self.column(shape, 0)
    }

    /// A column of words; what stands where the measure is null says nothing.
    pub fn words(&self, shape: Shape, column: usize) -> &[u64] {
        self.column(shape, HEAD + column)
    }

    /// A column beside the measures.
    pub fn marks(&self, shape: Shape, mark: usize) -> &[u64] {
        self.column(shape, HEAD + shape.words + mark)
    }

    /// Changes a row of a column beside the measures.
    pub fn set_mark(&mut self, shape: Shape, mark: usize, row: usize, value: Micros) {
        let start = shape.measures + (HEAD + shape.words + mark) * self.room;
        self.data[start + row] = value as u64;
    }

    /// Which rows have a value of a measure.
    pub fn present(&self, measure: usize) -> u64 {
        self.data[measure]
    }

    /// Where a row stands in the one order.
    pub fn order(&self, shape: Shape, row: usize) -> Order {
        let at = shape.measures + row;
        (self.data[at] as i64, self.data[at + self.room] as i64, self.data[at + 2 * self.room])
    }

    /// The first row with this event time or a later one.
    pub fn first_from(&self, shape: Shape, event: Micros) -> usize {
        self.events(shape).partition_point(|&e| (e as i64) < event)
    }

    /// The first row that does not come before this place in the order.
    pub fn first_at(&self, shape: Shape, order: Order) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.order(shape, middle) < order {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// All rows.
    pub fn all<'t>(&'t self, lane: &'t Lane) -> Slice<'t> {
        self.slice(lane, 0, self.len)
    }

    /// The rows from `from` up to and without `to`.
    pub fn slice<'t>(&'t self, lane: &'t Lane, from: usize, to: usize) -> Slice<'t> {
        Slice { block: self, lane, from, to: to.max(from) }
    }

    /// Makes room for so many rows.
    fn reserve(&mut self, shape: Shape, rows: usize) {
        if rows <= self.room {
            return;
        }
        let room = rows.next_power_of_two().max(LEAST);
        self.data.resize(shape.measures + shape.columns() * room, 0);
        // From the last column on, since each moves up into what the ones behind it have left.
        for column in (0..shape.columns()).rev() {
            let from = shape.measures + column * self.room;
            let to = shape.measures + column * room;
            self.data.copy_within(from..from + self.len, to);
        }
        self.room = room;
    }

    /// Appends rows of a batch, which come after all that are here, and for which there is room in a block.
    pub fn append(&mut self, lane: &Lane, rows: &Rows<'_>, from: usize, to: usize) {
        let shape = lane.shape();
        let count = to - from;
        self.reserve(shape, self.len + count);
        let (len, room) = (self.len, self.room);
        let mut at = shape.measures + len;
        for (place, &event) in self.data[at..at + count].iter_mut().zip(&rows.event[from..to]) {
            *place = event as u64;
        }
        at += room;
        for (place, &arrival) in self.data[at..at + count].iter_mut().zip(&rows.arrival[from..to]) {
            *place = arrival as u64;
        }
        at += room;
        self.data[at..at + count].copy_from_slice(&rows.position[from..to]);
        for words in lane.measures.iter().zip(rows.words).filter_map(|(m, words)| m.column.and(Some(words))) {
            at += room;
            self.data[at..at + count].copy_from_slice(&words[from..to]);
        }
        for (chunk, nulls) in rows.nulls.iter().enumerate() {
            let nulls = &nulls[from..to];
            let some = nulls.iter().fold(0, |some, bits| some | bits);
            for measure in chunk * 64..shape.measures.min(chunk * 64 + 64) {
                let present = if some >> (measure % 64) & 1 == 0 {
                    low(count)
                } else {
                    let bit = |(row, bits): (usize, &u64)| (!bits >> (measure % 64) & 1) << row;
                    nulls.iter().enumerate().map(bit).fold(0, |present, bit| present | bit)
                };
                self.data[measure] = self.data[measure] & low(len) | present << len;
            }
        }
        self.len += count;
    }

    /// Puts the only row of another block at a place; there is room for it in a block.
    pub fn insert(&mut self, shape: Shape, at: usize, one: &Self) {
        self.reserve(shape, self.len + 1);
        for measure in 0..shape.measures {
            let present = self.data[measure] & low(self.len);
            let above = (present & !low(at)) << 1;
            self.data[measure] = present & low(at) | (one.data[measure] & 1) << at | above;
        }
        for column in 0..shape.columns() {
            let start = shape.measures + column * self.room;
            self.data.copy_within(start + at..start + self.len, start + at + 1);
            self.data[start + at] = one.data[shape.measures + column * one.room];
        }
        self.len += 1;
    }

    /// One row alone.
    pub fn single(&self, shape: Shape, row: usize) -> Self {
        let mut one = Self::default();
        one.reserve(shape, 1);
        for measure in 0..shape.measures {
            one.data[measure] = self.data[measure] >> row & 1;
        }
        for column in 0..shape.columns() {
            one.data[shape.measures + column * one.room] = self.data[shape.measures + column * self.room + row];
        }
        one.len = 1;
        one
    }

    /// Takes a row out.
    pub fn remove(&mut self, shape: Shape, at: usize) {
        for present in &mut self.data[..shape.measures] {
            *present = *present & low(at) | (*present & !low(at + 1)) >> 1;
        }
        for column in 0..shape.columns() {
            let start = shape.measures + column * self.room;
            self.data.copy_within(start + at + 1..start + self.len, start + at);
        }
        self.len -= 1;
    }

    /// Takes the rows from `half` on away.
    pub fn split(&mut self, shape: Shape, half: usize) -> Self {
        let count = self.len - half;
        let mut upper = Self::default();
        upper.reserve(shape, count);
        for measure in 0..shape.measures {
            upper.data[measure] = self.data[measure] >> half;
            self.data[measure] &= low(half);
        }
        for column in 0..shape.columns() {
            let from = shape.measures + column * self.room + half;
            let to = shape.measures + column * upper.room;
            upper.data[to..to + count].copy_from_slice(&self.data[from..from + count]);
        }
        upper.len = count;
        self.len = half;
        upper
    }
}

/// Some rows of a block, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Slice<'t> {
    block: &'t Block,
    lane: &'t Lane,
    from: usize,
    to: usize,
}

impl<'t> Slice<'t> {
    /// Which of the rows have a value of a measure: the first row's bit is the lowest.
    pub fn present(self, measure: usize) -> u64 {
        if self.from >= self.to {
            return 0;
        }
        self.block.present(measure) >> self.from & low(self.to - self.from)
    }

    /// The words of a measure, of which those count that are present.
    pub fn words(self, measure: usize) -> &'t [u64] {
        match self.lane.measures[measure].column {
            Some(column) => &self.block.words(self.lane.shape(), column)[self.from..self.to],
            None => &ONES[..self.to - self.from],
        }
    }

    /// A column beside the measures.
    pub fn marks(self, mark: usize) -> &'t [u64] {
        &self.block.marks(self.lane.shape(), mark)[self.from..self.to]
    }

    /// The event times, as words.
    pub fn events(self) -> &'t [u64] {
        &self.block.events(self.lane.shape())[self.from..self.to]
    }

    /// Where a row stands in the one order.
    pub fn order(self, row: usize) -> Order {
        self.block.order(self.lane.shape(), self.from + row)
    }

    /// One of the rows alone, or several that follow each other.
    pub fn part(self, from: usize, to: usize) -> Self {
        Self { from: self.from + from, to: self.from + to, ..self }
    }

    /// Calls `each` with the words of a measure, and the rows that have one.
    #[inline]
    pub fn each(self, measure: usize, mut each: impl FnMut(usize, u64)) {
        let (words, mut present) = (self.words(measure), self.present(measure));
        if present == low(words.len()) {
            words.iter().enumerate().for_each(|(row, &word)| each(row, word));
            return;
        }
        while present != 0 {
            let row = present.trailing_zeros() as usize;
            each(row, words[row]);
            present &= present - 1;
        }
    }
}
