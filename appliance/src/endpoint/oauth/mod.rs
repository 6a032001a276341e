//! What apps speak: OAuth 2.0 and OpenID Connect.

mod authorize;
mod cors;
mod discovery;
mod error;
mod introspect;
mod revoke;
mod token;
mod userinfo;

use crate::http::{Kind, Route, handler};

/// How long apps may keep the discovery document and the keys. Keys are published a day before they sign.
const CACHE: &str = "public, max-age=3600";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Public, "/.well-known/openid-configuration", handler!(discovery::document)),
    Route::get(Kind::Public, "/.well-known/oauth-authorization-server", handler!(discovery::document)),
    Route::get(Kind::Public, "/.well-known/jwks.json", handler!(discovery::keys)),
    Route::get(Kind::Page, "/authorize", handler!(authorize::get)).under_both_names(),
    // From the app's own site, so without the cookie; it goes on as a GET, which has it.
    Route::post(Kind::Protocol, "/authorize", handler!(authorize::post)),
    Route::post(Kind::Protocol, "/token", handler!(token::token)),
    Route::options(Kind::Protocol, "/token", handler!(cors::preflight)),
    Route::get(Kind::Protocol, "/userinfo", handler!(userinfo::userinfo)),
    Route::post(Kind::Protocol, "/userinfo", handler!(userinfo::userinfo)),
    Route::options(Kind::Protocol, "/userinfo", handler!(cors::preflight)),
    // Asked by servers only, so no page may.
    Route::post(Kind::Protocol, "/introspect", handler!(introspect::introspect)),
    Route::post(Kind::Protocol, "/revoke", handler!(revoke::revoke)),
    Route::options(Kind::Protocol, "/revoke", handler!(cors::preflight)),
];
