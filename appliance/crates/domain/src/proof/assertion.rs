//! Who a client is, by a text that it signed (RFC 7523 section 3, OpenID Connect Core section 9: `private_key_jwt`).

use std::fmt;

use serde_json::{Map, Value};

use super::{Once, SKEW, moment, once};
use crate::time::{Span, Timestamp};

/// The value of `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion may be good: it is made for one request.
pub const LONGEST: Span = Span::minutes(5);

/// Why an assertion was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefusal {
    /// `iss` and `sub` are not both the client.
    OtherClient,
    /// `aud` names neither the issuer nor an endpoint of it.
    OtherAudience,
    /// `exp` is missing or over.
    Expired,
    /// It would be good for too long.
    TooLong,
    /// `nbf` or `iat` are yet to come, or no moments, or long ago.
    OtherTime,
    /// `jti` is missing or too long.
    NoName,
    /// It came before.
    Replayed,
    /// It is no signed text that can be read, or not of an algorithm that is taken.
    Malformed,
}

impl fmt::Display for AssertionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherClient => "iss and sub of the client assertion must both be the client_id",
            Self::OtherAudience => "aud of the client assertion must be the issuer or this endpoint",
            Self::Expired => "the client assertion has expired, or has no exp",
            Self::TooLong => "exp of the client assertion is more than 5 minutes ahead",
            Self::OtherTime => "iat or nbf of the client assertion is not of now; compare the clocks",
            Self::NoName => "the client assertion needs a jti of at most 256 bytes",
            Self::Replayed => "the client assertion was used before; make another one for each request",
            Self::Malformed => "the client assertion is no JWT signed with ES256, RS256, PS256 or EdDSA",
        })
    }
}

/// Whether the claims of a signed assertion prove that client to one of these audiences now.
///
/// # Errors
/// When they do not.
pub fn check(
    claims: &Map<String, Value>,
    client_id: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<Once, AssertionRefusal> {
    let is_client = |name| claims.get(name).and_then(Value::as_str) == Some(client_id);
    if !is_client("iss") || !is_client("sub") {
        return Err(AssertionRefusal::OtherClient);
    }
    let ours = |value: &Value| value.as_str().is_some_and(|text| audiences.iter().any(|one| one == text));
    let meant = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !meant {
        return Err(AssertionRefusal::OtherAudience);
    }
    let expires = claims.get("exp").and_then(moment).filter(|expires| now < *expires + SKEW);
    let expires = expires.ok_or(AssertionRefusal::Expired)?;
    if expires > now + LONGEST + SKEW {
        return Err(AssertionRefusal::TooLong);
    }
    for name in ["nbf", "iat"] {
        let sane = |at: &Timestamp| *at <= now + SKEW && (name == "nbf" || *at + LONGEST + SKEW >= now);
        match claims.get(name) {
            Some(value) if moment(value).filter(sane).is_none() => return Err(AssertionRefusal::OtherTime),
            Some(_) | None => {}
        }
    }
    once(claims, &[b"assertion", client_id.as_bytes()], expires + SKEW).ok_or(AssertionRefusal::NoName)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn checked(changes: Value) -> Result<Once, AssertionRefusal> {
        let mut claims = json!({
            "iss": "photos", "sub": "photos", "aud": "https://id.example.org",
            "iat": NOW.unix(), "exp": NOW.unix() + 60, "jti": "1",
        });
        let Value::Object(changes) = changes else { panic!() };
        for (name, value) in changes {
            claims[name] = value;
        }
        let Value::Object(mut claims) = claims else { panic!() };
        claims.retain(|_, value| !value.is_null());
        let audiences = ["https://id.example.org".to_owned(), "https://id.example.org/token".to_owned()];
        check(&claims, "photos", &audiences, NOW)
    }

    #[test]
    fn an_assertion_proves_one_client_to_one_audience() {
        assert!(checked(json!({})).is_ok());
        assert!(checked(json!({ "aud": ["https://other.example", "https://id.example.org/token"] })).is_ok());
        for name in ["iss", "sub"] {
            for wrong in [json!("other"), json!(null), json!(["photos"])] {
                assert_eq!(checked(json!({ name: wrong })), Err(AssertionRefusal::OtherClient));
            }
        }
        for wrong in
            [json!("https://id.example.org/"), json!(null), json!([]), json!("https://other.example"), json!(7)]
        {
            assert_eq!(checked(json!({ "aud": wrong })), Err(AssertionRefusal::OtherAudience));
        }
    }

    #[test]
    fn an_assertion_is_good_for_a_few_minutes() {
        let at = |seconds: i64| json!(NOW.unix() + seconds);
        for (changes, why) in [
            (json!({ "exp": null }), AssertionRefusal::Expired),
            (json!({ "exp": at(-60) }), AssertionRefusal::Expired),
            (json!({ "exp": "soon" }), AssertionRefusal::Expired),
            (json!({ "exp": at(361) }), AssertionRefusal::TooLong),
            (json!({ "iat": at(61) }), AssertionRefusal::OtherTime),
            (json!({ "iat": at(-361) }), AssertionRefusal::OtherTime),
            (json!({ "iat": "now" }), AssertionRefusal::OtherTime),
            (json!({ "nbf": at(61) }), AssertionRefusal::OtherTime),
        ] {
            assert_eq!(checked(changes.clone()), Err(why), "{changes}");
        }
        for good in
            [json!({ "exp": at(-59) }), json!({ "exp": at(360) }), json!({ "iat": null }), json!({ "nbf": at(-9999) })]
        {
            assert!(checked(good.clone()).is_ok(), "{good}");
        }
    }

    #[test]
    fn an_assertion_has_a_name_and_is_remembered_for_as_long_as_it_is_good() {
        for wrong in [json!(null), json!(""), json!(7), json!("x".repeat(257))] {
            assert_eq!(checked(json!({ "jti": wrong })), Err(AssertionRefusal::NoName));
        }
        let one = checked(json!({})).unwrap();
        assert_eq!(one.until, NOW + Span::minutes(1) + SKEW);
        assert_ne!(one.name, checked(json!({ "jti": "2" })).unwrap().name);
    }
}
