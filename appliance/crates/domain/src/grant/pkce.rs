//! RFC 7636. `plain` is absent: RFC 9700 section 2.1.1 wants S256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use subtle::ConstantTimeEq;

/// What the app committed to when it asked (RFC 7636 section 4.2), always by S256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads `code_challenge`; `None` for what cannot be the SHA-256 of anything.
    pub fn parse(raw: &str) -> Option<Self> {
        if raw.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(raw).ok()?.try_into().ok().map(Self)
    }

    /// The challenge that this verifier answers.
    pub fn of(verifier: &CodeVerifier<'_>) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, verifier.0.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Whether the verifier answers it (RFC 7636 section 4.6).
    pub fn answered_by(&self, verifier: &CodeVerifier<'_>) -> bool {
        self.0.ct_eq(&Self::of(verifier).0).into()
    }

    /// As `code_challenge`.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// `code_verifier`: 43 to 128 unreserved characters (RFC 7636 section 4.1).
#[derive(Clone, Copy)]
pub struct CodeVerifier<'a>(&'a str);

impl<'a> CodeVerifier<'a> {
    /// Reads `code_verifier`; `None` for what the rules do not allow.
    pub fn parse(raw: &'a str) -> Option<Self> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        ((43..=128).contains(&raw.len()) && raw.bytes().all(unreserved)).then_some(Self(raw))
    }
}

impl std::fmt::Debug for CodeVerifier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[code_verifier]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_answered() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.answered_by(&verifier));
        assert!(!challenge.answered_by(&CodeVerifier::parse(&"a".repeat(43)).unwrap()));
        assert_eq!(challenge.to_text(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_or_challenge_out_of_the_rules_is_none() {
        for raw in ["", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(30), &format!("{} ", "a".repeat(43))] {
            assert!(CodeVerifier::parse(raw).is_none(), "{raw}");
        }
        for raw in ["", &"a".repeat(42), &"=".repeat(43), &"+".repeat(43), &"a".repeat(44)] {
            assert!(CodeChallenge::parse(raw).is_none(), "{raw}");
        }
    }
}
