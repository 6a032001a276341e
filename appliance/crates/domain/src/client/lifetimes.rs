//! How long tokens live.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// How long the tokens of an app live. Only sensible ones exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawLifetimes", into = "RawLifetimes")]
pub struct Lifetimes {
    access: Span,
    refresh_idle: Span,
    refresh_absolute: Span,
}

#[derive(Serialize, Deserialize)]
struct RawLifetimes {
    access: Span,
    refresh_idle: Span,
    refresh_absolute: Span,
}

impl Lifetimes {
    /// The longest life of an access token.
    pub const LONGEST_ACCESS: Span = Span::days(1);

    /// Access tokens live 1 minute to 1 day, refresh tokens at most a year; an unused one does not outlive a used one.
    pub fn new(access: Span, refresh_idle: Span, refresh_absolute: Span) -> Result<Self, &'static str> {
        if access < Span::minutes(1) || access > Self::LONGEST_ACCESS {
            return Err("an access token lives from 60 seconds to 1 day");
        }
        if refresh_absolute > Span::days(366) {
            return Err("a refresh token lives at most 366 days");
        }
        if refresh_idle > refresh_absolute {
            return Err("a refresh token cannot be unused for longer than it lives");
        }
        if refresh_idle < access {
            return Err("a refresh token must outlive the access token that it renews");
        }
        Ok(Self { access, refresh_idle, refresh_absolute })
    }

    /// How long an access token is good; an ID token as well.
    pub const fn access(self) -> Span {
        self.access
    }

    /// After how long without use a refresh token is over.
    pub const fn refresh_idle(self) -> Span {
        self.refresh_idle
    }

    /// After how long a refresh token is over in any case.
    pub const fn refresh_absolute(self) -> Span {
        self.refresh_absolute
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { access: Span::minutes(15), refresh_idle: Span::days(30), refresh_absolute: Span::days(90) }
    }
}

impl TryFrom<RawLifetimes> for Lifetimes {
    type Error = &'static str;

    fn try_from(raw: RawLifetimes) -> Result<Self, Self::Error> {
        Self::new(raw.access, raw.refresh_idle, raw.refresh_absolute)
    }
}

impl From<Lifetimes> for RawLifetimes {
    fn from(lifetimes: Lifetimes) -> Self {
        let Lifetimes { access, refresh_idle, refresh_absolute } = lifetimes;
        Self { access, refresh_idle, refresh_absolute }
    }
}
