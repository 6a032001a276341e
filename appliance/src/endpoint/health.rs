//! `/health`: is the server up and can it read its store? For people, monitors and the front panel.

use std::sync::Arc;

use serde::Serialize;
use service::{Context, Origin};

use crate::http::{App, Kind, Request, Response, Route, handler};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Public, "/health", handler!(health))];

#[derive(Serialize)]
struct Health {
    status: &'static str,
    store: &'static str,
}

async fn health(app: Arc<App>, request: Request) -> Response {
    let ctx = Context::anonymous(request.moment(), Origin::default());
    let (code, status, store) = match app.bridge.run(move |idp| idp.healthy(&ctx)).await {
        Ok(Ok(())) => (200, "ok", "ok"),
        Ok(Err(error)) => {
            tracing::error!(?error, "the store cannot be read");
            (503, "failed", "unreadable")
        }
        Err(_) => (503, "busy", "unknown"),
    };
    Response::json(code, &Health { status, store }).header("Cache-Control", "no-store")
}
