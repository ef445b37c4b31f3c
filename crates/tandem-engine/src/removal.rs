//! Taking a record out of the tree again, since it was corrected or removed: what is kept on its path is folded anew.
//! Not here: the tree (`tree.rs`), and the table of occurrences (`track.rs`).

use crate::block::{Order, Slice};
use crate::marks;
use crate::partial::Partial;
use crate::tree::{Body, Ground, Node};

impl Node {
    /// Takes a record out, which is there; whether none is left. What is kept on its path is folded anew, unless it lists or
    /// counts single values: no result is ever subtracted.
    pub fn remove(&mut self, ground: Ground<'_>, order: Order) -> bool {
        let Some((block, row)) = self.find(ground.shape, order) else { return false };
        let lost = block.single(ground.shape, row);
        self.remove_below(ground, order, lost.all(ground.lane))
    }

    fn remove_below(&mut self, ground: Ground<'_>, order: Order, lost: Slice<'_>) -> bool {
        let first = match &mut self.body {
            Body::Block(block) => {
                block.remove(ground.shape, block.first_at(ground.shape, order));
                (block.len() > 0).then(|| block.order(ground.shape, 0))
            }
            Body::Nodes(nodes) => {
                let i = Self::child(nodes, order);
                if nodes[i].remove_below(ground, order, lost) {
                    nodes.remove(i);
                }
                nodes.first().map(|node| node.first)
            }
        };
        let Some(first) = first else { return true };
        self.first = first;
        self.len = self.body.len();
        let Some(mut kept) = self.kept.take() else { return false };
        for (f, partial) in kept.iter_mut().enumerate() {
            match partial {
                Partial::Marks(marks) => {
                    if let Some(mark) = marks::own(ground.lane, f, lost) {
                        marks.remove(mark);
                    }
                }
                _ => {
                    if !partial.take_out(&ground.lane.folds[f], lost, ground.texts) {
                        *partial = self.folded(ground, f);
                    }
                }
            }
        }
        self.kept = Some(kept);
        false
    }

    /// Removes what a removal has left on the way: nodes with a single child, and results on the last path.
    pub fn trim(&mut self) {
        while let Body::Nodes(nodes) = &mut self.body
            && nodes.len() == 1
        {
            *self = nodes.swap_remove(0);
        }
        let mut last = self;
        loop {
            last.kept = None;
            match &mut last.body {
                Body::Block(_) => return,
                Body::Nodes(nodes) => {
                    let end = nodes.len() - 1;
                    last = &mut nodes[end];
                }
            }
        }
    }
}
