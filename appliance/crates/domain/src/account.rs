//! Who can be authenticated: persons and service accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attribute::MAIL;
use crate::id::{AccountId, Subject};
use crate::name::Username;
use crate::time::Timestamp;

/// What kind of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A human being, who signs in at the page.
    Person,
    /// A program, which has API tokens and never signs in at the page.
    Service,
}

impl AccountKind {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AccountKind {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "person" => Ok(Self::Person),
            "service" => Ok(Self::Service),
            _ => Err("the kind of an account is person or service"),
        }
    }
}

/// An account as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its row.
    pub id: AccountId,
    /// Its `sub`.
    pub subject: Subject,
    /// Person or service.
    pub kind: AccountKind,
    /// What it signs in with.
    pub name: Username,
    /// Stored attributes by their id in the `ATTRIBUTES` table; absent means not set.
    pub attributes: BTreeMap<String, Value>,
    /// Not usable before this moment.
    pub valid_from: Option<Timestamp>,
    /// Not usable from this moment on.
    pub valid_until: Option<Timestamp>,
    /// Shut by an admin until an admin opens it.
    pub locked: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything that apps can see was last changed (`updated_at` of OpenID Connect).
    pub updated_at: Timestamp,
}

/// Why an account cannot be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// An admin locked it.
    Locked,
    /// Its time has not come.
    NotYet(Timestamp),
    /// Its time is over.
    Expired(Timestamp),
}

impl Account {
    /// Whether it may be used at that moment.
    pub fn usable(&self, now: Timestamp) -> Result<(), Unusable> {
        if self.locked {
            return Err(Unusable::Locked);
        }
        match (self.valid_from, self.valid_until) {
            (Some(from), _) if now < from => Err(Unusable::NotYet(from)),
            (_, Some(until)) if now >= until => Err(Unusable::Expired(until)),
            _ => Ok(()),
        }
    }

    /// The mail addresses in lower case: two that differ in case only reach the same person.
    pub fn mails(&self) -> BTreeSet<String> {
        let listed = self.attributes.get(MAIL).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        listed.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
    }

    /// What people call it: the display name, or else the user name.
    pub fn display_name(&self) -> &str {
        self.attributes.get("display_name").and_then(Value::as_str).unwrap_or(self.name.as_str())
    }
}
