//! How long the certificates last that the box makes itself, and when it makes them anew.
//!
//! A clock that is not trusted is never ahead: it stands at the day of the build or went on from a saved time. So a beginning
//! that it gives is always past, but an end that it gives may be past as well. What is made by such a clock lasts as long
//! as phones take it, and is made anew as soon as the time is known.

use crate::clock::Trust;
use crate::time::{Span, Timestamp};

/// How far a beginning is dated back: phones whose clock is slow shall not have to wait.
const BACK: Span = Span::days(1);
/// How long the authority lasts: ten years.
const AUTHORITY: Span = Span::days(3652);
/// How long a certificate of its lasts.
const LEAF: Span = Span::days(90);
/// How long a certificate lasts that was made by a clock that may be behind, or that signs itself. Apple's systems take 825
/// days at most from an authority that somebody added by hand.
const LONG: Span = Span::days(820);
/// How long before its end the owner is told that every phone will need a new authority.
const NOTICE: Span = Span::days(365);

/// From when to when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last moment.
    pub not_after: Timestamp,
}

impl Validity {
    /// Of an authority that is made now.
    pub fn authority(now: Timestamp) -> Self {
        let not_before = now - BACK;
        Self { not_before, not_after: not_before + AUTHORITY }
    }

    /// Of a certificate that signs itself and is made now.
    pub fn self_made(now: Timestamp) -> Self {
        let not_before = now - BACK;
        Self { not_before, not_after: not_before + LONG }
    }

    /// Of a certificate that this authority makes now: never outside of its own time. `None` when there is none left.
    pub fn leaf(self, now: Timestamp, trust: Trust) -> Option<Self> {
        let life = if trust.is_good() { LEAF } else { LONG };
        let not_before = (now - BACK).max(self.not_before);
        let not_after = (not_before + life).min(self.not_after);
        (now < not_after).then_some(Self { not_before, not_after })
    }

    /// Whether a certificate of the authority `by` is to be made anew: a third of its life is left, or the clock was wrong
    /// when it was made. One that would not last any longer is not made.
    pub fn leaf_is_due(self, by: Self, now: Timestamp, trust: Trust) -> bool {
        let Some(next) = by.leaf(now, trust) else { return false };
        if self.is_due(now, trust) {
            return next.not_after > self.not_after || self.lies_ahead(now, trust);
        }
        trust.is_good() && self.life() > LEAF
    }

    /// Whether a certificate is to be made anew: a third of its life is left, or it begins in the future.
    pub fn is_due(self, now: Timestamp, trust: Trust) -> bool {
        now >= self.renew_at() || self.lies_ahead(now, trust)
    }

    /// When a third of the life is left.
    pub fn renew_at(self) -> Timestamp {
        super::renew_at(self.not_before, self.not_after, None, 0)
    }

    /// Whether it begins in the future: the clock was wrong once, and is right now.
    pub fn lies_ahead(self, now: Timestamp, trust: Trust) -> bool {
        trust.is_good() && now < self.not_before
    }

    /// Whether its time is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.not_after <= now
    }

    /// Whether the owner is to be told that the authority ends.
    pub fn authority_ends(self, now: Timestamp) -> bool {
        self.not_after - NOTICE <= now
    }

    fn life(self) -> Span {
        self.not_after.since(self.not_before)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const GOOD: Trust = Trust::Synchronised;

    fn leaf(by: Validity, now: Timestamp, trust: Trust) -> Validity {
        by.leaf(now, trust).unwrap()
    }

    #[test]
    fn a_certificate_lasts_ninety_days_and_is_renewed_when_thirty_are_left() {
        let authority = Validity::authority(NOW);
        let leaf = leaf(authority, NOW, GOOD);
        assert_eq!(leaf.life(), Span::days(90));
        assert!(leaf.not_before < NOW);
        assert!(!leaf.leaf_is_due(authority, leaf.not_after - Span::days(30) - Span::seconds(1), GOOD));
        assert!(leaf.leaf_is_due(authority, leaf.not_after - Span::days(30), GOOD));
    }

    #[test]
    fn what_a_clock_at_the_floor_made_lasts_and_is_made_anew_when_the_time_is_known() {
        let authority = Validity::authority(NOW);
        let leaf = leaf(authority, NOW, Trust::Floor);
        assert!(!leaf.is_over(NOW + Span::days(800)), "the image may be two years old");
        assert!(!leaf.leaf_is_due(authority, NOW, Trust::Floor));
        assert!(leaf.leaf_is_due(authority, NOW + Span::days(200), GOOD));
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_no_certificate_from_the_future() {
        let authority = Validity::authority(NOW);
        let ahead = leaf(authority, NOW + Span::days(365), GOOD);
        assert!(ahead.leaf_is_due(authority, NOW, GOOD));
        assert!(!ahead.leaf_is_due(authority, NOW, Trust::Plausible), "a clock that may be behind proves nothing");
    }

    #[test]
    fn an_authority_that_ended_makes_nothing_and_says_so_a_year_before() {
        let authority = Validity::authority(NOW);
        assert_eq!(authority.leaf(authority.not_after, GOOD), None);
        assert!(!authority.authority_ends(NOW) && authority.authority_ends(NOW + Span::days(3290)));
        let last = leaf(authority, authority.not_after - Span::days(9), GOOD);
        assert!(!last.leaf_is_due(authority, authority.not_after - Span::days(1), GOOD), "it would not last longer");
    }

    proptest! {
        #[test]
        fn a_certificate_is_good_now_and_within_its_authority(days in 0i64..4000, floor: bool) {
            let authority = Validity::authority(NOW);
            let trust = if floor { Trust::Floor } else { GOOD };
            let now = NOW + Span::days(days);
            if let Some(leaf) = authority.leaf(now, trust) {
                prop_assert!(leaf.not_before <= now && now < leaf.not_after);
                prop_assert!(leaf.not_before >= authority.not_before && leaf.not_after <= authority.not_after);
                prop_assert!(leaf.life() <= Span::days(825), "phones refuse longer ones");
            }
        }
    }
}
