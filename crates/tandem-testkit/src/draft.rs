//! Random definitions, logs and observations: late, tied in both times, repeated, dated ahead, with nulls, NaN, −0,
//! infinities and magnitudes far apart, under keys of several parts with separators in them. A draft is written as a
//! Markdown scenario and run as one, so what fails can be read and pasted into `scenarios/`.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tandem_definitions::{Micros, time};

/// 2024-03-01T00:00:00Z.
const BASE: Micros = 1_709_251_200_000_000;
/// The grid on which times lie, so that ties and bounds are met often.
const STEP: Micros = 1_800_000_000;

/// Random definitions, a log and observations.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The drawn features.
    pub aggregations: Vec<Aggregation>,
    /// The log of landings, in log order.
    pub landings: Vec<Landing>,
    /// The log of fuellings, in log order: (aircraft, when, litres).
    pub fuel: Vec<(Option<&'static str>, Micros, Option<f64>)>,
    /// The observations.
    pub observations: Vec<Asked>,
    /// How landings change.
    pub changing: Changing,
    /// When production asks, of a question.
    pub rule: Rule,
}

/// How landings change after they have arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changing {
    /// A later landing of the same identity replaces the earlier one, or, where `gone` is true, removes it.
    pub(crate) corrects: bool,
    /// `x` becomes known only at `x_known`.
    pub(crate) late: bool,
    /// The observations ask with all that is known today.
    pub(crate) as_corrected: bool,
}

/// The rule of a question, as the words of its definition.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) about_route: bool,
    pub(crate) observe: String,
}

/// A feature over landings, as the words of its definition.
#[derive(Clone, Debug)]
pub struct Aggregation {
    pub(crate) about_route: bool,
    pub(crate) value: String,
    pub(crate) filter: Option<&'static str>,
    pub(crate) over: &'static str,
    /// What it is grouped by, and the cap.
    pub(crate) by: Option<(&'static str, Option<u32>)>,
}

/// A record of the first source; the fields are those of its contract.
#[derive(Clone, Debug)]
pub struct Landing {
    pub(crate) id: Option<u16>,
    pub(crate) tail: Option<&'static str>,
    pub(crate) route: (Option<&'static str>, Option<&'static str>),
    pub(crate) event: Micros,
    pub(crate) arrival: Micros,
    pub(crate) x: Option<f64>,
    pub(crate) n: Option<i64>,
    pub(crate) s: Option<&'static str>,
    pub(crate) b: Option<bool>,
    pub(crate) gone: Option<bool>,
    pub(crate) x_known: Option<Micros>,
}

/// An observation.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(crate) tail: Option<&'static str>,
    pub(crate) route: (Option<&'static str>, Option<&'static str>),
    pub(crate) at: Micros,
    pub(crate) seats: Option<i64>,
}

const TAILS: &[&str] = &["N1", "N2", "", "a,b", "null"];
// Joined by any separator, some of these pairs would collide.
const AIRPORTS: &[&str] = &["A", "A|B", "B", "B|C", "C", "A,B", ""];
const TEXTS: &[&str] = &["a", "b", "A", "ab", "", "é", "\"q\"", "a,b", "null", " a "];
const ANY: &[&str] =
    &["x", "n", "s", "b", "known", "x + n", "coalesce(x, 0)", "case when b then x else n end", "x > 0"];
const NUMBERS: &[&str] = &["x", "n", "x * 2", "n * n", "x - n", "abs(x)", "x / n", "-x", "n + 1", "round(x)", "n % 3"];
/// Functions of numbers.
const NUMERIC: &[&str] = &[
    "sum(?)",
    "mean(?)",
    "min(?)",
    "last(?)",
    "var_pop(?)",
    "var_samp(?)",
    "stddev_pop(?)",
    "stddev_samp(?)",
    "median(?)",
    "quantile(?, 0.9)",
    "percentile_cont(?, 0.333333333)",
    "decayed_sum(?, '1 hour')",
    "decayed_mean(?, '25 minutes')",
    // A few records of a log are left of, at most.
    "decayed_sum(?, '2 seconds')",
    "decayed_mean(?, '10 seconds')",
    "approx_percentile(?, 0.9)",
    "approx_percentile(?, 0)",
];
/// Functions of any values.
const ORDERED: &[&str] = &[
    "count(?)",
    "count(distinct ?)",
    "min(?)",
    "max(?)",
    "first(?)",
    "last(?)",
    "nth_last(?, 2)",
    "nth_last(?, 5)",
    "time_since_last(?)",
    "time_since_first(?)",
    "rate_per_hour(?)",
    "percentile_disc(?, 0.5)",
    "percentile_disc(?, 0)",
    "mode(?)",
    "last_n(?, 3)",
    "top_k(?, 2)",
    "approx_count_distinct(?)",
];
const PLAIN: &[&str] = &[
    "count(*)",
    "time_since_last()",
    "time_since_first()",
    "sum(x) / count(*)",
    "max(x) - min(x)",
    "rate_per_day(*)",
    "quantile(x, 0.75) - quantile(x, 0.25)",
];
/// What makes categories.
const CATEGORIES: &[&str] = &["s", "n", "b", "n % 3", "b and x > 0", "length(s)", "coalesce(s, 'none')"];
const WINDOWS: &[&str] = &[
    "all time",
    "30 minutes",
    "1 hour",
    "2 hours",
    "5 hours",
    "1 hour, ending 1 hour ago",
    "3 hours, ending 1 hour ago",
    "2 hours, ending 90 minutes ago",
    "today",
    "today in Europe/London",
    "today in America/New_York",
    "today in America/Sao_Paulo",
    "today in America/Havana",
    "today in Asia/Kathmandu",
    "this week in America/New_York",
    "this month in America/New_York",
    "this month in Pacific/Kiritimati",
];
/// Where drafts begin, from the first one: the first of a month; the clocks of New York go on, and London's go back; the
/// day in São Paulo that has no midnight, and the one in Havana that has two; a Monday that begins a month.
const BEGINNINGS: &[&str] = &[
    "2024-03-01T00:00:00Z",
    "2024-03-10T00:00:00Z",
    "2024-10-26T20:00:00Z",
    "2018-11-03T22:00:00Z",
    "2024-11-03T01:00:00Z",
    "2024-03-31T22:00:00Z",
];
const FILTERS: &[&str] = &[
    "b",
    "not b",
    "x > 0",
    "x is not null",
    "n <> 1 or b",
    "s in ('a', 'b')",
    "s like 'a%'",
    "x = x and s is not null",
    "hour(happened) < 12",
    "length(s) between 1 and 2",
];

fn number() -> impl Strategy<Value = Option<f64>> {
    let special = vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        0.2,
        1e-12,
        -1e-12,
        1e12,
        -1e12,
        1e16,
        -1e16,
        5e-324,
        1e308,
        -1e308,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let mixed = (-1e6..1e6f64, -12..7i32).prop_map(|(x, e)| x * 10f64.powi(e));
    prop_oneof![1 => Just(None), 4 => select(special).prop_map(Some), 4 => mixed.prop_map(Some)]
}

fn integer() -> impl Strategy<Value = Option<i64>> {
    let special = vec![i64::MAX, i64::MIN, i64::MAX - 1, (1 << 53) + 1, 0];
    prop_oneof![1 => Just(None), 2 => select(special).prop_map(Some), 6 => (-3..4i64).prop_map(Some)]
}

fn text(of: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![1 => Just(None), 7 => select(of).prop_map(Some)]
}

fn route() -> impl Strategy<Value = (Option<&'static str>, Option<&'static str>)> {
    // Few routes most of the time, so that records meet.
    prop_oneof![
        3 => Just((Some("A|B"), Some("C"))),
        3 => Just((Some("A"), Some("B|C"))),
        2 => (text(AIRPORTS), text(AIRPORTS)),
    ]
}

/// A time on the grid, at times off it by a microsecond.
fn instant() -> impl Strategy<Value = Micros> {
    let jitter = prop_oneof![8 => Just(0), 1 => Just(1), 1 => Just(-1)];
    (0..12i64, jitter).prop_map(|(step, jitter)| BASE + step * STEP + jitter)
}

prop_compose! {
    fn landing(identities: u16)(
        id in prop_oneof![1 => Just(None), 8 => (0..identities).prop_map(Some)],
        tail in text(TAILS),
        route in route(),
        event in instant(),
        // Late by some steps, at once, or dated ahead of its arrival.
        delay in prop_oneof![4 => 0..2i64, 2 => 2..8i64, 1 => -4..0i64],
        x in number(),
        n in integer(),
        s in text(TEXTS),
        b in prop_oneof![Just(None), Just(Some(true)), Just(Some(false))],
        gone in prop_oneof![2 => Just(None), 4 => Just(Some(false)), 1 => Just(Some(true))],
        x_known in prop_oneof![1 => Just(None), 6 => (-2..10i64).prop_map(Some)],
    ) -> Landing {
        let x_known = x_known.map(|steps| event + steps * STEP);
        Landing { id, tail, route, event, arrival: event + delay * STEP, x, n, s, b, gone, x_known }
    }
}

prop_compose! {
    fn asked()(tail in text(TAILS), route in route(), at in instant(), later in 0..8i64, seats in integer()) -> Asked {
        Asked { tail, route, at: at + later * STEP, seats }
    }
}

fn aggregation() -> impl Strategy<Value = Aggregation> {
    let of = |functions: &'static [&str], inputs: &'static [&str]| {
        (select(functions), select(inputs)).prop_map(|(f, x)| f.replace('?', x))
    };
    let value = prop_oneof![
        1 => select(PLAIN).prop_map(str::to_owned),
        5 => of(ORDERED, ANY),
        4 => of(NUMERIC, NUMBERS),
    ];
    let filter = prop_oneof![Just(None), select(FILTERS).prop_map(Some)];
    // A cap so low that it is reached.
    let cap = prop_oneof![2 => Just(None), 1 => (1..4u32).prop_map(Some)];
    let by = prop_oneof![2 => Just(None), 1 => (select(CATEGORIES), cap).prop_map(Some)];
    (any::<bool>(), value, filter, select(WINDOWS), by).prop_map(|(about_route, value, filter, over, by)| {
        // All time has no length, so there is no rate over it.
        let over = if over == "all time" && value.starts_with("rate") { "4 hours" } else { over };
        // One aggregation of one value is grouped.
        let is_lone = !PLAIN.contains(&value.as_str()) || value == "count(*)" || value == "rate_per_day(*)";
        let by = by.filter(|_| is_lone && !value.starts_with("last_n") && !value.starts_with("top_k"));
        Aggregation { about_route, value, filter, over, by }
    })
}

fn changing() -> impl Strategy<Value = Changing> {
    (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(corrects, late, as_corrected)| Changing {
        corrects,
        late,
        as_corrected,
    })
}

/// Days and times of the day, in zones whose clocks change where drafts begin.
const EVERY: &[&str] = &[
    "day 00:00",
    "day 02:30 America/New_York",
    "day 01:30 Europe/London",
    "day 00:00 America/Sao_Paulo",
    "day 00:30 America/Havana",
    "Monday 05:30 Asia/Kathmandu",
    "Sunday 03:00 America/New_York",
    "month on day 1 00:00 Pacific/Kiritimati",
    "month on day 10 07:00",
];
const OFFSETS: &[&str] = &["happened", "1 hour before happened", "30 minutes after happened", "90 minutes after known"];

fn rule() -> impl Strategy<Value = Rule> {
    let filter = prop_oneof![Just(None), select(FILTERS).prop_map(Some)];
    (any::<bool>(), 0..3, select(EVERY), select(WINDOWS), select(OFFSETS), filter).prop_map(
        |(about_route, kind, every, over, at, filter)| {
            let entity = if about_route { "route" } else { "aircraft" };
            let filter = filter.map_or(String::new(), |f| format!(", where: \"{f}\""));
            let observe = match kind {
                0 => format!("{{on: landings, at: {at}{filter}}}"),
                _ => format!("{{every: {every}, for: {entity}, active_in: landings, over: '{over}'{filter}}}"),
            };
            Rule { about_route, observe }
        },
    )
}

/// A random draft with so many landings. More than a few hundred fill the blocks in which the engine keeps records. In most
/// drafts landings are corrected and removed, or completed later.
pub fn draft(landings: Range<usize>) -> impl Strategy<Value = Draft> {
    // Long logs repeat an identity as rarely as short ones.
    let identities = u16::try_from(landings.end).unwrap_or(u16::MAX);
    let fuel = (text(TAILS), instant(), number());
    (
        prop::collection::vec(aggregation(), 1..8),
        prop::collection::vec(landing(identities), landings),
        prop::collection::vec((any::<Index>(), 0..6i64), 0..6),
        prop::collection::vec(fuel, 0..8),
        prop::collection::vec(asked(), 1..10),
        select(BEGINNINGS),
        changing(),
        rule(),
    )
        .prop_map(
            |(aggregations, mut landings, repeated, mut fuel, mut observations, beginning, changing, rule)| {
                let shift = time::parse_instant(beginning, None).unwrap_or(BASE) - BASE;
                for landing in &mut landings {
                    landing.event += shift;
                    landing.arrival += shift;
                    landing.x_known = landing.x_known.map(|at| at + shift);
                }
                fuel.iter_mut().for_each(|(_, at, _)| *at += shift);
                observations.iter_mut().for_each(|asked| asked.at += shift);
                // The same record again, delivered later.
                for (which, later) in repeated {
                    if !landings.is_empty() {
                        let again = which.get(&landings).clone();
                        landings.push(Landing { arrival: again.arrival + later * STEP, ..again });
                    }
                }
                Draft { aggregations, landings, fuel, observations, changing, rule }
            },
        )
}
