//! Columns of local times at the speed of a subtraction. The rule for local times and for text is that of
//! `tandem_definitions::time`, which the service uses too; not a second one.

use tandem_definitions::Micros;
use tandem_definitions::time::{Clock, DAY, HOUR, Zone};

use crate::json::{EARLIEST, LATEST};

/// A stretch of local time whose offset is looked up once.
const STRETCH: Micros = 6 * HOUR;
/// How many stretches are remembered.
const SLOTS: i64 = 64;

/// A zone that remembers the offsets of the stretches last used.
#[derive(Clone, Debug)]
pub(crate) struct LocalClock {
    zone: Zone,
    /// The slot of stretch `s` is `s mod SLOTS`: the stretch and its offset, if it has one throughout.
    slots: Vec<Option<(i64, Option<Micros>)>>,
    is_utc: bool,
}

impl LocalClock {
    /// The zone of this IANA name; UTC without one. `None`: no such zone.
    pub(crate) fn new(name: Option<&str>) -> Option<Self> {
        let zone = Zone::find(name.unwrap_or("UTC"))?;
        Some(Self {
            zone,
            slots: vec![None; SLOTS as usize],
            is_utc: name.is_none_or(|n| n == "UTC" || n == "Etc/UTC"),
        })
    }

    pub(crate) fn is_utc(&self) -> bool {
        self.is_utc
    }

    /// The instant of a text; times without an offset are local.
    pub(crate) fn of_text(&self, text: &str) -> Option<(Micros, Clock)> {
        self.zone.instant(text)
    }

    /// The instant of a local time; `None` when it lies outside the years that a calendar knows.
    #[inline]
    pub(crate) fn of_local(&mut self, local: Micros) -> Option<(Micros, Clock)> {
        if !(EARLIEST - 7 * DAY..=LATEST).contains(&local) {
            // In no zone is this a time of the calendar; whoever reads it counts it.
            return Some((local, Clock::Exact));
        }
        let stretch = local.div_euclid(STRETCH);
        let slot = stretch.rem_euclid(SLOTS) as usize;
        let offset = match self.slots[slot] {
            Some((known, offset)) if known == stretch => offset,
            _ => self.look_up(stretch, slot),
        };
        match offset {
            Some(offset) => Some((local - offset, Clock::Exact)),
            None => self.zone.of_local(local),
        }
    }

    /// The offset of a stretch; `None` when the clock changes in it or next to it.
    fn look_up(&mut self, stretch: i64, slot: usize) -> Option<Micros> {
        // Both ends, and an hour beyond: no zone has changed its clock twice, there and back, within such a span.
        let mut offsets = [stretch * STRETCH - HOUR, (stretch + 1) * STRETCH + HOUR].into_iter().map(|local| {
            let (at, clock) = self.zone.of_local(local)?;
            (clock == Clock::Exact).then_some(local - at)
        });
        let offset = match (offsets.next().flatten(), offsets.next().flatten()) {
            (Some(a), Some(b)) if a == b => Some(a),
            _ => None,
        };
        self.slots[slot] = Some((stretch, offset));
        offset
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn remembered_offsets_are_those_of_the_zone() {
        for name in ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
        {
            let mut clock = LocalClock::new(Some(name)).unwrap();
            let zone = Zone::find(name).unwrap();
            // Every 7 minutes of 2013 and of the years of odd changes, forward and then backward.
            for start in [-2_840_140_800, 1_356_998_400] {
                let steps = 75_000;
                for step in (0..steps).chain((0..steps).rev()) {
                    let local = (start + step * 420) * 1_000_000 + 123;
                    assert_eq!(clock.of_local(local), zone.of_local(local), "{name} {local}");
                }
            }
        }
    }
}
