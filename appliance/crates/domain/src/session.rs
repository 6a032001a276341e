//! A browser's session: how long it lives and how long an authentication counts as fresh.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, SessionNumber};
use crate::secret::Digest;
use crate::sign_in::Factors;
use crate::strength::Strength;
use crate::time::{SET_BACK, Span, Timestamp};

/// However busy it is, a session ends after this long.
pub const ABSOLUTE: Span = Span::days(30);
/// A session that nobody uses ends after this long.
pub const IDLE: Span = Span::days(7);
/// For this long after proving it, a person may change credentials and use an office.
pub const FRESH: Span = Span::minutes(10);
/// The time of the last use is written this often at the most: a page view must not cost a write.
pub const SEEN_EVERY: Span = Span::hours(1);
/// Most sessions of one person; the oldest goes.
pub const MAX_SESSIONS: usize = 50;

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub account: AccountId,
    /// Its number within the account.
    pub number: SessionNumber,
    /// The digest of the cookie's secret.
    pub digest: Digest,
    /// How strongly the person proved it.
    pub strength: Strength,
    /// With what.
    pub factors: Factors,
    /// The browser and system in a few words.
    pub device: String,
    /// The address of the last sign-in.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When the person last proved it (`auth_time`).
    pub authenticated_at: Timestamp,
    /// When it was last used, to the hour.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether it still counts. One that was used in what is the future was used by a clock that was wrong.
    pub fn alive(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.last_seen_at + IDLE && self.last_seen_at <= now + SET_BACK
    }

    /// Whether the person proved it just now. A clock that was set back makes nothing fresh.
    pub fn fresh(&self, now: Timestamp) -> bool {
        now >= self.authenticated_at && now.since(self.authenticated_at) < FRESH
    }

    /// Whether its last use has to be written down.
    pub fn wants_seen(&self, now: Timestamp) -> bool {
        now.since(self.last_seen_at) >= SEEN_EVERY
    }

    /// What its owner may see of it.
    pub fn view(&self) -> SessionView {
        SessionView {
            number: self.number,
            strength: self.strength,
            factors: self.factors,
            device: self.device.clone(),
            address: self.address.clone(),
            created_at: self.created_at,
            authenticated_at: self.authenticated_at,
            last_seen_at: self.last_seen_at,
            expires_at: self.expires_at,
        }
    }
}

/// A session as its owner and the admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its number within the account.
    pub number: SessionNumber,
    /// How strongly the person proved it.
    pub strength: Strength,
    /// With what.
    pub factors: Factors,
    /// The browser and system in a few words.
    pub device: String,
    /// The address of the last sign-in.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When the person last proved it.
    pub authenticated_at: Timestamp,
    /// When it was last used, to the hour.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn session() -> Session {
        Session {
            account: AccountId(1),
            number: SessionNumber(2),
            digest: Digest::of(b"x"),
            strength: Strength::Passkey,
            factors: Factors::NONE,
            device: String::new(),
            address: String::new(),
            created_at: T0,
            authenticated_at: T0,
            last_seen_at: T0,
            expires_at: T0 + ABSOLUTE,
        }
    }

    #[test]
    fn a_session_that_nobody_uses_ends_after_a_week() {
        assert!(session().alive(T0 + Span::days(7) - Span::seconds(1)));
        assert!(!session().alive(T0 + Span::days(7)));
    }

    #[test]
    fn a_session_in_daily_use_ends_after_a_month() {
        let seen = |at| Session { last_seen_at: at, ..session() };
        let end = T0 + ABSOLUTE;
        assert!(seen(end - Span::seconds(1)).alive(end - Span::seconds(1)));
        assert!(!seen(end).alive(end));
    }

    #[test]
    fn a_session_from_the_future_does_not_count() {
        assert!(session().alive(T0 - Span::minutes(5)));
        assert!(!session().alive(T0 - Span::minutes(5) - Span::seconds(1)));
    }

    #[test]
    fn an_authentication_is_fresh_for_ten_minutes() {
        assert!(session().fresh(T0 + Span::seconds(599)));
        assert!(!session().fresh(T0 + Span::minutes(10)));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_fresh() {
        assert!(!session().fresh(T0 - Span::seconds(1)));
    }
}
