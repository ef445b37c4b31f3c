//! The records of one source that touched one entity: taken in, taken out, and asked about. Where each record stands is the
//! tree's business (`tree.rs`), and what is made of them that of the folds (`fold.rs`, `partial.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Micros, Value};

use crate::batch::{Copied, in_order, is_null, order};
use crate::block::{Block, Order, ROWS, Shape, Slice};
use crate::distinct::{Occurrences, mark};
use crate::fold::{Fold, Kind, Lane, Nest, Span};
use crate::partial::Partial;
use crate::record::{Record, Rows};
use crate::sorted::Neighbours;
use crate::texts::Texts;
use crate::tree::{Ground, Node, Visit};

/// So many measures of a record need no memory of their own while it is taken in.
const FEW: usize = 16;
/// So many records at once are brought into order first: most of the late ones among them are late only to each other.
const MANY: usize = 64;
/// And so many windows that share an end, while they are asked about.
const FEW_RINGS: usize = 8;

/// The records of one source that touched one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Track {
    root: Node,
    /// For each of the lane's marks, once there is more than a block; made again when it was read back.
    #[serde(skip)]
    occurrences: Option<Box<[Occurrences]>>,
}

impl Track {
    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        let occurrences = self.occurrences.iter().flatten().map(|one| one.bytes(self.root.len));
        self.root.bytes() + size_of::<Self>() - size_of::<Node>() + occurrences.sum::<usize>()
    }

    /// Forgets the records and keeps some memory.
    pub fn clear(&mut self) {
        self.root.clear();
        self.occurrences = None;
    }

    /// Puts a record into its place. A record of which no measure has a value is not kept.
    pub fn apply(&mut self, lane: &Lane, texts: &mut Texts, record: &Record<'_>) {
        let count = lane.measures.len();
        let (mut few, mut many) = ([0; FEW], Vec::new());
        let words: &mut [u64] = if count <= FEW {
            &mut few[..count]
        } else {
            many.resize(count, 0);
            &mut many
        };
        let (mut few_nulls, mut many_nulls) = ([0; 1], Vec::new());
        let nulls: &mut [u64] = if count <= 64 {
            &mut few_nulls
        } else {
            many_nulls.resize(count.div_ceil(64), 0);
            &mut many_nulls
        };
        for (m, measure) in lane.measures.iter().enumerate() {
            match measure.word(record.fields, texts) {
                Some(word) => words[m] = word,
                None => nulls[m / 64] |= 1 << (m % 64),
            }
        }
        let (mut columns, mut more): ([&[u64]; FEW], Vec<&[u64]>) = ([&[]; FEW], Vec::new());
        let columns = if count <= FEW {
            columns.iter_mut().zip(words.chunks(1)).for_each(|(column, word)| *column = word);
            &columns[..count]
        } else {
            more.extend(words.chunks(1));
            &more
        };
        let (event, arrival, position) = (&[record.event], &[record.arrival], &[record.position]);
        let one_column = [&*nulls];
        let null_columns: Vec<&[u64]>;
        let nulls: &[&[u64]] = if count <= 64 {
            &one_column
        } else {
            null_columns = nulls.chunks(1).collect();
            &null_columns
        };
        self.extend(lane, texts, &Rows { event, arrival, position, nulls, words: columns });
    }

    /// Puts many records into their places; those that follow each other in the order, and all that is here, in one go.
    pub fn extend(&mut self, lane: &Lane, texts: &Texts, rows: &Rows<'_>) {
        let ground = Ground { lane, shape: lane.shape(), texts };
        let order = |i: usize| order(rows, i);
        if rows.event.len() >= MANY
            && let Some(places) = in_order(rows, lane.measures.len())
        {
            return self.extend_sorted(ground, rows, &places);
        }
        let mut i = 0;
        while i < rows.event.len() {
            if is_null(rows, i, lane.measures.len()) {
                i += 1;
                continue;
            }
            if self.last(ground.shape).is_none_or(|last| last < order(i)) {
                let mut end = i + 1;
                while end < rows.event.len() && order(end - 1) < order(end) && !is_null(rows, end, lane.measures.len())
                {
                    end += 1;
                }
                self.append(ground, rows, i, end);
                i = end;
            } else {
                self.insert(ground, rows, i);
                i += 1;
            }
        }
    }

    /// Puts rows into their places, which come in order, some of them after all that is here.
    fn extend_sorted(&mut self, ground: Ground<'_>, rows: &Rows<'_>, places: &[u32]) {
        let order = |place: &u32| order(rows, *place as usize);
        let last = self.last(ground.shape);
        let late = last.map_or(0, |last| places.partition_point(|place| order(place) < last));
        places[..late].iter().for_each(|&place| self.insert(ground, rows, place as usize));
        let mut copy = Copied::default();
        for some in places[late..].chunks(MANY) {
            copy.with(rows, some, |rows| self.append(ground, rows, 0, some.len()));
        }
    }

    /// Takes the record of this place in the order out.
    pub fn retract(&mut self, lane: &Lane, texts: &Texts, order: Order) {
        let ground = Ground { lane, shape: lane.shape(), texts };
        if self.root.find(ground.shape, order).is_none() {
            return;
        }
        self.prepare(ground);
        if let (Some(occurrences), Some((block, row))) = (&mut self.occurrences, self.root.find(ground.shape, order)) {
            let rows = block.slice(lane, row, row + 1);
            let mut moved: Vec<(usize, (Micros, u64), Micros)> = Vec::new();
            for (m, occurrences) in occurrences.iter_mut().enumerate() {
                let fold = &lane.folds[lane.marks[m]];
                if rows.present(fold.measure) == 0 {
                    continue;
                }
                let (word, own) = (rows.words(fold.measure)[0], rows.marks(m)[0] as i64);
                let Neighbours { before, after } = occurrences.remove(word, order.0);
                if before == Some(order.0) {
                    // Others are of the same instant: one of them becomes the first of it, if this one was.
                    if own != mark(before) {
                        moved.push((lane.marks[m], (order.0, word), own));
                    }
                } else if let Some(after) = after {
                    moved.push((lane.marks[m], (after, word), own));
                }
            }
            for (f, place, own) in moved {
                self.root.remark(ground, f, place, (mark(Some(order.0)), own));
            }
        }
        if self.root.remove(ground, order) {
            self.root.clear();
        }
        self.root.trim();
        if self.root.is_block() {
            self.occurrences = None;
        }
    }

    fn last(&self, shape: Shape) -> Option<Order> {
        let block = self.root.last_block();
        block.len().checked_sub(1).map(|row| block.order(shape, row))
    }

    /// Puts rows from `from` up to and without `to` behind all others.
    fn append(&mut self, ground: Ground<'_>, rows: &Rows<'_>, mut from: usize, to: usize) {
        self.prepare(ground);
        while from < to {
            let Self { root, occurrences, .. } = self;
            let first = (rows.event[from], rows.arrival[from], rows.position[from]);
            let right = root.append(ground, first, &mut |block, room| {
                let (len, end) = (block.len(), to.min(from + room));
                block.append(ground.lane, rows, from, end);
                if let Some(occurrences) = occurrences {
                    mark_rows(block, ground, occurrences, len);
                }
                from = end;
            });
            self.adopt(ground, right);
        }
    }

    /// Puts a row between the others.
    fn insert(&mut self, ground: Ground<'_>, rows: &Rows<'_>, i: usize) {
        self.prepare(ground);
        let order = (rows.event[i], rows.arrival[i], rows.position[i]);
        let mut one = Block::default();
        one.append(ground.lane, rows, i, i + 1);
        if let Some(occurrences) = &mut self.occurrences {
            for (m, occurrences) in occurrences.iter_mut().enumerate() {
                let f = ground.lane.marks[m];
                let (fold, row) = (&ground.lane.folds[f], one.all(ground.lane));
                if row.present(fold.measure) == 0 {
                    continue;
                }
                let word = row.words(fold.measure)[0];
                let Neighbours { before, after } = occurrences.insert(word, order.0);
                one.set_mark(ground.shape, m, 0, mark(before));
                if let (Some(after), true) = (after, before != Some(order.0)) {
                    self.root.remark(ground, f, (after, word), (mark(before), mark(Some(order.0))));
                }
            }
        }
        let right = self.root.insert(ground, order, &one);
        self.adopt(ground, right);
    }

    fn adopt(&mut self, ground: Ground<'_>, right: Option<Node>) {
        let Some(right) = right else { return };
        let was_block = self.root.is_block();
        self.root.grow(right);
        if was_block && ground.shape.marks > 0 {
            let mut occurrences = Occurrences::of_nothing(ground.shape.marks);
            self.root.each_block(&mut |block| mark_rows(block, ground, &mut occurrences, 0));
            self.occurrences = Some(occurrences);
        }
    }

    /// Finds the occurrences again after the track was read back. The marks stay: of records with one value and one event
    /// time any can be the first, and the nodes have kept which.
    fn prepare(&mut self, ground: Ground<'_>) {
        if ground.shape.marks == 0 || self.occurrences.is_some() || self.root.is_block() {
            return;
        }
        let mut occurrences = Occurrences::of_nothing(ground.shape.marks);
        self.root.each_block(&mut |block| {
            let rows = block.all(ground.lane);
            for (occurrences, f) in occurrences.iter_mut().zip(&ground.lane.marks) {
                let events = rows.events();
                rows.each(ground.lane.folds[*f].measure, |row, word| {
                    occurrences.insert(word, events[row] as i64);
                });
            }
        });
        self.occurrences = Some(occurrences);
    }

    /// The aggregates at an instant.
    pub fn fold(&self, lane: &Lane, texts: &Texts, at: Micros, out: &mut [Value]) {
        let ground = Ground { lane, shape: lane.shape(), texts };
        for nest in &lane.nests {
            self.fold_nest(ground, nest, at, out);
        }
    }

    fn fold_nest(&self, ground: Ground<'_>, nest: &Nest, at: Micros, out: &mut [Value]) {
        let Ground { lane, shape, texts } = ground;
        let to = self.root.place(shape, nest.rings[0].span(at).to);
        let (mut few, mut many) = ([(Span::default(), None); FEW_RINGS], Vec::new());
        let rings: &mut [(Span, Option<u64>)] = if nest.rings.len() <= FEW_RINGS {
            &mut few[..nest.rings.len()]
        } else {
            many.resize(nest.rings.len(), (Span::default(), None));
            &mut many
        };
        for (place, ring) in rings.iter_mut().zip(&nest.rings) {
            let span = ring.span(at);
            *place = (span, span.from.map(|from| self.root.place(shape, from)));
        }
        for asked in &nest.asked {
            let fold = &lane.folds[asked.fold];
            if lane.counts_all(asked.fold) {
                for (ring, views) in &asked.rings {
                    let (span, lower) = &rings[*ring];
                    let before = lower.map_or(0, |lower| self.root.rank(lower));
                    let mut count = Partial::Count(self.root.rank(to).saturating_sub(before) as u64);
                    views.iter().for_each(|view| out[view.out] = count.value(view, fold, span, texts));
                }
                continue;
            }
            let mut folding = Folding { partial: lane.partial(asked.fold), f: asked.fold, fold, texts };
            let mut upper = to;
            for (ring, views) in &asked.rings {
                let (span, lower) = &rings[*ring];
                if let (Some(mark), false) = (lane.mark(asked.fold), self.root.is_block()) {
                    let from = span.from.unwrap_or(Micros::MIN);
                    let mut counting = Counting { f: asked.fold, measure: fold.measure, mark, from, count: 0 };
                    self.root.visit(lane, *lower, Some(to), false, &mut counting);
                    views.iter().for_each(|view| out[view.out] = Value::Int(counting.count as i64));
                    continue;
                }
                if !folding.is_done() && *lower != Some(upper) {
                    self.root.visit(lane, *lower, Some(upper), fold.kind.is_from_the_end(), &mut folding);
                }
                for view in views {
                    out[view.out] = folding.partial.value(view, fold, span, texts);
                }
                upper = lower.unwrap_or(0);
            }
        }
    }
}

/// Marks the rows of a block from `from` on, which come after all that the occurrences know.
fn mark_rows(block: &mut Block, ground: Ground<'_>, occurrences: &mut [Occurrences], from: usize) {
    let mut marks = [0; ROWS];
    for (m, occurrences) in occurrences.iter_mut().enumerate() {
        let rows = block.slice(ground.lane, from, block.len());
        let (measure, events) = (ground.lane.folds[ground.lane.marks[m]].measure, rows.events());
        rows.each(measure, |row, word| marks[row] = mark(occurrences.insert(word, events[row] as i64).before));
        for (row, mark) in (from..block.len()).zip(marks) {
            block.set_mark(ground.shape, m, row, mark);
        }
    }
}

/// Folds what it is shown.
struct Folding<'f> {
    partial: Partial,
    f: usize,
    fold: &'f Fold,
    texts: &'f Texts,
}

impl Visit for Folding<'_> {
    fn whole(&mut self, kept: &[Partial]) -> bool {
        let is_kept = kept[self.f].is_kept();
        if is_kept {
            self.partial.merge(&kept[self.f], self.fold, self.texts);
        }
        is_kept
    }

    fn rows(&mut self, rows: Slice<'_>) {
        self.partial.absorb(self.fold, rows, self.texts);
    }

    fn is_done(&self) -> bool {
        self.partial.is_settled(self.fold.kind)
    }
}

/// Counts the records that are the first of their value in a window from `from` on.
struct Counting {
    f: usize,
    measure: usize,
    mark: usize,
    from: Micros,
    count: usize,
}

impl Visit for Counting {
    fn whole(&mut self, kept: &[Partial]) -> bool {
        let Partial::Marks(marks) = &kept[self.f] else { return false };
        self.count += marks.rank(self.from);
        true
    }

    fn rows(&mut self, rows: Slice<'_>) {
        let (present, marks) = (rows.present(self.measure), rows.marks(self.mark));
        let is_first = |mark: u64| mark as i64 <= self.from;
        // Most have a value: then no bit need be looked at.
        self.count += if present.count_ones() as usize == marks.len() {
            marks.iter().map(|&mark| usize::from(is_first(mark))).sum::<usize>()
        } else {
            let counts = |(row, &mark): (usize, &u64)| usize::from(is_first(mark)) & (present >> row & 1) as usize;
            marks.iter().enumerate().map(counts).sum()
        };
    }

    fn is_done(&self) -> bool {
        false
    }
}

impl Kind {
    /// Whether the last records are looked at first, so that the others need not be.
    fn is_from_the_end(self) -> bool {
        matches!(self, Self::Last | Self::LastOf(_))
    }
}
