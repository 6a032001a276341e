//! The discovery document and the keys.

use std::sync::Arc;

use super::CACHE;
use crate::http::{App, Request, Response};

pub(super) async fn document(app: Arc<App>, request: Request) -> Response {
    send(app.discovery.of(&request.at))
}

pub(super) async fn keys(app: Arc<App>, _: Request) -> Response {
    match app.bridge.run(|idp| idp.jwks()).await {
        Ok(bytes) => send(bytes),
        Err(busy) => busy.into(),
    }
}

fn send(bytes: Arc<[u8]>) -> Response {
    // The same for everybody, so any page may read it.
    Response::shared("application/json", bytes)
        .header("Access-Control-Allow-Origin", "*")
        .header("Cache-Control", CACHE)
}
