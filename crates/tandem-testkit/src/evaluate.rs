//! The oracle's own evaluator of expressions: one value in, one value out, written from the operators' descriptions in
//! tandem-definitions, sharing nothing with the engine's.

use std::cmp::Ordering;

use jiff::{Timestamp, tz::TimeZone};
use tandem_definitions::{Binary, Expr, Scalar, Type, Value, time};

/// The value of an expression over a row.
pub fn evaluate(expr: &Expr, row: &[Value]) -> Value {
    match expr {
        Expr::Literal(v) => v.clone(),
        Expr::Column(i) => row[*i].clone(),
        Expr::Not(x) => truth(&evaluate(x, row)).map_or(Value::Null, |b| Value::Bool(!b)),
        Expr::Negate(x) => match evaluate(x, row) {
            Value::Int(i) => whole(-i128::from(i)),
            Value::Float(f) => Value::Float(-f),
            _ => Value::Null,
        },
        Expr::IsNull(x) => Value::Bool(evaluate(x, row).is_null()),
        Expr::Binary(op, a, b) => binary(*op, &evaluate(a, row), &evaluate(b, row)),
        Expr::Case(arms, otherwise) => arms
            .iter()
            .find(|(when, _)| truth(&evaluate(when, row)) == Some(true))
            .map(|(_, then)| then)
            .or(otherwise.as_deref())
            .map_or(Value::Null, |x| evaluate(x, row)),
        Expr::In(x, list) => {
            // `x in (a, b)` is `x = a or x = b`.
            let x = evaluate(x, row);
            let equals = list.iter().map(|y| binary(Binary::Equal, &x, &evaluate(y, row)));
            equals.fold(Value::Bool(false), |a, b| binary(Binary::Or, &a, &b))
        }
        Expr::Call(function, inputs) => {
            let inputs: Vec<Value> = inputs.iter().map(|x| evaluate(x, row)).collect();
            call(*function, &inputs)
        }
        Expr::Cast(x, ty) => cast(&evaluate(x, row), *ty),
    }
}

fn truth(v: &Value) -> Option<bool> {
    if let Value::Bool(b) = v { Some(*b) } else { None }
}

fn whole(i: i128) -> Value {
    i64::try_from(i).map_or(Value::Null, Value::Int)
}

fn number(v: &Value) -> Option<f64> {
    v.as_datum().as_f64()
}

fn binary(op: Binary, a: &Value, b: &Value) -> Value {
    match (op, truth(a), truth(b)) {
        (Binary::And, Some(false), _) | (Binary::And, _, Some(false)) => return Value::Bool(false),
        (Binary::Or, Some(true), _) | (Binary::Or, _, Some(true)) => return Value::Bool(true),
        _ if a.is_null() || b.is_null() => return Value::Null,
        (Binary::And, ..) => return Value::Bool(true),
        (Binary::Or, ..) => return Value::Bool(false),
        _ => {}
    }
    let order = a.as_datum().order(b.as_datum());
    match (op, a, b) {
        (Binary::Equal, ..) => Value::Bool(order == Ordering::Equal),
        (Binary::NotEqual, ..) => Value::Bool(order != Ordering::Equal),
        (Binary::Less, ..) => Value::Bool(order == Ordering::Less),
        (Binary::LessOrEqual, ..) => Value::Bool(order != Ordering::Greater),
        (Binary::Greater, ..) => Value::Bool(order == Ordering::Greater),
        (Binary::GreaterOrEqual, ..) => Value::Bool(order != Ordering::Less),
        (Binary::Concat, Value::Text(a), Value::Text(b)) => Value::Text(format!("{a}{b}").into()),
        (Binary::Like, Value::Text(a), Value::Text(b)) => {
            Value::Bool(like(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>()))
        }
        (Binary::Subtract, Value::Time(a), Value::Time(b)) => {
            Value::Float((i128::from(*a) - i128::from(*b)) as f64 / 1e6)
        }
        (Binary::Add, Value::Int(a), Value::Int(b)) => whole(i128::from(*a) + i128::from(*b)),
        (Binary::Subtract, Value::Int(a), Value::Int(b)) => whole(i128::from(*a) - i128::from(*b)),
        (Binary::Multiply, Value::Int(a), Value::Int(b)) => whole(i128::from(*a) * i128::from(*b)),
        (Binary::Remainder, Value::Int(a), Value::Int(b)) if *b != 0 => whole(i128::from(*a) % i128::from(*b)),
        (Binary::Remainder, Value::Int(_), Value::Int(_)) => Value::Null,
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => float(op, a, b).map_or(Value::Null, Value::Float),
            _ => Value::Null,
        },
    }
}

fn float(op: Binary, a: f64, b: f64) -> Option<f64> {
    match op {
        Binary::Add => Some(a + b),
        Binary::Subtract => Some(a - b),
        Binary::Multiply => Some(a * b),
        Binary::Divide => (b != 0.0).then(|| a / b),
        Binary::Remainder => (b != 0.0).then(|| a % b),
        _ => None,
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some(('%', rest)), _) => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        (Some((p, rest)), Some((t, text))) => (*p == '_' || p == t) && like(text, rest),
        (Some(_), None) => false,
    }
}

fn call(function: Scalar, inputs: &[Value]) -> Value {
    let known = || inputs.iter().filter(|v| !v.is_null());
    let by_order = |a: &&Value, b: &&Value| a.as_datum().order(b.as_datum());
    match (function, inputs) {
        (Scalar::Coalesce, _) => known().next().cloned().unwrap_or(Value::Null),
        (Scalar::Greatest, _) => known().max_by(by_order).cloned().unwrap_or(Value::Null),
        (Scalar::Least, _) => known().min_by(by_order).cloned().unwrap_or(Value::Null),
        (Scalar::Lower, [Value::Text(s)]) => Value::Text(s.to_lowercase().into()),
        (Scalar::Upper, [Value::Text(s)]) => Value::Text(s.to_uppercase().into()),
        (Scalar::Length, [Value::Text(s)]) => whole(s.chars().count() as i128),
        (Scalar::Length, [Value::List(values)]) => whole(values.len() as i128),
        (Scalar::Length, [Value::Map(entries)]) => whole(entries.len() as i128),
        (Scalar::Subscript, [Value::List(values), Value::Int(place)]) => {
            let found = (1..).zip(values.iter()).find(|(i, _)| i == place);
            found.map_or(Value::Null, |(_, value)| value.clone())
        }
        (Scalar::Subscript, [Value::Map(entries), key]) => {
            let found = entries.iter().find(|(k, _)| k == key);
            found.map_or(Value::Null, |(_, value)| value.clone())
        }
        (Scalar::Hour | Scalar::Weekday | Scalar::Month, [Value::Time(t), zone @ ..]) => {
            let zone = match zone {
                [] => "UTC",
                [Value::Text(name), ..] => name,
                _ => return Value::Null,
            };
            let (Ok(t), Ok(zone)) = (Timestamp::from_microsecond(*t), TimeZone::get(zone)) else {
                return Value::Null;
            };
            let local = t.to_zoned(zone);
            Value::Int(match function {
                Scalar::Hour => local.hour().into(),
                Scalar::Weekday => local.weekday().to_monday_one_offset().into(),
                _ => local.month().into(),
            })
        }
        (Scalar::Abs, [Value::Int(i)]) => whole(i128::from(*i).abs()),
        (Scalar::Round | Scalar::Floor | Scalar::Ceil, [Value::Int(i)]) => Value::Int(*i),
        (_, [v]) => number(v).and_then(|x| of_number(function, x)).map_or(Value::Null, Value::Float),
        _ => Value::Null,
    }
}

fn of_number(function: Scalar, x: f64) -> Option<f64> {
    Some(match function {
        Scalar::Abs => x.abs(),
        Scalar::Round => x.round(),
        Scalar::Floor => x.floor(),
        Scalar::Ceil => x.ceil(),
        Scalar::Sqrt if x < 0.0 => return None,
        Scalar::Sqrt => x.sqrt(),
        Scalar::Ln if x <= 0.0 => return None,
        Scalar::Ln => x.ln(),
        Scalar::Exp => x.exp(),
        _ => return None,
    })
}

fn cast(v: &Value, ty: Type) -> Value {
    match (v, ty) {
        (Value::Bool(_), Type::Bool)
        | (Value::Int(_), Type::Int)
        | (Value::Float(_), Type::Float)
        | (Value::Text(_), Type::Text)
        | (Value::Time(_), Type::Time) => v.clone(),
        (Value::Int(i), Type::Float) => Value::Float(*i as f64),
        (Value::Int(i), Type::Bool) => Value::Bool(*i != 0),
        (Value::Bool(b), Type::Int) => Value::Int(i64::from(*b)),
        (Value::Bool(b), Type::Float) => Value::Float(if *b { 1.0 } else { 0.0 }),
        (Value::Float(x), Type::Int) if x.is_finite() && x.abs() < 1e30 => whole(x.trunc() as i128),
        (Value::Text(s), Type::Int) => s.trim().parse().map_or(Value::Null, Value::Int),
        (Value::Text(s), Type::Float) => s.trim().parse().map_or(Value::Null, Value::Float),
        (Value::Text(s), Type::Time) => time::parse_instant(s, None).map_or(Value::Null, Value::Time),
        (Value::Null, _) | (_, Type::List(_) | Type::Map(..)) => Value::Null,
        (v, Type::Text) => Value::Text(v.to_string().into()),
        _ => Value::Null,
    }
}
