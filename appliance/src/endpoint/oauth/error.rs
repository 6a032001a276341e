//! The only place where OAuth's refusals become status codes and error names (RFC 6749 section 5.2, RFC 6750 section 3).

use domain::grant::device_code::DeviceRefusal;
use domain::jwk::ProofAlgorithm;
use domain::proof::dpop::ProofRefusal;
use serde_json::json;
use service::{BearerRefusal, Fault, PushRefusal, RegistrationRefusal, TokenRefusal};

use crate::endpoint::web::visit::accident;
use crate::http::{App, Response};

/// The answer to what the token endpoint, introspection (RFC 7662 section 2.3) and revocation (RFC 7009 section 2.2.1) do not
/// take.
pub(super) fn token_refused(refusal: &TokenRefusal) -> Response {
    let (status, error) = match refusal {
        // RFC 8693 section 2.2.2 has no error of its own for a token that is not good.
        TokenRefusal::InvalidRequest(_) | TokenRefusal::SubjectToken => (400, "invalid_request"),
        TokenRefusal::InvalidTarget(_) => (400, "invalid_target"),
        TokenRefusal::InvalidClient { .. } | TokenRefusal::InvalidAssertion(_) | TokenRefusal::PublicClient => {
            (401, "invalid_client")
        }
        TokenRefusal::Proof(why) => (400, proof_error(*why)),
        TokenRefusal::Unauthorized(_) => (400, "unauthorized_client"),
        TokenRefusal::UnsupportedGrant => (400, "unsupported_grant_type"),
        TokenRefusal::InvalidScope => (400, "invalid_scope"),
        TokenRefusal::Code(_)
        | TokenRefusal::Refresh(_)
        | TokenRefusal::NotAdmitted(_)
        // "Was issued to another client" is one of the meanings of invalid_grant, and RFC 7009 section 2.2.1 has none of its own.
        | TokenRefusal::OtherClient => (400, "invalid_grant"),
        TokenRefusal::Device(why) => (400, device_error(*why)),
        TokenRefusal::NoDevices | TokenRefusal::Denied(_) => (400, "unauthorized_client"),
        TokenRefusal::UnsupportedTokenType => (400, "unsupported_token_type"),
        // RFC 6585 section 4. No error of the token endpoint says this; for the name see `fault`.
        TokenRefusal::TooManyGuesses { .. } => (429, "temporarily_unavailable"),
    };
    let answer = Response::json(status, &json!({ "error": error, "error_description": refusal.to_string() }));
    if let TokenRefusal::InvalidClient { basic: true } = refusal {
        answer.header("WWW-Authenticate", r#"Basic realm="latchkey""#)
    } else if let TokenRefusal::TooManyGuesses { seconds } = refusal {
        answer.header("Retry-After", seconds.to_string())
    } else {
        answer
    }
}

/// RFC 8628 section 3.5.
const fn device_error(why: DeviceRefusal) -> &'static str {
    match why {
        DeviceRefusal::Pending => "authorization_pending",
        DeviceRefusal::SlowDown => "slow_down",
        DeviceRefusal::Denied => "access_denied",
        DeviceRefusal::Expired => "expired_token",
        DeviceRefusal::Unknown | DeviceRefusal::Spent | DeviceRefusal::OtherClient | DeviceRefusal::OtherIssuer => {
            "invalid_grant"
        }
    }
}

/// The answer of the pushed authorization request endpoint to what it does not take (RFC 9126 section 2.3).
pub(super) fn push_refused(refusal: &PushRefusal) -> Response {
    match refusal {
        PushRefusal::Client(refusal) => token_refused(refusal),
        PushRefusal::Request(code, why) => {
            Response::json(400, &json!({ "error": code.as_str(), "error_description": why }))
        }
        PushRefusal::Denied(denied) => token_refused(&TokenRefusal::Denied(*denied)),
    }
}

/// RFC 9449 sections 5 and 8.
fn proof_error(why: ProofRefusal) -> &'static str {
    match why {
        ProofRefusal::Nonce => "use_dpop_nonce",
        ProofRefusal::Malformed
        | ProofRefusal::WrongSignature
        | ProofRefusal::OtherMethod
        | ProofRefusal::OtherAddress
        | ProofRefusal::OtherTime
        | ProofRefusal::NoName
        | ProofRefusal::OtherToken
        | ProofRefusal::Replayed
        | ProofRefusal::Several
        | ProofRefusal::Missing => "invalid_dpop_proof",
    }
}

/// Without a token there is no error to name (RFC 6750 section 3.1).
pub(super) fn bearer_missing() -> Response {
    let bearer = Response::empty(401).header("WWW-Authenticate", r#"Bearer realm="latchkey""#);
    bearer.header("WWW-Authenticate", format!("DPoP {}", algorithms()))
}

/// The token came twice.
pub(super) fn bearer_twice() -> Response {
    challenge(400, "Bearer", ("invalid_request", "the access token was given more than once"))
}

/// The answer to an access token that opens nothing, in the scheme in which it came.
pub(super) fn bearer_refused(scheme: &'static str, refusal: BearerRefusal) -> Response {
    let (status, error) = match refusal {
        BearerRefusal::InvalidToken | BearerRefusal::NotAdmitted(_) | BearerRefusal::Denied(_) => {
            (401, "invalid_token")
        }
        BearerRefusal::Proof(why) => (401, proof_error(why)),
        BearerRefusal::InsufficientScope => (403, "insufficient_scope"),
    };
    challenge(status, scheme, (error, &refusal.to_string()))
}

/// The answer to a registration that is not made or changed (RFC 7591 section 3.2.2, RFC 7592 section 2).
pub(super) fn registration_refused(refusal: &RegistrationRefusal) -> Response {
    let (status, error) = match refusal {
        RegistrationRefusal::InvalidToken => return challenge(401, "Bearer", ("invalid_token", &refusal.to_string())),
        RegistrationRefusal::InvalidRedirectUri(_) => (400, "invalid_redirect_uri"),
        RegistrationRefusal::InvalidMetadata(_) => (400, "invalid_client_metadata"),
        RegistrationRefusal::Full | RegistrationRefusal::Denied(_) => (403, "access_denied"),
    };
    Response::json(status, &json!({ "error": error, "error_description": refusal.to_string() }))
}

fn challenge(status: u16, scheme: &str, (error, why): (&str, &str)) -> Response {
    let algorithms = if scheme == "DPoP" { format!(", {}", algorithms()) } else { String::new() };
    let value = format!(r#"{scheme} realm="latchkey", error="{error}", error_description="{why}"{algorithms}"#);
    Response::empty(status).header("WWW-Authenticate", value)
}

/// RFC 9449 section 7.1.
fn algorithms() -> String {
    format!(r#"algs="{}""#, ProofAlgorithm::ALL.map(ProofAlgorithm::as_str).join(" "))
}

/// An accident, for a program. RFC 6749 has no error of the token endpoint for a server that cannot answer now: the status is
/// enough there, and `temporarily_unavailable` (section 4.1.2.1) exists because a redirect has none. Apps that look for an
/// `error` find that one, which says the same.
pub(in crate::endpoint) fn fault(app: &App, fault: &Fault) -> Response {
    let answer = accident(app, fault);
    if !answer.waits_for_the_clock() {
        return answer;
    }
    let body = json!({ "error": "temporarily_unavailable", "error_description": fault.to_string() });
    answer.with_json(&body)
}
