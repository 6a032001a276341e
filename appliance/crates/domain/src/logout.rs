//! Telling apps that a session has ended (OpenID Connect Back-Channel Logout 1.0): who is still to be told, when to try again, and
//! which addresses may be asked.

use crate::id::{AccountId, ClientId, DeliveryNumber, SessionNumber, Subject};
use crate::time::{Span, Timestamp};

/// Most deliveries that wait; the oldest go.
pub const MAX_DELIVERIES: usize = 1000;

/// How long a logout token is good: the standard (section 4) recommends at most two minutes.
pub const TOKEN_LIFETIME: Span = Span::minutes(2);

/// A try that fails this long after the session ended, or later, is the last one: six tries within an hour.
pub const GIVE_UP: Span = Span::minutes(50);

/// Between the first failure and the second try; four times as long between the next two, and so on.
const FIRST_PAUSE: Span = Span::seconds(15);
const LONGEST_PAUSE: Span = Span::minutes(30);

/// A session that has ended, and an app that does not know it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutDelivery {
    /// Its row.
    pub number: DeliveryNumber,
    /// The app.
    pub client: ClientId,
    /// Whose session it was; the account may be gone.
    pub account: AccountId,
    /// Which session.
    pub session: SessionNumber,
    /// Who that was to the apps.
    pub subject: Subject,
    /// The issuer that the app knows.
    pub issuer: String,
    /// When the session ended.
    pub created_at: Timestamp,
}

impl LogoutDelivery {
    /// Whether there is no other try after one that failed now. What was written down in what is the future was written by a
    /// clock that was wrong.
    pub fn is_last_try(&self, now: Timestamp) -> bool {
        now >= self.created_at + GIVE_UP || self.created_at > now + GIVE_UP
    }
}

/// How the last delivery to an app went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutReport {
    /// When.
    pub at: Timestamp,
    /// Why the app does not know, if it does not.
    pub trouble: Option<String>,
}

/// How long to leave an app alone after so many failures in a row.
pub fn pause(failures: u32) -> Span {
    let factor = 4_i64.saturating_pow(failures.saturating_sub(1));
    Span::seconds(FIRST_PAUSE.as_seconds().saturating_mul(factor)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn an_app_that_does_not_answer_is_tried_six_times_within_an_hour() {
        let delivery = LogoutDelivery {
            number: DeliveryNumber(1),
            client: ClientId(1),
            account: AccountId(1),
            session: SessionNumber(1),
            subject: Subject::from_bytes([1; 16]),
            issuer: "https://id.example.org".to_owned(),
            created_at: T0,
        };
        let (mut now, mut tries) = (T0, 1);
        while !delivery.is_last_try(now) {
            now = now + pause(tries);
            tries += 1;
        }
        assert_eq!(tries, 6);
        assert!(now.since(T0) < Span::hours(1));
        assert!(delivery.is_last_try(T0 - Span::days(1)), "a clock that was set back keeps nothing for ever");
    }

    #[test]
    fn a_pause_is_bounded() {
        assert_eq!(pause(1), Span::seconds(15));
        assert_eq!(pause(u32::MAX), Span::minutes(30));
    }
}
