//! The one evaluator of expressions: over a record's fields, and over features and the request.
//!
//! One value at a time, without allocating unless a text is made. Null in, null out, except where SQL says otherwise.
//! Not here: types (the checker in tandem-definitions has made both sides of every operator agree).

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::{Timestamp, Zoned, tz::TimeZone};
use tandem_definitions::{Binary, Datum, Expr, Micros, Scalar, Type, Value};

/// A computed value: like [`Datum`], but a text may be new.
#[derive(Clone, Debug)]
pub(crate) enum Computed<'a> {
    /// A value that was there.
    Plain(Datum<'a>),
    /// A text that was made.
    Made(String),
}

impl Computed<'_> {
    pub(crate) fn as_datum(&self) -> Datum<'_> {
        match self {
            Self::Plain(datum) => *datum,
            Self::Made(text) => Datum::Text(text),
        }
    }
}

/// The value of an expression over a row of columns.
pub fn evaluate(expr: &Expr, row: &[Datum<'_>]) -> Value {
    compute(expr, row).as_datum().to_value()
}

/// The value of an expression over a row of columns, borrowed where possible.
pub(crate) fn compute<'a>(expr: &'a Expr, row: &[Datum<'a>]) -> Computed<'a> {
    Computed::Plain(match expr {
        Expr::Literal(value) => value.as_datum(),
        Expr::Column(i) => row[*i],
        Expr::Not(x) => match truth(x, row) {
            Some(b) => Datum::Bool(!b),
            None => Datum::Null,
        },
        Expr::Negate(x) => match compute(x, row).as_datum() {
            Datum::Int(i) => i.checked_neg().map_or(Datum::Null, Datum::Int),
            Datum::Float(f) => Datum::Float(-f),
            _ => Datum::Null,
        },
        Expr::IsNull(x) => Datum::Bool(compute(x, row).as_datum().is_null()),
        Expr::Binary(Binary::And, a, b) => junction(a, b, row, false),
        Expr::Binary(Binary::Or, a, b) => junction(a, b, row, true),
        Expr::Binary(Binary::Concat, a, b) => return concat(a, b, row),
        Expr::Binary(op, a, b) => binary(*op, compute(a, row).as_datum(), compute(b, row).as_datum()),
        Expr::Case(arms, otherwise) => {
            for (when, then) in arms {
                if truth(when, row) == Some(true) {
                    return compute(then, row);
                }
            }
            return otherwise.as_deref().map_or(Computed::Plain(Datum::Null), |x| compute(x, row));
        }
        Expr::In(x, list) => member(x, list, row),
        Expr::Call(function, inputs) => return call(*function, inputs, row),
        Expr::Cast(x, ty) => return cast(compute(x, row), *ty),
    })
}

/// Whether a condition holds; `None` when it is null.
pub(crate) fn truth(expr: &Expr, row: &[Datum<'_>]) -> Option<bool> {
    match compute(expr, row).as_datum() {
        Datum::Bool(b) => Some(b),
        _ => None,
    }
}

/// `and` (decided by false) and `or` (decided by true), three-valued.
fn junction(a: &Expr, b: &Expr, row: &[Datum<'_>], decided_by: bool) -> Datum<'static> {
    let first = truth(a, row);
    if first == Some(decided_by) {
        return Datum::Bool(decided_by);
    }
    match (first, truth(b, row)) {
        (_, Some(b)) if b == decided_by => Datum::Bool(decided_by),
        (Some(_), Some(_)) => Datum::Bool(!decided_by),
        _ => Datum::Null,
    }
}

fn concat<'a>(a: &'a Expr, b: &'a Expr, row: &[Datum<'a>]) -> Computed<'a> {
    match (compute(a, row).as_datum(), compute(b, row).as_datum()) {
        (Datum::Text(a), Datum::Text(b)) => Computed::Made([a, b].concat()),
        _ => Computed::Plain(Datum::Null),
    }
}

fn member(x: &Expr, list: &[Expr], row: &[Datum<'_>]) -> Datum<'static> {
    let wanted = compute(x, row);
    let wanted = wanted.as_datum();
    if wanted.is_null() {
        return Datum::Null;
    }
    let mut unknown = false;
    for item in list {
        let item = compute(item, row);
        let item = item.as_datum();
        if item.is_null() {
            unknown = true;
        } else if item == wanted {
            return Datum::Bool(true);
        }
    }
    if unknown { Datum::Null } else { Datum::Bool(false) }
}

fn binary(op: Binary, a: Datum<'_>, b: Datum<'_>) -> Datum<'static> {
    if a.is_null() || b.is_null() {
        return Datum::Null;
    }
    let ordered = |holds: fn(Ordering) -> bool| Datum::Bool(holds(a.order(b)));
    match op {
        Binary::Equal => ordered(Ordering::is_eq),
        Binary::NotEqual => ordered(Ordering::is_ne),
        Binary::Less => ordered(Ordering::is_lt),
        Binary::LessOrEqual => ordered(Ordering::is_le),
        Binary::Greater => ordered(Ordering::is_gt),
        Binary::GreaterOrEqual => ordered(Ordering::is_ge),
        Binary::Like => match (a, b) {
            (Datum::Text(text), Datum::Text(pattern)) => Datum::Bool(like(text, pattern)),
            _ => Datum::Null,
        },
        _ => arithmetic(op, a, b),
    }
}

fn arithmetic(op: Binary, a: Datum<'_>, b: Datum<'_>) -> Datum<'static> {
    match (op, a, b) {
        (Binary::Subtract, Datum::Time(a), Datum::Time(b)) => {
            Datum::Float((i128::from(a) - i128::from(b)) as f64 / 1e6)
        }
        (Binary::Divide, a, b) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) if b != 0.0 => Datum::Float(a / b),
            _ => Datum::Null,
        },
        (op, Datum::Int(a), Datum::Int(b)) => {
            let result = match op {
                Binary::Add => a.checked_add(b),
                Binary::Subtract => a.checked_sub(b),
                Binary::Multiply => a.checked_mul(b),
                Binary::Remainder => a.checked_rem(b),
                _ => None,
            };
            result.map_or(Datum::Null, Datum::Int)
        }
        (op, a, b) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => match op {
                Binary::Add => Datum::Float(a + b),
                Binary::Subtract => Datum::Float(a - b),
                Binary::Multiply => Datum::Float(a * b),
                Binary::Remainder if b != 0.0 => Datum::Float(a % b),
                _ => Datum::Null,
            },
            _ => Datum::Null,
        },
    }
}

/// SQL's `like`: `%` is any run of characters, `_` one character. Greedy with one point to return to, so it is linear
/// in the text for each `%`.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '%' {
            retry = Some((t, p));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '_' || pattern[p] == text[t]) {
            (t, p) = (t + 1, p + 1);
        } else if let Some((from, star)) = retry {
            retry = Some((from + 1, star));
            (t, p) = (from + 1, star + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '%')
}

fn call<'a>(function: Scalar, inputs: &'a [Expr], row: &[Datum<'a>]) -> Computed<'a> {
    match function {
        Scalar::Coalesce => {
            let first = inputs.iter().map(|x| compute(x, row)).find(|x| !x.as_datum().is_null());
            return first.unwrap_or(Computed::Plain(Datum::Null));
        }
        Scalar::Greatest | Scalar::Least => return extreme(function, inputs, row),
        _ => {}
    }
    let Some(first) = inputs.first() else { return Computed::Plain(Datum::Null) };
    let input = compute(first, row);
    if function == Scalar::Subscript {
        let at = inputs.get(1).map(|at| compute(at, row));
        return Computed::Plain(at.map_or(Datum::Null, |at| subscript(&input, at.as_datum())));
    }
    match (function, input.as_datum()) {
        (Scalar::Lower, Datum::Text(s)) => Computed::Made(s.to_lowercase()),
        (Scalar::Upper, Datum::Text(s)) => Computed::Made(s.to_uppercase()),
        (Scalar::Length, Datum::Text(s)) => Computed::Plain(Datum::Int(s.chars().count() as i64)),
        (Scalar::Length, Datum::List(values)) => Computed::Plain(Datum::Int(values.len() as i64)),
        (Scalar::Length, Datum::Map(entries)) => Computed::Plain(Datum::Int(entries.len() as i64)),
        (Scalar::Hour | Scalar::Weekday | Scalar::Month, Datum::Time(at)) => {
            let zone = inputs.get(1).map(|x| compute(x, row));
            let zone = match zone.as_ref().map(Computed::as_datum) {
                None => Some(Cow::Borrowed("UTC")),
                Some(Datum::Text(name)) => Some(Cow::Owned(name.to_owned())),
                Some(_) => None,
            };
            let part = zone.and_then(|zone| wall_clock(at, &zone)).map(|clock| clock_part(function, &clock));
            Computed::Plain(part.map_or(Datum::Null, Datum::Int))
        }
        (Scalar::Abs, Datum::Int(i)) => Computed::Plain(i.checked_abs().map_or(Datum::Null, Datum::Int)),
        (Scalar::Round | Scalar::Floor | Scalar::Ceil, Datum::Int(i)) => Computed::Plain(Datum::Int(i)),
        (function, datum) => Computed::Plain(datum.as_f64().map_or(Datum::Null, |x| numeric(function, x))),
    }
}

/// An element of a list, by its place from 1, or a category of a map; null when it is not there.
fn subscript<'a>(of: &Computed<'a>, at: Datum<'_>) -> Datum<'a> {
    // Lists and maps are never made by an expression, so they lie in the row.
    let found = match (of, at) {
        (Computed::Plain(Datum::List(values)), Datum::Int(place)) => {
            usize::try_from(place).ok().and_then(|place| values.get(place.checked_sub(1)?))
        }
        (Computed::Plain(Datum::Map(entries)), at) => {
            let found = entries.binary_search_by(|(key, _)| key.as_datum().order(at));
            found.ok().map(|at| &entries[at].1)
        }
        _ => None,
    };
    found.map_or(Datum::Null, Value::as_datum)
}

fn extreme<'a>(function: Scalar, inputs: &'a [Expr], row: &[Datum<'a>]) -> Computed<'a> {
    let known = inputs.iter().map(|x| compute(x, row)).filter(|x| !x.as_datum().is_null());
    let best = if function == Scalar::Greatest {
        known.max_by(|a, b| a.as_datum().order(b.as_datum()))
    } else {
        known.min_by(|a, b| a.as_datum().order(b.as_datum()))
    };
    best.unwrap_or(Computed::Plain(Datum::Null))
}

fn numeric(function: Scalar, x: f64) -> Datum<'static> {
    match function {
        Scalar::Abs => Datum::Float(x.abs()),
        Scalar::Round => Datum::Float(x.round()),
        Scalar::Floor => Datum::Float(x.floor()),
        Scalar::Ceil => Datum::Float(x.ceil()),
        Scalar::Sqrt if x >= 0.0 || x.is_nan() => Datum::Float(x.sqrt()),
        Scalar::Ln if x > 0.0 || x.is_nan() => Datum::Float(x.ln()),
        Scalar::Exp => Datum::Float(x.exp()),
        _ => Datum::Null,
    }
}

fn wall_clock(at: Micros, zone: &str) -> Option<Zoned> {
    let zone = TimeZone::get(zone).ok()?;
    Some(Timestamp::from_microsecond(at).ok()?.to_zoned(zone))
}

fn clock_part(function: Scalar, clock: &Zoned) -> i64 {
    match function {
        Scalar::Hour => i64::from(clock.hour()),
        Scalar::Month => i64::from(clock.month()),
        _ => i64::from(clock.weekday().to_monday_one_offset()),
    }
}

fn cast(input: Computed<'_>, ty: Type) -> Computed<'_> {
    if input.as_datum().type_of() == Some(ty) {
        return input;
    }
    Computed::Plain(match (input.as_datum(), ty) {
        (Datum::Int(i), Type::Float) => Datum::Float(i as f64),
        (Datum::Bool(b), Type::Int) => Datum::Int(i64::from(b)),
        (Datum::Bool(b), Type::Float) => Datum::Float(f64::from(u8::from(b))),
        (Datum::Int(i), Type::Bool) => Datum::Bool(i != 0),
        (Datum::Float(x), Type::Int) => {
            // Half-open on purpose: 2^63 itself does not fit.
            let whole = x.trunc();
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
            if fits { Datum::Int(whole as i64) } else { Datum::Null }
        }
        (Datum::Text(s), Type::Int) => s.trim().parse().map_or(Datum::Null, Datum::Int),
        (Datum::Text(s), Type::Float) => s.trim().parse().map_or(Datum::Null, Datum::Float),
        (Datum::Text(s), Type::Time) => {
            tandem_definitions::time::parse_instant(s, None).map_or(Datum::Null, Datum::Time)
        }
        (Datum::Null, _) => Datum::Null,
        (datum, Type::Text) => return Computed::Made(datum.to_string()),
        _ => Datum::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_matches_as_sql_says() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "_", false),
            ("aXbXc", "a%b%c", true),
            ("", "%", true),
            ("mississippi", "%iss%ippi", true),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn three_values_of_truth() {
        let (yes, no, unknown) =
            (Expr::Literal(Value::Bool(true)), Expr::Literal(Value::Bool(false)), Expr::Literal(Value::Null));
        let and =
            |a: &Expr, b: &Expr| evaluate(&Expr::Binary(Binary::And, Box::new(a.clone()), Box::new(b.clone())), &[]);
        let or =
            |a: &Expr, b: &Expr| evaluate(&Expr::Binary(Binary::Or, Box::new(a.clone()), Box::new(b.clone())), &[]);
        assert_eq!(and(&unknown, &no), Value::Bool(false));
        assert_eq!(and(&yes, &unknown), Value::Null);
        assert_eq!(or(&unknown, &yes), Value::Bool(true));
        assert_eq!(or(&no, &unknown), Value::Null);
    }

    #[test]
    fn what_cannot_be_computed_is_null() {
        let int = |i| Box::new(Expr::Literal(Value::Int(i)));
        assert!(evaluate(&Expr::Binary(Binary::Add, int(i64::MAX), int(1)), &[]).is_null());
        assert!(evaluate(&Expr::Binary(Binary::Divide, int(1), int(0)), &[]).is_null());
        assert!(evaluate(&Expr::Binary(Binary::Remainder, int(1), int(0)), &[]).is_null());
        assert!(evaluate(&Expr::Negate(int(i64::MIN)), &[]).is_null());
    }

    #[test]
    fn the_hour_is_that_of_the_wall_clock() {
        // 2013-07-01T12:00Z is 08:00 in New York in summer.
        let call =
            Expr::Call(Scalar::Hour, vec![Expr::Column(0), Expr::Literal(Value::Text("America/New_York".into()))]);
        assert_eq!(evaluate(&call, &[Datum::Time(1_372_680_000_000_000)]), Value::Int(8));
    }
}
