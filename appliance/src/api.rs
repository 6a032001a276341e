//! The JSON admin API: the types that the server and the command line share. Requests refuse unknown fields, so that a
//! misspelt one is an error and not silently nothing. In a patch an absent field stays as it is and `null` clears it
//! (RFC 7396). Times are RFC 3339 in UTC. Errors are problem details (RFC 9457).

mod app;
mod backup;
mod certificate;
mod directory;
mod domain_name;
mod health;
mod house;
mod panel;
mod patch;
mod presence;
mod problem;
mod registration;
mod time;
mod update;

pub use app::*;
pub use backup::*;
pub use certificate::*;
pub use directory::*;
pub use domain_name::*;
pub use health::*;
pub use house::*;
pub use panel::*;
pub use patch::Patch;
pub use presence::*;
pub use problem::{PROBLEM_JSON, Problem, ProblemCode};
pub use registration::*;
use serde::{Deserialize, Serialize};
pub use time::Time;
pub use update::*;

/// Where the API begins.
pub const PREFIX: &str = "/api/v1";

/// What an idempotent request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It was not there and is now.
    Created,
    /// It was different.
    Changed,
    /// It was there and is gone.
    Removed,
    /// Nothing was to do.
    Unchanged,
}

impl Effect {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The answer to a request that changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// What it did.
    pub change: Effect,
}

/// Some of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// These.
    pub items: Vec<T>,
    /// Ask for `?after=` this for more; absent when this was all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Another name for the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The new name.
    pub name: String,
}
