//! A password as stored: an Argon2id hash (RFC 9106) with the parameters it was made with.

use serde::{Deserialize, Serialize};

/// Fewest characters.
pub const MIN_LENGTH: usize = 10;
/// Most characters; longer input is refused before anything is computed.
pub const MAX_LENGTH: usize = 256;

/// The cost of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl HashCost {
    /// What new hashes are made with: OWASP's first choice for Argon2id.
    pub const CURRENT: Self = Self { memory: 19 * 1024, passes: 2, lanes: 1 };

    /// Whether a hash of this cost is cheaper to guess than a new one would be.
    pub const fn weaker_than_current(self) -> bool {
        self.memory < Self::CURRENT.memory || self.passes < Self::CURRENT.passes
    }
}

/// A hashed password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// What it cost.
    #[serde(flatten)]
    pub cost: HashCost,
    /// 16 random bytes.
    #[serde(with = "base64_bytes")]
    pub salt: Vec<u8>,
    /// 32 bytes.
    #[serde(with = "base64_bytes")]
    pub hash: Vec<u8>,
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordHash({:?})", self.cost)
    }
}

/// Bytes as unpadded base64url in JSON.
pub(crate) mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)
    }
}
