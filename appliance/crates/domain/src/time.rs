//! Moments and spans in whole seconds, and the time since the start. The clocks themselves live in the appliance.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far a clock may go back before what was made by then is refused.
pub const SET_BACK: Span = Span::minutes(5);

/// A moment: whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From Unix seconds.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// As Unix seconds.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// What has passed since `earlier`; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Span {
        Span((self.0.saturating_sub(earlier.0)).max(0))
    }
}

/// A length of time in whole seconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// That many seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(if n < 0 { 0 } else { n })
    }

    /// That many minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// That many hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// That many days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::hours(n.saturating_mul(24))
    }

    /// As seconds.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// Time since the machine was started, in whole milliseconds. It never jumps and is worth nothing after a start, so it is
/// for deadlines of what is held in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uptime(u64);

impl Uptime {
    /// From milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// As milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// What has passed since `earlier`; zero when `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Uptime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Add<Span> for Uptime {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        self + Duration::from_secs(span.0.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_uptime_does_not_wrap() {
        let end = Uptime::from_millis(u64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(end + Span::days(1), end);
        assert_eq!(Uptime::from_millis(5).since(Uptime::from_millis(9)), Duration::ZERO);
        assert_eq!(Uptime::from_millis(5) + Span::seconds(2), Uptime::from_millis(2005));
    }

    #[test]
    fn time_that_runs_backwards_is_no_time_at_all() {
        assert_eq!(Timestamp::from_unix(5).since(Timestamp::from_unix(9)), Span::seconds(0));
    }

    #[test]
    fn the_end_of_time_does_not_wrap() {
        assert_eq!(Timestamp::from_unix(i64::MAX) + Span::days(1), Timestamp::from_unix(i64::MAX));
    }
}
