//! The records of a track in the one order, as a tree: blocks below, and above them nodes that keep the partial results of
//! all that lies below, so that a long window is put together from few of them, and a late record changes one path.
//!
//! After `FiBA` (Tangwongsan, Hirzel and Schneider, "Optimal and general out-of-order sliding-window aggregation", VLDB 2019),
//! with two differences: nothing is evicted, since an instant may ask about any window; and the last path, to which most
//! records go, keeps no results until it is full. Not here: how a record is taken out again (`removal.rs`), what is folded
//! (`partial.rs`), and windows (`track.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::Micros;

use crate::block::{Block, Order, ROWS, Shape, Slice};
use crate::fold::{Kind, Lane};
use crate::marks;
use crate::partial::{self, Partial};
use crate::texts::Texts;

/// Records that come in order fill a block up to here, and late ones find room: splitting it would halve it.
const FILLED: usize = ROWS - 8;
/// Children of a node, at most.
const CHILDREN: usize = 8;
/// A node of so many records that keeps no result has none above it that does.
const HOPELESS: usize = 1 << 16;
/// A place: from the lowest bits on, for each node which child, and in the block which row.
const CHILD_BITS: u32 = 5;
const CHILD_MASK: u64 = (1 << CHILD_BITS) - 1;

/// A part of the records, with what was folded of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    /// The first record.
    pub(crate) first: Order,
    /// How many records there are.
    pub(crate) len: usize,
    /// For each fold of the lane the result of all records here; on the last path there may be none.
    pub(crate) kept: Option<Box<[Partial]>>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Body {
    Block(Block),
    Nodes(Vec<Node>),
}

impl Body {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Block(block) => block.len(),
            Self::Nodes(nodes) => length(nodes),
        }
    }
}

/// How many records these nodes have.
fn length(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| node.len).sum()
}

/// What a change needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'g> {
    pub lane: &'g Lane,
    pub shape: Shape,
    pub texts: &'g Texts,
}

/// Whoever looks at the records of an interval, in order or in the reverse order.
pub(crate) trait Visit {
    /// Takes the results of all records of a node, or refuses, and is shown what is below.
    fn whole(&mut self, kept: &[Partial]) -> bool;
    /// Takes records.
    fn rows(&mut self, rows: Slice<'_>);
    /// Whether it has seen enough.
    fn is_done(&self) -> bool;
}

impl Default for Node {
    fn default() -> Self {
        Self { first: (0, 0, 0), len: 0, kept: None, body: Body::Block(Block::default()) }
    }
}

impl Node {
    /// Above these, of which there is at least one, without results.
    fn of(nodes: Vec<Self>) -> Self {
        Self { first: nodes[0].first, len: length(&nodes), kept: None, body: Body::Nodes(nodes) }
    }

    /// Forgets all, and keeps one block's memory.
    pub fn clear(&mut self) {
        let mut node = std::mem::take(self);
        while let Body::Nodes(mut nodes) = node.body {
            node = nodes.swap_remove(0);
        }
        if let Body::Block(mut block) = node.body {
            block.clear();
            self.body = Body::Block(block);
        }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let kept = self.kept.iter().flatten().map(Partial::bytes).sum::<usize>();
        let below = match &self.body {
            Body::Block(block) => block.bytes(),
            Body::Nodes(nodes) => nodes.iter().map(Self::bytes).sum(),
        };
        size_of::<Self>() + kept + below
    }

    /// Whether all records lie in one block.
    pub fn is_block(&self) -> bool {
        matches!(self.body, Body::Block(_))
    }

    /// The last block.
    pub fn last_block(&self) -> &Block {
        match &self.body {
            Body::Block(block) => block,
            Body::Nodes(nodes) => nodes[nodes.len() - 1].last_block(),
        }
    }

    /// Which child holds this place in the order: the last one that does not begin after it.
    pub(crate) fn child(nodes: &[Self], order: Order) -> usize {
        nodes.partition_point(|node| node.first <= order).saturating_sub(1)
    }

    /// Where the first record with this event time or a later one stands.
    pub fn place(&self, shape: Shape, event: Micros) -> u64 {
        let (mut node, mut place, mut shift) = (self, 0, 0);
        loop {
            match &node.body {
                Body::Block(block) => return place | (block.first_from(shape, event) as u64) << shift,
                Body::Nodes(nodes) => {
                    let i = nodes.partition_point(|node| node.first.0 < event).saturating_sub(1);
                    place |= (i as u64) << shift;
                    shift += CHILD_BITS;
                    node = &nodes[i];
                }
            }
        }
    }

    /// How many records stand before a place.
    pub fn rank(&self, mut place: u64) -> usize {
        let (mut node, mut rank) = (self, 0);
        loop {
            match &node.body {
                Body::Block(_) => return rank + place as usize,
                Body::Nodes(nodes) => {
                    let i = (place & CHILD_MASK) as usize;
                    rank += length(&nodes[..i]);
                    place >>= CHILD_BITS;
                    node = &nodes[i];
                }
            }
        }
    }

    /// Shows the records from one place (or the beginning) up to and without another (or the end); `back`: the last first.
    pub fn visit<V: Visit>(&self, lane: &Lane, from: Option<u64>, to: Option<u64>, back: bool, visitor: &mut V) {
        if from.is_none() && to.is_none() && self.whole(visitor) {
            return;
        }
        match &self.body {
            Body::Block(block) => {
                let (from, to) = (from.unwrap_or(0) as usize, to.map_or(block.len(), |to| to as usize));
                if from < to && ((from, to) != (0, block.len()) || !self.whole(visitor)) {
                    visitor.rows(block.slice(lane, from, to));
                }
            }
            Body::Nodes(nodes) => {
                let child = |place: u64| (place & CHILD_MASK) as usize;
                let (first, last) = (from.map_or(0, child), to.map_or(nodes.len() - 1, child));
                for i in first..=last {
                    let i = if back { first + last - i } else { i };
                    let below = |place: Option<u64>, edge: usize| place.filter(|_| i == edge).map(|p| p >> CHILD_BITS);
                    // Most children lie between the two ends: no call for each of them.
                    if i == first || i == last || !nodes[i].whole(visitor) {
                        nodes[i].visit(lane, below(from, first), below(to, last), back, visitor);
                    }
                    if visitor.is_done() {
                        return;
                    }
                }
            }
        }
    }

    /// Shows the results of all records here, if they are kept; whether they were taken.
    fn whole<V: Visit>(&self, visitor: &mut V) -> bool {
        self.kept.as_ref().is_some_and(|kept| visitor.whole(kept))
    }

    /// Lets `append` put records, which come after all that are here, into the last block; it is told for how many there is
    /// room. Gives the node that stands to the right from now on, if one was begun.
    pub fn append(
        &mut self,
        ground: Ground<'_>,
        first: Order,
        append: &mut dyn FnMut(&mut Block, usize),
    ) -> Option<Self> {
        match &mut self.body {
            Body::Block(block) if block.len() >= FILLED => {
                let mut next = Self { first, ..Self::default() };
                next.append(ground, first, append);
                self.close(ground);
                Some(next)
            }
            Body::Block(block) => {
                if block.len() == 0 {
                    self.first = first;
                }
                append(block, FILLED - block.len());
                self.len = block.len();
                None
            }
            Body::Nodes(nodes) => {
                let next = nodes.last_mut().and_then(|last| {
                    let before = last.len;
                    let next = last.append(ground, first, append);
                    self.len += last.len - before;
                    next
                })?;
                if nodes.len() < CHILDREN {
                    self.len += next.len;
                    nodes.push(next);
                    return None;
                }
                self.close(ground);
                Some(Self::of(vec![next]))
            }
        }
    }

    /// Becomes the left child of a new node, with another at its right.
    pub fn grow(&mut self, right: Self) {
        let left = std::mem::take(self);
        *self = Self::of(vec![left, right]);
    }

    /// Puts the only record of `one` into its place, which is not the last. Gives the node that stands to the right from now
    /// on, if this one was full.
    pub fn insert(&mut self, ground: Ground<'_>, order: Order, one: &Block) -> Option<Self> {
        self.first = self.first.min(order);
        let is_open = self.kept.is_none();
        let right = match &mut self.body {
            Body::Block(block) => {
                let at = block.first_at(ground.shape, order);
                if block.len() < ROWS {
                    block.insert(ground.shape, at, one);
                    None
                } else {
                    // The last block is split where the record belongs: what follows in order goes on filling it.
                    let half = if is_open { at.clamp(ROWS / 2, ROWS - 1) } else { ROWS / 2 };
                    let mut upper = block.split(ground.shape, half);
                    if at <= half {
                        block.insert(ground.shape, at, one);
                    } else {
                        upper.insert(ground.shape, at - half, one);
                    }
                    let first = upper.order(ground.shape, 0);
                    Some(Self { first, len: upper.len(), kept: None, body: Body::Block(upper) })
                }
            }
            Body::Nodes(nodes) => {
                let i = Self::child(nodes, order);
                if let Some(right) = nodes[i].insert(ground, order, one) {
                    nodes.insert(i + 1, right);
                }
                (nodes.len() > CHILDREN).then(|| Self::of(nodes.split_off(CHILDREN / 2)))
            }
        };
        self.len = self.body.len();
        if let Some(mut right) = right {
            if !is_open {
                right.close(ground);
            }
            self.close(ground);
            return Some(right);
        }
        if let Some(kept) = &mut self.kept {
            let rows = one.all(ground.lane);
            for (partial, (f, fold)) in kept.iter_mut().zip(ground.lane.folds.iter().enumerate()) {
                match partial {
                    Partial::Marks(marks) => {
                        marks::own(ground.lane, f, rows).inspect(|mark| {
                            marks.insert(*mark);
                        });
                    }
                    _ => partial.put_in(fold, rows, ground.texts),
                }
            }
        }
        None
    }

    /// The block and the row of a record.
    pub fn find(&self, shape: Shape, order: Order) -> Option<(&Block, usize)> {
        match &self.body {
            Body::Block(block) => {
                let at = block.first_at(shape, order);
                (at < block.len() && block.order(shape, at) == order).then_some((block, at))
            }
            Body::Nodes(nodes) => nodes[Self::child(nodes, order)].find(shape, order),
        }
    }

    /// Folds all records here; those below have been folded.
    fn close(&mut self, ground: Ground<'_>) {
        self.kept = Some((0..ground.lane.folds.len()).map(|f| self.folded(ground, f)).collect());
    }

    pub(crate) fn folded(&self, ground: Ground<'_>, f: usize) -> Partial {
        let fold = &ground.lane.folds[f];
        if ground.lane.mark(f).is_some() {
            let Body::Nodes(nodes) = &self.body else { return Partial::Nothing };
            return marks::gathered(nodes, ground, f).map_or(Partial::Nothing, Partial::Marks);
        }
        if !self.may_keep(fold.kind, f) {
            return Partial::Nothing;
        }
        let mut partial = ground.lane.partial(f);
        self.fold_below(ground, f, &mut partial);
        partial.kept(fold, self.len, ground.texts)
    }

    /// Whether it is worth a try to fold all records.
    fn may_keep(&self, kind: Kind, f: usize) -> bool {
        let keeps = |node: &Self| node.kept.as_ref().is_some_and(|kept| kept[f].is_kept());
        match &self.body {
            Body::Block(_) => kind != Kind::Ordered,
            Body::Nodes(_) if kind == Kind::Ordered => self.len <= partial::ORDERED,
            // What is not worth keeping of so many hardly is of more.
            Body::Nodes(nodes) => nodes.iter().all(|node| node.len < HOPELESS || keeps(node)),
        }
    }

    /// Folds all records here, from what is kept below as far as it is.
    fn fold_below(&self, ground: Ground<'_>, f: usize, partial: &mut Partial) {
        let fold = &ground.lane.folds[f];
        match &self.body {
            Body::Block(block) => partial.absorb(fold, block.all(ground.lane), ground.texts),
            Body::Nodes(nodes) => {
                for node in nodes {
                    match &node.kept {
                        Some(kept) if kept[f].is_kept() => partial.merge(&kept[f], fold, ground.texts),
                        _ => node.fold_below(ground, f, partial),
                    }
                }
            }
        }
    }

    /// Shows all blocks in order.
    pub fn each_block(&mut self, each: &mut impl FnMut(&mut Block)) {
        match &mut self.body {
            Body::Block(block) => each(block),
            Body::Nodes(nodes) => nodes.iter_mut().for_each(|node| node.each_block(each)),
        }
    }
}
