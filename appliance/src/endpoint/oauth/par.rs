//! `/par`: pushed authorization requests (RFC 9126).

use std::sync::Arc;

use serde_json::json;
use service::{Context, OpError, PushRefusal, PushRequest, TokenRefusal};

use super::client::fetch_keys;
use super::error::push_refused;
use super::for_any_origin;
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn push(app: Arc<App>, request: Request) -> Response {
    for_any_origin(take(&app, &request).await)
}

async fn take(app: &App, request: &Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => {
            let why = TokenRefusal::InvalidRequest("send the parameters as a form, in UTF-8");
            return push_refused(&PushRefusal::Client(why));
        }
    };
    let pairs: Vec<_> = form.iter().collect();
    let asked = match PushRequest::parse(pairs.iter().copied(), request.header("authorization")) {
        Ok(asked) => asked,
        Err(refusal) => return push_refused(&refusal),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    fetch_keys(app, &ctx, asked.client()).await;
    match app.bridge.run(move |idp| idp.push(&ctx, asked)).await {
        Ok(Ok(pushed)) => {
            Response::json(201, &json!({ "request_uri": pushed.request_uri, "expires_in": pushed.expires_in }))
        }
        Ok(Err(OpError::Refused(refusal))) => push_refused(&refusal),
        Ok(Err(OpError::Fault(fault))) => super::error::fault(app, &fault),
        Err(busy) => busy.into(),
    }
}
