//! `/par`: pushed authorization requests (RFC 9126).

use std::sync::Arc;

use serde_json::json;
use service::{AnswerFor, Context, Idp, OpError, PushRequest};

use super::client::fetch_keys;
use super::cors::Page;
use super::error::push_refused;
use super::token::{NO_FORM, unread};
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn push(app: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return unread(&NO_FORM),
    };
    let pairs: Vec<_> = form.iter().collect();
    let asked = match PushRequest::parse(pairs.iter().copied(), request.header("authorization")) {
        Ok(asked) => asked,
        Err(refusal) => return push_refused(&refusal),
    };
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    fetch_keys(&app, &ctx, asked.client()).await;
    let work = move |idp: &Idp| {
        let readable = page.may_read(idp, &ctx, AnswerFor::App(asked.client().client_id()));
        (idp.push(&ctx, asked), readable)
    };
    let (outcome, readable) = match app.bridge.run(work).await {
        Ok(done) => done,
        Err(busy) => return busy.into(),
    };
    readable.mark(match outcome {
        Ok(pushed) => {
            Response::json(201, &json!({ "request_uri": pushed.request_uri, "expires_in": pushed.expires_in }))
        }
        Err(OpError::Refused(refusal)) => push_refused(&refusal),
        Err(OpError::Fault(fault)) => super::error::fault(&app, &fault),
    })
}
