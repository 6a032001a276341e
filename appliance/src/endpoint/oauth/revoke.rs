//! `/revoke` (RFC 7009).

use std::sync::Arc;

use service::{AnswerFor, Context, Idp, OpError, TokenQuery};

use super::client::fetch_keys;
use super::cors::Page;
use super::error::token_refused;
use super::token::{NO_FORM, unread};
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn revoke(app: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return unread(&NO_FORM),
    };
    let query = match TokenQuery::parse(form.iter(), request.header("authorization")) {
        Ok(query) => query,
        Err(refusal) => return unread(&refusal),
    };
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    fetch_keys(&app, &ctx, query.client()).await;
    let work = move |idp: &Idp| {
        (idp.revoke(&ctx, &query), page.may_read(idp, &ctx, AnswerFor::App(query.client().client_id())))
    };
    match app.bridge.run(work).await {
        Ok((outcome, readable)) => readable.mark(match outcome {
            Ok(()) => Response::empty(200),
            Err(OpError::Refused(refusal)) => token_refused(&refusal),
            Err(OpError::Fault(fault)) => super::error::fault(&app, &fault),
        }),
        Err(busy) => busy.into(),
    }
}
