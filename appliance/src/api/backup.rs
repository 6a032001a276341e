//! Copies of the database.

use serde::{Deserialize, Serialize};

use super::Time;

/// To make a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeBackup {
    /// The folder; the usual one unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// How many are kept there.
    pub keep: u16,
}

/// The copy that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// Where it lies.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// How many older ones were removed.
    pub removed: usize,
}

/// A copy in the usual folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its name, which begins with the day.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// When it was written.
    pub at: Time,
}
