//! Sessions, signing keys, the audit log and the state of the house.

use domain::clock::Trust;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OtherCertificate, PanelState, Time, Update};

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its number within the account.
    pub number: i64,
    /// Browser and system in a few words.
    pub device: String,
    /// The address that it signed in from.
    pub address: String,
    /// How strongly the person proved it.
    pub strength: String,
    /// When it began.
    pub created_at: Time,
    /// When it was last seen, to the hour.
    pub last_seen_at: Time,
    /// When it ends at the latest.
    pub expires_at: Time,
}

/// What the server's clock shows, and how far that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// The server's time.
    pub now: Time,
    /// 2 is good; below, nobody can sign in.
    pub level: u8,
    /// The same in a word.
    pub trust: Trust,
    /// Where it comes from.
    pub source: String,
    /// What to do about it, if there is anything to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// To set the server's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetClock {
    /// What time it is.
    pub now: Time,
}

/// The clock was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSet {
    /// The server's time.
    pub now: Time,
    /// Whether the machine's clock was set too, or the server goes by its own.
    pub machine: bool,
}

/// What was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// How many were ended.
    pub revoked: usize,
}

/// A key that signs tokens; never the private part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// The `kid` in the JWKS.
    pub kid: String,
    /// `ES256` or `RS256`.
    pub algorithm: String,
    /// What it is used for now.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Time,
    /// From when on it signs nothing.
    pub retired_at: Option<Time>,
    /// From when on it is not published.
    pub expires_at: Option<Time>,
}

/// The life of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, does not sign yet.
    Upcoming,
    /// Signs.
    Active,
    /// Published until the last token that it signed is over.
    Retired,
}

impl KeyState {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// Which kind of key to replace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// `ES256` or `RS256`.
    pub algorithm: String,
    /// Whether the old key is in wrong hands: what it signed is worth nothing from now on.
    #[serde(default)]
    pub emergency: bool,
}

/// The key that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotated {
    /// The `kid` of the new key.
    pub kid: String,
}

/// How the house is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the server.
    pub version: String,
    /// The name of the house.
    pub house: String,
    /// The issuer: the address that apps and browsers use.
    pub issuer: String,
    /// What time the server thinks it is.
    pub now: Time,
    /// How far that can be trusted; nobody can sign in before it is `synchronised`.
    pub clock: Trust,
    /// Persons.
    pub persons: i64,
    /// Service accounts.
    pub service_accounts: i64,
    /// Groups, built-in ones included.
    pub groups: i64,
    /// Apps.
    pub apps: i64,
    /// Browsers that are signed in.
    pub sessions: i64,
    /// Bytes of the database file.
    pub database_bytes: i64,
    /// The number of the database's schema.
    pub schema: i64,
    /// What the LED says, and what it would say if that were over.
    pub states: Vec<PanelState>,
    /// The certificate in short; absent before there is one.
    #[serde(default)]
    pub certificate: Option<OtherCertificate>,
    /// How the update of the system stands; absent on a machine that is not updated this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
    /// Who asks: `console` or a service account.
    pub you: String,
}

/// An audit event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the order of happening.
    pub number: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: String,
    /// What, as `noun.verb`.
    pub action: String,
    /// On whom or what.
    pub target: String,
    /// From where.
    pub origin: String,
    /// `success` or `refused`.
    pub outcome: String,
    /// What else is worth knowing.
    pub detail: Value,
}
