//! Whether it is night, by the time of day where the box is.

use std::fs::File;
use std::io::Read;

use domain::clock::Moment;
use domain::time::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Night;

/// Where the system keeps the rules of its time zone.
const LOCALTIME: &str = "/etc/localtime";
/// The longest such file.
const MAX_RULES: u64 = 64 * 1024;

/// The hours, and the time zone that they are meant in.
pub(super) struct Watch {
    night: Night,
    zone: TimeZone,
}

impl Watch {
    /// In the time zone of this machine; a machine without one is in UTC.
    pub(super) fn new(night: Night) -> Self {
        let zone = match night {
            Night::Never | Night::Always => TimeZone::UTC,
            Night::Hours { .. } => local().unwrap_or(TimeZone::UTC),
        };
        Self { night, zone }
    }

    /// Whether the LED of a healthy box is dark now. Nobody knows the hour while the clock is not trusted.
    pub(super) fn dark(&self, moment: &Moment) -> bool {
        match self.night {
            Night::Never => false,
            Night::Always => true,
            Night::Hours { .. } => minute(&self.zone, moment.now).is_some_and(|minute| self.night.covers(minute)),
        }
    }
}

fn local() -> Option<TimeZone> {
    let mut rules = Vec::new();
    File::open(LOCALTIME).ok()?.take(MAX_RULES).read_to_end(&mut rules).ok()?;
    TimeZone::tzif("local", &rules).ok()
}

/// Minutes since midnight.
fn minute(zone: &TimeZone, now: Timestamp) -> Option<u16> {
    let time = zone.to_datetime(jiff::Timestamp::from_second(now.unix()).ok()?).time();
    u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok()
}

#[cfg(test)]
mod tests {
    use domain::clock::Trust;
    use domain::time::Uptime;

    use super::*;

    fn dark(night: Night, zone: TimeZone, now: i64) -> bool {
        let moment = Moment { now: Timestamp::from_unix(now), uptime: Uptime::default(), trust: Trust::Synchronised };
        Watch { night, zone }.dark(&moment)
    }

    #[test]
    fn the_hours_are_those_of_the_boxes_time_zone() {
        let night = Night::Hours { from: 22 * 60, to: 7 * 60 };
        // 2027-01-15 20:30 UTC is 21:30 in Vienna, an hour later it is night there.
        let vienna = || TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert!(!dark(night, vienna(), 1_800_045_000));
        assert!(dark(night, vienna(), 1_800_048_600));
        assert!(!dark(night, TimeZone::UTC, 1_800_048_600));
        assert!(dark(Night::Always, TimeZone::UTC, 0) && !dark(Night::Never, TimeZone::UTC, 0));
    }
}
