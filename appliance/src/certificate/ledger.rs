//! What the box remembers of its orders at a public authority, beside the certificate: whoever is started anew every minute
//! must not ask every minute. Written at the beginning and at the end of an order, and at no other time.

use std::path::{Path, PathBuf};

use domain::certificate::{AriWindow, LONGEST_ASKED, Validity, renew_at, retry_at};
use domain::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::files;
use super::trouble::Trouble;

/// How old a certificate has to be before the next one is ordered.
const SOONEST: Span = Span::days(1);

/// What is remembered of the orders for one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ledger {
    /// How often in a row it went wrong; an order that was broken off counts.
    failures: u32,
    /// Not before this moment.
    retry_at: Option<Timestamp>,
    /// When the present certificate is to be renewed.
    renew_at: Option<Timestamp>,
    /// How the last order failed.
    pub(super) last: Option<Failed>,
}

/// How an order failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) at: Timestamp,
    pub(super) trouble: Trouble,
}

fn path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("acme-{host}.json"))
}

impl Ledger {
    /// What is remembered; nothing when the file is not there or cannot be read, which costs one order at most.
    pub(super) fn open(folder: &Path, host: &str) -> Self {
        let text = files::read(&path(folder, host)).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    pub(super) fn save(&self, folder: &Path, host: &str) -> Result<(), Trouble> {
        let text = serde_json::to_string(self).unwrap_or_default();
        files::write_private(&path(folder, host), &text)
    }

    /// Whether to order now. A moment to wait for that lies further ahead than any wait was written by a clock that was wrong.
    pub(super) fn is_due(&self, present: Option<Validity>, now: Timestamp) -> bool {
        let waits = self.retry_at.is_some_and(|at| now < at && at.since(now) <= LONGEST_ASKED);
        !waits && present.is_none_or(|validity| self.planned(validity) <= now)
    }

    /// When the next order is to be expected.
    pub(super) fn next(&self, present: Validity) -> Timestamp {
        self.retry_at.map_or(self.planned(present), |at| self.planned(present).max(at))
    }

    fn planned(&self, present: Validity) -> Timestamp {
        self.renew_at.filter(|at| *at <= present.not_after).unwrap_or_else(|| present.renew_at())
    }

    /// An order begins. It counts as failed until it is done.
    pub(super) fn begin(&mut self, now: Timestamp, random: u64) {
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(retry_at(self.failures, now, None, random));
    }

    pub(super) fn fail(&mut self, failed: Failed, retry_after: Option<Span>, random: u64) {
        self.retry_at = Some(retry_at(self.failures, failed.at, retry_after, random));
        self.last = Some(failed);
    }

    pub(super) fn succeed(&mut self, present: Validity, window: Option<AriWindow>, random: u64) {
        // Whatever the authority says of its window: not the next moment.
        let at = renew_at(present.not_before, present.not_after, window, random).max(present.not_before + SOONEST);
        *self = Self { renew_at: Some(at), ..Self::default() };
    }

    /// The authority has said anew when it would like to see the certificate; whether that changes anything.
    pub(super) fn reconsider(&mut self, present: Validity, window: AriWindow, random: u64) -> bool {
        let planned = self.planned(present);
        if window.start <= planned && planned <= window.end {
            return false;
        }
        let at = renew_at(present.not_before, present.not_after, Some(window), random);
        self.renew_at.replace(at) != Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, NOW};

    const PRESENT: Validity = Validity { not_before: NOW, not_after: Timestamp::from_unix(NOW.unix() + 90 * 86_400) };

    #[test]
    fn a_start_after_a_failure_does_not_ask_the_authority_again() {
        let folder = Folder::new();
        let mut ledger = Ledger::open(folder.path(), "id.example");
        assert!(ledger.is_due(None, NOW));
        ledger.begin(NOW, 0);
        ledger.save(folder.path(), "id.example").unwrap();
        let broken_off = Ledger::open(folder.path(), "id.example");
        assert!(!broken_off.is_due(None, NOW + Span::minutes(4)) && broken_off.is_due(None, NOW + Span::minutes(10)));
        ledger.fail(Failed { at: NOW, trouble: Trouble::new("no", "") }, Some(Span::hours(30)), 0);
        ledger.save(folder.path(), "id.example").unwrap();
        let again = Ledger::open(folder.path(), "id.example");
        assert_eq!(again, ledger);
        assert!(!again.is_due(None, NOW + Span::hours(29)) && again.is_due(None, NOW + Span::hours(30)));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_stop_orders_for_years() {
        let mut ledger = Ledger::default();
        ledger.begin(NOW + Span::days(3650), 0);
        assert!(ledger.is_due(None, NOW));
        ledger.succeed(PRESENT, None, 0);
        ledger.renew_at = Some(NOW + Span::days(3650));
        assert!(ledger.is_due(Some(PRESENT), NOW + Span::days(60)));
    }

    #[test]
    fn the_authority_may_change_its_mind_and_the_moment_stays_when_it_does_not() {
        let mut ledger = Ledger::default();
        let window = AriWindow { start: NOW + Span::days(50), end: NOW + Span::days(52) };
        ledger.succeed(PRESENT, Some(window), 5);
        let planned = ledger.next(PRESENT);
        assert!(!ledger.reconsider(PRESENT, window, 77_777));
        assert_eq!(ledger.next(PRESENT), planned);
        let earlier = AriWindow { start: NOW - Span::days(2), end: NOW - Span::days(1) };
        assert!(ledger.reconsider(PRESENT, earlier, 5));
        assert!(ledger.is_due(Some(PRESENT), NOW));
    }

    #[test]
    fn a_broken_ledger_is_an_empty_one() {
        let folder = Folder::new();
        std::fs::write(path(folder.path(), "id.example"), "{\"failures\": \"many\"").unwrap();
        assert_eq!(Ledger::open(folder.path(), "id.example"), Ledger::default());
    }
}
