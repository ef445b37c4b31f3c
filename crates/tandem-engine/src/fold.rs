//! What is asked of one source's records about one kind of entity: measures, the ways to fold them, and windows.
//! Not here: the folding (`partial.rs`), and which records lie in a window (`track.rs`).

use tandem_definitions::time::Zone;
use tandem_definitions::{Aggregate, Expr, Function, Micros, Type, Value, Window};

use crate::aged::Aged;
use crate::block::Shape;
use crate::calendar::start;
use crate::frequencies::Frequencies;
use crate::grouped::Groups;
use crate::moments::Moments;
use crate::ordered::Ordered;
use crate::partial::Partial;
use crate::sketch::{Buckets, Registers};
use crate::sum::ExactSum;
use crate::texts::Texts;

/// What is kept of one source's records for one kind of entity, and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// The source's index in the project.
    pub source: usize,
    /// What is kept of each record.
    pub measures: Vec<Measure>,
    /// How many of the measures have a column of their own: the others are 1 wherever they are not null.
    columns: usize,
    /// The distinct ways in which measures are folded.
    pub folds: Vec<Fold>,
    /// The folds that count distinct values; each has a column of marks (`distinct.rs`).
    pub marks: Vec<usize>,
    /// Windows that share an end, and what is asked of each.
    pub nests: Vec<Nest>,
}

/// A value kept of each record: null where the filter does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// Over the record's fields; `None` keeps `true`.
    pub input: Option<Expr>,
    pub filter: Option<Expr>,
    /// Where its words stand in a block; it has none if they are all 1.
    pub column: Option<usize>,
}

/// A way to fold a measure; several functions can share one (sum and mean do).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub measure: usize,
    pub kind: Kind,
    pub ty: Type,
    /// Whether the records of each category are folded apart.
    pub by: Option<By>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Count,
    Distinct,
    Sum,
    Moments,
    Min,
    Max,
    First,
    Last,
    /// The so many last ones.
    LastOf(u32),
    /// All values in order.
    Ordered,
    /// Each value, and how often it is there.
    Frequencies,
    /// Sums that fade with this half-life.
    Aged(Micros),
    /// A sketch of how many different ones there are.
    Registers,
    /// A sketch of how they are spread.
    Buckets,
}

/// What tells the records of one category from those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct By {
    /// The measure that holds a record's category.
    pub measure: usize,
    pub ty: Type,
    /// The cap.
    pub most: u32,
}

/// Windows with the same end, narrow ones first: a fold of one goes on from where that of a narrower one began.
#[derive(Clone, Debug)]
pub(crate) struct Nest {
    pub rings: Vec<Ring>,
    /// For each fold that is asked for, the windows of which it is.
    pub asked: Vec<Asked>,
}

/// What is asked of a fold in the windows of a nest.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub fold: usize,
    /// For each window (by its place among the rings), narrow ones first, the aggregates.
    pub rings: Vec<(usize, Vec<View>)>,
}

/// One window of a nest.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub window: Window,
    /// Whose calendar; UTC where it does not matter.
    zone: Zone,
    views: Vec<View>,
}

/// A window, asked at an instant: event times from `from` (without it, all) up to and without `to`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub at: Micros,
    pub from: Option<Micros>,
    pub to: Micros,
}

/// An aggregate: a function's result from a fold, and its place among the slot's aggregates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub fold: usize,
    pub function: Function,
    pub out: usize,
}

impl Lane {
    pub fn new(source: usize) -> Self {
        Self { source, measures: Vec::new(), columns: 0, folds: Vec::new(), marks: Vec::new(), nests: Vec::new() }
    }

    /// Adds an aggregate; `place` makes its expressions ones over the record's fields, and its value goes to `out`.
    pub fn add(&mut self, aggregate: &Aggregate, mut place: impl FnMut(&Expr) -> Expr, out: usize) {
        let (input, filter) = (aggregate.input.as_ref().map(&mut place), aggregate.filter.as_ref().map(&mut place));
        let ty = if input.is_some() { aggregate.input_type } else { Type::Bool };
        let measure = self.measure(input, filter.clone());
        let by = aggregate.by.as_ref().map(|by| {
            let measure = self.measure(Some(place(&by.expr)), filter);
            By { measure, ty: by.ty.into(), most: by.most }
        });
        let kind = match kind(aggregate.function) {
            // Marks are of all records; those of one category are counted by their values.
            Kind::Distinct if by.is_some() => Kind::Frequencies,
            kind => kind,
        };
        let fold = position_or_push(&mut self.folds, Fold { measure, kind, ty, by });
        let view = View { fold, function: aggregate.function, out };
        self.ring(&aggregate.window).views.push(view);
        if kind == Kind::Distinct && !self.marks.contains(&fold) {
            self.marks.push(fold);
        }
        self.nests.iter_mut().for_each(Nest::arrange);
    }

    /// The measure of these expressions, which is kept once.
    fn measure(&mut self, input: Option<Expr>, filter: Option<Expr>) -> usize {
        let same = |m: &Measure| m.input == input && m.filter == filter;
        self.measures.iter().position(same).unwrap_or_else(|| {
            let column = input.is_some().then_some(self.columns);
            self.columns += usize::from(column.is_some());
            self.measures.push(Measure { input, filter, column });
            self.measures.len() - 1
        })
    }

    /// What the rows of its tracks are made of.
    pub fn shape(&self) -> Shape {
        Shape { measures: self.measures.len(), words: self.columns, marks: self.marks.len() }
    }

    /// Whether a fold counts all records: how many lie before a place is known without looking at them.
    pub fn counts_all(&self, fold: usize) -> bool {
        let Fold { measure, kind, by, .. } = self.folds[fold];
        let Measure { input, filter, .. } = &self.measures[measure];
        kind == Kind::Count && by.is_none() && input.is_none() && filter.is_none()
    }

    /// Which column of marks a fold has.
    pub fn mark(&self, fold: usize) -> Option<usize> {
        self.marks.iter().position(|&f| f == fold)
    }

    fn ring(&mut self, window: &Window) -> &mut Ring {
        let shares_end = |nest: &Nest| match (&nest.rings[0].window, window) {
            (Window::Ahead(a), Window::Ahead(b)) | (Window::Lagged { lag: a, .. }, Window::Lagged { lag: b, .. }) => {
                a == b
            }
            (Window::Sliding(_) | Window::AllTime, Window::Sliding(_) | Window::AllTime) => true,
            // Which of today and the last six hours is the wider depends on the instant, so calendars stand alone.
            (a, b) => a == b,
        };
        let nest = match self.nests.iter().position(shares_end) {
            Some(i) => &mut self.nests[i],
            None => self.nests.push_mut(Nest { rings: vec![Ring::new(window)], asked: Vec::new() }),
        };
        let at = nest.rings.partition_point(|ring| width(&ring.window) < width(window));
        if nest.rings.get(at).is_none_or(|ring| ring.window != *window) {
            nest.rings.insert(at, Ring::new(window));
        }
        &mut nest.rings[at]
    }

    /// The aggregates of an entity without records.
    pub fn fold_nothing(&self, texts: &Texts, at: Micros, out: &mut [Value]) {
        for ring in self.nests.iter().flat_map(|nest| &nest.rings) {
            let span = ring.span(at);
            for view in &ring.views {
                out[view.out] = self.partial(view.fold).value(view, &self.folds[view.fold], &span, texts);
            }
        }
    }

    /// The partial result of no record.
    pub fn partial(&self, fold: usize) -> Partial {
        self.folds[fold].partial()
    }
}

impl Fold {
    /// It for the records of one category.
    pub fn single(&self) -> Self {
        Self { by: None, ..*self }
    }

    /// The partial result of no record.
    pub fn partial(&self) -> Partial {
        if self.by.is_some() {
            return Partial::Grouped(Groups::default());
        }
        match self.kind {
            Kind::Count => Partial::Count(0),
            Kind::Distinct => Partial::Distinct(Vec::new()),
            Kind::Sum if self.ty == Type::Float => Partial::Sum(0, ExactSum::default()),
            Kind::Sum => Partial::Integers(0, 0),
            Kind::Moments if self.ty == Type::Float => Partial::Moments(Box::new(Moments::of_floats())),
            Kind::Moments => Partial::Moments(Box::new(Moments::of_integers())),
            Kind::Min | Kind::Max => Partial::Extreme(None),
            Kind::First | Kind::Last => Partial::End(None),
            Kind::LastOf(_) => Partial::Ends(Vec::new()),
            Kind::Ordered => Partial::Ordered(Ordered::default()),
            Kind::Frequencies => Partial::Frequencies(Frequencies::default()),
            Kind::Aged(_) => Partial::Aged(Aged::default()),
            Kind::Registers => Partial::Registers(Registers::default()),
            Kind::Buckets => Partial::Buckets(Buckets::default()),
        }
    }
}

impl Ring {
    fn new(window: &Window) -> Self {
        let zone = match window {
            // The definitions have been checked: there is such a zone.
            Window::Calendar { zone, .. } => Zone::find(zone).unwrap_or(Zone::UTC),
            _ => Zone::UTC,
        };
        Self { window: window.clone(), zone, views: Vec::new() }
    }

    /// The span of event time that it looks at when asked at an instant.
    pub fn span(&self, at: Micros) -> Span {
        match self.window {
            Window::Lagged { length, lag } => {
                let to = at.saturating_sub(lag);
                Span { at, from: Some(to.saturating_sub(length)), to }
            }
            Window::Calendar { period, .. } => Span { at, from: Some(start(period, &self.zone, at)), to: at },
            Window::Sliding(w) => Span { at, from: Some(at.saturating_sub(w)), to: at },
            Window::AllTime => Span { at, from: None, to: at },
            Window::Ahead(w) => Span { at, from: Some(at), to: at.saturating_add(w) },
        }
    }
}

impl Nest {
    fn arrange(&mut self) {
        self.asked.clear();
        for (ring, views) in self.rings.iter().map(|ring| &ring.views).enumerate() {
            for view in views {
                let asked = match self.asked.iter_mut().position(|asked| asked.fold == view.fold) {
                    Some(i) => &mut self.asked[i],
                    None => self.asked.push_mut(Asked { fold: view.fold, rings: Vec::new() }),
                };
                match asked.rings.last_mut() {
                    Some((last, views)) if *last == ring => views.push(*view),
                    _ => asked.rings.push((ring, vec![*view])),
                }
            }
        }
    }
}

/// The interval of event time that a window looks at from an instant: [from, to), without a `from` everything before.
pub fn interval(window: &Window, at: Micros) -> (Option<Micros>, Micros) {
    let Span { from, to, .. } = Ring::new(window).span(at);
    (from, to)
}

fn kind(function: Function) -> Kind {
    match function {
        Function::Count | Function::Rate(_) => Kind::Count,
        Function::CountDistinct => Kind::Distinct,
        Function::Sum | Function::Mean => Kind::Sum,
        Function::VarPop | Function::VarSamp | Function::StddevPop | Function::StddevSamp => Kind::Moments,
        Function::Min => Kind::Min,
        Function::Max => Kind::Max,
        Function::First | Function::TimeSinceFirst => Kind::First,
        Function::Last | Function::TimeSinceLast => Kind::Last,
        Function::NthLast(n) | Function::LastN(n) => Kind::LastOf(n),
        Function::PercentileCont(_) | Function::PercentileDisc(_) => Kind::Ordered,
        Function::Mode | Function::TopK(_) => Kind::Frequencies,
        Function::DecayedSum(half_life) | Function::DecayedMean(half_life) => Kind::Aged(half_life),
        Function::ApproxCountDistinct => Kind::Registers,
        Function::ApproxPercentile(_) => Kind::Buckets,
    }
}

fn width(window: &Window) -> Micros {
    match window {
        Window::Sliding(w) | Window::Ahead(w) | Window::Lagged { length: w, .. } => *w,
        Window::AllTime | Window::Calendar { .. } => Micros::MAX,
    }
}

fn position_or_push<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|x| *x == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
