//! Moments of tests, on clocks that agree.

use domain::clock::{Moment, Trust};
use domain::time::{Timestamp, Uptime};

/// That time on a clock that is trusted and was never set, on a machine that has run since 1970.
pub fn steady(now: Timestamp) -> Moment {
    Moment { now, uptime: Uptime::from_millis(now.unix().unsigned_abs() * 1000), trust: Trust::Synchronised }
}
