//! The provider's description of itself (OpenID Connect Discovery section 3, RFC 8414), written once from the tables that serve.

use std::sync::Arc;

use domain::claim;
use domain::client::{Algorithm, SubjectType};
use domain::jwk::ProofAlgorithm;
use domain::scope;
use domain::strength::Strength;
use serde_json::json;

use crate::authorize::{PROMPTS, ResponseMode};
use crate::path::DISCOVERED;
use crate::token::{CLIENT_AUTHENTICATION, GRANTS};

/// What the protocol itself says in an ID token.
const PROTOCOL: [&str; 11] = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];

/// The document, as bytes to send. It depends on nothing but the issuer, so it can be written once for all.
pub fn discovery(issuer: &str) -> Arc<[u8]> {
    let grants: Vec<_> = GRANTS.iter().map(|grant| grant.name()).collect();
    let scopes: Vec<_> = scope::STANDARD.iter().map(|(name, _)| name).collect();
    let claims: Vec<_> = PROTOCOL.into_iter().chain(claim::standard_names()).collect();
    let modes = ResponseMode::ALL.map(ResponseMode::as_str);
    let strengths = [Strength::Any, Strength::Mfa, Strength::Passkey];
    let signatures = ProofAlgorithm::ALL.map(ProofAlgorithm::as_str);
    // A public client has nothing to prove itself with, so it asks about no token.
    let confidential: Vec<_> = CLIENT_AUTHENTICATION.into_iter().filter(|method| *method != "none").collect();
    let mut document = json!({
        "issuer": issuer,
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": modes,
        "grant_types_supported": grants,
        "subject_types_supported": SubjectType::ALL,
        "acr_values_supported": strengths,
        "id_token_signing_alg_values_supported": Algorithm::ALL,
        "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "token_endpoint_auth_signing_alg_values_supported": signatures,
        "dpop_signing_alg_values_supported": signatures,
        "code_challenge_methods_supported": ["S256"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "display_values_supported": ["page"],
        "prompt_values_supported": PROMPTS,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "require_pushed_authorization_requests": false,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": signatures,
        "revocation_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_signing_alg_values_supported": signatures,
        "userinfo_signing_alg_values_supported": Algorithm::ALL,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    for (name, path) in DISCOVERED {
        document[name] = format!("{issuer}{path}").into();
    }
    document.to_string().into_bytes().into()
}
