//! `/par`: pushed authorization requests (RFC 9126).

use std::sync::Arc;

use serde_json::json;
use service::{AnswerFor, Context, Idp, OpError, PushRequest, TokenRefusal};

use super::client::{fetch_keys, proof, with_nonce};
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
    let proof = match proof(&request) {
        Ok(proof) => proof,
        Err(why) => return unread(&TokenRefusal::Proof(why)),
    };
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    fetch_keys(&app, &ctx, asked.client()).await;
    let asked = asked.with_proof(proof);
    let work = move |idp: &Idp| {
        let readable = page.may_read(idp, &ctx, AnswerFor::App(asked.client().client_id()));
        let nonce = if asked.has_proof() { idp.proof_nonce(&ctx).ok() } else { None };
        (idp.push(&ctx, asked), nonce, readable)
    };
    let (outcome, nonce, readable) = match app.bridge.run(work).await {
        Ok(done) => done,
        Err(busy) => return busy.into(),
    };
    let answer = match outcome {
        Ok(pushed) => {
            Response::json(201, &json!({ "request_uri": pushed.request_uri, "expires_in": pushed.expires_in }))
        }
        Err(OpError::Refused(refusal)) => push_refused(&refusal),
        Err(OpError::Fault(fault)) => super::error::fault(&app, &fault),
    };
    readable.mark(with_nonce(answer, nonce))
}
