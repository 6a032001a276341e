//! Tokens by which apps register themselves (RFC 7591).

use serde::{Deserialize, Serialize};

use super::Time;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationToken {
    /// Its number.
    pub number: i64,
    /// The group whose members may use the apps that come by it.
    pub allow: String,
    /// How many more apps it registers.
    pub uses_left: u32,
    /// When it was made.
    pub created_at: Time,
    /// Until when it works.
    pub expires_at: Time,
}

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRegistrationToken {
    /// The group whose members may use the apps that come by it.
    pub allow: String,
    /// How many apps it registers.
    pub uses: u32,
    /// For how many seconds it works; the house decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
}

/// A token as it is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationTokenSecret {
    /// Its number.
    pub number: i64,
    /// The token itself.
    pub token: String,
    /// Until when it works.
    pub expires_at: Time,
    /// Where the app sends it.
    pub registration_endpoint: String,
}
