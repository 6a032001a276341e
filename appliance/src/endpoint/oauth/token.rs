//! `/token`.

use std::sync::Arc;

use serde_json::{Map, Value};
use service::{Context, OpError, TokenAnswer, TokenRefusal, TokenRequest};

use super::client::{fetch_keys, proof, with_nonce};
use super::error::token_refused;
use super::for_any_origin;
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn token(app: Arc<App>, request: Request) -> Response {
    for_any_origin(exchange(&app, &request).await)
}

async fn exchange(app: &App, request: &Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return token_refused(&TokenRefusal::InvalidRequest("send the parameters as a form, in UTF-8")),
    };
    let asked = match TokenRequest::parse(form.iter(), request.header("authorization")) {
        Ok(asked) => asked,
        Err(refusal) => return token_refused(&refusal),
    };
    let proof = match proof(request) {
        Ok(proof) => proof,
        Err(why) => return token_refused(&TokenRefusal::Proof(why)),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    fetch_keys(app, &ctx, asked.client()).await;
    let asked = asked.with_proof(proof);
    let done = app.bridge.run(move |idp| {
        let nonce = if asked.has_proof() { idp.proof_nonce(&ctx).ok() } else { None };
        (idp.token(&ctx, &asked), nonce)
    });
    let (answer, nonce) = match done.await {
        Ok(done) => done,
        Err(busy) => return busy.into(),
    };
    let answer = match answer {
        Ok(answer) => Response::json(200, &render(&answer)).header("Pragma", "no-cache"),
        Err(OpError::Refused(refusal)) => token_refused(&refusal),
        Err(OpError::Fault(fault)) => super::error::fault(app, &fault),
    };
    with_nonce(answer, nonce)
}

fn render(answer: &TokenAnswer) -> Map<String, Value> {
    let mut json = Map::new();
    let mut add = |name: &str, value: Value| json.insert(name.to_owned(), value);
    add("access_token", answer.access_token.expose().as_str().into());
    add("token_type", answer.token_type.into());
    add("expires_in", answer.expires_in.into());
    add("scope", answer.scope.as_str().into());
    if let Some(token) = &answer.refresh_token {
        add("refresh_token", token.expose().as_str().into());
    }
    if let Some(token) = &answer.id_token {
        add("id_token", token.expose().as_str().into());
    }
    json
}
