//! What is wrong with a certificate, in words for the person who has to mend it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What is wrong.
    pub what: String,
    /// What to do; empty when `what` says so already.
    pub hint: String,
}

impl Trouble {
    pub(crate) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }

    /// With a file.
    pub(super) fn of_file(path: &Path, what: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self::new(format!("{}: {what}", path.display()), hint)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hint.is_empty() { f.write_str(&self.what) } else { write!(f, "{}; {}", self.what, self.hint) }
    }
}

impl std::error::Error for Trouble {}
