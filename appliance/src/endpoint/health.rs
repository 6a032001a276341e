//! `/health`: is the server up and can it read its store? For people, monitors and the front panel.

use std::sync::Arc;

use domain::clock::Trust;
use serde::Serialize;
use service::{Context, Origin};

use crate::http::{App, Kind, Request, Response, Route, handler};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Public, "/health", handler!(health))];

#[derive(Serialize)]
struct Health {
    status: &'static str,
    store: &'static str,
    /// How far the clock can be trusted; nobody can sign in before it is `synchronised`.
    clock: Trust,
}

async fn health(app: Arc<App>, request: Request) -> Response {
    let clock = request.trust;
    let ctx = Context::anonymous(request.moment(), Origin::default());
    let (code, status, store) = match app.bridge.run(move |idp| idp.healthy(&ctx)).await {
        // Up, and not to be started again for want of the time.
        Ok(Ok(())) if !clock.is_good() => (200, "waiting", "ok"),
        Ok(Ok(())) => (200, "ok", "ok"),
        Ok(Err(error)) => {
            tracing::error!(?error, "the store cannot be read");
            (503, "failed", "unreadable")
        }
        Err(_) => (503, "busy", "unknown"),
    };
    Response::json(code, &Health { status, store, clock }).header("Cache-Control", "no-store")
}
