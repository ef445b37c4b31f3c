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

/// How the dates of a column are written, which one cell alone does not always tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// `31/12/2024`, and not `12/31/2024`.
    day_first: bool,
}

impl Style {
    /// Told from a column's cells.
    pub fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let first = |cell: &str| cell.trim().split(['/', '.', '-']).next()?.parse::<u8>().ok();
        Self { day_first: cells.filter_map(first).any(|first| (13..=31).contains(&first)) }
    }

    /// A cell as an instant: a date in words, or a number since 1970.
    pub fn read(self, text: &str) -> Option<i64> {
        self.date(text).or_else(|| text.trim().parse().ok().and_then(from_number))
    }

    /// A cell as an instant, if it is a date in words: as [`parse`] reads it, `2024-03`, `20240301`, `3/1/2024`, `1.3.24`, or
    /// `1-Mar-2024`.
    pub fn date(self, text: &str) -> Option<i64> {
        parse(text).or_else(|| self.other_date(text.trim()))
    }

    fn other_date(self, text: &str) -> Option<i64> {
        let end = text.find([' ', 'T']).unwrap_or(text.len());
        let (date, rest) = text.split_at(end);
        let parts: Vec<&str> = date.split(['/', '.', '-']).collect();
        let (year, month, day) = match parts[..] {
            [whole] if whole.len() == 8 && whole.bytes().all(|byte| byte.is_ascii_digit()) => {
                (full_year(&whole[..4])?, month(&whole[4..6])?, whole[6..].parse().ok()?)
            }
            [year, named] if year.len() == 4 => (full_year(year)?, month(named)?, 1),
            [first, second, year] if second.parse::<i8>().is_err() => {
                (full_year(year)?, month(second)?, first.parse().ok()?)
            }
            [first, second, year] if year.len() == 2 || year.len() == 4 => {
                let (day, named) = if self.day_first { (first, second) } else { (second, first) };
                (full_year(year)?, month(named)?, day.parse().ok()?)
            }
            _ => return None,
        };
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        let days = i64::from(date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days());
        days.checked_mul(DAY)?.checked_add(time_of_day(rest.trim_start_matches([' ', 'T']))?)
    }
}

/// `24` is 2024, and `71` is 1971.
fn full_year(text: &str) -> Option<i16> {
    let year: i16 = text.parse().ok()?;
    match text.len() {
        2 => Some(year + if year < 70 { 2000 } else { 1900 }),
        4 => (1800..2200).contains(&year).then_some(year),
        _ => None,
    }
}

/// `3`, `03` or `Mar`.
fn month(text: &str) -> Option<i8> {
    const NAMES: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let named = || {
        let short = text.get(..3)?.to_lowercase();
        NAMES.iter().position(|name| *name == short).map(|place| place as i8 + 1)
    };
    text.parse().ok().or_else(named)
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

    #[test]
    fn a_column_tells_how_its_dates_are_written() {
        let american = Style::of(["1/2/1970", "1/31/1970 1:30"].into_iter());
        assert_eq!((american.date("1/2/1970"), american.date("2/1/70")), (Some(DAY), Some(31 * DAY)));
        let european = Style::of(["2/1/1970", "31/1/1970"].into_iter());
        assert_eq!((european.date("2/1/1970"), european.date("02.01.70 01:00")), (Some(DAY), Some(DAY + HOUR)));
        for text in ["1970-02", "19700201", "1-Feb-70", "1-February-1970"] {
            assert_eq!(european.date(text), Some(31 * DAY), "{text}");
        }
        for text in ["1.5", "3.25.7", "12-34-5678", "a/b/c", "99999999", "1/2"] {
            assert_eq!(american.read(text), None, "{text}");
        }
    }
}
