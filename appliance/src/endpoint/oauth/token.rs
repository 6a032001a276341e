//! `/token`.

use std::sync::Arc;

use serde_json::{Map, Value};
use service::{Context, OpError, TokenAnswer, TokenRefusal, TokenRequest};

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
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    match app.bridge.run(move |idp| idp.token(&ctx, &asked)).await {
        Ok(Ok(answer)) => Response::json(200, &render(&answer)).header("Pragma", "no-cache"),
        Ok(Err(OpError::Refused(refusal))) => token_refused(&refusal),
        Ok(Err(OpError::Fault(fault))) => super::error::fault(app, &fault),
        Err(busy) => busy.into(),
    }
}

fn render(answer: &TokenAnswer) -> Map<String, Value> {
    let mut json = Map::new();
    let mut add = |name: &str, value: Value| json.insert(name.to_owned(), value);
    add("access_token", answer.access_token.expose().as_str().into());
    add("token_type", "Bearer".into());
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
