//! Which system runs, and how its update went.

use serde::{Deserialize, Serialize};

use super::Time;

/// How the update of the system stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The half of the card that runs: `A` or `B`.
    pub slot: Slot,
    /// The version of the system there.
    pub version: String,
    /// Where the update stands.
    pub state: UpdateState,
    /// The version in the other half that this is about; the one that failed, after a rollback. Empty when there is none.
    pub other_version: String,
    /// Why it was rolled back, in a sentence; else empty.
    pub reason: String,
    /// Since when.
    pub at: Time,
}

/// One half of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Its letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// Where an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateState {
    /// There is none under way.
    Committed,
    /// A new version runs and is not known to be good yet.
    Trial,
    /// A new version is being written.
    Installing,
    /// A new version is written; a restart tries it.
    Ready,
    /// A new version did not work, and the one before it runs again.
    RolledBack,
}

impl Update {
    /// The same in words.
    pub fn words(&self) -> String {
        let other = &self.other_version;
        match self.state {
            UpdateState::Committed => "none under way".to_owned(),
            UpdateState::Trial => format!("version {} is on trial", self.version),
            UpdateState::Installing => "a new version is being written; do not unplug the box".to_owned(),
            UpdateState::Ready => format!("version {other} is installed; restart the box to try it"),
            UpdateState::RolledBack if self.reason.is_empty() => format!("version {other} was taken back"),
            UpdateState::RolledBack => format!("version {other} was taken back: {}", self.reason),
        }
    }
}
