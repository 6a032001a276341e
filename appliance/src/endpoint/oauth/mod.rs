//! What apps speak: OAuth 2.0 and OpenID Connect.

mod authorize;
mod discovery;
mod error;
mod token;
mod userinfo;

pub(super) use error::fault;

use crate::http::{Kind, Request, Response, Route, handler};

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
    Route::options(Kind::Protocol, "/token", handler!(preflight)),
    Route::get(Kind::Protocol, "/userinfo", handler!(userinfo::userinfo)),
    Route::post(Kind::Protocol, "/userinfo", handler!(userinfo::userinfo)),
    Route::options(Kind::Protocol, "/userinfo", handler!(preflight)),
];

/// Apps that live in a browser may read the answer. No cookie is looked at, so nothing is given away.
fn for_any_origin(response: Response) -> Response {
    response.header("Access-Control-Allow-Origin", "*")
}

async fn preflight(_: std::sync::Arc<crate::http::App>, _: Request) -> Response {
    for_any_origin(Response::empty(204))
        .header("Access-Control-Allow-Methods", "GET, POST")
        .header("Access-Control-Allow-Headers", "Authorization, Content-Type")
        .header("Access-Control-Max-Age", "86400")
}
