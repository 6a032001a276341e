//! `/token`.

use std::sync::Arc;

use serde_json::{Map, Value};
use service::{AnswerFor, Context, Idp, OpError, TokenAnswer, TokenRefusal, TokenRequest};

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
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    let work = move |idp: &Idp| (idp.token(&ctx, &asked), page.may_read(idp, &ctx, AnswerFor::App(asked.client_id())));
    match app.bridge.run(work).await {
        Ok((outcome, readable)) => readable.mark(match outcome {
            Ok(answer) => Response::json(200, &render(&answer)).header("Pragma", "no-cache"),
            Err(OpError::Refused(refusal)) => token_refused(&refusal),
            Err(OpError::Fault(fault)) => super::error::fault(&app, &fault),
        }),
        Err(busy) => busy.into(),
    }
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
