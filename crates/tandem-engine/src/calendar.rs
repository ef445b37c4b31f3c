//! Where a day, a week or a month begins on the wall clock of a zone, and when a time of the day comes again, daylight saving
//! included.
//! Not here: the clock's changes themselves (jiff, through tandem-definitions' `Zone`).

use tandem_definitions::time::{DAY, Zone, first_of_month};
use tandem_definitions::{Calendar, Days, Micros, Period};

/// The first instant of the day, week or month in which an instant lies. A midnight that the clock jumped over begins
/// where the clock went on; of one that it showed twice, the earlier counts.
pub(crate) fn start(period: Period, zone: &Zone, at: Micros) -> Micros {
    // What lies outside of the calendar (the years −9999 to 9999) has no day, so it is a window without length.
    let Some(local) = zone.to_local(at) else { return at };
    let day = local.div_euclid(DAY);
    let midnight = match period {
        Period::Day => day * DAY,
        // 1970-01-01 was a Thursday, three days after a Monday.
        Period::Week => (day - (day + 3).rem_euclid(7)) * DAY,
        Period::Month => first_of_month(local),
    };
    zone.of_local(midnight).map_or(at, |(start, _)| start)
}

/// The instants of a calendar from `from` up to and with `to`, in order. A time that the clock jumped over is the moment of
/// the jump; of one that it showed twice, the earlier counts.
pub fn instants(calendar: &Calendar, from: Micros, to: Micros) -> Vec<Micros> {
    let Some(zone) = Zone::find(&calendar.zone) else { return Vec::new() };
    let day = |at: Micros| zone.to_local(at).map(|local| local.div_euclid(DAY));
    let (Some(first), Some(last)) = (day(from), day(to)) else { return Vec::new() };
    let falls = |day: &Micros| match calendar.days {
        Days::All => true,
        Days::Weekday(weekday) => (day + 3).rem_euclid(7) + 1 == Micros::from(weekday),
        Days::OfMonth(number) => day * DAY - first_of_month(day * DAY) == (Micros::from(number) - 1) * DAY,
    };
    // A day more at both ends: a time that the clock jumped over is the moment of the jump, be it on the next day.
    let days = (first - 1..=last + 1).filter(falls);
    let mut instants: Vec<Micros> = days.filter_map(|day| zone.first_shown(day * DAY + calendar.time)).collect();
    instants.retain(|at| (from..=to).contains(at));
    instants.dedup();
    instants
}

#[cfg(test)]
mod tests {
    use tandem_definitions::time::{format_instant, parse_instant};

    use super::*;

    #[test]
    fn a_time_of_the_day_comes_again() {
        let every = |days, hour: i64, zone: &str| Calendar { days, time: hour * DAY / 48, zone: zone.into() };
        for (calendar, from, to, expected) in [
            // Half past one of 31 March was jumped over in London, and half past one of 27 October shown twice.
            (every(Days::All, 3, "Europe/London"), "2024-03-30", "2024-04-02", "30T01:30 31T01:00 01T00:30"),
            (every(Days::All, 3, "Europe/London"), "2024-10-26", "2024-10-28", "26T00:30 27T00:30"),
            // Both ends count.
            (every(Days::Weekday(1), 0, "UTC"), "2024-01-01", "2024-01-15", "01T00:00 08T00:00 15T00:00"),
            (every(Days::OfMonth(28), 0, "UTC"), "2024-01-29", "2024-03-28", "28T00:00 28T00:00"),
            // 30 December 2011 was left out on Samoa: its midnight is that of the 31st.
            (every(Days::All, 0, "Pacific/Apia"), "2011-12-29", "2012-01-01", "29T10:00 30T10:00 31T10:00"),
            (every(Days::All, 0, "UTC"), "2024-01-02", "2024-01-01", ""),
        ] {
            let instant = |text| parse_instant(text, None).unwrap();
            let found = instants(&calendar, instant(from), instant(to));
            let found: Vec<String> = found.into_iter().map(|at| format_instant(at)[8..16].to_owned()).collect();
            assert_eq!(found.join(" "), expected, "{calendar}");
        }
    }

    #[test]
    fn days_begin_where_the_clock_says() {
        for (period, zone, at, expected) in [
            (Period::Day, "UTC", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            (Period::Week, "UTC", "2024-03-03T23:59:59Z", "2024-02-26T00:00:00Z"),
            (Period::Week, "UTC", "1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z"),
            (Period::Month, "UTC", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z"),
            (Period::Day, "Europe/London", "2024-03-31T23:30:00Z", "2024-03-31T23:00:00Z"),
            (Period::Day, "Europe/London", "2024-03-31T22:30:00Z", "2024-03-31T00:00:00Z"),
            (Period::Month, "America/New_York", "2024-03-31T22:30:00Z", "2024-03-01T05:00:00Z"),
            // Midnight of this day does not exist in São Paulo, and was shown twice in Havana.
            (Period::Day, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z"),
            (Period::Day, "America/Havana", "2024-11-03T05:30:00Z", "2024-11-03T04:00:00Z"),
        ] {
            let (at, zone) = (parse_instant(at, None).unwrap(), Zone::find(zone).unwrap());
            assert_eq!(format_instant(start(period, &zone, at)), expected, "{period:?} of {}", format_instant(at));
        }
    }
}
