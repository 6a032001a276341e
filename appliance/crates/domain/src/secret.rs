//! Values that must not be seen: redacted in `Debug`, compared in constant time, overwritten on drop.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::entropy::{self, Entropy};

/// Holds a secret. Only `expose` shows it.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

/// 256 random bits: sessions, tokens and client secrets are made of them.
pub fn random_key(entropy: &dyn Entropy) -> Secret<[u8; 32]> {
    Secret::new(entropy::bytes(entropy))
}

/// The SHA-256 digest under which a random secret is stored. A secret with less than 128 bits needs a password hash instead.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// From the 32 stored bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As a text (base64url).
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// From its 43 characters of base64url, as the protocols write digests; `None` for anything else.
    pub fn from_text(raw: &str) -> Option<Self> {
        if raw.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(raw).ok()?.try_into().ok().map(Self)
    }

    /// The 32 bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_the_protocols_write_it() {
        let text = URL_SAFE_NO_PAD.encode(Digest::of(b"x").as_bytes());
        assert_eq!(Digest::from_text(&text), Some(Digest::of(b"x")));
        for wrong in ["", "x", &text[1..], &format!("{text}A"), &"!".repeat(43), &"A".repeat(44)] {
            assert_eq!(Digest::from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?} {:?}", Digest::of(b"hunter2")), "[secret] [digest]");
    }
}
