//! `/introspect` (RFC 7662).

use std::sync::Arc;

use service::{Context, OpError, TokenQuery};

use super::client::fetch_keys;
use super::error::token_refused;
use super::token::NO_FORM;
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn introspect(app: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return token_refused(&NO_FORM),
    };
    let query = match TokenQuery::parse(form.iter(), request.header("authorization")) {
        Ok(query) => query,
        Err(refusal) => return token_refused(&refusal),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    fetch_keys(&app, &ctx, query.client()).await;
    match app.bridge.run(move |idp| idp.introspect(&ctx, &query)).await {
        Ok(Ok(said)) => Response::json(200, &said),
        Ok(Err(OpError::Refused(refusal))) => token_refused(&refusal),
        Ok(Err(OpError::Fault(fault))) => super::error::fault(&app, &fault),
        Err(busy) => busy.into(),
    }
}
