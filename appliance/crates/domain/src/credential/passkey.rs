//! A passkey as stored. The key itself is the JSON of the library that verifies it; nothing here looks inside but for one flag.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Host;

/// A passkey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    /// The `credential_id` of WebAuthn, by which a sign-in without a name finds its row.
    #[serde(with = "crate::credential::password::base64_bytes")]
    pub credential_id: Vec<u8>,
    /// The public key, counter and flags.
    pub key: Value,
    /// Set when its counter ran backwards: there may be a copy of it. Refused until the person or an admin acts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
    /// The host name (RP ID) that it was made for. Absent in rows older than this field: then it is the house's first name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp_id: Option<Host>,
}

impl Passkey {
    /// Whether its maker keeps it in a cloud (`backup_eligible`).
    pub fn synced(&self) -> bool {
        super::flag(&self.key, "/cred/backup_eligible")
    }
}
