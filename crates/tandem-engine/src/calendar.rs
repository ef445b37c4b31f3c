//! Where a day, a week or a month begins on the wall clock of a zone, daylight saving included.
//! Not here: the clock's changes themselves (jiff, through tandem-definitions' `Zone`).

use tandem_definitions::time::{DAY, Zone, first_of_month};
use tandem_definitions::{Micros, Period};

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

#[cfg(test)]
mod tests {
    use tandem_definitions::time::{format_instant, parse_instant};

    use super::*;

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
