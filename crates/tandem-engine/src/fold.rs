//! The one implementation of every aggregation: what is folded ([`Lane`]), and how ([`Fold`], [`Partial`]).
//!
//! A partial result can absorb single records and merge with another one, in any order and grouping, with the same
//! bits in the end: counts and sums are exact, extremes and ends follow the one order. So a track may keep partial
//! results of whole blocks of records. Not here: which records lie in a window (`track.rs`).

use serde::{Deserialize, Serialize};
use tandem_definitions::{Aggregate, Expr, Function, Micros, Type, Value, Window, order_floats};

use crate::sum::{ExactSum, Wide};
use crate::track::{Row, Texts};

/// What is kept of one source's records for one kind of entity, and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// The source's index in the project.
    pub source: usize,
    /// What is kept of each record.
    pub measures: Vec<Measure>,
    /// The distinct ways in which measures are folded.
    pub folds: Vec<Fold>,
    /// Windows that share an end, and what is asked of each.
    pub nests: Vec<Nest>,
}

/// A value kept of each record: null where the filter does not hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// Over the record's fields; `None` keeps `true`.
    pub input: Option<Expr>,
    pub filter: Option<Expr>,
    pub ty: Type,
}

/// A way to fold a measure; several functions can share one (sum and mean do).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub measure: usize,
    pub kind: Kind,
    pub ty: Type,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Count,
    Distinct,
    Sum,
    Min,
    Max,
    First,
    Last,
}

/// Windows with the same end, narrow ones first: each is folded from where the one before it began.
#[derive(Clone, Debug)]
pub(crate) struct Nest {
    pub rings: Vec<Ring>,
}

/// One window of a nest.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub window: Window,
    /// The folds that this window or a wider one of the nest asks for.
    pub active: Vec<usize>,
    pub views: Vec<View>,
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
        Self { source, measures: Vec::new(), folds: Vec::new(), nests: Vec::new() }
    }

    /// Adds an aggregate whose expressions are over the record's fields; its value goes to `out`.
    pub fn add(&mut self, aggregate: &Aggregate, input: Option<Expr>, filter: Option<Expr>, out: usize) {
        let ty = if input.is_some() { aggregate.input_type } else { Type::Bool };
        let measure = position_or_push(&mut self.measures, Measure { input, filter, ty });
        let kind = match aggregate.function {
            Function::Count => Kind::Count,
            Function::CountDistinct => Kind::Distinct,
            Function::Sum | Function::Mean => Kind::Sum,
            Function::Min => Kind::Min,
            Function::Max => Kind::Max,
            Function::First => Kind::First,
            Function::Last | Function::TimeSinceLast => Kind::Last,
        };
        let fold = position_or_push(&mut self.folds, Fold { measure, kind, ty });
        let view = View { fold, function: aggregate.function, out };
        self.ring(aggregate.window).views.push(view);
        for nest in &mut self.nests {
            nest.activate();
        }
    }

    fn ring(&mut self, window: Window) -> &mut Ring {
        let shares_end = |nest: &Nest| match (nest.rings[0].window, window) {
            (Window::Ahead(a), Window::Ahead(b)) => a == b,
            (Window::Ahead(_), _) | (_, Window::Ahead(_)) => false,
            _ => true,
        };
        let nest = match self.nests.iter().position(shares_end) {
            Some(i) => &mut self.nests[i],
            None => self.nests.push_mut(Nest { rings: vec![Ring::new(window)] }),
        };
        let at = nest.rings.partition_point(|ring| width(ring.window) < width(window));
        if nest.rings.get(at).is_none_or(|ring| ring.window != window) {
            nest.rings.insert(at, Ring::new(window));
        }
        &mut nest.rings[at]
    }

    /// The aggregates of an entity without records.
    pub fn fold_nothing(&self, out: &mut [Value]) {
        for view in self.nests.iter().flat_map(|nest| &nest.rings).flat_map(|ring| &ring.views) {
            out[view.out] = self.partial(view.fold).value(view, &self.folds[view.fold], 0, &Texts::default());
        }
    }

    /// The partial result of no record.
    pub fn partial(&self, fold: usize) -> Partial {
        let Fold { kind, ty, .. } = self.folds[fold];
        match kind {
            Kind::Count => Partial::Count(0),
            Kind::Distinct => Partial::Distinct(Vec::new()),
            Kind::Sum if ty == Type::Float => Partial::Sum(0, ExactSum::default()),
            Kind::Sum => Partial::Integers(0, 0),
            Kind::Min | Kind::Max => Partial::Extreme(None),
            Kind::First | Kind::Last => Partial::End(None),
        }
    }
}

impl Ring {
    fn new(window: Window) -> Self {
        Self { window, active: Vec::new(), views: Vec::new() }
    }
}

impl Nest {
    fn activate(&mut self) {
        let mut active: Vec<usize> = Vec::new();
        for ring in self.rings.iter_mut().rev() {
            active.extend(ring.views.iter().map(|view| view.fold));
            active.sort_unstable();
            active.dedup();
            ring.active.clone_from(&active);
        }
    }
}

fn width(window: Window) -> Micros {
    match window {
        Window::Sliding(w) | Window::Ahead(w) => w,
        Window::AllTime => Micros::MAX,
    }
}

fn position_or_push<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|x| *x == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

/// The result of folding some records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Partial {
    Count(u64),
    /// The words seen; sorted and without repetition after [`Partial::settle`].
    Distinct(Vec<u64>),
    /// How many, and their exact sum.
    Sum(u64, ExactSum),
    /// How many, and their exact sum (2^63 values of 64 bits fit).
    Integers(u64, i128),
    Extreme(Option<u64>),
    /// The first or last record in the one order (event time, arrival time, position), and its word.
    End(Option<((Micros, Micros, u64), u64)>),
}

impl Partial {
    /// Folds the records that have a value of the measure.
    pub fn absorb<'r>(&mut self, fold: &Fold, rows: impl Iterator<Item = Row<'r>>, texts: &Texts) {
        let measure = fold.measure;
        let words = rows.filter_map(|row| Some((row.word(measure)?, row)));
        match self {
            Self::Count(n) => *n += words.count() as u64,
            Self::Distinct(seen) => seen.extend(words.map(|(word, _)| word)),
            Self::Sum(n, sum) => words.for_each(|(word, _)| {
                *n += 1;
                sum.add(f64::from_bits(word));
            }),
            Self::Integers(n, sum) => words.for_each(|(word, _)| {
                *n += 1;
                *sum += i128::from(word as i64);
            }),
            Self::Extreme(best) => words.for_each(|(word, _)| improve(best, word, fold, texts)),
            Self::End(end) => words.for_each(|(word, row)| extend_end(end, (row.order(), word), fold.kind)),
        }
    }

    /// Folds what another partial result of the same fold has folded.
    pub fn merge(&mut self, other: &Self, fold: &Fold, texts: &Texts) {
        match (self, other) {
            (Self::Count(n), Self::Count(m)) => *n += m,
            (Self::Distinct(seen), Self::Distinct(more)) => seen.extend(more),
            (Self::Sum(n, sum), Self::Sum(m, more)) => {
                *n += m;
                sum.merge(more);
            }
            (Self::Integers(n, sum), Self::Integers(m, more)) => {
                *n += m;
                *sum += more;
            }
            (Self::Extreme(best), Self::Extreme(other)) => {
                other.iter().for_each(|&word| improve(best, word, fold, texts));
            }
            (Self::End(end), Self::End(other)) => {
                other.iter().for_each(|&other| extend_end(end, other, fold.kind));
            }
            (mine, other) => unreachable!("one fold, two kinds of result: {mine:?} and {other:?}"),
        }
    }

    /// Whether blocks can keep it: the others are folded from the records each time.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Distinct(_))
    }

    /// Whether a wider window of the same nest cannot change it any more.
    pub fn is_settled(&self, kind: Kind) -> bool {
        kind == Kind::Last && matches!(self, Self::End(Some(_)))
    }

    /// The value of a view of it at an instant.
    pub fn value(&mut self, view: &View, fold: &Fold, at: Micros, texts: &Texts) -> Value {
        match self {
            Self::Count(n) => Value::Int(*n as i64),
            Self::Distinct(seen) => {
                seen.sort_unstable();
                seen.dedup();
                Value::Int(seen.len() as i64)
            }
            Self::Sum(0, _) | Self::Integers(0, _) | Self::Extreme(None) | Self::End(None) => Value::Null,
            Self::Sum(n, sum) if view.function == Function::Mean => Value::Float(sum.divided_by(*n)),
            Self::Sum(_, sum) => Value::Float(sum.total()),
            Self::Integers(n, sum) if view.function == Function::Mean => Value::Float(mean_of_integers(*sum, *n)),
            // A sum that does not fit 64 bits is null: a stated result, and never a wrapped one.
            Self::Integers(_, sum) => i64::try_from(*sum).map_or(Value::Null, Value::Int),
            Self::End(Some(((event, ..), _))) if view.function == Function::TimeSinceLast => {
                Value::Float((i128::from(at) - i128::from(*event)) as f64 / 1e6)
            }
            Self::Extreme(Some(word)) | Self::End(Some((_, word))) => texts.value(*word, fold.ty),
        }
    }
}

fn mean_of_integers(sum: i128, n: u64) -> f64 {
    // Both exact in a double: the division rounds once.
    if sum.unsigned_abs() < 1 << 53 && n < 1 << 53 {
        return sum as f64 / n as f64;
    }
    let mut wide = Wide::default();
    wide.add_integer(sum);
    wide.divided_by(n)
}

fn improve(best: &mut Option<u64>, word: u64, fold: &Fold, texts: &Texts) {
    let Some(old) = *best else {
        *best = Some(word);
        return;
    };
    let order = match fold.ty {
        Type::Float => order_floats(f64::from_bits(word), f64::from_bits(old)),
        Type::Text => texts.get(word).cmp(texts.get(old)),
        Type::Bool | Type::Int | Type::Time => (word as i64).cmp(&(old as i64)),
    };
    if (fold.kind == Kind::Min && order.is_lt()) || (fold.kind == Kind::Max && order.is_gt()) {
        *best = Some(word);
    }
}

type End = ((Micros, Micros, u64), u64);

fn extend_end(end: &mut Option<End>, candidate: End, kind: Kind) {
    let replaces = match end {
        None => true,
        Some((order, _)) if kind == Kind::First => candidate.0 < *order,
        Some((order, _)) => candidate.0 > *order,
    };
    if replaces {
        *end = Some(candidate);
    }
}
