//! Windows that somebody at the box opens, and the code of a box without an owner.

use serde::{Deserialize, Serialize};

/// Opens a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenWindow {
    /// `claim` or `recovery`.
    pub window: String,
}

/// How a browser claims the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimCode {
    /// The one-time code, `ABCD-EFGH`. It is good until it is used or the box has an owner.
    pub code: String,
    /// Where to type it.
    pub url: String,
}
