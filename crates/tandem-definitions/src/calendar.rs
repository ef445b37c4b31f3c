//! Calendars as text: `day 06:00 Europe/London`, `Monday 06:00`, `month on day 1 06:00 UTC`.
//! Not here: the instants that they name (tandem-engine).

use std::fmt;

use crate::codes::Code;
use crate::findings::{Problem, nearest};
use crate::question::{Calendar, Days};
use crate::shape::instead_of_zone;
use crate::time::{HOUR, MINUTE, Zone};
use crate::value::Micros;

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const FORMS: &str = "Write `day 06:00 Europe/London`, `Monday 06:00 Europe/London`, or `month on day 1 06:00 Europe/London`; UTC without a zone.";

/// The calendar that a text says.
pub(crate) fn parse(text: &str) -> Result<Calendar, Problem> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, rest) = match words.as_slice() {
        ["day", rest @ ..] => (Days::All, rest),
        ["month", "on", "day", day, rest @ ..] => (Days::OfMonth(day_of_month(day)?), rest),
        ["month", ..] => return Err(problem("A month has many days, and nothing says which.".to_owned(), None)),
        [day, rest @ ..] => match WEEKDAYS.iter().zip(1..).find(|(name, _)| name.eq_ignore_ascii_case(day)) {
            Some((_, number)) => (Days::Weekday(number), rest),
            None => {
                let known = WEEKDAYS.into_iter().chain(["day", "month"]);
                return Err(problem(
                    format!("`{day}` is no day that comes again."),
                    nearest(day, known).map(|right| format!("Did you mean `{right}`?")),
                ));
            }
        },
        [] => return Err(problem("Nothing says how often.".to_owned(), None)),
    };
    let (time, zone) = match rest {
        [time] => (*time, "UTC"),
        [time, zone] => (*time, *zone),
        _ => return Err(problem(format!("`{text}` does not say one time of the day."), None)),
    };
    let time = clock(time).ok_or_else(|| problem(format!("`{time}` is no time of the day."), None))?;
    if Zone::find(zone).is_none() {
        let message = format!("There is no time zone `{zone}`.");
        return Err(Problem { code: Code::UnknownZone, message, help: instead_of_zone(zone) });
    }
    Ok(Calendar { days, time, zone: zone.into() })
}

fn problem(message: String, help: Option<String>) -> Problem {
    Problem { code: Code::BadCalendar, message, help: help.unwrap_or_else(|| FORMS.to_owned()) }
}

fn day_of_month(text: &str) -> Result<u8, Problem> {
    let day = text.parse().ok().filter(|day| (1..=28).contains(day));
    day.ok_or_else(|| {
        let help = "Take a day from 1 to 28.".to_owned();
        problem(format!("Not every month has a day `{text}`."), Some(help))
    })
}

/// `06:00` or `23:59:30`, in microseconds since midnight.
fn clock(text: &str) -> Option<Micros> {
    let mut parts = text.split(':').map(|part| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<Micros>().ok()).flatten()
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    fits.then_some(hour * HOUR + minute * MINUTE + second * crate::time::SECOND)
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.days {
            Days::All => f.write_str("day")?,
            Days::Weekday(day) => f.write_str(WEEKDAYS[usize::from(day - 1) % 7])?,
            Days::OfMonth(day) => write!(f, "month on day {day}")?,
        }
        write!(f, " {:02}:{:02}", self.time / HOUR, self.time % HOUR / MINUTE)?;
        let seconds = self.time % MINUTE / crate::time::SECOND;
        if seconds > 0 {
            write!(f, ":{seconds:02}")?;
        }
        write!(f, " {}", self.zone)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_form_there_and_back() {
        for (text, days, time, zone) in [
            ("day 06:00 Europe/London", Days::All, 6 * HOUR, "Europe/London"),
            ("Sunday 23:59:30 UTC", Days::Weekday(7), 24 * HOUR - 30_000_000, "UTC"),
            ("month on day 28 00:05 Asia/Kolkata", Days::OfMonth(28), 5 * MINUTE, "Asia/Kolkata"),
        ] {
            let read = parse(text).unwrap();
            assert_eq!(read, Calendar { days, time, zone: zone.into() });
            assert_eq!(read.to_string(), text);
        }
        assert_eq!(parse(" monday  06:00 ").unwrap().to_string(), "Monday 06:00 UTC");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, code, help) in [
            ("", Code::BadCalendar, "`Monday 06:00"),
            ("Munday 06:00", Code::BadCalendar, "`Monday`"),
            ("fortnight 06:00", Code::BadCalendar, "`Monday 06:00"),
            ("month 06:00", Code::BadCalendar, "month on day 1"),
            ("month on day 31 06:00", Code::BadCalendar, "from 1 to 28"),
            ("day", Code::BadCalendar, "`day 06:00"),
            ("day 6:00", Code::BadCalendar, "`day 06:00"),
            ("day 24:00", Code::BadCalendar, "`day 06:00"),
            ("day 06:00 Europe/Londn", Code::UnknownZone, "`Europe/London`"),
            ("day 06:00 Europe/London and 18:00", Code::BadCalendar, "`day 06:00"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code, code, "{text}");
            assert!(problem.help.contains(help), "{text}: {}", problem.help);
        }
    }
}
