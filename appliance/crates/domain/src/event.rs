//! Audit events: who did what, on whom, from where, when, and with what outcome.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::EventNumber;
use crate::time::Timestamp;

/// How many events are kept; the oldest go first.
pub const KEPT: i64 = 20_000;

/// Most characters of an event's texts; longer ones are cut.
pub const MAX_TEXT: usize = 256;

/// An event as stored. Names are kept as text, so that it stays readable after the account is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the order of happening.
    pub number: EventNumber,
    /// When.
    pub at: Timestamp,
    /// Who: a user name, `console`, `system`, or empty when nobody was known.
    pub actor: String,
    /// What, as `noun.verb`, for instance `person.create`.
    pub action: String,
    /// On whom or what: a name; may be empty.
    pub target: String,
    /// From where: an address or `console`.
    pub origin: String,
    /// Whether it was done.
    pub outcome: Outcome,
    /// What else is worth knowing; never a secret.
    pub detail: Value,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Success,
    /// Refused.
    Refused,
}

impl Outcome {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "success" => Ok(Self::Success),
            "refused" => Ok(Self::Refused),
            _ => Err("the outcome of an event is success or refused"),
        }
    }
}

/// Which events are meant; what is absent is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Who did it, by name.
    pub actor: Option<String>,
    /// What was done, from its beginning: `person` means every `person.` action, `person.create` that one.
    pub action: Option<String>,
    /// On whom or what, by name.
    pub target: Option<String>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Whether it was done.
    pub outcome: Option<Outcome>,
}
