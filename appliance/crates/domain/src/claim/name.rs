//! What claims may be called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ClaimError;

/// Most bytes of a claim's name.
pub const MAX_CLAIM_NAME: usize = 128;

/// What the protocol itself says in a token (RFC 7519 section 4.1, OpenID Connect Core section 2): no rule may.
const RESERVED: [&str; 19] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "cnf",
    "act",
    "events",
];

/// The name of a claim: any text but the protocol's own names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimName(String);

impl ClaimName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClaimName {
    type Err = ClaimError;

    fn from_str(raw: &str) -> Result<Self, ClaimError> {
        if raw.is_empty() || raw.len() > MAX_CLAIM_NAME || raw.chars().any(char::is_control) {
            return Err(ClaimError::Name);
        }
        if RESERVED.contains(&raw) {
            return Err(ClaimError::Reserved);
        }
        Ok(Self(raw.to_owned()))
    }
}

impl TryFrom<String> for ClaimName {
    type Error = ClaimError;

    fn try_from(raw: String) -> Result<Self, ClaimError> {
        raw.parse()
    }
}

impl From<ClaimName> for String {
    fn from(name: ClaimName) -> Self {
        name.0
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
