//! `/token`.

use std::sync::Arc;

use serde_json::{Map, Value};
use service::{AnswerFor, Context, Idp, OpError, TokenAnswer, TokenRefusal, TokenRequest};

use super::client::{fetch_keys, proof, with_nonce};
use super::cors::{Page, Readable};
use super::error::token_refused;
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn token(app: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return unread(&NO_FORM),
    };
    let asked = match TokenRequest::parse(form.iter(), request.header("authorization")) {
        Ok(asked) => asked,
        Err(refusal) => return unread(&refusal),
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
        let nonce = if asked.has_proof() { idp.proof_nonce(&ctx).ok() } else { None };
        let readable = page.may_read(idp, &ctx, AnswerFor::App(asked.client().client_id()));
        (idp.token(&ctx, &asked), nonce, readable)
    };
    let (outcome, nonce, readable) = match app.bridge.run(work).await {
        Ok(done) => done,
        Err(busy) => return busy.into(),
    };
    let answer = match outcome {
        Ok(answer) => Response::json(200, &render(&answer)).header("Pragma", "no-cache"),
        Err(OpError::Refused(refusal)) => token_refused(&refusal),
        Err(OpError::Fault(fault)) => super::error::fault(&app, &fault),
    };
    readable.mark(with_nonce(answer, nonce))
}

/// What all endpoints of the family take.
pub(super) const NO_FORM: TokenRefusal = TokenRefusal::InvalidRequest("send the parameters as a form, in UTF-8");

/// The answer to what cannot be understood, so that nobody knows for which app it is.
pub(super) fn unread(refusal: &TokenRefusal) -> Response {
    Readable::by_no_page().mark(token_refused(refusal))
}

fn render(answer: &TokenAnswer) -> Map<String, Value> {
    let mut json = Map::new();
    let mut add = |name: &str, value: Value| json.insert(name.to_owned(), value);
    add("access_token", answer.access_token.expose().as_str().into());
    add("token_type", answer.token_type.into());
    add("expires_in", answer.expires_in.into());
    add("scope", answer.scope.as_str().into());
    if let Some(kind) = answer.issued_token_type {
        add("issued_token_type", kind.into());
    }
    if let Some(token) = &answer.refresh_token {
        add("refresh_token", token.expose().as_str().into());
    }
    if let Some(token) = &answer.id_token {
        add("id_token", token.expose().as_str().into());
    }
    json
}
