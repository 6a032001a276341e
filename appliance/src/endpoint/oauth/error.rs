//! The only place where OAuth's refusals become status codes and error names (RFC 6749 section 5.2, RFC 6750 section 3).

use domain::grant::authorization_code::CodeRefusal;
use domain::grant::refresh_token::RefreshRefusal;
use serde_json::json;
use service::{BearerRefusal, Fault, TokenRefusal};

use crate::endpoint::web::visit::accident;
use crate::http::{App, Response};

/// The answer of the token endpoint to what it does not take.
pub(super) fn token_refused(refusal: &TokenRefusal) -> Response {
    let (status, error) = match refusal {
        TokenRefusal::InvalidRequest(_) => (400, "invalid_request"),
        TokenRefusal::InvalidClient { .. } => (401, "invalid_client"),
        TokenRefusal::UnsupportedGrant => (400, "unsupported_grant_type"),
        TokenRefusal::InvalidScope => (400, "invalid_scope"),
        TokenRefusal::Code(
            CodeRefusal::Unknown
            | CodeRefusal::Replayed
            | CodeRefusal::Expired
            | CodeRefusal::OtherClient
            | CodeRefusal::OtherIssuer
            | CodeRefusal::OtherRedirectUri
            | CodeRefusal::MissingVerifier
            | CodeRefusal::UnexpectedVerifier
            | CodeRefusal::WrongVerifier
            | CodeRefusal::Trial,
        )
        | TokenRefusal::Refresh(
            RefreshRefusal::Unknown | RefreshRefusal::Expired | RefreshRefusal::Reused | RefreshRefusal::Leaked,
        )
        | TokenRefusal::NotAdmitted(_) => (400, "invalid_grant"),
        TokenRefusal::Denied(_) => (400, "unauthorized_client"),
    };
    let answer = Response::json(status, &json!({ "error": error, "error_description": refusal.to_string() }));
    match refusal {
        TokenRefusal::InvalidClient { basic: true } => answer.header("WWW-Authenticate", r#"Basic realm="latchkey""#),
        TokenRefusal::InvalidClient { basic: false }
        | TokenRefusal::InvalidRequest(_)
        | TokenRefusal::UnsupportedGrant
        | TokenRefusal::InvalidScope
        | TokenRefusal::Code(_)
        | TokenRefusal::Refresh(_)
        | TokenRefusal::NotAdmitted(_)
        | TokenRefusal::Denied(_) => answer,
    }
}

/// Without a token there is no error to name (RFC 6750 section 3.1).
pub(super) fn bearer_missing() -> Response {
    Response::empty(401).header("WWW-Authenticate", r#"Bearer realm="latchkey""#)
}

/// The token came twice.
pub(super) fn bearer_twice() -> Response {
    bearer(400, "invalid_request", "the access token was given more than once")
}

/// The answer to an access token that opens nothing.
pub(super) fn bearer_refused(refusal: BearerRefusal) -> Response {
    let (status, error) = match refusal {
        BearerRefusal::InvalidToken | BearerRefusal::NotAdmitted(_) | BearerRefusal::Denied(_) => {
            (401, "invalid_token")
        }
        BearerRefusal::InsufficientScope => (403, "insufficient_scope"),
    };
    bearer(status, error, &refusal.to_string())
}

fn bearer(status: u16, error: &str, why: &str) -> Response {
    Response::empty(status)
        .header("WWW-Authenticate", format!(r#"Bearer realm="latchkey", error="{error}", error_description="{why}""#))
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
