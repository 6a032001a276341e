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

use service::path;

use crate::http::{Kind, Route, handler};

/// How long apps may keep the discovery document and the keys. Keys are published a day before they sign.
const CACHE: &str = "public, max-age=3600";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Public, "/.well-known/openid-configuration", handler!(discovery::document)),
    Route::get(Kind::Public, "/.well-known/oauth-authorization-server", handler!(discovery::document)),
    Route::get(Kind::Public, path::JWKS, handler!(discovery::keys)),
    Route::get(Kind::Page, path::AUTHORIZATION, handler!(authorize::get)).under_both_names(),
    // From the app's own site, so without the cookie; it goes on as a GET, which has it.
    Route::post(Kind::Protocol, path::AUTHORIZATION, handler!(authorize::post)),
    Route::post(Kind::Protocol, path::TOKEN, handler!(token::token)),
    Route::options(Kind::Protocol, path::TOKEN, handler!(cors::preflight)),
    Route::post(Kind::Protocol, path::DEVICE_AUTHORIZATION, handler!(device_authorization::begin)),
    Route::options(Kind::Protocol, path::DEVICE_AUTHORIZATION, handler!(cors::preflight)),
    Route::post(Kind::Protocol, path::REGISTRATION, handler!(registration::register)).body(registration::MAX_METADATA),
    Route::get(Kind::Protocol, "/register/:client_id", handler!(registration::show)),
    Route::put(Kind::Protocol, "/register/:client_id", handler!(registration::replace))
        .body(registration::MAX_METADATA),
    Route::delete(Kind::Protocol, "/register/:client_id", handler!(registration::remove)),
    Route::get(Kind::Protocol, path::USERINFO, handler!(userinfo::userinfo)),
    Route::post(Kind::Protocol, path::USERINFO, handler!(userinfo::userinfo)),
    Route::options(Kind::Protocol, path::USERINFO, handler!(cors::preflight)),
    Route::post(Kind::Protocol, path::PUSHED_AUTHORIZATION, handler!(par::push)),
    Route::options(Kind::Protocol, path::PUSHED_AUTHORIZATION, handler!(cors::preflight)),
    // Asked by servers only, so no page may.
    Route::post(Kind::Protocol, path::INTROSPECTION, handler!(introspect::introspect)),
    Route::post(Kind::Protocol, path::REVOCATION, handler!(revoke::revoke)),
    Route::options(Kind::Protocol, path::REVOCATION, handler!(cors::preflight)),
];
