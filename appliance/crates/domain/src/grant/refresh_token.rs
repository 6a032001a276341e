//! Refresh tokens (RFC 6749 section 6, RFC 9700 section 4.14): one family per authorization code. Each use replaces the token; an
//! old one coming back means that two parties hold it, and ends the family.

use crate::client::Lifetimes;
use crate::grant::authorization_code::Granted;
use crate::id::{ClientId, FamilyNumber};
use crate::proof::dpop::binds;
use crate::secret::Digest;
use crate::time::{SET_BACK, Span, Timestamp};

/// Most families of one account; the oldest go.
pub const MAX_FAMILIES: usize = 500;

/// How long after its replacement a refresh token is taken once more: its client may not have got the answer. See
/// docs/decisions/0012.
pub const GRACE: Span = Span::seconds(10);

/// What one authorization code grew into: access tokens name it, and its one current refresh token is proven here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFamily {
    /// Its number within the account.
    pub number: FamilyNumber,
    /// What was granted.
    pub granted: Granted,
    /// How often it was refreshed.
    pub generation: i64,
    /// The digest of the current refresh token's secret; absent where none was granted.
    pub refresh: Option<Digest>,
    /// The refresh token before the current one, and when it was replaced: a client that did not get the answer asks again.
    pub previous: Option<(Digest, Timestamp)>,
    /// The thumbprint of the key that its tokens are bound to (RFC 9449 section 6.1).
    pub bound_to: Option<Digest>,
    /// When the code was redeemed.
    pub created_at: Timestamp,
    /// From when on nothing of it is good.
    pub expires_at: Timestamp,
}

/// A refresh token as it was presented.
#[derive(Clone, Copy, Debug)]
pub struct RefreshOffer {
    /// The authenticated client.
    pub client: ClientId,
    /// The digest of the token's secret.
    pub digest: Digest,
    /// The thumbprint of the key that was proven with it.
    pub key: Option<Digest>,
}

/// Why a refresh token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRefusal {
    /// There is no such family, or it was ended.
    Unknown,
    /// Unused for too long, or too old.
    Expired,
    /// It was used before. The family must end.
    Reused,
    /// It is the current token, in the hands of another client. The family must end.
    Leaked,
    /// It is bound to a key that was not proven (RFC 9449 section 5).
    OtherKey,
}

impl RefreshRefusal {
    /// Whether somebody holds a token who should not.
    pub const fn ends_family(self) -> bool {
        match self {
            Self::Reused | Self::Leaked => true,
            Self::Unknown | Self::Expired | Self::OtherKey => false,
        }
    }
}

impl TokenFamily {
    /// A new family; with `refresh` it outlives its first access token.
    pub fn begin(
        number: FamilyNumber,
        granted: Granted,
        refresh: Option<Digest>,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Self {
        let span = if refresh.is_some() { lifetimes.refresh_idle() } else { lifetimes.access() };
        Self {
            number,
            granted,
            generation: 0,
            refresh,
            previous: None,
            bound_to: None,
            created_at: now,
            expires_at: now + span,
        }
    }

    /// Whether its access tokens may still be good. One that began in what is the future was made by a clock that was wrong.
    pub fn alive(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.created_at <= now + SET_BACK
    }

    /// Replaces the refresh token that is offered by `next`: the current one, or the one before it while its answer may have been
    /// lost. After such a repetition there is no token before the current one, so it happens once, and whichever of the two
    /// older tokens comes back next ends the family.
    pub fn rotate(
        self,
        offer: &RefreshOffer,
        next: Digest,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Self, RefreshRefusal> {
        let Some(current) = &self.refresh else { return Err(RefreshRefusal::Unknown) };
        let previous = match (*current == offer.digest, offer.client == self.granted.client) {
            (true, true) => Some((*current, now)),
            (true, false) => return Err(RefreshRefusal::Leaked),
            (false, true) if self.asked_again(&offer.digest, now) => None,
            (false, true) => return Err(RefreshRefusal::Reused),
            // A stranger who guesses numbers cannot end a family.
            (false, false) => return Err(RefreshRefusal::Unknown),
        };
        if !binds(self.bound_to.as_ref(), offer.key.as_ref()) {
            return Err(RefreshRefusal::OtherKey);
        }
        let end = self.created_at + lifetimes.refresh_absolute();
        if !self.alive(now) || now >= end {
            return Err(RefreshRefusal::Expired);
        }
        Ok(Self {
            generation: self.generation.saturating_add(1),
            refresh: Some(next),
            // Once bound, always bound.
            bound_to: offer.key,
            previous,
            expires_at: (now + lifetimes.refresh_idle()).min(end),
            ..self
        })
    }

    /// Whether it is the token before the current one, a moment after it was replaced.
    fn asked_again(&self, offered: &Digest, now: Timestamp) -> bool {
        let Some((previous, replaced_at)) = &self.previous else { return false };
        previous == offered && *replaced_at <= now && now < *replaced_at + GRACE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grant::authorization_code::Authentication;
    use crate::id::AccountId;
    use crate::sign_in::Factors;
    use crate::strength::Strength;
    use crate::time::Span;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);
    const APP: ClientId = ClientId(2);

    fn digest(n: u32) -> Digest {
        Digest::of(&n.to_be_bytes())
    }

    fn family(refresh: Option<Digest>) -> TokenFamily {
        let granted = Granted {
            account: AccountId(1),
            client: APP,
            scopes: "openid offline_access".parse().unwrap(),
            authentication: Authentication { session: None, strength: Strength::Mfa, factors: Factors::NONE, at: T0 },
            claims: crate::claim::RequestedClaims::default(),
        };
        TokenFamily::begin(FamilyNumber(5), granted, refresh, Lifetimes::default(), T0)
    }

    fn rotate(family: TokenFamily, offered: u32, next: u32, now: Timestamp) -> Result<TokenFamily, RefreshRefusal> {
        let offer = RefreshOffer { client: APP, digest: digest(offered), key: None };
        family.rotate(&offer, digest(next), Lifetimes::default(), now)
    }

    #[test]
    fn a_refresh_token_works_once() {
        let second = rotate(family(Some(digest(0))), 0, 1, T0).unwrap();
        assert_eq!(second.generation, 1);
        assert_eq!(rotate(second, 0, 2, T0 + GRACE), Err(RefreshRefusal::Reused));
    }

    #[test]
    fn a_client_that_did_not_get_the_answer_asks_once_more() {
        let soon = T0 + GRACE - Span::seconds(1);
        let second = rotate(family(Some(digest(0))), 0, 1, T0).unwrap();
        let third = rotate(second, 0, 2, soon).unwrap();
        for older in [0, 1] {
            assert_eq!(rotate(third.clone(), older, 3, soon), Err(RefreshRefusal::Reused), "{older}");
        }
        assert!(rotate(third, 2, 3, soon).is_ok());
    }

    #[test]
    fn a_clock_that_went_back_gives_no_more_time_to_ask_again() {
        let second = rotate(family(Some(digest(0))), 0, 1, T0).unwrap();
        assert_eq!(rotate(second, 0, 2, T0 - Span::seconds(1)), Err(RefreshRefusal::Reused));
    }

    #[test]
    fn a_family_without_a_refresh_token_cannot_be_refreshed() {
        assert_eq!(rotate(family(None), 0, 1, T0), Err(RefreshRefusal::Unknown));
        assert!(!family(None).alive(T0 + Span::minutes(15)), "and ends with its access token");
    }

    #[test]
    fn a_token_in_the_hands_of_another_app_ends_the_family() {
        let other = |offered| {
            let offer = RefreshOffer { client: ClientId(3), digest: digest(offered), key: None };
            family(Some(digest(0))).rotate(&offer, digest(1), Lifetimes::default(), T0)
        };
        assert_eq!(other(0), Err(RefreshRefusal::Leaked));
        assert_eq!(other(7), Err(RefreshRefusal::Unknown));
        assert!(RefreshRefusal::Leaked.ends_family() && RefreshRefusal::Reused.ends_family());
        assert!(!RefreshRefusal::Unknown.ends_family() && !RefreshRefusal::Expired.ends_family());
    }

    #[test]
    fn a_family_that_is_bound_to_a_key_goes_on_with_that_key_only() {
        let with = |family: TokenFamily, key| {
            let offer = RefreshOffer { client: APP, digest: digest(0), key };
            family.rotate(&offer, digest(1), Lifetimes::default(), T0)
        };
        let bound = TokenFamily { bound_to: Some(digest(7)), ..family(Some(digest(0))) };
        assert_eq!(with(bound.clone(), None), Err(RefreshRefusal::OtherKey));
        assert_eq!(with(bound.clone(), Some(digest(8))), Err(RefreshRefusal::OtherKey));
        assert_eq!(with(bound, Some(digest(7))).unwrap().bound_to, Some(digest(7)));
        let later = with(family(Some(digest(0))), Some(digest(7))).unwrap();
        assert_eq!(later.bound_to, Some(digest(7)), "an app may begin to use a key");
        assert!(!RefreshRefusal::OtherKey.ends_family(), "who has no key ends nothing");
    }

    #[test]
    fn an_unused_token_is_over_after_a_month_and_a_used_one_after_three() {
        let unused = family(Some(digest(0)));
        assert!(rotate(unused.clone(), 0, 1, T0 + Span::days(30) - Span::seconds(1)).is_ok());
        assert_eq!(rotate(unused, 0, 1, T0 + Span::days(30)), Err(RefreshRefusal::Expired));
        let mut used = family(Some(digest(0)));
        for (n, day) in (0..).zip([20, 40, 60, 80]) {
            used = rotate(used, n, n + 1, T0 + Span::days(day)).unwrap();
        }
        assert_eq!(used.expires_at, T0 + Span::days(90));
        assert_eq!(rotate(used, 4, 5, T0 + Span::days(90)), Err(RefreshRefusal::Expired));
    }

    proptest! {
        /// Whatever is offered, in whatever order: only the newest token is ever taken, or for a moment the one that it
        /// replaced, once; anything older ends the family.
        #[test]
        fn only_the_newest_token_of_a_family_is_taken(
            offers in prop::collection::vec((0u32..6, prop_oneof![0i64..12, 0i64..40 * 86_400]), 1..24)
        ) {
            let mut current = Some(family(Some(digest(0))));
            let (mut newest, mut now) = (0, T0);
            // The token that may be offered once more, and until when.
            let mut before: Option<(u32, Timestamp)> = None;
            for (age, seconds) in offers {
                let Some(family) = current.take() else { break };
                now = now + Span::seconds(seconds);
                let offered = newest - age.min(newest);
                let again = before.is_some_and(|(token, until)| token == offered && now < until);
                let (created, expires) = (family.created_at, family.expires_at);
                match rotate(family.clone(), offered, newest + 1, now) {
                    Ok(next) => {
                        prop_assert!(offered == newest || again);
                        prop_assert!(now < expires && now < created + Span::days(90));
                        prop_assert_eq!(next.generation, family.generation + 1);
                        prop_assert!(next.expires_at <= created + Span::days(90));
                        before = if again { None } else { Some((newest, now + GRACE)) };
                        newest += 1;
                        current = Some(next);
                    }
                    Err(why) => {
                        prop_assert_eq!(why.ends_family(), offered != newest && !again);
                        current = if why.ends_family() { None } else { Some(family) };
                    }
                }
            }
        }
    }
}
