//! Times as they stand in files, as nanoseconds since 1970 in UTC.
//! Not here: time zones by name; a time without an offset is taken as UTC, as all of a notebook's are compared alike.

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of an hour.
pub const HOUR: i64 = 3600 * SECOND;
/// Nanoseconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// Reads `2024-03-01`, `2024-03-01 13:00`, `2024-03-01T13:00:00.5Z`, with `/` for `-`, or with an offset.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || !matches!(bytes[4], b'-' | b'/') {
        return None;
    }
    let end = text.find([' ', 'T']).unwrap_or(text.len());
    let mut parts = text[..end].split(['-', '/']);
    let mut number = || parts.next()?.parse::<i16>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    let date = jiff::civil::Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let rest = text[end..].trim_start_matches([' ', 'T']);
    let (clock, offset) = split_offset(rest)?;
    let days = i64::from(date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days());
    days.checked_mul(DAY)?.checked_add(time_of_day(clock)?)?.checked_sub(offset)
}

/// A number since 1970 in seconds, milliseconds, microseconds or nanoseconds, by its size.
pub fn from_number(number: i64) -> Option<i64> {
    let scale = match number.unsigned_abs() {
        100_000_000..=9_999_999_999 => SECOND,
        100_000_000_000..=9_999_999_999_999 => 1_000_000,
        100_000_000_000_000..=9_999_999_999_999_999 => 1000,
        100_000_000_000_000_000.. => 1,
        _ => return None,
    };
    number.checked_mul(scale)
}

/// As people write it: `2024-03-01 13:00:05`, without what is zero at the end.
pub fn shown(nanos: i64) -> String {
    let seconds = nanos.div_euclid(SECOND);
    let Ok(stamp) = jiff::Timestamp::from_second(seconds) else { return nanos.to_string() };
    let text = stamp.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let text = text.strip_suffix(":00").unwrap_or(&text);
    text.strip_suffix(" 00:00").unwrap_or(text).to_owned()
}

/// As programs write it: `2024-03-01T13:00:05`.
pub fn written(nanos: i64) -> String {
    let stamp = jiff::Timestamp::from_second(nanos.div_euclid(SECOND)).unwrap_or_default();
    stamp.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix('Z').or_else(|| text.strip_suffix(" UTC")) {
        return Some((clock, 0));
    }
    let Some(place) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, offset) = text.split_at(place);
    let digits: String = offset[1..].chars().filter(char::is_ascii_digit).collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..4).map_or(Ok(0), str::parse).ok()?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    Some((clock.trim_end(), sign * (hours * HOUR + minutes * 60 * SECOND)))
}

fn time_of_day(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok().filter(|hours| (0..24).contains(hours))?;
    let minutes: i64 = parts.next()?.parse().ok().filter(|minutes| (0..60).contains(minutes))?;
    let seconds = parts.next().unwrap_or("0");
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: i64 = whole.parse().ok().filter(|whole| (0..61).contains(whole))?;
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    Some(hours * HOUR + minutes * 60 * SECOND + whole * SECOND + fraction.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_stand_in_files() {
        assert_eq!(parse("1970-01-02"), Some(DAY));
        assert_eq!(parse("1970-01-01 01:00"), Some(HOUR));
        assert_eq!(parse("1970-01-01T01:00:00.5+01:00"), Some(SECOND / 2));
        assert_eq!(parse("1970/01/01 00:00:01Z"), Some(SECOND));
        assert_eq!((parse("12"), parse("2024-13-01"), parse("hello world")), (None, None, None));
        assert_eq!(shown(HOUR), "1970-01-01 01:00");
        assert_eq!(from_number(1_700_000_000_000), Some(1_700_000_000 * SECOND));
    }
}
