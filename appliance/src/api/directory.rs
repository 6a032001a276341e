//! Persons, groups and service accounts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Patch, Time};

/// A person in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonItem {
    /// What they sign in with.
    pub name: String,
    /// What people call them.
    pub display_name: String,
    /// Whether they can be used now.
    pub state: AccountState,
    /// When they were made.
    pub created_at: Time,
}

/// Whether an account can be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// It can.
    Active,
    /// An admin locked it.
    Locked,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
}

impl AccountState {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::NotYet => "not yet valid",
            Self::Expired => "expired",
        }
    }
}

/// Everything about one person that an admin may see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// What they sign in with.
    pub name: String,
    /// The `sub` that apps see.
    pub subject: String,
    /// What people call them.
    pub display_name: String,
    /// Whether they can be used now.
    pub state: AccountState,
    /// Locked by an admin.
    pub locked: bool,
    /// Not usable before.
    pub valid_from: Option<Time>,
    /// Not usable from then on.
    pub valid_until: Option<Time>,
    /// The attributes that are set, by their id.
    pub attributes: BTreeMap<String, Value>,
    /// Every group that they are in, directly or through others.
    pub groups: Vec<String>,
    /// What they sign in with: kinds, names, times; never the secrets.
    pub credentials: Vec<CredentialItem>,
    /// Whether there is a picture.
    pub picture: bool,
    /// When they were made.
    pub created_at: Time,
    /// When anything that apps can see was last changed.
    pub updated_at: Time,
}

/// One way to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialItem {
    /// Its number within the account.
    pub number: i64,
    /// `passkey`, `password`, `totp` or `recovery`.
    pub kind: String,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used.
    pub last_used_at: Option<Time>,
    /// Until when it is refused because of wrong guesses.
    pub blocked_until: Option<Time>,
    /// A passkey that may have been copied; it is refused until somebody trusts it again.
    pub suspect: bool,
    /// How many recovery codes are left.
    pub left: Option<usize>,
}

/// A new account: a person or a service account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What it is called.
    pub name: String,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "AccountPatch::is_empty")]
    pub set: AccountPatch,
    /// Whether an account that is there already is to be made like this one instead of being refused.
    #[serde(default)]
    pub or_update: bool,
}

/// What is to be different about an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// Attributes by their id; `null` clears one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
    /// Not usable before.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub valid_from: Patch<Time>,
    /// Not usable from then on.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub valid_until: Patch<Time>,
    /// Shut until it is opened again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

impl AccountPatch {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an invite link is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewInvite {
    /// Whether it is for somebody who lost what they sign in with.
    #[serde(default)]
    pub recover: bool,
    /// For how many seconds it works; the house decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
}

/// A link that works once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// To be opened in a browser.
    pub url: String,
    /// Until when.
    pub expires_at: Time,
}

/// A public key for SSH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// `SHA256:...`, which names it.
    pub fingerprint: String,
    /// What its owner calls it.
    pub label: String,
    /// The line for `authorized_keys`.
    pub public_key: String,
    /// When it was added.
    pub created_at: Time,
}

/// A public key to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSshKey {
    /// As in a `.pub` file.
    pub public_key: String,
    /// What to call it; the comment of the key when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupItem {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it came with the house.
    pub builtin: bool,
    /// How strongly a member must sign in: `any`, `mfa` or `passkey`.
    pub strength: String,
}

/// Everything about one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it came with the house.
    pub builtin: bool,
    /// How strongly a member must sign in: `any`, `mfa` or `passkey`.
    pub strength: String,
    /// The same with what the groups that it is in demand.
    pub effective_strength: String,
    /// Accounts that were added to it, at most 200.
    pub accounts: Vec<String>,
    /// Whether there are more than those.
    pub more_accounts: bool,
    /// Groups that were added to it.
    pub groups: Vec<String>,
    /// Groups that it was added to.
    pub member_of: Vec<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A new group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// What else is known of it.
    #[serde(default)]
    pub set: GroupPatch,
    /// Whether a group that is there already is to be made like this one instead of being refused.
    #[serde(default)]
    pub or_update: bool,
}

/// What is to be different about a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupPatch {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `any`, `mfa` or `passkey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<String>,
}

/// A service account in a list and alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// Whether it can be used now.
    pub state: AccountState,
    /// The attributes that are set, by their id.
    pub attributes: BTreeMap<String, Value>,
    /// Every group that it is in, directly or through others.
    pub groups: Vec<String>,
    /// Not usable before.
    pub valid_from: Option<Time>,
    /// Not usable from then on.
    pub valid_until: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its number within the service account.
    pub number: i64,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Time,
    /// Until when it works.
    pub expires_at: Time,
}

/// An API token to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// What it is for.
    pub label: String,
    /// For how many seconds it works; the house decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
}

/// An API token as it is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTokenSecret {
    /// Its number within the service account.
    pub number: i64,
    /// The token itself.
    pub token: String,
    /// Until when it works.
    pub expires_at: Time,
}
