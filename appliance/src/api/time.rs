//! Moments as RFC 3339 text.

use std::fmt;
use std::str::FromStr;

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment that is written as RFC 3339 text in UTC, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(pub Timestamp);

impl Time {
    /// `2026-08-01 12:30`, in UTC, for tables.
    pub fn short(self) -> String {
        let text = self.to_string();
        match (text.get(..10), text.get(11..16)) {
            (Some(day), Some(minute)) => format!("{day} {minute}"),
            _ => text,
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.unix()) {
            Ok(at) => at.fmt(f),
            // Before the year -9999 or after 9999: no such moment is ever stored.
            Err(_) => f.write_str("out of range"),
        }
    }
}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(raw: &str) -> Result<Self, NotATime> {
        let at: jiff::Timestamp = raw.parse().map_err(|_| NotATime)?;
        Ok(Self(Timestamp::from_unix(at.as_second())))
    }
}

/// The text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATime;

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a moment as in 2026-12-24T18:00:00Z (RFC 3339)")
    }
}

impl std::error::Error for NotATime {}

impl TryFrom<String> for Time {
    type Error = NotATime;

    fn try_from(raw: String) -> Result<Self, NotATime> {
        raw.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_it_was_written() {
        let time = Time(Timestamp::from_unix(1_800_000_000));
        assert_eq!(time.to_string(), "2027-01-15T08:00:00Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(time.short(), "2027-01-15 08:00");
    }

    #[test]
    fn other_offsets_are_understood_and_rubbish_is_not() {
        assert_eq!("2027-01-15T09:00:00+01:00".parse(), Ok(Time(Timestamp::from_unix(1_800_000_000))));
        for bad in ["", "yesterday", "2027-01-15", "2027-13-01T00:00:00Z", "1800000000"] {
            assert_eq!(bad.parse::<Time>(), Err(NotATime), "{bad}");
        }
    }
}
