//! `/.well-known/webauthn` of the former name: where else browsers may use its passkeys (WebAuthn Level 3 section 5.11).

use std::sync::Arc;

use serde_json::json;

use crate::http::{App, Kind, Request, Response, Route, handler};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Public, "/.well-known/webauthn", handler!(origins))];

async fn origins(_: Arc<App>, request: Request) -> Response {
    if !request.at.is_former() {
        return Response::text(404, "There is nothing at this address.");
    }
    let origins = [request.at.issuer(), request.at.house().issuer()];
    Response::json(200, &json!({ "origins": origins })).header("Cache-Control", "no-cache")
}
