//! API tokens of service accounts: bearer tokens that end, of which only a digest is kept.

use crate::id::{AccountId, ApiTokenNumber};
use crate::name::Label;
use crate::secret::Digest;
use crate::time::{SET_BACK, Span, Timestamp};

/// How long a token lives when nothing is said.
pub const USUAL: Span = Span::days(90);
/// The shortest life of a token.
pub const SHORTEST: Span = Span::minutes(1);
/// The longest life of a token.
pub const LONGEST: Span = Span::days(731);
/// Most tokens of one service account.
pub const MAX_TOKENS: usize = 32;

/// An API token as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Whose it is.
    pub account: AccountId,
    /// Its number within the account.
    pub number: ApiTokenNumber,
    /// The digest of its secret.
    pub digest: Digest,
    /// What its owner calls it.
    pub label: Label,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

impl ApiToken {
    /// Whether it is good at that moment: neither over, nor made in what is the future, since a clock that went back must revive
    /// nothing that was over.
    pub fn good(&self, now: Timestamp) -> bool {
        self.created_at <= now + SET_BACK && now < self.expires_at
    }
}

/// When a token ends that is made now; refused outside of the limits.
pub fn end(now: Timestamp, lifetime: Option<Span>) -> Result<Timestamp, &'static str> {
    let lifetime = lifetime.unwrap_or(USUAL);
    if lifetime < SHORTEST || lifetime > LONGEST {
        return Err("a token lives from one minute to two years; choose a time between");
    }
    Ok(now + lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_ends() {
        let now = Timestamp::from_unix(0);
        assert_eq!(end(now, None), Ok(now + Span::days(90)));
        assert!(end(now, Some(Span::days(732))).is_err());
        assert!(end(now, Some(Span::seconds(0))).is_err());
    }
}
