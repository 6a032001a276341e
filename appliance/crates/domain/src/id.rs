//! Row numbers and public identifiers. A row number never leaves the house; a `Subject` does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entropy::{self, Entropy};
use crate::time::Timestamp;

macro_rules! row_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                raw.parse().map(Self)
            }
        }
    };
}

row_number!(
    /// An account's row.
    AccountId
);
row_number!(
    /// A group's row.
    GroupId
);
row_number!(
    /// A client's row.
    ClientId
);
row_number!(
    /// A credential, numbered at random within its account.
    CredentialNumber
);
row_number!(
    /// A session, numbered at random within its account.
    SessionNumber
);
row_number!(
    /// A family of tokens, numbered by time and a count within its account.
    FamilyNumber
);
row_number!(
    /// An API token, numbered at random within its service account.
    ApiTokenNumber
);
row_number!(
    /// A token by which apps register themselves, numbered at random.
    RegistrationTokenNumber
);
row_number!(
    /// An app that is to be told of the end of a session, numbered in the order of happening.
    DeliveryNumber
);
row_number!(
    /// An audit event, numbered in the order of happening.
    EventNumber
);

impl FamilyNumber {
    /// A new number: the second it began in and 21 bits of a count that the caller keeps, below 2^53; so two million of one
    /// second differ. Families of one account are stored in the order of time, where a new one dirties the page of the one
    /// before and the oldest go page by page. It is no secret.
    pub fn new(now: Timestamp, count: u32) -> Self {
        let second = u32::try_from(now.unix()).unwrap_or(u32::MAX);
        Self(i64::from(second) << 21 | i64::from(count & 0x1f_ffff))
    }
}

/// Who somebody is to the apps: the `sub` of OpenID Connect and the user handle of WebAuthn. Random, stable, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(Uuid);

impl Subject {
    /// A new one (a version 4 UUID).
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(uuid::Builder::from_random_bytes(entropy::bytes(entropy)).into_uuid())
    }

    /// From its 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Its 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// As the UUID that WebAuthn's user handle is made of.
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Subject {
    type Err = uuid::Error;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        raw.parse().map(Self)
    }
}
