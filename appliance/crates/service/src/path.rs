//! Where apps find each endpoint. The routes that serve, the discovery document and the checks of what was signed for an endpoint
//! all read them here.

/// RFC 6749 section 3.1.
pub const AUTHORIZATION: &str = "/authorize";
/// RFC 6749 section 3.2.
pub const TOKEN: &str = "/token";
/// RFC 9126 section 2.
pub const PUSHED_AUTHORIZATION: &str = "/par";
/// RFC 8628 section 3.1.
pub const DEVICE_AUTHORIZATION: &str = "/device_authorization";
/// OpenID Connect Core section 5.3.
pub const USERINFO: &str = "/userinfo";
/// RFC 7662 section 2.
pub const INTROSPECTION: &str = "/introspect";
/// RFC 7009 section 2.
pub const REVOCATION: &str = "/revoke";
/// RFC 7591 section 3.
pub const REGISTRATION: &str = "/register";
/// OpenID Connect RP-Initiated Logout 1.0 section 2.
pub const END_SESSION: &str = "/logout";
/// RFC 7517 section 5.
pub const JWKS: &str = "/.well-known/jwks.json";

/// Each by its name in the discovery document.
pub const DISCOVERED: [(&str, &str); 10] = [
    ("authorization_endpoint", AUTHORIZATION),
    ("token_endpoint", TOKEN),
    ("pushed_authorization_request_endpoint", PUSHED_AUTHORIZATION),
    ("device_authorization_endpoint", DEVICE_AUTHORIZATION),
    ("userinfo_endpoint", USERINFO),
    ("introspection_endpoint", INTROSPECTION),
    ("revocation_endpoint", REVOCATION),
    ("registration_endpoint", REGISTRATION),
    ("end_session_endpoint", END_SESSION),
    ("jwks_uri", JWKS),
];
