//! Times written as text, and local times in a zone. The rule for local times is that of RFC 5545 and jiff ("compatible"):
//! a time that occurs twice is its first occurrence, a skipped one is read with the offset from before the change.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use tandem_definitions::Micros;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// How a local time stood to the clock of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Plain,
    Nonexistent,
    Ambiguous,
}

/// A zone with the last stretch of constant offset that was used, so that columns convert at the speed of a subtraction.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    zone: Option<TimeZone>,
    /// Local times in `from..until` are plain and have `offset`.
    from: i64,
    until: i64,
    offset: i64,
}

impl Zone {
    /// The zone of this IANA name; UTC without one. `None`: no such zone.
    pub(crate) fn new(name: Option<&str>) -> Option<Self> {
        let zone = match name {
            None | Some("UTC" | "Etc/UTC") => None,
            Some(name) => Some(TimeZone::get(name).ok()?),
        };
        let (from, until) = if zone.is_none() { (i64::MIN, i64::MAX) } else { (0, 0) };
        Some(Self { zone, from, until, offset: 0 })
    }

    pub(crate) fn is_utc(&self) -> bool {
        self.zone.is_none()
    }

    /// The instant of a local time; `None` when it lies outside the years that a calendar knows.
    #[inline]
    pub(crate) fn instant(&mut self, local: i64) -> Option<(Micros, Clock)> {
        if local >= self.from && local < self.until {
            return Some((local - self.offset, Clock::Plain));
        }
        self.look_up(local)
    }

    fn look_up(&mut self, local: i64) -> Option<(Micros, Clock)> {
        let Some(zone) = &self.zone else { return Some((local, Clock::Plain)) };
        let civil = Offset::UTC.to_datetime(Timestamp::from_microsecond(local).ok()?);
        match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                let at = local - micros(offset);
                let instant = Timestamp::from_microsecond(at).ok()?;
                self.offset = micros(offset);
                // The nearest changes on both sides bound the stretch; a change hides or doubles the hour beside it.
                let next = zone.following(instant).next().map(|t| {
                    (t.timestamp().as_microsecond(), micros(t.offset()))
                });
                self.until = next.map_or(local + 1, |(change, after)| change + self.offset.min(after));
                let (start, before) = last_change(zone, instant).unwrap_or((at, self.offset));
                self.from = start + self.offset.max(before);
                Some((at, Clock::Plain))
            }
            AmbiguousOffset::Gap { before, .. } => Some((local - micros(before), Clock::Nonexistent)),
            AmbiguousOffset::Fold { before, .. } => Some((local - micros(before), Clock::Ambiguous)),
        }
    }
}

/// The last change of offset at or before the instant, and the offset before it.
fn last_change(zone: &TimeZone, instant: Timestamp) -> Option<(i64, i64)> {
    let just_after = instant.checked_add(jiff::SignedDuration::from_micros(1)).ok()?;
    let change = zone.preceding(just_after).next()?.timestamp();
    let before = change.checked_sub(jiff::SignedDuration::from_micros(1)).ok()?;
    Some((change.as_microsecond(), micros(zone.to_offset(before))))
}

fn micros(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * SECOND
}

/// A time read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The date and time as written, as if in UTC.
    pub(crate) local: i64,
    /// The offset written after it; a date alone means midnight UTC. `None`: a local time.
    pub(crate) offset: Option<i64>,
    /// Digits beyond the microsecond were left off.
    pub(crate) finer: bool,
}

/// Reads `2013-11-01`, `2013-11-01T17:30`, `2013-11-01 17:30:00.25`, each time with `Z`, `+02:00`, `+0200`, `+02` or nothing.
pub(crate) fn parse(text: &str) -> Option<Written> {
    let text = text.trim().as_bytes();
    let days = date(text.get(..10)?)?;
    let Some(rest) = text.get(10..).filter(|r| !r.is_empty()) else {
        return Some(Written { local: days * DAY, offset: Some(0), finer: false });
    };
    if !matches!(rest[0], b'T' | b't' | b' ') || *rest.get(3)? != b':' {
        return None;
    }
    let (hour, minute) = (two(rest.get(1..3)?)?, two(rest.get(4..6)?)?);
    let mut rest = &rest[6..];
    let mut second = 0;
    let mut fraction = (0, false);
    if let [b':', a, b, tail @ ..] = rest {
        second = two(&[*a, *b])?;
        rest = tail;
        if let [b'.' | b',', tail @ ..] = rest {
            let digits = tail.iter().take_while(|c| c.is_ascii_digit()).count();
            fraction = micros_of_fraction(&tail[..digits])?;
            rest = &tail[digits..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = days * DAY + (hour * 3600 + minute * 60 + second) * SECOND + fraction.0;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    Some(Written { local, offset: offset(rest)?, finer: fraction.1 })
}

/// `Some(None)`: none written.
#[allow(clippy::option_option)]
fn offset(text: &[u8]) -> Option<Option<i64>> {
    let (sign, digits) = match text {
        [] => return Some(None),
        [b'Z' | b'z'] | b"UTC" => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hour, minute) = match digits {
        [a, b] => (two(&[*a, *b])?, 0),
        [a, b, b':', c, d] | [a, b, c, d] => (two(&[*a, *b])?, two(&[*c, *d])?),
        _ => return None,
    };
    (hour < 24 && minute < 60).then_some(Some(sign * (hour * 3600 + minute * 60) * SECOND))
}

fn date(text: &[u8]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(&text[..2])? * 100 + two(&text[2..4])?;
    let (month, day) = (two(&text[5..7])?, two(&text[8..10])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=last).contains(&day).then(|| days_from_civil(year, month, day))
}

/// Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn two(text: &[u8]) -> Option<i64> {
    match text {
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => Some(i64::from(a - b'0') * 10 + i64::from(b - b'0')),
        _ => None,
    }
}

/// The microseconds of a fraction's digits, and whether finer digits were left off.
fn micros_of_fraction(digits: &[u8]) -> Option<(i64, bool)> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0;
    for place in 0..6 {
        value = value * 10 + digits.get(place).map_or(0, |d| i64::from(d - b'0'));
    }
    Some((value, digits.iter().skip(6).any(|d| *d != b'0')))
}
