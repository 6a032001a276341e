//! The one shape of every opaque token: `prefix` + base64url(account, row, 256-bit secret). The row is found by its numbers and
//! proven by the secret, of which the store keeps a digest only; so no secret is ever looked up in an index.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize;

use crate::entropy::Entropy;
use crate::host::Host;
use crate::id::AccountId;
use crate::secret::{self, Digest, Secret};

const BYTES: usize = 8 + 8 + 32;
const TEXT: usize = BYTES / 3 * 4;

/// What a token is for. The prefix tells secret scanners and people what they found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The browser's session cookie.
    Session,
    /// A refresh token (RFC 6749 section 1.5).
    Refresh,
    /// An API token of a service account.
    Api,
    /// An invite or recovery link.
    Invite,
    /// A token by which apps register themselves (RFC 7591 section 1.2); of no account.
    Registration,
    /// The registration access token of an app (RFC 7592 section 1.2); of no account.
    ClientConfiguration,
}

impl TokenKind {
    /// The visible prefix.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "lk_s_",
            Self::Refresh => "lk_r_",
            Self::Api => "lk_t_",
            Self::Invite => "lk_i_",
            Self::Registration => "lk_g_",
            Self::ClientConfiguration => "lk_k_",
        }
    }
}

/// A token as it came in: the numbers say which row, the secret has still to be proven against the row's digest.
#[derive(Debug)]
pub struct OpaqueToken {
    /// The account whose row it names.
    pub account: AccountId,
    /// The row's number within the account.
    pub row: i64,
    secret: Secret<[u8; 32]>,
}

impl OpaqueToken {
    /// A new token for that row.
    pub fn random(account: AccountId, row: i64, entropy: &dyn Entropy) -> Self {
        Self { account, row, secret: secret::random_key(entropy) }
    }

    /// A token for that row with a secret that was made elsewhere.
    pub fn with_secret(account: AccountId, row: i64, secret: Secret<[u8; 32]>) -> Self {
        Self { account, row, secret }
    }

    /// Its secret.
    pub fn secret(&self) -> &Secret<[u8; 32]> {
        &self.secret
    }

    /// The digest to store, or to compare with the stored one.
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret.expose())
    }

    /// The same for a token that is good under one host name only: elsewhere its digest is another one.
    pub fn digest_at(&self, host: &Host) -> Digest {
        let text = Secret::new([self.secret.expose().as_slice(), host.as_str().as_bytes()].concat());
        Digest::of(text.expose())
    }

    /// The text to hand out. This is the only moment at which it can be read.
    pub fn encode(&self, kind: TokenKind) -> Secret<String> {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.account.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.row.to_be_bytes());
        bytes[16..].copy_from_slice(self.secret.expose());
        let mut text = String::with_capacity(TEXT + 8);
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        bytes.zeroize();
        Secret::new(text)
    }

    /// Reads a token of that kind; `None` for anything else.
    pub fn decode(kind: TokenKind, text: &str) -> Option<Self> {
        let body = text.strip_prefix(kind.prefix())?;
        if body.len() != TEXT {
            return None;
        }
        let mut bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(body).ok()?.try_into().ok()?;
        let account = AccountId(i64::from_be_bytes(bytes[..8].try_into().ok()?));
        let row = i64::from_be_bytes(bytes[8..16].try_into().ok()?);
        let secret = Secret::new(bytes[16..].try_into().ok()?);
        bytes.zeroize();
        Some(Self { account, row, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    #[test]
    fn a_token_reads_back_as_what_was_written() {
        let token = OpaqueToken::random(AccountId(7), 42, &SeededEntropy::new(1));
        let text = token.encode(TokenKind::Session);
        let read = OpaqueToken::decode(TokenKind::Session, text.expose()).unwrap();
        assert_eq!((read.account, read.row), (AccountId(7), 42));
        assert_eq!(read.digest(), token.digest());
    }

    #[test]
    fn a_token_of_one_name_is_none_under_another() {
        let token = OpaqueToken::random(AccountId(7), 42, &SeededEntropy::new(1));
        let [a, b] = ["a.example", "b.example"].map(|host| token.digest_at(&host.parse().unwrap()));
        assert!(a != b && a != token.digest());
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let token = OpaqueToken::random(AccountId(7), 42, &SeededEntropy::new(1));
        assert!(OpaqueToken::decode(TokenKind::Refresh, token.encode(TokenKind::Session).expose()).is_none());
    }

    #[test]
    fn rubbish_is_no_token() {
        for raw in ["", "lk_s_", "lk_s_AAAA", "lk_s_é", &format!("lk_s_{}", "!".repeat(TEXT))] {
            assert!(OpaqueToken::decode(TokenKind::Session, raw).is_none(), "{raw}");
        }
    }
}
