//! Instants and spans as text, in both directions, and wall-clock times of a zone as instants.
//! Not here: what time it is. Tandem's definitions and engine read no clock; time arrives as data.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::value::Micros;

/// Microseconds in a second.
pub const SECOND: Micros = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: Micros = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: Micros = 60 * MINUTE;
/// Microseconds in a day of 24 hours.
pub const DAY: Micros = 24 * HOUR;

/// How a local time stands on the wall clock of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// It exists once, or the text carried its offset.
    Exact,
    /// The clock jumped over it; it was shifted forward by the length of the jump.
    Nonexistent,
    /// The clock showed it twice; the earlier of the two was taken.
    Ambiguous,
}

/// The zone of times that carry no offset. Found once, used for millions of records.
#[derive(Clone, Debug)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(None);

    /// The zone of this IANA name (`America/New_York`), or `UTC`; `None` when there is no such zone.
    pub fn find(name: &str) -> Option<Self> {
        if matches!(name, "UTC" | "Etc/UTC" | "Z") {
            return Some(Self::UTC);
        }
        TimeZone::get(name).ok().map(|zone| Self(Some(zone)))
    }

    /// The instant of a text: RFC 3339, `2013-01-01`, `2013-01-01 10:00`, with seconds and up to nine decimals
    /// (cut to microseconds). A text without an offset is read on this zone's wall clock.
    pub fn instant(&self, text: &str) -> Option<(Micros, Clock)> {
        let (local, offset) = civil(text.trim().as_bytes())?;
        match offset {
            Some(offset) => Some((local.checked_sub(offset)?, Clock::Exact)),
            None => self.of_local(local),
        }
    }

    /// The instant at which this zone's wall clock shows `local`, given as microseconds since 1970-01-01 00:00
    /// on that clock. `None` outside the years −9999 to 9999.
    pub fn of_local(&self, local: Micros) -> Option<(Micros, Clock)> {
        let Some(zone) = &self.0 else { return Some((local, Clock::Exact)) };
        let wall = wall_clock(local)?;
        let (offset, clock) = match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, Clock::Exact),
            // The offset before the jump moves the time forward by the jump's length.
            AmbiguousOffset::Gap { before, .. } => (before, Clock::Nonexistent),
            AmbiguousOffset::Fold { before, .. } => (before, Clock::Ambiguous),
        };
        Some((local.checked_sub(i64::from(offset.seconds()) * SECOND)?, clock))
    }

    /// The first instant at which this zone's wall clock shows `local` or later: that itself; the moment of the jump, when
    /// the clock jumped over it; the earlier, when it was shown twice.
    pub fn first_shown(&self, local: Micros) -> Option<Micros> {
        let (at, clock) = self.of_local(local)?;
        let (Self(Some(zone)), Clock::Nonexistent) = (self, clock) else { return Some(at) };
        // Shifted by the jump, it lies at or after it; the jump is the last change of the clock up to then.
        let just_after = jiff::Timestamp::from_microsecond(at.checked_add(1)?).ok()?;
        zone.preceding(just_after).next().map(|jump| jump.timestamp().as_microsecond())
    }

    /// What this zone's wall clock shows at an instant, as microseconds since 1970-01-01 00:00 on that clock.
    pub fn to_local(&self, at: Micros) -> Option<Micros> {
        let Some(zone) = &self.0 else { return Some(at) };
        let offset = zone.to_offset(jiff::Timestamp::from_microsecond(at).ok()?);
        at.checked_add(i64::from(offset.seconds()) * SECOND)
    }
}

/// The instant of a text (see [`Zone::instant`]); `zone` is the IANA name for times without an offset, UTC without it.
/// For many texts of one zone, find the [`Zone`] once instead.
pub fn parse_instant(text: &str, zone: Option<&str>) -> Option<Micros> {
    let zone = match zone {
        Some(name) => Zone::find(name)?,
        None => Zone::UTC,
    };
    zone.instant(text).map(|(at, _)| at)
}

/// RFC 3339 in UTC: `2013-01-01T10:00:00Z`, with six decimals when it is no whole second.
pub fn format_instant(at: Micros) -> String {
    let (days, rest) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    let (hour, minute, second, micros) = (rest / HOUR, rest % HOUR / MINUTE, rest % MINUTE / SECOND, rest % SECOND);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The span of a text such as `7 days`, `1 hour`, `1h`, `90 minutes`, `1.5 hours`, `500 ms` or `1 hour 30 minutes`.
/// A day has 24 hours. A leading `-` makes it negative, so that a caller can say that it must not be.
pub fn parse_duration(text: &str) -> Option<Micros> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest.trim_start()),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let after = after.trim_start();
        let word = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(word);
        total = total.checked_add(scaled(digits, unit_micros(unit)?)?)?;
        rest = after.trim_start();
    }
    i64::try_from(sign * total).ok()
}

/// A span in words: `7 days`, `1 hour 30 minutes`, `500 ms`. [`parse_duration`] reads it back.
pub fn format_duration(span: Micros) -> String {
    let mut rest = span.unsigned_abs();
    let mut words = Vec::new();
    for (unit, name) in [
        (DAY as u64, "day"),
        (HOUR as u64, "hour"),
        (MINUTE as u64, "minute"),
        (SECOND as u64, "second"),
        (1000, "ms"),
        (1, "us"),
    ] {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            let plural = if count == 1 || unit <= 1000 { "" } else { "s" };
            words.push(format!("{count} {name}{plural}"));
        }
    }
    match (words.is_empty(), span < 0) {
        (true, _) => "0 seconds".to_owned(),
        (false, true) => format!("-{}", words.join(" ")),
        (false, false) => words.join(" "),
    }
}

fn unit_micros(word: &str) -> Option<Micros> {
    Some(match word.to_ascii_lowercase().as_str() {
        "us" | "µs" | "microsecond" | "microseconds" => 1,
        "ms" | "millisecond" | "milliseconds" => 1000,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7 * DAY,
        _ => return None,
    })
}

/// A decimal number of units in microseconds, without a detour over floats; what is below a microsecond is cut.
fn scaled(number: &str, unit: Micros) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 18 || fraction.len() > 18 || fraction.contains('.') {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let unit = i128::from(unit);
    Some(digits(whole)? * unit + digits(fraction)? * unit / 10_i128.pow(fraction.len() as u32))
}

fn number(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// The wall-clock microseconds of a text, and its offset in microseconds if it carries one.
fn civil(text: &[u8]) -> Option<(Micros, Option<Micros>)> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, rest @ ..] = text else { return None };
    let (year, month, day) = (number(&[*y0, *y1, *y2, *y3])?, number(&[*m0, *m1])?, number(&[*d0, *d1])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_of(year, month, day) * DAY;
    let rest = match rest {
        [] => return Some((midnight, None)),
        [b'T' | b't', rest @ ..] => rest,
        [b' ', ..] => rest.trim_ascii_start(),
        _ => return None,
    };
    let [h0, h1, b':', n0, n1, rest @ ..] = rest else { return None };
    let (hour, minute) = (number(&[*h0, *h1])?, number(&[*n0, *n1])?);
    let (second, micros, rest) = seconds(rest)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // A leap second is the last second of its minute, as in every other store of Unix times.
    let time = hour * HOUR + minute * MINUTE + second.min(59) * SECOND + micros;
    Some((midnight + time, offset(rest.trim_ascii_start())?))
}

fn seconds(text: &[u8]) -> Option<(i64, i64, &[u8])> {
    let [b':', s0, s1, rest @ ..] = text else { return Some((0, 0, text)) };
    let second = number(&[*s0, *s1])?;
    let [b'.' | b',', rest @ ..] = rest else { return Some((second, 0, rest)) };
    let length = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    if length == 0 || length > 9 {
        return None;
    }
    let kept = length.min(6);
    let micros = number(&rest[..kept])? * 10_i64.pow(6 - kept as u32);
    Some((second, micros, &rest[length..]))
}

#[allow(clippy::option_option)] // unreadable, no offset, an offset
fn offset(text: &[u8]) -> Option<Option<Micros>> {
    let (sign, digits) = match text {
        [] => return Some(None),
        [b'Z' | b'z'] | b"UTC" => return Some(Some(0)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [a, b] => (number(&[*a, *b])?, 0),
        [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(Some(sign * (hours * HOUR + minutes * MINUTE)))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days_of`] (`civil_from_days`).
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// The first midnight of the month, both as microseconds since 1970-01-01 00:00 on some wall clock.
pub fn first_of_month(local: Micros) -> Micros {
    let days = local.div_euclid(DAY);
    (days - date_of(days).2 + 1) * DAY
}

fn wall_clock(local: Micros) -> Option<DateTime> {
    let (days, rest) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    DateTime::new(
        i16::try_from(year).ok()?,
        month as i8,
        day as i8,
        (rest / HOUR) as i8,
        (rest % HOUR / MINUTE) as i8,
        (rest % MINUTE / SECOND) as i8,
        (rest % SECOND * 1000) as i32,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn instants_of_the_common_forms() {
        for (text, expected) in [
            ("1970-01-01", "1970-01-01T00:00:00Z"),
            ("2013-01-01", "2013-01-01T00:00:00Z"),
            ("2013-01-01 10:00", "2013-01-01T10:00:00Z"),
            ("2013-01-01T10:00:05.25", "2013-01-01T10:00:05.250000Z"),
            ("2013-01-01T10:00:00Z", "2013-01-01T10:00:00Z"),
            ("2013-01-01 10:00:00 +02:00", "2013-01-01T08:00:00Z"),
            ("2013-01-01T10:00:00-0530", "2013-01-01T15:30:00Z"),
            ("2012-02-29T23:59:60Z", "2012-02-29T23:59:59Z"),
            ("1601-03-01T00:00:00.123456789Z", "1601-03-01T00:00:00.123456Z"),
        ] {
            assert_eq!(parse_instant(text, None).map(format_instant).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "2013", "2013-02-29", "2013-13-01", "2013-01-01 24:00", "2013-01-01T10", "2013-01-01x", "now"]
        {
            assert_eq!(parse_instant(text, None), None, "{text}");
        }
    }

    #[test]
    fn agrees_with_jiff_over_four_centuries() {
        let mut at = -2_000_000_000 * SECOND;
        while at < 11_000_000_000 * SECOND {
            let theirs = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
            assert_eq!(parse_instant(&theirs, None), Some(at), "{theirs}");
            assert_eq!(parse_instant(&format_instant(at), None), Some(at));
            at += 86_399 * 37 * SECOND + 1_234_567;
        }
    }

    #[test]
    fn local_times_of_a_zone_that_jumps() {
        let zone = Zone::find("America/New_York").unwrap();
        let read = |text: &str| zone.instant(text).map(|(at, clock)| (format_instant(at), clock)).unwrap();
        assert_eq!(read("2013-07-01 12:00"), ("2013-07-01T16:00:00Z".to_owned(), Clock::Exact));
        assert_eq!(read("2013-03-10 02:30"), ("2013-03-10T07:30:00Z".to_owned(), Clock::Nonexistent));
        assert_eq!(read("2013-11-03 01:30"), ("2013-11-03T05:30:00Z".to_owned(), Clock::Ambiguous));
        assert_eq!(read("2013-11-03 01:30-05:00"), ("2013-11-03T06:30:00Z".to_owned(), Clock::Exact));
        let first = |text: &str| format_instant(zone.first_shown(parse_instant(text, None).unwrap()).unwrap());
        assert_eq!(first("2013-03-10 02:30"), "2013-03-10T07:00:00Z");
        assert_eq!(first("2013-03-10 03:00"), "2013-03-10T07:00:00Z");
        assert_eq!(first("2013-11-03 01:30"), "2013-11-03T05:30:00Z");
        assert_eq!(first("2013-07-01 12:00"), "2013-07-01T16:00:00Z");
        let noon = parse_instant("2013-07-01 12:00", Some("America/New_York")).unwrap();
        assert_eq!(zone.to_local(noon), parse_instant("2013-07-01 12:00", None));
        assert!(Zone::find("America/New_Amsterdam").is_none());
    }

    #[test]
    fn durations_there_and_back() {
        for (text, expected) in [
            ("7 days", 7 * DAY),
            ("1h", HOUR),
            ("1 hour", HOUR),
            ("90 minutes", 90 * MINUTE),
            ("1.5 hours", 90 * MINUTE),
            ("36 hours", 36 * HOUR),
            ("500 ms", 500_000),
            ("1 hour 30 minutes", 90 * MINUTE),
            ("2w", 14 * DAY),
            ("-3 days", -3 * DAY),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(expected), "{text}");
            assert_eq!(parse_duration(&format_duration(expected)), Some(expected), "{text}");
        }
        assert_eq!(format_duration(90 * MINUTE), "1 hour 30 minutes");
        assert_eq!(format_duration(7 * DAY), "7 days");
        for text in ["", "7", "days", "7 dyas", "1..5 hours", ". hours", "1 hour ago", "99999999999999999 days"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
