//! What apps speak: OAuth 2.0 and OpenID Connect.

mod authorize;
mod client;
mod cors;
mod device_authorization;
mod discovery;
mod error;
mod introspect;
mod par;
mod registration;
mod revoke;
mod token;
mod userinfo;

pub(crate) use client::Fetching;
pub(super) use error::fault;

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
    Route::post(Kind::Protocol, "/device_authorization", handler!(device_authorization::begin)),
    Route::options(Kind::Protocol, "/device_authorization", handler!(cors::preflight)),
    Route::post(Kind::Protocol, "/register", handler!(registration::register)).body(registration::MAX_METADATA),
    Route::get(Kind::Protocol, "/register/:client_id", handler!(registration::show)),
    Route::put(Kind::Protocol, "/register/:client_id", handler!(registration::replace))
        .body(registration::MAX_METADATA),
    Route::delete(Kind::Protocol, "/register/:client_id", handler!(registration::remove)),
    Route::get(Kind::Protocol, "/userinfo", handler!(userinfo::userinfo)),
    Route::post(Kind::Protocol, "/userinfo", handler!(userinfo::userinfo)),
    Route::options(Kind::Protocol, "/userinfo", handler!(cors::preflight)),
    Route::post(Kind::Protocol, "/par", handler!(par::push)),
    Route::options(Kind::Protocol, "/par", handler!(cors::preflight)),
    // Asked by servers only, so no page may.
    Route::post(Kind::Protocol, "/introspect", handler!(introspect::introspect)),
    Route::post(Kind::Protocol, "/revoke", handler!(revoke::revoke)),
    Route::options(Kind::Protocol, "/revoke", handler!(cors::preflight)),
];
