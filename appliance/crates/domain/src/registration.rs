//! Dynamic client registration (RFC 7591, RFC 7592): tokens with which an app registers itself, and what such an app holds.

use std::fmt;
use std::str::FromStr;

use crate::id::{ClientId, GroupId, RegistrationTokenNumber};
use crate::secret::Digest;
use crate::time::{SET_BACK, Span, Timestamp};

/// How long a token lives when nothing is said.
pub const USUAL: Span = Span::days(1);
/// The longest life of a token.
pub const LONGEST: Span = Span::days(90);
/// Most apps that one token registers.
pub const MAX_USES: u32 = 100;
/// Most tokens of a house.
pub const MAX_TOKENS: usize = 32;

/// A token that an admin made (the initial access token of RFC 7591 section 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationToken {
    /// Its number.
    pub number: RegistrationTokenNumber,
    /// The digest of its secret.
    pub digest: Digest,
    /// Whose members may use the apps that it registers.
    pub group: GroupId,
    /// How many more apps it registers.
    pub uses_left: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

impl RegistrationToken {
    /// Whether it is good at that moment: a clock that went back revives nothing.
    pub fn good(&self, now: Timestamp) -> bool {
        self.uses_left > 0 && self.created_at <= now + SET_BACK && now < self.expires_at
    }
}

/// When a token ends that is made now; refused outside of the limits.
pub fn end(now: Timestamp, lifetime: Option<Span>) -> Result<Timestamp, &'static str> {
    let lifetime = lifetime.unwrap_or(USUAL);
    if lifetime < Span::minutes(1) || lifetime > LONGEST {
        return Err("such a token lives from one minute to 90 days; choose a time between");
    }
    Ok(now + lifetime)
}

/// What an app holds that registered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Which app.
    pub client: ClientId,
    /// The digest of its registration access token's secret (RFC 7592 section 1.2).
    pub digest: Digest,
    /// How it said that it proves itself.
    pub authentication: AuthenticationMethod,
    /// Whether it said that it uses authorization codes; an app on a device need not.
    pub uses_codes: bool,
}

/// How a client proves itself (`token_endpoint_auth_method` of RFC 7591 section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// By HTTP Basic.
    #[default]
    Basic,
    /// In the form.
    Post,
    /// By what it signs with a key (RFC 7523).
    PrivateKeyJwt,
    /// Not at all: a public client.
    None,
}

impl AuthenticationMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Basic, Self::Post, Self::PrivateKeyJwt, Self::None];

    /// The name of RFC 7591.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    /// Whether it proves nothing.
    pub const fn is_public(self) -> bool {
        match self {
            Self::None => true,
            Self::Basic | Self::Post | Self::PrivateKeyJwt => false,
        }
    }

    /// Whether it has a secret to prove itself by.
    pub const fn has_secret(self) -> bool {
        match self {
            Self::Basic | Self::Post => true,
            Self::PrivateKeyJwt | Self::None => false,
        }
    }
}

impl fmt::Display for AuthenticationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuthenticationMethod {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|one| one.as_str() == raw);
        known.ok_or("it is one of client_secret_basic, client_secret_post, private_key_jwt and none")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_ends() {
        let now = Timestamp::from_unix(1_800_000_000);
        assert_eq!(end(now, None), Ok(now + Span::days(1)));
        assert!(end(now, Some(Span::days(91))).is_err());
        assert!(end(now, Some(Span::seconds(0))).is_err());
    }

    #[test]
    fn a_token_is_good_until_it_is_used_up_or_over() {
        let now = Timestamp::from_unix(1_800_000_000);
        let token = |uses_left| RegistrationToken {
            number: RegistrationTokenNumber(1),
            digest: Digest::of(b"x"),
            group: GroupId(1),
            uses_left,
            created_at: now,
            expires_at: now + Span::hours(1),
        };
        assert!(token(1).good(now) && !token(0).good(now));
        assert!(!token(1).good(now + Span::hours(1)));
        assert!(!token(1).good(now - Span::hours(1)), "a clock that went back");
    }
}
