//! The provider's description of itself (OpenID Connect Discovery section 3, RFC 8414), written once from the tables that serve.

use std::sync::Arc;

use domain::claim;
use domain::client::Algorithm;
use domain::scope;
use domain::strength::Strength;
use serde_json::json;

use crate::token::{CLIENT_AUTHENTICATION, GRANTS};

/// What the protocol itself says in an ID token.
const PROTOCOL: [&str; 11] = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];

/// The document, as bytes to send. It depends on nothing but the issuer, so it can be written once for all.
pub fn discovery(issuer: &str) -> Arc<[u8]> {
    let at = |path: &str| format!("{issuer}{path}");
    let grants: Vec<_> = GRANTS.iter().map(|grant| grant.name()).collect();
    let scopes: Vec<_> = scope::STANDARD.iter().map(|(name, _)| name).collect();
    let claims: Vec<_> = PROTOCOL.into_iter().chain(claim::standard_names()).collect();
    let strengths = [Strength::Any, Strength::Mfa, Strength::Passkey];
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "acr_values_supported": strengths,
        "id_token_signing_alg_values_supported": Algorithm::ALL,
        "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "code_challenge_methods_supported": ["S256"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "end_session_endpoint": at("/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    document.to_string().into_bytes().into()
}
