//! The graph: nodes for data and objects, edges for how one came from another.

use std::collections::{BTreeMap, BTreeSet};

use ruff_text_size::TextRange;

/// A node.
pub type Id = usize;

/// How one came from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The same rows.
    Equiv,
    /// Some content.
    Data,
    /// Some of the rows.
    Subset,
    /// One row after the other, in a loop.
    Each,
    /// Something computed over all rows.
    Reduce,
    /// The rows, some of them several times.
    Dup,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Data, or nothing known.
    Plain,
    /// Names of columns.
    Columns,
    /// Groups of rows.
    Group,
    /// An object of this class: an estimator, a splitter.
    Object(String),
    /// Several.
    Tuple(Vec<Option<Id>>),
}

/// What a call gives.
pub enum Answer {
    /// The call is known, and gives this; nothing where there is no data in it.
    Known(Option<Id>),
    /// The call is not known.
    Unknown,
}

/// A place: the index of a cell, and where in it.
pub type At = (usize, TextRange);

/// A node with the edges it came by.
#[derive(Clone, Debug)]
pub struct Node {
    /// From what it came.
    pub from: Vec<(Edge, Id)>,
    /// What it is.
    pub kind: Kind,
    /// Whether a time was read into it.
    pub timed: bool,
    /// Whether it is one column.
    pub single: bool,
}

/// Something computed over all rows.
#[derive(Clone, Debug)]
pub struct Reduction {
    /// What came out.
    pub out: Id,
    /// What went in.
    pub source: Id,
    /// Where.
    pub at: At,
    /// What did it: `StandardScaler`, `mean`.
    pub by: String,
}

/// A model that was fitted.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The object.
    pub model: Id,
    /// What it was fitted on.
    pub train: Id,
    /// Whether it was told the answers.
    pub supervised: bool,
}

/// A use of a fitted model.
#[derive(Clone, Debug)]
pub struct Test {
    /// Which fit.
    pub fit: usize,
    /// On what.
    pub data: Id,
    /// Where.
    pub at: At,
    /// Whether the result is a score, at once or by a metric further on.
    pub scored: bool,
    /// The predictions.
    pub out: Id,
    /// Whether it is the validation during the fit, which is there to choose by.
    pub chooses: bool,
}

/// Nodes that one came from.
#[derive(Default)]
pub struct Ids {
    inside: Vec<bool>,
    /// In the order in which they were met.
    pub all: Vec<Id>,
}

impl Ids {
    /// Whether this one is among them.
    pub fn contains(&self, id: Id) -> bool {
        self.inside.get(id).copied().unwrap_or(false)
    }

    fn meets(&self, other: &Self) -> bool {
        self.all.iter().any(|id| other.contains(*id))
    }
}

/// Everything that was found in the cells.
#[derive(Default)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The reductions, in order.
    pub reductions: Vec<Reduction>,
    /// The fits, in order.
    pub fits: Vec<Fit>,
    /// The uses, in order.
    pub tests: Vec<Test>,
    /// Cross-validations: model, data, place.
    pub folds: Vec<(Option<Id>, Id, At)>,
    /// Random splits: of what, where.
    pub splits: Vec<(Id, At)>,
    /// The keys of dictionaries, in the order of their items; an empty text where a key is no word.
    pub keys: BTreeMap<Id, Vec<String>>,
    /// The second parts of splits.
    pub kept_apart: BTreeSet<Id>,
    /// The state that each object was fitted to.
    pub states: BTreeMap<Id, Id>,
}

impl Graph {
    /// A new node.
    pub fn node(&mut self, kind: Kind, from: impl IntoIterator<Item = (Edge, Option<Id>)>) -> Id {
        let from = from.into_iter().filter_map(|(edge, id)| id.map(|id| (edge, id))).collect();
        self.nodes.push(Node { from, kind, timed: false, single: false });
        self.nodes.len() - 1
    }

    /// A new node of data with one edge.
    pub fn plain(&mut self, edge: Edge, from: Option<Id>) -> Id {
        self.node(Kind::Plain, [(edge, from)])
    }

    /// One column of a table.
    pub fn column(&mut self, table: Id) -> Id {
        let node = self.plain(Edge::Equiv, Some(table));
        self.nodes[node].single = true;
        node
    }

    /// Whether this is one column, or was made of one row by row.
    pub fn is_column(&self, id: Id) -> bool {
        self.rows(id).all.iter().any(|id| self.nodes[*id].single)
    }

    /// One of these, it is not known which: several returns. Tuples are joined item by item.
    pub fn either(&mut self, values: &[Id]) -> Option<Id> {
        let tuples: Vec<&Vec<Option<Id>>> = values
            .iter()
            .filter_map(|id| match &self.nodes[*id].kind {
                Kind::Tuple(items) => Some(items),
                _ => None,
            })
            .collect();
        let width = tuples.first().map_or(0, |items| items.len());
        if values.len() < 2 || tuples.len() < values.len() || tuples.iter().any(|items| items.len() != width) {
            return self.one_of(values);
        }
        let columns: Vec<Vec<Id>> =
            (0..width).map(|index| tuples.iter().filter_map(|items| items[index]).collect()).collect();
        let items = columns.into_iter().map(|column| self.one_of(&column)).collect();
        Some(self.tuple(items))
    }

    /// The item of one of several tuples.
    fn one_of(&mut self, values: &[Id]) -> Option<Id> {
        let last = values.last().copied()?;
        if values.iter().all(|id| *id == last) || values.iter().any(|id| self.class(*id).is_some()) {
            return Some(last);
        }
        Some(self.node(Kind::Plain, values.iter().map(|id| (Edge::Equiv, Some(*id)))))
    }

    /// Several, each of which is content of the whole.
    pub fn tuple(&mut self, items: Vec<Option<Id>>) -> Id {
        let from: Vec<_> = items.iter().map(|id| (Edge::Data, *id)).collect();
        self.node(Kind::Tuple(items), from)
    }

    /// Something computed over all rows of `source`.
    pub fn reduce(&mut self, source: Option<Id>, at: At, by: &str) -> Id {
        let out = self.plain(Edge::Reduce, source);
        // Over one row there is no statistic of the others: `[x / x.max() for x in images]`.
        let one = |id: Id| self.nodes[id].from.iter().any(|(edge, _)| *edge == Edge::Each);
        if let Some(source) = source.filter(|source| !self.rows(*source).all.into_iter().any(one)) {
            self.reductions.push(Reduction { out, source, at, by: by.to_owned() });
        }
        out
    }

    /// What a node came from by edges of which the test says yes; itself included.
    fn back(&self, from: Id, follows: impl Fn(Edge) -> bool) -> Ids {
        let mut ids = Ids { inside: vec![false; from + 1], all: vec![from] };
        ids.inside[from] = true;
        let mut next = 0;
        while let Some(id) = ids.all.get(next).copied() {
            next += 1;
            for (edge, one) in &self.nodes[id].from {
                // Nodes come from older ones alone.
                if follows(*edge) && !ids.inside[*one] {
                    ids.inside[*one] = true;
                    ids.all.push(*one);
                }
            }
        }
        ids
    }

    /// All whose content is in it.
    pub fn content(&self, id: Id) -> Ids {
        self.back(id, |edge| edge != Edge::Reduce)
    }

    /// All that have the same rows.
    pub fn rows(&self, id: Id) -> Ids {
        self.back(id, |edge| edge == Edge::Equiv)
    }

    /// Whether the two share rows for certain.
    pub fn overlap(&self, a: Id, b: Id) -> bool {
        let (content_a, content_b) = (self.content(a), self.content(b));
        if content_a.meets(&self.rows(b)) || content_b.meets(&self.rows(a)) {
            return true;
        }
        let copied = |id: Id| self.nodes[id].from.iter().any(|(edge, _)| *edge == Edge::Dup);
        content_a.all.iter().any(|id| content_b.contains(*id) && copied(*id))
    }

    /// Whether a split put the rows of the test apart from those of the training.
    pub fn put_apart(&self, train: Id, test: Id) -> bool {
        let (train, test) = (self.content(train), self.content(test));
        self.kept_apart.iter().any(|id| test.contains(*id) && !train.contains(*id))
    }

    /// The class of an object.
    pub fn class(&self, id: Id) -> Option<&str> {
        match &self.nodes[id].kind {
            Kind::Object(class) => Some(class),
            _ => None,
        }
    }
}
