//! Where the marks stand by which distinct values are counted: beside each record, and once more in order, in the nodes
//! whose records are not too many. What a mark says, and how it comes about: `distinct.rs`.

use tandem_definitions::Micros;

use crate::block::Slice;
use crate::fold::Lane;
use crate::partial::Partial;
use crate::sorted::Sorted;
use crate::tree::{Body, Ground, Node};

/// Marks that a node keeps in order, at most: each level takes as much memory again, and a window of more records asks
/// several nodes.
const MARKS: usize = 16_384;

/// The mark of the only row for a fold; `None` when it has no value, or the fold no marks.
pub(crate) fn own(lane: &Lane, f: usize, row: Slice<'_>) -> Option<Micros> {
    let mark = lane.mark(f)?;
    (row.present(lane.folds[f].measure) == 1).then(|| row.marks(mark)[0] as i64)
}

/// The marks of all records in order; `None` when they are more than it is worth to keep in one list.
pub(crate) fn gathered(nodes: &[Node], ground: Ground<'_>, f: usize) -> Option<Sorted> {
    let mark = ground.lane.mark(f)?;
    let mut all = Vec::new();
    for node in nodes {
        match (&node.body, &node.kept) {
            (Body::Block(block), _) => {
                let (rows, start) = (block.all(ground.lane), all.len());
                let marks = rows.marks(mark);
                rows.each(ground.lane.folds[f].measure, |row, _| all.push(marks[row] as i64));
                all[start..].sort_unstable();
            }
            (Body::Nodes(_), Some(kept)) => match &kept[f] {
                Partial::Marks(marks) => marks.append_to(&mut all),
                _ => return None,
            },
            (Body::Nodes(_), None) => return None,
        }
    }
    // Made of runs that are sorted, which a stable sort merges.
    all.sort_by(i64::cmp);
    (all.len() <= MARKS).then(|| Sorted::new(&all))
}

impl Node {
    /// Changes the mark of one record of this event time and word that has the old one; whether there was one.
    pub fn remark(
        &mut self,
        ground: Ground<'_>,
        f: usize,
        (event, word): (Micros, u64),
        (old, new): (Micros, Micros),
    ) -> bool {
        let Some(mark) = ground.lane.mark(f) else { return false };
        let shape = ground.shape;
        match &mut self.body {
            Body::Block(block) => {
                let measure = ground.lane.folds[f].measure;
                let from = block.first_from(shape, event);
                let rows = block.slice(ground.lane, from, block.len());
                let same = rows.events().iter().take_while(|&&e| e as i64 == event).count();
                let (present, words) = (rows.present(measure), rows.words(measure));
                let is_it = |row: &usize| {
                    present >> row & 1 == 1 && words[*row] == word && rows.marks(mark)[*row] as i64 == old
                };
                let found = (0..same).find(is_it);
                found.inspect(|row| block.set_mark(shape, mark, from + row, new)).is_some()
            }
            Body::Nodes(nodes) => {
                let first = nodes.partition_point(|node| node.first.0 < event).saturating_sub(1);
                let after = nodes.partition_point(|node| node.first.0 <= event);
                let done = nodes[first..after].iter_mut().any(|node| node.remark(ground, f, (event, word), (old, new)));
                if done
                    && let Some(kept) = &mut self.kept
                    && let Partial::Marks(marks) = &mut kept[f]
                {
                    marks.remove(old);
                    marks.insert(new);
                }
                done
            }
        }
    }
}
