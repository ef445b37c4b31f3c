//! Values as JSON, both ways, bit for bit: NaN and the infinities as texts, times as RFC 3339 or whole microseconds, lists as
//! arrays, maps as objects with their keys as texts.
//! Not here: the shape of requests and answers (tandem-server), and of logs (`append`, `read`).

use serde_json::{Map, Value as Json};
use tandem_definitions::{Datum, Element, Micros, Type, Value, time};

/// 0001-01-01T00:00:00Z: the earliest instant that RFC 3339 can write.
pub(crate) const EARLIEST: Micros = -62_135_596_800_000_000;
/// 9999-12-31T23:59:59.999999Z: the latest.
pub(crate) const LATEST: Micros = 253_402_300_799_999_999;

/// A value as JSON.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(i) => Json::from(*i),
        Value::Float(x) => number(*x),
        Value::Text(s) => Json::from(s.as_ref()),
        Value::Time(t) => Json::from(time::format_instant(*t)),
        Value::List(values) => values.iter().map(to_json).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.to_string(), to_json(value))).collect(),
    }
}

/// A number as JSON; NaN and the infinities as texts.
pub fn number(x: f64) -> Json {
    if x.is_nan() {
        Json::from("NaN")
    } else if x == f64::INFINITY {
        Json::from("Infinity")
    } else if x == f64::NEG_INFINITY {
        Json::from("-Infinity")
    } else {
        Json::from(x)
    }
}

/// JSON as a value of a type; null is null. `Err`: what was expected instead.
///
/// A whole number does for `number`: beyond 2^53 it becomes the nearest double. A number does for `integer` only without a
/// fraction part (`5.0` is 5) and below 2^53: no integer is rounded. It is the conversion that the reader of JSON lines does.
pub fn from_json(json: &Json, ty: Type, zone: Option<&str>) -> Result<Value, String> {
    let wrong = || Err(format!("expected {}, found {}", expected(ty), found(json)));
    Ok(match (ty, json) {
        (_, Json::Null) => Value::Null,
        (Type::Bool, Json::Bool(b)) => Value::Bool(*b),
        (Type::Int | Type::Float, Json::Number(n)) => {
            let number = n.as_i64().map(Number::Int).or_else(|| n.as_f64().map(Number::Float));
            match number.and_then(|n| of_number(n, ty)) {
                Some(datum) => datum.to_value(),
                None => return wrong(),
            }
        }
        (Type::Float, Json::String(s)) => match odd_number(s) {
            Some(x) => Value::Float(x),
            None => return wrong(),
        },
        (Type::Text, Json::String(s)) => Value::Text(s.as_str().into()),
        (Type::Time, _) => Value::Time(instant(json, zone)?),
        (Type::List(of), Json::Array(items)) => {
            Value::List(items.iter().map(|item| from_json(item, of.into(), zone)).collect::<Result<_, _>>()?)
        }
        (Type::Map(key, of), Json::Object(members)) => map(members, key, of, zone)?,
        _ => return wrong(),
    })
}

/// A map from an object; its entries come into the one order of the keys.
fn map(members: &Map<String, Json>, key: Element, of: Element, zone: Option<&str>) -> Result<Value, String> {
    let mut entries: Vec<(Value, Value)> = Vec::with_capacity(members.len());
    for (name, json) in members {
        let parsed = match key {
            Element::Text => Some(Value::Text(name.as_str().into())),
            Element::Int => name.parse().ok().map(Value::Int),
            Element::Bool => name.parse().ok().map(Value::Bool),
            // No category is of another type.
            Element::Float | Element::Time => None,
        };
        // `+1` and `01` are not how a key is written, and would be the key `1` a second time.
        let parsed = parsed.filter(|value| value.to_string() == *name);
        let parsed =
            parsed.ok_or_else(|| format!("expected a key that is {}, found \"{name}\"", expected(key.into())))?;
        entries.push((parsed, from_json(json, of.into(), zone)?));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Value::Map(entries.into()))
}

/// A number as JSON has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// Without a fraction part or an exponent, and of 64 bits.
    Int(i64),
    /// Any other.
    Float(f64),
}

/// A number in a type; `None` when it is not one of that type.
pub(crate) fn of_number(number: Number, ty: Type) -> Option<Datum<'static>> {
    Some(match (number, ty) {
        (Number::Int(i), Type::Int) => Datum::Int(i),
        (Number::Float(x), Type::Int) => Datum::Int(sure_integer(x)?),
        (Number::Int(i), Type::Float) => Datum::Float(i as f64),
        (Number::Float(x), Type::Float) => Datum::Float(x),
        _ => return None,
    })
}

/// The numbers that JSON has none for, as [`number`] writes them.
pub(crate) fn odd_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The integer of the same value, if there is one.
pub(crate) fn integer(x: f64) -> Option<i64> {
    let fits = x.trunc() == x && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x);
    fits.then_some(x as i64)
}

/// Whole numbers up to here are doubles, each of them; beyond, a double may stand for one that was written otherwise.
pub(crate) const EACH_A_DOUBLE: f64 = 9_007_199_254_740_992.0;

/// The integer that was written with a point or an exponent (`5.0`, `1e3`) and became this double, if that is sure.
pub(crate) fn sure_integer(x: f64) -> Option<i64> {
    integer(x).filter(|_| x.abs() < EACH_A_DOUBLE)
}

/// An instant: RFC 3339 text, or whole microseconds since 1970 in UTC.
pub fn instant(json: &Json, zone: Option<&str>) -> Result<Micros, String> {
    let at = match json {
        Json::String(s) => time::parse_instant(s, zone),
        Json::Number(n) => n.as_i64(),
        _ => None,
    };
    at.filter(|t| (EARLIEST..=LATEST).contains(t))
        .ok_or_else(|| format!("expected {}, found {}", expected(Type::Time), found(json)))
}

fn expected(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "true or false",
        Type::Int => "a whole number of 64 bits",
        Type::Float => "a number (or \"NaN\", \"Infinity\", \"-Infinity\")",
        Type::Text => "a text",
        Type::List(_) => "an array",
        Type::Map(..) => "an object",
        Type::Time => "a time as RFC 3339 text (\"2013-01-01T05:15:00Z\") or as whole microseconds since 1970",
    }
}

/// The offending JSON, short enough for a message.
pub fn found(json: &Json) -> String {
    match json {
        Json::Object(_) => "an object".to_owned(),
        Json::Array(_) => "an array".to_owned(),
        other => {
            let text = other.to_string();
            if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_bit_survives_the_way_through_json() {
        let floats = [0.1 + 0.2, -0.0, 5e-324, f64::MAX, f64::MIN_POSITIVE, 1e22, 9_007_199_254_740_993.0, -1.0 / 3.0];
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for x in floats.into_iter().chain(odd) {
            let text = to_json(&Value::Float(x)).to_string();
            let json: Json = serde_json::from_str(&text).unwrap();
            let Value::Float(y) = from_json(&json, Type::Float, None).unwrap() else { panic!("{text}") };
            assert!(x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()), "{text}");
        }
        for value in
            [Value::Int(i64::MIN), Value::Int(i64::MAX), Value::Bool(true), Value::Text("a\n\"ü".into()), Value::Null]
        {
            let json: Json = serde_json::from_str(&to_json(&value).to_string()).unwrap();
            let ty = value.type_of().unwrap_or(Type::Int);
            assert_eq!(from_json(&json, ty, None).unwrap(), value);
        }
    }

    #[test]
    fn an_integer_may_be_written_with_a_point_and_a_number_without() {
        let read = |text: &str, ty| from_json(&serde_json::from_str(text).unwrap(), ty, None);
        assert_eq!(read("5.0", Type::Int), Ok(Value::Int(5)));
        assert_eq!(read("-2e3", Type::Int), Ok(Value::Int(-2000)));
        assert_eq!(read("9007199254740993", Type::Float), Ok(Value::Float(9_007_199_254_740_992.0)));
        for no in ["5.5", "1e300", "9223372036854775808", "9007199254740993.0"] {
            assert!(read(no, Type::Int).is_err(), "{no}");
        }
    }

    #[test]
    fn lists_and_maps_survive_the_way_through_json() {
        let list = Value::List([Value::Float(f64::NAN), Value::Null, Value::Float(0.1 + 0.2)].into());
        let map = |keys: [Value; 2]| Value::Map(keys.map(|key| (key, Value::Int(7))).into());
        let texts = map([Value::Text("10".into()), Value::Text("a\"b".into())]);
        for (value, ty, written) in [
            (list, Type::List(Element::Float), r#"["NaN",null,0.30000000000000004]"#),
            (Value::List([].into()), Type::List(Element::Time), "[]"),
            (Value::List([Value::Time(0)].into()), Type::List(Element::Time), r#"["1970-01-01T00:00:00Z"]"#),
            (texts, Type::Map(Element::Text, Element::Int), r#"{"10":7,"a\"b":7}"#),
            (map([Value::Int(-3), Value::Int(20)]), Type::Map(Element::Int, Element::Int), r#"{"-3":7,"20":7}"#),
            (
                map([Value::Bool(false), Value::Bool(true)]),
                Type::Map(Element::Bool, Element::Int),
                r#"{"false":7,"true":7}"#,
            ),
        ] {
            let text = to_json(&value).to_string();
            assert_eq!(text, written);
            assert!(from_json(&serde_json::from_str(&text).unwrap(), ty, None).unwrap().same_bits(&value), "{text}");
        }
        let ints = Type::Map(Element::Int, Element::Int);
        let shuffled = from_json(&serde_json::from_str(r#"{"20":7,"-3":7}"#).unwrap(), ints, None).unwrap();
        assert!(
            shuffled.same_bits(&map([Value::Int(-3), Value::Int(20)])),
            "the order of an object's members says nothing"
        );
        for (wrong, ty) in [
            (r#"{"01":7}"#, ints),
            (r#"{"a":7}"#, ints),
            (r#"{"1":"x"}"#, ints),
            ("[1.5]", Type::List(Element::Int)),
            ("[[1]]", Type::List(Element::Int)),
            ("{}", Type::List(Element::Int)),
        ] {
            assert!(from_json(&serde_json::from_str(wrong).unwrap(), ty, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_type_says_what_was_expected() {
        let wrong = [
            (Type::Int, Json::from(1.5)),
            (Type::Int, Json::from("1")),
            (Type::Float, Json::from("1.5")),
            (Type::Text, Json::from(1)),
            (Type::Bool, Json::from(0)),
            (Type::Time, Json::from("yesterday")),
            (Type::Time, Json::from(i64::MAX)),
            (Type::Time, Json::from(1.5)),
        ];
        for (ty, json) in wrong {
            let message = from_json(&json, ty, None).unwrap_err();
            assert!(message.contains("expected") && message.contains("found"), "{message}");
        }
    }
}
