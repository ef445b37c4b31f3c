//! How a value is computed from records: aggregations, what each is told, and the span of event time that it looks at.
//! Not here: reading them (`sql/`, `window.rs`) and folding them (tandem-engine).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::expression::Expr;
use crate::value::{Element, Micros, Type};

/// How a value is computed: aggregations, and an expression over them, over other features and over the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Computation {
    /// The text, as the team wrote it.
    pub text: String,
    /// The aggregations in it.
    pub aggregates: Vec<Aggregate>,
    /// What the columns of `expr` are.
    pub inputs: Vec<Input>,
    /// The expression; `Column(i)` is `inputs[i]`. A lone aggregation is `Column(0)`.
    pub expr: Expr,
}

/// What an expression over features can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Input {
    /// An aggregation of the same computation.
    Aggregate(usize),
    /// A feature, by its index in the project.
    Feature(usize),
    /// A field of the request, by its index in the project.
    Request(usize),
    /// A feature of an entity that the feature's own belongs to.
    Parent {
        /// The feature's own entity, by index.
        child: usize,
        /// Which of its parents.
        parent: usize,
        /// The parent's feature, by its index in the project.
        feature: usize,
    },
}

/// One aggregation of an entity's records of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The source's index.
    pub source: usize,
    /// The entity's index.
    pub entity: usize,
    /// Only records that touch the entity as this; all without it.
    #[serde(default)]
    pub role: Option<String>,
    /// How the values are folded.
    pub function: Function,
    /// What is folded, over the source's fields; `None` for `count(*)` and `time_since_last()`.
    pub input: Option<Expr>,
    /// The input's type (that of `count(*)`: `Bool`, true for every record).
    pub input_type: Type,
    /// Which records count, over the source's fields; null counts as no.
    pub filter: Option<Expr>,
    /// What tells the records of one category from those of another; without it, all are folded together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Category>,
    /// The span of event time looked at.
    pub window: Window,
    /// The result's type: with `by`, a map from categories to results.
    pub ty: Type,
}

/// What an aggregation is grouped by: `by: kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// The text, as the team wrote it.
    pub text: String,
    /// The category of a record, over the source's fields; a record without one counts in none.
    pub expr: Expr,
    /// Its type: `Text`, `Int` or `Bool`.
    pub ty: Element,
    /// The cap: with more categories than these in the window, the value is null.
    pub most: u32,
}

/// How values are folded. All skip nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `count(*)`: how many records; `count(x)`: how many with a value. Empty: 0.
    Count,
    /// `count(distinct x)`: how many different values, exactly. Empty: 0.
    CountDistinct,
    /// `sum(x)`: exact, rounded once (integers: null when it does not fit 64 bits). Empty: null.
    Sum,
    /// `mean(x)` or `avg(x)`: the exact sum divided by the count, rounded once. Empty: null.
    Mean,
    /// `min(x)`. Empty: null.
    Min,
    /// `max(x)`. Empty: null.
    Max,
    /// `first(x)`: the earliest value in the one order. Empty: null.
    First,
    /// `last(x)`: the latest value in the one order. Empty: null.
    Last,
    /// `time_since_last()` or `time_since_last(x)`: seconds from the event time of the last such record to the instant. Empty: null.
    TimeSinceLast,
    /// `var_pop(x)`: the variance of all values, from exact sums, rounded once. Empty: null.
    VarPop,
    /// `var_samp(x)` or `variance(x)`: the variance of a sample, from exact sums, rounded once. Of fewer than two values: null.
    VarSamp,
    /// `stddev_pop(x)`: the root of the exact variance of all values, rounded once. Empty: null.
    StddevPop,
    /// `stddev_samp(x)` or `stddev(x)`: the root of the exact variance of a sample, rounded once. Of fewer than two values: null.
    StddevSamp,
    /// `time_since_first()` or `time_since_first(x)`: seconds from the event time of the first such record to the instant. Empty: null.
    TimeSinceFirst,
    /// `nth_last(x, 2)`: the second latest value in the one order. Fewer values: null.
    NthLast(u32),
    /// `rate_per_hour(*)` or `rate_per_day(x)`: how many records (with a value), over the length of the window in units of so
    /// many microseconds; rounded once. Empty: 0. A window without length: null.
    Rate(Micros),
    /// `percentile_cont(x, 0.9)`, `quantile(x, 0.9)` or `median(x)`: on the line between the two values around
    /// (n − 1) · fraction, exactly, and rounded once. Empty: null.
    PercentileCont(Fraction),
    /// `percentile_disc(x, 0.9)`: the least value that at least this part of the values does not exceed. Empty: null.
    PercentileDisc(Fraction),
    /// `mode(x)`: the most frequent value; of several, the least. Empty: null.
    Mode,
    /// `decayed_sum(x, '7 days')`: the exact sum of the values, each times its weight 2^(−age / half-life) and rounded. Empty: null.
    DecayedSum(Micros),
    /// `decayed_mean(x, '7 days')`: that sum over the exact sum of the weights. Empty, or all weights 0: null.
    DecayedMean(Micros),
    /// `last_n(x, 3)`: the three latest values in the one order, the latest first. Empty: an empty list.
    LastN(u32),
    /// `top_k(x, 3)`: the three most frequent values, the most frequent first; of equally frequent ones, the least first.
    /// Empty: an empty list.
    TopK(u32),
    /// `approx_count_distinct(x)`: how many different values, about: a `HyperLogLog` sketch of 4,096 registers, with a
    /// standard error of 1.6 %. Empty: 0.
    ApproxCountDistinct,
    /// `approx_percentile(x, 0.9)`: the value (n − 1) · fraction of the way along the sorted values, the lower of two,
    /// within 1 % of itself: a `DDSketch`. Empty: null.
    ApproxPercentile(Fraction),
}

/// A part of one, from 0 to 1, in billionths: as exact as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fraction(pub u32);

impl Fraction {
    /// The whole.
    pub const ONE: Self = Self(1_000_000_000);
    /// The middle.
    pub const HALF: Self = Self(500_000_000);

    /// The fraction that a decimal of at most nine places says: `0.9`, `.75`, `1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(places) || whole.len() + places.len() == 0 || whole.len() > 1 || places.len() > 9 {
            return None;
        }
        let billionths = format!("{whole}{places:0<9}").parse().ok()?;
        (billionths <= Self::ONE.0).then_some(Self(billionths))
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.0 / Self::ONE.0, self.0 % Self::ONE.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The span of event time an aggregation looks at, from the instant t. All intervals are half-open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// [t − w, t)
    Sliding(Micros),
    /// Everything before t.
    AllTime,
    /// [t, t + w): outcomes only.
    Ahead(Micros),
    /// [t − lag − w, t − lag): what a sliding window was, so long ago. Still as known at t.
    Lagged {
        /// w
        length: Micros,
        /// How long before t it ends; more than zero.
        lag: Micros,
    },
    /// [start, t), where start is the first instant of t's day, week or month on a wall clock.
    Calendar {
        /// What of the calendar.
        period: Period,
        /// Whose wall clock: an IANA name, or `UTC`.
        zone: Arc<str>,
    },
}

/// A part of the calendar that has begun and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// `today`: since the first instant of the day.
    Day,
    /// `this week`: since the first instant of Monday.
    Week,
    /// `this month`: since the first instant of its first day.
    Month,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// As definitions write it: `today`, `this week`, `this month`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Day => "today",
            Self::Week => "this week",
            Self::Month => "this month",
        }
    }
}
