//! How strongly somebody has proven who they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Levels in rising order; a group demands one, a sign-in reaches one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// One factor is enough, for instance a password.
    #[default]
    Any,
    /// Two different factors, or a passkey.
    Mfa,
    /// A passkey with user verification: nothing that can be typed into the wrong page.
    Passkey,
}

impl Strength {
    /// The name as stored, typed and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Mfa => "mfa",
            Self::Passkey => "passkey",
        }
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Strength {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "any" => Ok(Self::Any),
            "mfa" => Ok(Self::Mfa),
            "passkey" => Ok(Self::Passkey),
            _ => Err("the strength is one of any, mfa, passkey"),
        }
    }
}
