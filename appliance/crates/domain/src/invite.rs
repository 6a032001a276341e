//! A link that lets its holder add a passkey: once, and for a while.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::secret::Digest;
use crate::time::{SET_BACK, Span, Timestamp};

/// The longest life of a link.
pub const LONGEST: Span = Span::days(30);

/// How long the link lives that a recovery code opens.
pub const BY_CODE_LIFETIME: Span = Span::minutes(10);

/// Who made the link that a recovery code opened, as its `created_by`; no name has a blank.
pub const BY_CODE: &str = "recovery code";

/// Who made the link that a recovery code opened with somebody at the box, as its `created_by`.
pub const BY_PRESENCE: &str = "recovery code at the box";

/// What the link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitePurpose {
    /// The first passkey of a new person.
    Join,
    /// A new passkey for somebody who lost theirs.
    Recover,
}

impl InvitePurpose {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Recover => "recover",
        }
    }

    /// How long the link lives when nothing else is said.
    pub const fn lifetime(self) -> Span {
        match self {
            Self::Join => Span::days(3),
            Self::Recover => Span::days(1),
        }
    }
}

impl fmt::Display for InvitePurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for InvitePurpose {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "join" => Ok(Self::Join),
            "recover" => Ok(Self::Recover),
            _ => Err("the purpose of an invite is join or recover"),
        }
    }
}

/// An invite as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// For whom.
    pub account: AccountId,
    /// Its number within the account.
    pub number: i64,
    /// The digest of the link's secret.
    pub digest: Digest,
    /// What it is for.
    pub purpose: InvitePurpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

impl Invite {
    /// Whether it is good at that moment: neither over, nor made in what is the future, since a clock that went back must revive
    /// nothing that was over.
    pub fn good(&self, now: Timestamp) -> bool {
        self.created_at <= now + SET_BACK && now < self.expires_at
    }
}
