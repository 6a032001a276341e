//! How many refusals of strangers are written down. Each is a commit, so whoever tries passwords in a loop could wear out
//! the card and push everything else out of the audit log. Past the allowance they are counted, and the next event that is
//! written tells how many there were.

use std::sync::{Mutex, PoisonError};

use domain::time::{Span, Timestamp};

/// Refusals that may be written in a row.
const BURST: u32 = 100;
/// One more for each of these that passes: at most some 100 MB a day written under attack.
const REFILL: Span = Span::seconds(10);

/// The allowance of the house for refusals of strangers.
#[derive(Debug)]
pub(crate) struct RefusalLog(Mutex<Allowance>);

#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u32,
    counted_from: Timestamp,
    unrecorded: u64,
}

impl RefusalLog {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Allowance { left: BURST, counted_from: now, unrecorded: 0 }))
    }

    /// Whether one more is to be written, and how many were not since the last one that was.
    pub(crate) fn admit(&self, now: Timestamp) -> Option<u64> {
        let mut allowance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.refill(now);
        match allowance.left.checked_sub(1) {
            Some(left) => {
                allowance.left = left;
                Some(std::mem::take(&mut allowance.unrecorded))
            }
            None => {
                allowance.unrecorded += 1;
                None
            }
        }
    }
}

impl Allowance {
    fn refill(&mut self, now: Timestamp) {
        if now < self.counted_from {
            // The clock was set back: begin to count from here.
            self.counted_from = now;
        }
        let earned = now.since(self.counted_from).as_seconds() / REFILL.as_seconds();
        self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(BURST)).min(BURST);
        self.counted_from = self.counted_from + Span::seconds(earned * REFILL.as_seconds());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn a_flood_of_refusals_is_counted_rather_than_written() {
        let log = RefusalLog::new(NOW);
        let written = (0..10_000).filter(|_| log.admit(NOW).is_some()).count();
        assert_eq!(written, 100);
        assert_eq!(log.admit(NOW + Span::seconds(9)), None);
        assert_eq!(log.admit(NOW + Span::seconds(10)), Some(9_901));
        assert_eq!(log.admit(NOW + Span::seconds(19)), None);
    }

    #[test]
    fn after_a_quiet_time_the_allowance_is_whole_and_no_more() {
        let log = RefusalLog::new(NOW);
        while log.admit(NOW).is_some() {}
        let later = NOW + Span::days(30);
        assert_eq!((0..1000).filter(|_| log.admit(later).is_some()).count(), 100);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_neither_the_log_nor_its_bound() {
        let log = RefusalLog::new(NOW);
        while log.admit(NOW).is_some() {}
        let earlier = NOW - Span::days(365);
        assert_eq!(log.admit(earlier), None);
        assert!(log.admit(earlier + Span::seconds(10)).is_some());
    }
}
