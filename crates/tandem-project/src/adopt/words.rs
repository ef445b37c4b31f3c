//! Recorded values and their changes in words: numbers rounded as far as a reader needs them, long values cut.
//! Not here: comparing them.

use serde_json::Value;

use super::expect::{TOLERANCE, list, object, same};

/// The significant digits of a number, where those tell two numbers apart.
const FEWEST: usize = 6;

/// The smallest part in which two written values differ, in words.
pub(super) fn change(was: &Value, now: &Value) -> String {
    if let (Some(was), Some(now)) =
        (was.get("frame").and_then(Value::as_object), now.get("frame").and_then(Value::as_object))
    {
        for (column, before) in was {
            let Some(after) = now.get(column) else {
                return format!("gave a column `{column}`, and does not any more");
            };
            if !same(before, after, TOLERANCE) {
                let pairs = list(before, "values").zip(list(after, "values"));
                let row = pairs.enumerate().find(|(_, (before, after))| !same(before, after, TOLERANCE));
                return match row {
                    Some((row, (before, after))) => {
                        let (before, after) = pair(before, after);
                        format!("gave {before} in column `{column}`, row {row}, now {after}")
                    }
                    None => {
                        let (before, after) = pair(before, after);
                        format!("gave another column `{column}`: {before}, now {after}")
                    }
                };
            }
        }
    }
    let (was, now) = pair(was, now);
    format!("gave {was}, now {now}")
}

/// A call as one would type it.
pub(super) fn call(name: &str, with: &Value) -> String {
    let arguments =
        with.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", short(&words(value), 60)));
    format!("{name}({})", arguments.collect::<Vec<_>>().join(", "))
}

/// A value in words; a number as people write it.
pub(super) fn words(value: &Value) -> String {
    in_words(value, FEWEST)
}

/// Two values in words that differ, with as many digits of their numbers as it takes to see that.
pub(super) fn pair(was: &Value, now: &Value) -> (String, String) {
    let all = [FEWEST, 9, 12].map(|digits| (in_words(was, digits), in_words(now, digits)));
    let told = all.into_iter().find(|(was, now)| was != now);
    told.unwrap_or_else(|| (short(&was.to_string(), 100), short(&now.to_string(), 100)))
}

/// With at most so many significant digits of a number that is no integer.
fn in_words(value: &Value, digits: usize) -> String {
    let words = |value: &Value| in_words(value, digits);
    match value {
        Value::Null => "None".to_owned(),
        Value::Number(number) if number.is_f64() => rounded(number.as_f64().unwrap_or(f64::NAN), digits),
        Value::Object(map) if map.len() == 1 || map.contains_key("frame") || map.contains_key("series") => {
            let (key, inner) = map.iter().next().expect("one");
            match key.as_str() {
                "frame" => format!(
                    "a frame of {}",
                    object(value, "frame").map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
                ),
                "series" => format!("a series {}", short(&inner["values"].to_string(), 60)),
                "tuple" => {
                    format!("({})", inner.as_array().into_iter().flatten().map(words).collect::<Vec<_>>().join(", "))
                }
                "like" => format!("a frame of {} rows", inner["rows"]),
                "dict" | "set" | "float" | "time" | "date" | "timedelta" => short(&inner.to_string(), 100),
                _ => short(&value.to_string(), 100),
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            short(&items.iter().map(words).collect::<Vec<_>>().join(", "), 100)
        }
        Value::String(text) => text.clone(),
        value => short(&value.to_string(), 100),
    }
}

/// `0.333333`; the whole part of a large number is never rounded.
fn rounded(number: f64, digits: usize) -> String {
    let size = if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
    if !(-5..15).contains(&size) {
        return format!("{number:.*e}", digits - 1);
    }
    let decimals = usize::try_from(digits as i32 - 1 - size).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    let bare = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if number.fract() == 0.0 { format!("{bare}.0") } else { bare.to_owned() }
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_rounded_until_the_difference_would_be_lost() {
        let told = |was: Value, now: Value| {
            let (was, now) = pair(&was, &now);
            format!("{was} | {now}")
        };
        assert_eq!(told(json!(0.333_333_333), json!(0.666_666_666_666_666_6)), "0.333333 | 0.666667");
        assert_eq!(told(json!(0.001_755_412_345), json!(0.001_755_419_876)), "0.00175541 | 0.00175542");
        assert_eq!(told(json!(13.333_333_3), json!(13.333_338_1)), "13.3333333 | 13.3333381");
        assert_eq!(told(json!(1_234_567.89), json!(2.5)), "1234568 | 2.5");
        assert_eq!(told(json!(1.5e-9), json!(3)), "1.50000e-9 | 3");
        assert_eq!(told(json!(9), json!(Value::Null)), "9 | None");
        assert_eq!(told(json!([1.0, 9.25]), json!([0.123_456_789, 9.25])), "1.0, 9.25 | 0.123457, 9.25");
        assert_eq!(told(json!(1), json!(1.0)), "1 | 1.0");
        assert_eq!(words(&json!({"tuple": [0.1, 2]})), "(0.1, 2)");
    }
}
