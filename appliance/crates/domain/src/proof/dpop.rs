//! That whoever asks holds a key (RFC 9449 section 4.3).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use url::Url;

use super::{Once, moment, once};
use crate::secret::Digest;
use crate::time::{Span, Timestamp};

/// `typ` of a proof.
pub const TYPE: &str = "dpop+jwt";

/// How long before and after now a proof may have been made. Where a nonce is demanded, that is what keeps it fresh.
pub const WINDOW: Span = Span::minutes(5);

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofRefusal {
    /// It is no signed text that can be read, not of the right type or algorithm, or its key is none that is taken.
    Malformed,
    /// The signature is not by the key that it shows.
    WrongSignature,
    /// For another method.
    OtherMethod,
    /// For another address.
    OtherAddress,
    /// Too old, or from the future.
    OtherTime,
    /// `jti` is missing or too long.
    NoName,
    /// For another access token.
    OtherToken,
    /// It came before.
    Replayed,
    /// More than one came.
    Several,
    /// None came, and one has to.
    Missing,
    /// It came without a nonce of ours, or with an old one: the answer brings a new one.
    Nonce,
}

impl fmt::Display for ProofRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "the DPoP proof is no dpop+jwt signed with ES256, RS256, PS256 or EdDSA by the public key in it"
            }
            Self::WrongSignature => "the DPoP proof is not signed by the key in it",
            Self::OtherMethod => "htm of the DPoP proof is not the method of the request",
            Self::OtherAddress => "htu of the DPoP proof is not the address of the request",
            Self::OtherTime => "iat of the DPoP proof is not of now; compare the clocks",
            Self::NoName => "the DPoP proof needs a jti of at most 256 bytes",
            Self::OtherToken => "ath of the DPoP proof is not the digest of the access token",
            Self::Replayed => "the DPoP proof was used before; make another one for each request",
            Self::Several => "send one DPoP header",
            Self::Missing => "this app must send a DPoP proof",
            Self::Nonce => "make the DPoP proof again with the nonce of the DPoP-Nonce header",
        })
    }
}

/// What a proof is to be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The address of the request, without query.
    pub address: &'a str,
    /// The access token that comes with it, at a protected resource.
    pub access_token: Option<&'a str>,
}

/// A proof that was good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The thumbprint of the key (RFC 7638): `jkt`.
    pub thumbprint: Digest,
    /// It is good once.
    pub once: Once,
}

/// Whether the claims of a signed proof are for this request. The nonce is for the caller to look at.
///
/// # Errors
/// When they are not.
pub fn check(
    claims: &Map<String, Value>,
    thumbprint: Digest,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Proven, ProofRefusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("htm") != Some(expected.method) {
        return Err(ProofRefusal::OtherMethod);
    }
    if !text("htu").is_some_and(|offered| same_place(offered, expected.address)) {
        return Err(ProofRefusal::OtherAddress);
    }
    let recent = |at: &Timestamp| *at <= now + WINDOW && *at + WINDOW >= now;
    let made = claims.get("iat").and_then(moment).filter(recent).ok_or(ProofRefusal::OtherTime)?;
    if let Some(token) = expected.access_token {
        let right = URL_SAFE_NO_PAD.encode(Digest::of(token.as_bytes()).as_bytes());
        let same: bool = text("ath").unwrap_or_default().as_bytes().ct_eq(right.as_bytes()).into();
        if !same {
            return Err(ProofRefusal::OtherToken);
        }
    }
    let until = made + WINDOW + Span::seconds(1);
    let once = once(claims, &[b"dpop", thumbprint.as_bytes()], until).ok_or(ProofRefusal::NoName)?;
    Ok(Proven { thumbprint, once })
}

/// Scheme, host, port and path after normalisation (RFC 9449 section 4.3, RFC 3986 section 6.2); query and fragment do not count.
fn same_place(offered: &str, ours: &str) -> bool {
    let place = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    // `Url` compares user names as well, so none passes.
    place(offered).is_some_and(|offered| Some(offered) == place(ours))
}

/// Whether a code that was asked for with the thumbprint of a key (`dpop_jkt`) may be redeemed with this proof (RFC 9449 section
/// 10): a code that names a key is for its holder alone.
pub fn binds(code: Option<&Digest>, proof: Option<&Digest>) -> bool {
    code.is_none_or(|code| proof == Some(code))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const HERE: &str = "https://id.example.org/userinfo";

    fn checked(changes: Value) -> Result<Proven, ProofRefusal> {
        let ath = URL_SAFE_NO_PAD.encode(Digest::of(b"token").as_bytes());
        let mut claims = json!({ "htm": "GET", "htu": HERE, "iat": NOW.unix(), "jti": "1", "ath": ath });
        let Value::Object(changes) = changes else { panic!() };
        for (name, value) in changes {
            claims[name] = value;
        }
        let Value::Object(claims) = claims else { panic!() };
        let expected = Expected { method: "GET", address: HERE, access_token: Some("token") };
        check(&claims, Digest::of(b"key"), &expected, NOW)
    }

    #[test]
    fn a_proof_is_for_one_method_and_one_address() {
        assert!(checked(json!({})).is_ok());
        for wrong in [json!("POST"), json!("get"), json!(null)] {
            assert_eq!(checked(json!({ "htm": wrong })), Err(ProofRefusal::OtherMethod));
        }
        for same in [
            "https://id.example.org:443/userinfo",
            "HTTPS://ID.EXAMPLE.ORG/userinfo",
            "https://id.example.org/userinfo?a#b",
        ] {
            assert!(checked(json!({ "htu": same })).is_ok(), "{same}");
        }
        for wrong in [
            "http://id.example.org/userinfo",
            "https://id.example.org/userinfo/",
            "https://id.example.org/token",
            "https://id.example.org:8443/userinfo",
            "https://user@id.example.org/userinfo",
            "https://evil.example/userinfo",
            "/userinfo",
            "",
        ] {
            assert_eq!(checked(json!({ "htu": wrong })), Err(ProofRefusal::OtherAddress), "{wrong}");
        }
    }

    #[test]
    fn a_proof_is_of_now() {
        for seconds in [-301, 301] {
            assert_eq!(checked(json!({ "iat": NOW.unix() + seconds })), Err(ProofRefusal::OtherTime));
        }
        assert_eq!(checked(json!({ "iat": null })), Err(ProofRefusal::OtherTime));
        let early = checked(json!({ "iat": NOW.unix() - 300 })).unwrap();
        assert_eq!(early.once.until, NOW + Span::seconds(1), "remembered for as long as it could come again");
    }

    #[test]
    fn a_proof_is_for_one_access_token() {
        for wrong in [json!(null), json!(""), json!("x"), json!(7)] {
            assert_eq!(checked(json!({ "ath": wrong })), Err(ProofRefusal::OtherToken));
        }
    }

    #[test]
    fn a_proof_has_a_name_within_its_key() {
        assert_eq!(checked(json!({ "jti": "" })), Err(ProofRefusal::NoName));
        let (one, other) = (checked(json!({})).unwrap(), checked(json!({ "jti": "2" })).unwrap());
        assert_ne!(one.once.name, other.once.name);
    }

    #[test]
    fn a_code_that_names_a_key_is_for_its_holder_alone() {
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        assert!(binds(None, None) && binds(None, Some(&one)) && binds(Some(&one), Some(&one)));
        assert!(!binds(Some(&one), None) && !binds(Some(&one), Some(&other)));
    }
}
