//! When to renew, and when to try again after a failure. Chance is an argument: many boxes must not ask in the same second.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// The wait after the first failure, before chance shortens it.
const FIRST_WAIT: Span = Span::minutes(10);
/// The longest wait that we choose.
pub const LONGEST_WAIT: Span = Span::hours(12);
/// The longest wait that an authority may ask for.
pub const LONGEST_ASKED: Span = Span::days(3);

/// When the authority would like to see a certificate renewed (RFC 9773 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AriWindow {
    /// Its first moment.
    pub start: Timestamp,
    /// Its last moment.
    pub end: Timestamp,
}

/// When to renew a certificate: at a moment of the authority's window that `random` chooses, else when a third of the
/// certificate's life is left. Never later than when a tenth is left, whatever the authority says.
pub fn renew_at(not_before: Timestamp, not_after: Timestamp, window: Option<AriWindow>, random: u64) -> Timestamp {
    let life = not_after.since(not_before).as_seconds();
    let latest = not_after - Span::seconds(life / 10);
    match window.filter(|window| window.start < window.end) {
        Some(window) => {
            let length = window.end.since(window.start).as_seconds();
            (window.start + Span::seconds(below(random, length))).min(latest)
        }
        None => not_after - Span::seconds(life / 3),
    }
}

/// When to try again after so many failures in a row: ten minutes, doubling, at most twelve hours, of which `random` takes up to
/// a half away; but not before the authority's own Retry-After is over, as long as that is at most three days.
pub fn retry_at(failures: u32, now: Timestamp, retry_after: Option<Span>, random: u64) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST_WAIT.as_seconds().saturating_mul(1 << doublings).min(LONGEST_WAIT.as_seconds());
    let chosen = Span::seconds(whole - below(random, whole / 2));
    let asked = retry_after.unwrap_or_default().min(LONGEST_ASKED);
    now + chosen.max(asked)
}

/// A number from 0 to `limit`, both included.
fn below(random: u64, limit: i64) -> i64 {
    let limit = u64::try_from(limit).unwrap_or(0);
    i64::try_from(random % limit.saturating_add(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const END: Timestamp = Timestamp::from_unix(1_800_000_000 + 90 * 86_400);

    #[test]
    fn without_a_word_of_the_authority_a_third_of_the_life_is_left() {
        assert_eq!(renew_at(NOW, END, None, 7), NOW + Span::days(60));
    }

    #[test]
    fn the_window_of_the_authority_counts() {
        let window = AriWindow { start: NOW + Span::days(1), end: NOW + Span::days(2) };
        assert_eq!(renew_at(NOW, END, Some(window), 0), window.start);
        assert_eq!(renew_at(NOW, END, Some(window), 86_400), window.end);
        let past = AriWindow { start: NOW - Span::days(9), end: NOW - Span::days(8) };
        assert!(renew_at(NOW, END, Some(past), 5) < NOW, "a certificate that will be revoked is renewed at once");
    }

    #[test]
    fn an_authority_that_talks_nonsense_does_not_let_a_certificate_run_out() {
        let backwards = AriWindow { start: END, end: NOW };
        assert_eq!(renew_at(NOW, END, Some(backwards), 1), NOW + Span::days(60));
        let late = AriWindow { start: END + Span::days(1), end: END + Span::days(2) };
        assert_eq!(renew_at(NOW, END, Some(late), 1), NOW + Span::days(81));
    }

    #[test]
    fn a_failure_waits_and_the_authority_may_ask_for_more() {
        assert_eq!(retry_at(1, NOW, None, 0), NOW + Span::minutes(10));
        assert_eq!(retry_at(3, NOW, None, 0), NOW + Span::minutes(40));
        assert_eq!(retry_at(1, NOW, Some(Span::hours(30)), 0), NOW + Span::hours(30));
        assert_eq!(retry_at(1, NOW, Some(Span::days(4000)), 0), NOW + Span::days(3));
        assert_eq!(retry_at(9, NOW, Some(Span::seconds(1)), 0), NOW + LONGEST_WAIT);
    }

    proptest! {
        #[test]
        fn a_renewal_is_before_the_end(life in 1i64..400 * 86_400, start in any::<i32>(), length in any::<i32>(), random: u64) {
            let window = AriWindow { start: NOW + Span::seconds(start.into()), end: NOW + Span::seconds(i64::from(start) + i64::from(length)) };
            let end = NOW + Span::seconds(life);
            for window in [None, Some(window)] {
                prop_assert!(renew_at(NOW, end, window, random) <= end);
            }
        }

        #[test]
        fn a_wait_is_bounded_on_both_sides(failures: u32, asked: i64, random: u64) {
            let at = retry_at(failures, NOW, Some(Span::seconds(asked)), random);
            prop_assert!(at >= NOW + Span::minutes(5) && at <= NOW + LONGEST_ASKED);
        }
    }
}
