//! Wrong guesses make the next one wait. Counted per credential; a passkey cannot be guessed and is never made to wait.

use crate::time::{SET_BACK, Span, Timestamp};

/// Failures before the first wait.
pub const FREE: u32 = 5;
/// The first wait; each further failure doubles it.
pub const FIRST_WAIT: Span = Span::seconds(30);
/// The longest wait.
pub const LONGEST_WAIT: Span = Span::hours(1);
/// After this long without a failure past the wait, counting starts anew.
const FORGIVEN_AFTER: Span = Span::days(1);

/// The wrong guesses at one credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lockout {
    /// How many in a row.
    pub failures: u32,
    /// No guess is taken before this moment.
    pub blocked_until: Option<Timestamp>,
}

impl Lockout {
    /// Until when guesses are refused, if they are. A wait that is longer than the longest was begun by a clock that was wrong,
    /// and would shut the person out for as long as that was ahead; the next wrong guess begins another.
    pub fn blocked(self, now: Timestamp) -> Option<Timestamp> {
        self.blocked_until.filter(|until| now < *until && *until <= now + LONGEST_WAIT + SET_BACK)
    }

    /// After one more wrong guess.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        let forgiven = self.blocked_until.is_some_and(|until| now >= until + FORGIVEN_AFTER);
        let failures = if forgiven { 1 } else { self.failures.saturating_add(1) };
        let blocked_until = (failures >= FREE).then(|| now + wait(failures));
        Self { failures, blocked_until }
    }

    /// After a right one.
    pub const fn cleared() -> Self {
        Self { failures: 0, blocked_until: None }
    }
}

fn wait(failures: u32) -> Span {
    let doublings = failures.saturating_sub(FREE).min(16);
    let seconds = FIRST_WAIT.as_seconds().saturating_mul(1 << doublings);
    Span::seconds(seconds.min(LONGEST_WAIT.as_seconds()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn after(failures: u32) -> Lockout {
        (0..failures).fold(Lockout::default(), |lockout, _| lockout.failed(NOW))
    }

    #[test]
    fn four_wrong_guesses_cost_nothing() {
        assert_eq!(after(4).blocked(NOW), None);
    }

    #[test]
    fn the_wait_begins_at_half_a_minute_and_doubles() {
        assert_eq!(after(5).blocked(NOW), Some(NOW + Span::seconds(30)));
        assert_eq!(after(6).blocked(NOW), Some(NOW + Span::seconds(60)));
        assert_eq!(after(7).blocked(NOW), Some(NOW + Span::seconds(120)));
    }

    #[test]
    fn the_wait_ends_at_its_last_second() {
        assert!(after(5).blocked(NOW + Span::seconds(29)).is_some());
        assert!(after(5).blocked(NOW + Span::seconds(30)).is_none());
    }

    #[test]
    fn a_quiet_day_starts_the_count_anew() {
        let later = NOW + Span::hours(26);
        assert_eq!(after(9).failed(later), Lockout { failures: 1, blocked_until: None });
    }

    proptest! {
        #[test]
        fn the_wait_never_shrinks_and_never_passes_an_hour(failures in 0u32..10_000) {
            let (one, next) = (wait(failures), wait(failures + 1));
            prop_assert!(one <= next);
            prop_assert!(next <= LONGEST_WAIT);
        }

        #[test]
        fn guessing_as_fast_as_allowed_gets_fewer_than_forty_guesses_a_day(start in 0i64..2_000_000_000) {
            let (mut now, mut lockout, mut guesses) = (Timestamp::from_unix(start), Lockout::default(), 0);
            let end = now + Span::days(1);
            while now < end {
                match lockout.blocked(now) {
                    Some(until) => now = until,
                    None => {
                        lockout = lockout.failed(now);
                        guesses += 1;
                    }
                }
            }
            prop_assert!(guesses < 40, "{}", guesses);
        }
    }
}
