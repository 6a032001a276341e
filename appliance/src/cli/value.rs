//! Values that people type, as types that cannot be wrong. What is wrong says what to write instead.

use std::fmt;
use std::str::FromStr;

use domain::time::{Span, Timestamp};

use crate::api::{Patch, Time};

/// Why a value was not taken, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadValue(&'static str);

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadValue {}

/// A length of time: `30m`, `12h`, `3d`, `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) Span);

impl FromStr for Length {
    type Err = BadValue;

    fn from_str(raw: &str) -> Result<Self, BadValue> {
        const WRONG: BadValue = BadValue("write a length of time as in 30m, 12h, 3d or 2w");
        let unit = raw.chars().next_back().ok_or(WRONG)?;
        let count: u32 = raw.strip_suffix(unit).and_then(|digits| digits.parse().ok()).ok_or(WRONG)?;
        let count = i64::from(count);
        match unit {
            's' => Ok(Self(Span::seconds(count))),
            'm' => Ok(Self(Span::minutes(count))),
            'h' => Ok(Self(Span::hours(count))),
            'd' => Ok(Self(Span::days(count))),
            'w' => Ok(Self(Span::days(count.saturating_mul(7)))),
            _ => Err(WRONG),
        }
    }
}

/// `3 d`, `12 h` ...: a length of time in its largest whole unit.
pub(super) fn length_text(seconds: i64) -> String {
    let units = [(604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m")];
    let whole = units.into_iter().find(|(size, _)| seconds > 0 && seconds % size == 0);
    whole.map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

/// A moment: `2026-12-24`, `2026-12-24T18:00:00Z`, or a length of time from now (`30d`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This one.
    At(Timestamp),
    /// So long from now, or before now.
    FromNow(Span),
}

impl FromStr for Moment {
    type Err = BadValue;

    fn from_str(raw: &str) -> Result<Self, BadValue> {
        if let Ok(Length(span)) = raw.parse() {
            return Ok(Self::FromNow(span));
        }
        let full = if raw.len() == 10 { format!("{raw}T00:00:00Z") } else { raw.to_owned() };
        let time: Time = full.parse().map_err(|_| {
            BadValue("write a day (2026-12-24), a moment (2026-12-24T18:00:00Z) or a length of time (30d)")
        })?;
        Ok(Self::At(time.0))
    }
}

impl Moment {
    /// Read as a moment to come.
    pub(super) fn ahead(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::FromNow(span) => now + span,
        }
    }

    /// Read as a moment gone by.
    pub(super) fn ago(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::FromNow(span) => now - span,
        }
    }
}

/// A moment, or `none` to take it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MomentOrNone(Option<Moment>);

impl FromStr for MomentOrNone {
    type Err = BadValue;

    fn from_str(raw: &str) -> Result<Self, BadValue> {
        if raw == "none" {
            return Ok(Self(None));
        }
        raw.parse().map(|moment| Self(Some(moment))).map_err(|_| {
            BadValue(
                "write a day (2026-12-24), a moment (2026-12-24T18:00:00Z), a length of time from now (30d) or none",
            )
        })
    }
}

impl MomentOrNone {
    /// As a field of a request.
    pub(super) fn patch(asked: Option<Self>, now: Timestamp) -> Patch<Time> {
        match asked {
            None => Patch::Keep,
            Some(Self(None)) => Patch::Clear,
            Some(Self(Some(moment))) => Patch::Set(Time(moment.ahead(now))),
        }
    }
}

/// Something on the left of a `=` and something on the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// What stands before the first `=`.
    pub(crate) left: String,
    /// What stands behind it.
    pub(crate) right: String,
}

impl FromStr for Pair {
    type Err = BadValue;

    fn from_str(raw: &str) -> Result<Self, BadValue> {
        match raw.split_once('=') {
            Some((left, right)) if !left.is_empty() => Ok(Self { left: left.to_owned(), right: right.to_owned() }),
            Some(_) | None => Err(BadValue("write GROUP=VALUE, as in family=true or 'family={\"role\": \"editor\"}'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn lengths_of_time_are_read_and_written_alike() {
        for raw in ["45s", "30m", "12h", "3d", "2w"] {
            let Length(span) = raw.parse().unwrap();
            assert_eq!(length_text(span.as_seconds()), raw);
        }
        for bad in ["", "d", "3", "-3d", "3 d", "3y", "3é", "99999999999d", "1.5h"] {
            assert!(bad.parse::<Length>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        let day: Moment = "2027-01-15".parse().unwrap();
        assert_eq!(day.ahead(NOW), Timestamp::from_unix(1_800_000_000 - 8 * 3600));
        assert_eq!("1h".parse::<Moment>().unwrap().ago(NOW), NOW - Span::hours(1));
        assert!("2027-02-30".parse::<Moment>().is_err());
    }

    #[test]
    fn none_takes_a_moment_away() {
        assert_eq!(MomentOrNone::patch(Some("none".parse().unwrap()), NOW), Patch::Clear);
        assert_eq!(MomentOrNone::patch(None, NOW), Patch::Keep);
        assert_eq!(MomentOrNone::patch(Some("1d".parse().unwrap()), NOW), Patch::Set(Time(NOW + Span::days(1))));
    }

    #[test]
    fn a_pair_needs_both_sides() {
        assert_eq!("a=b=c".parse(), Ok(Pair { left: "a".to_owned(), right: "b=c".to_owned() }));
        for bad in ["", "a", "=b"] {
            assert!(bad.parse::<Pair>().is_err(), "{bad}");
        }
    }
}
