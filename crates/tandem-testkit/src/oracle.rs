//! The naive oracle: for every observation and every aggregation it looks at every record and asks DESIGN §5's question:
//! *arrival < t, and t − w ≤ event < t?*, and of several versions of a record which one was known. Slow, short, and sharing no code with the engine.

use std::collections::HashSet;

mod observed;

use jiff::{Timestamp, ToSpan};
use num_bigint::{BigInt, BigUint};
use tandem_definitions::{Aggregate, Function, Input, Period, Question, Value, Window};
use tandem_project::scenario::{Case, LogRecord, Observation, Way};

use crate::evaluate::evaluate;
use crate::exact;
use crate::sketches;

/// The oracle, as a way to run a case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oracle;

impl Way for Oracle {
    fn name(&self) -> String {
        "the oracle".to_owned()
    }

    fn values(&self, case: &Case<'_>) -> Result<Vec<Vec<Value>>, String> {
        let of = |o| case.features.iter().map(|f| feature(case, o, *f)).collect();
        Ok(case.observations.iter().map(of).collect())
    }

    fn observations(&self, case: &Case<'_>, question: &Question) -> Result<Vec<Observation>, String> {
        Ok(observed::observations(case, question))
    }
}

/// A feature's value for an observation.
pub fn feature(case: &Case<'_>, observation: &Observation, index: usize) -> Value {
    let declared = &case.project.features[index];
    let inputs = declared.value.inputs.iter().map(|input| match input {
        Input::Aggregate(i) => aggregate(case, observation, &declared.value.aggregates[*i]),
        Input::Feature(f) => feature(case, observation, *f),
        Input::Request(r) => observation.request[*r].clone(),
        Input::Parent { child, parent, feature: wanted } => {
            // The parent is whom its child's features name, and everything else is as it was asked.
            let parent = &case.project.entities[*child].parents[*parent];
            let key: Vec<Value> = parent.features.iter().map(|f| feature(case, observation, *f)).collect();
            let mut asked = observation.clone();
            asked.keys[parent.entity] = Some(key);
            feature(case, &asked, *wanted)
        }
    });
    let value = evaluate(&declared.value.expr, &inputs.collect::<Vec<_>>());
    if value.is_null() { declared.default.clone().unwrap_or(Value::Null) } else { value }
}

/// An aggregation's value for an observation.
pub fn aggregate(case: &Case<'_>, observation: &Observation, wanted: &Aggregate) -> Value {
    let mut counted = counted(case, observation, wanted);
    // The one order; a source's log is one source, and records lie in it by position.
    counted.sort_by_key(|(position, r, _)| (r.event, r.arrival, *position));
    let Some(by) = &wanted.by else { return folded(&counted, observation, wanted) };
    let category = |(_, r, _): &Counted| evaluate(&by.expr, &r.fields);
    let mut categories: Vec<Value> = counted.iter().map(category).filter(|c| !c.is_null()).collect();
    categories.sort();
    categories.dedup();
    if categories.len() > by.most as usize {
        return Value::Null;
    }
    let alone = |wanted: &Value| counted.iter().filter(|c| category(c) == *wanted).cloned().collect::<Vec<_>>();
    let entry = |c: Value| (c.clone(), folded(&alone(&c), observation, wanted));
    Value::Map(categories.into_iter().map(entry).collect())
}

/// A record that counts, with its position and the value that is folded.
type Counted = (usize, LogRecord, Value);

/// What records that count, in the one order, are folded into.
fn folded(counted: &[Counted], observation: &Observation, wanted: &Aggregate) -> Value {
    let values: Vec<&Value> = counted.iter().map(|(_, _, v)| v).collect();
    let by_order = |a: &&&Value, b: &&&Value| a.as_datum().order(b.as_datum());
    let owned = |v: Option<&&Value>| v.map_or(Value::Null, |v| (*v).clone());
    let since = |record: Option<&Counted>| {
        let event = record.map_or(observation.at, |(_, r, _)| r.event);
        Value::Float((observation.at - event) as f64 / 1e6)
    };
    match wanted.function {
        Function::Count => Value::Int(values.len() as i64),
        Function::CountDistinct => Value::Int(frequencies(&values).len() as i64),
        Function::Rate(unit) => match span(&wanted.window, observation.at) {
            (Some(from), to) if from < to => {
                Value::Float(exact::whole_quotient(&(BigInt::from(values.len()) * unit), (to - from) as u64))
            }
            _ => Value::Null,
        },
        Function::LastN(n) => Value::List(values.iter().rev().take(n as usize).map(|v| (*v).clone()).collect()),
        Function::TopK(k) => top(&values, k as usize),
        Function::ApproxCountDistinct => Value::Int(sketches::count_distinct(&values)),
        _ if values.is_empty() => Value::Null,
        Function::ApproxPercentile(at) => {
            let mut sorted = values;
            sorted.sort();
            sketches::percentile(&sorted, u64::from(at.0))
        }
        Function::Sum => sum(&values),
        Function::Mean => mean(&values),
        Function::Min => owned(values.iter().min_by(by_order)),
        Function::Max => owned(values.iter().max_by(by_order)),
        Function::First => owned(values.first()),
        Function::Last => owned(values.last()),
        Function::NthLast(n) => owned(values.iter().rev().nth(n as usize - 1)),
        Function::Mode => {
            let all = frequencies(&values);
            let most = all.iter().map(|(_, n)| *n).max();
            owned(all.iter().filter(|(_, n)| Some(*n) == most).map(|(v, _)| v).min_by(by_order))
        }
        Function::PercentileDisc(at) => {
            let mut sorted = values;
            sorted.sort_by(|a, b| by_order(&a, &b));
            // The first of which at least this part is not greater.
            let enough = |i: &usize| (i + 1) as u64 * 1_000_000_000 >= u64::from(at.0) * sorted.len() as u64;
            owned((0..sorted.len()).find(enough).map(|i| &sorted[i]))
        }
        Function::PercentileCont(at) => {
            let mut sorted = values;
            sorted.sort_by(|a, b| by_order(&a, &b));
            between(&sorted, u64::from(at.0))
        }
        Function::VarPop | Function::VarSamp | Function::StddevPop | Function::StddevSamp => {
            spread(wanted.function, &values)
        }
        Function::DecayedSum(half_life) | Function::DecayedMean(half_life) => {
            let dated = counted.iter().map(|(_, r, v)| (r.event, v.as_datum().as_f64().unwrap_or(f64::NAN)));
            decayed(wanted.function, &dated.collect::<Vec<_>>(), observation.at, half_life)
        }
        Function::TimeSinceFirst => since(counted.first()),
        Function::TimeSinceLast => since(counted.last()),
    }
}

/// The decayed sum or mean of values, each with its event time.
pub fn decayed(function: Function, values: &[(i64, f64)], at: i64, half_life: i64) -> Value {
    let ones: Vec<(i64, f64)> = values.iter().map(|(event, _)| (*event, 1.0)).collect();
    let (sum, weights) = (faded(values, at, half_life), faded(&ones, at, half_life));
    match function {
        Function::DecayedSum(_) => Value::Float(sum * (2.0 * exact::weight(at.rem_euclid(half_life), half_life))),
        _ if weights == 0.0 => Value::Null,
        _ => Value::Float(sum / weights),
    }
}

/// The sum of dated values, each times its weight at the end of its half-life, halved for each half-life that has begun since.
/// Half-lives lie on the grid of all whole ones since 1970; after 68 times 16 of them nothing is left of a value.
fn faded(values: &[(i64, f64)], at: i64, half_life: i64) -> f64 {
    let now = at.div_euclid(half_life);
    let lasts = |(event, _): &&(i64, f64)| now.div_euclid(16) - event.div_euclid(half_life).div_euclid(16) < 68;
    let weighed = |(event, x): &(i64, f64)| {
        let half = event.div_euclid(half_life);
        (half, x * exact::weight((half + 1) * half_life - event, half_life))
    };
    let products: Vec<(i64, f64)> = values.iter().filter(lasts).map(weighed).collect();
    let alone: Vec<f64> = products.iter().map(|(_, product)| *product).collect();
    if !alone.iter().all(|product| product.is_finite()) {
        return exact::quotient(&alone, 1);
    }
    let first = products.iter().map(|(half, _)| *half).min().unwrap_or(now);
    let sum: BigInt = products.iter().map(|(half, product)| exact::grains(*product) << (half - first) as u64).sum();
    exact::round(&sum, 1, exact::GRAIN + first - now)
}

/// The most frequent values; of equally frequent ones, the least first.
fn top(values: &[&Value], k: usize) -> Value {
    let mut all = frequencies(values);
    all.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
    Value::List(all.into_iter().take(k).map(|(v, _)| v.clone()).collect())
}

/// The different values, and how often each is there.
fn frequencies<'v>(values: &[&'v Value]) -> Vec<(&'v Value, usize)> {
    let mut all: Vec<(&Value, usize)> = Vec::new();
    for v in values {
        match all.iter_mut().find(|(known, _)| known == v) {
            Some((_, n)) => *n += 1,
            None => all.push((v, 1)),
        }
    }
    all
}

/// The event times that a window spans at an instant; the second is outside.
fn span(window: &Window, t: i64) -> (Option<i64>, i64) {
    match window {
        Window::Sliding(w) => (Some(t - w), t),
        Window::AllTime => (None, t),
        Window::Ahead(w) => (Some(t), t + w),
        Window::Lagged { length, lag } => (Some(t - lag - length), t - lag),
        Window::Calendar { period, zone } => (Some(first_instant(*period, zone, t)), t),
    }
}

/// The first instant of t's day, week or month, by jiff's own calendar.
fn first_instant(period: Period, zone: &str, t: i64) -> i64 {
    let now = Timestamp::from_microsecond(t).ok().and_then(|at| at.in_tz(zone).ok());
    let start = now.and_then(|now| {
        let days = match period {
            Period::Day => 0,
            Period::Week => now.weekday().to_monday_zero_offset(),
            Period::Month => now.day() - 1,
        };
        now.date().checked_sub(days.days()).ok()?.in_tz(zone).ok()?.start_of_day().ok()
    });
    start.map_or(t, |start| start.timestamp().as_microsecond())
}

/// The point `at` (in billionths) of the way from the least to the greatest of sorted values, on the lines between them.
fn between(sorted: &[&Value], at: u64) -> Value {
    const ONE: u64 = 1_000_000_000;
    let way = (sorted.len() as u64 - 1) * at;
    let (low, high) = (sorted[(way / ONE) as usize], sorted[way.div_ceil(ONE) as usize]);
    let (near, far) = (ONE - way % ONE, way % ONE);
    let both = [low, high];
    Value::Float(match floats(&both) {
        Some(_) if low == high => low.as_datum().as_f64().unwrap_or(f64::NAN),
        Some(floats) if floats.iter().any(|x| !x.is_finite()) => floats[0] + floats[1],
        Some(floats) => {
            let sum = exact::grains(floats[0]) * near + exact::grains(floats[1]) * far;
            exact::round(&sum, ONE, exact::GRAIN)
        }
        None => exact::whole_quotient(&(integers(&[low]) * near + integers(&[high]) * far), ONE),
    })
}

/// The records that count, each with the value that is folded: not null, of a record that the filter lets through.
fn counted(case: &Case<'_>, observation: &Observation, wanted: &Aggregate) -> Vec<Counted> {
    let source = &case.project.sources[wanted.source];
    let Some(key) = &observation.keys[wanted.entity] else {
        return Vec::new();
    };
    let touches = |r: &LogRecord| {
        source
            .touches
            .iter()
            .filter(|t| t.entity == wanted.entity && (wanted.role.is_none() || wanted.role == t.role))
            .any(|t| t.fields.iter().zip(key).all(|(f, part)| !part.is_null() && r.fields[*f] == *part))
    };
    let t = observation.at;
    let (from, to) = span(&wanted.window, t);
    let everything = case.as_corrected || matches!(wanted.window, Window::Ahead(_));
    let in_window = |r: &LogRecord| from.is_none_or(|from| from <= r.event) && r.event < to;
    let passes =
        |r: &LogRecord| wanted.filter.as_ref().is_none_or(|f| matches!(evaluate(f, &r.fields), Value::Bool(true)));
    let folded = |r: &LogRecord| wanted.input.as_ref().map_or(Value::Bool(true), |x| evaluate(x, &r.fields));
    versions_that_count(case, wanted.source, if everything { i64::MAX } else { t })
        .into_iter()
        .filter(|(_, r)| touches(r) && in_window(r) && passes(r))
        .map(|(position, r)| {
            let value = folded(&r);
            (position, r, value)
        })
        .filter(|(_, _, v)| !v.is_null())
        .collect()
}

/// A source's records as they were known at an instant: of an identity the first that arrived, or, where records correct,
/// the last, unless it is a tombstone; and null for each value that arrived no earlier.
fn versions_that_count(case: &Case<'_>, source: usize, t: i64) -> Vec<(usize, LogRecord)> {
    let declared = &case.project.sources[source];
    let log = case.logs.iter().find(|l| l.source == source);
    let mut records: Vec<(usize, &LogRecord)> = log.map(|l| l.records.iter().enumerate().collect()).unwrap_or_default();
    records.retain(|(_, r)| r.arrival < t);
    records.sort_by_key(|(position, r)| (r.arrival, *position));
    if declared.corrects {
        records.reverse();
    }
    let mut seen = HashSet::new();
    records.retain(|(_, r)| {
        let name: Vec<&Value> = declared.identity.iter().map(|f| &r.fields[*f]).collect();
        name.is_empty() || name.iter().any(|v| v.is_null()) || seen.insert(name)
    });
    records.retain(|(_, r)| declared.tombstone.is_none_or(|f| r.fields[f] != Value::Bool(true)));
    let known = |r: &LogRecord, field: usize| match declared.fields[field].arrives.map(|f| &r.fields[f]) {
        None => true,
        Some(Value::Time(from)) => *from < t,
        Some(_) => false,
    };
    let masked = |r: &LogRecord| LogRecord {
        fields: r.fields.iter().enumerate().map(|(i, v)| if known(r, i) { v.clone() } else { Value::Null }).collect(),
        ..r.clone()
    };
    records.into_iter().map(|(position, r)| (position, masked(r))).collect()
}

fn sum(values: &[&Value]) -> Value {
    match floats(values) {
        Some(floats) => Value::Float(exact::quotient(&floats, 1)),
        None => i64::try_from(integers(values)).map_or(Value::Null, Value::Int),
    }
}

fn mean(values: &[&Value]) -> Value {
    let count = values.len() as u64;
    Value::Float(match floats(values) {
        Some(floats) => exact::quotient(&floats, count),
        None => exact::whole_quotient(&integers(values), count),
    })
}

/// A variance or its root, as the books define it: n times the sum of squares less the square of the sum, over n·n or
/// n·(n − 1).
fn spread(function: Function, values: &[&Value]) -> Value {
    let count = values.len() as u64;
    let below = if matches!(function, Function::VarSamp | Function::StddevSamp) { count - 1 } else { count };
    if below == 0 {
        return Value::Null;
    }
    let (numbers, unit) = match floats(values) {
        Some(floats) if floats.iter().any(|x| !x.is_finite()) => return Value::Float(f64::NAN),
        Some(floats) => (floats.into_iter().map(exact::grains).collect(), 2 * exact::GRAIN),
        None => (values.iter().map(|v| integers(&[v])).collect::<Vec<BigInt>>(), 0),
    };
    let (sum, squares): (BigInt, BigInt) = (numbers.iter().sum(), numbers.iter().map(|x| x * x).sum());
    let above = (squares * count - &sum * &sum).magnitude().clone();
    let below = BigUint::from(count) * below;
    Value::Float(match function {
        Function::VarPop | Function::VarSamp => exact::rational(&above, &below, unit),
        _ => exact::root(&above, &below, unit),
    })
}

/// The floats, or `None` when the values are integers.
fn floats(values: &[&Value]) -> Option<Vec<f64>> {
    values.iter().map(|v| if let Value::Float(x) = v { Some(*x) } else { None }).collect()
}

fn integers(values: &[&Value]) -> BigInt {
    values.iter().map(|v| if let Value::Int(i) = v { BigInt::from(*i) } else { BigInt::ZERO }).sum()
}
