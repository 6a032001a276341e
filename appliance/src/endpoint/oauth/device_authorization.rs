//! `/device_authorization` (RFC 8628 section 3.1).

use std::sync::Arc;

use serde_json::json;
use service::{AnswerFor, Context, DeviceAuthorizationRequest, Idp, OpError};

use super::client::fetch_keys;
use super::cors::Page;
use super::error::token_refused;
use super::token::{NO_FORM, unread};
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn begin(app: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return unread(&NO_FORM),
    };
    let asked = match DeviceAuthorizationRequest::parse(form.iter(), request.header("authorization")) {
        Ok(asked) => asked,
        Err(refusal) => return unread(&refusal),
    };
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    fetch_keys(&app, &ctx, asked.client()).await;
    let work = move |idp: &Idp| {
        let readable = page.may_read(idp, &ctx, AnswerFor::App(asked.client().client_id()));
        (idp.authorize_device(&ctx, &asked), readable)
    };
    let (outcome, readable) = match app.bridge.run(work).await {
        Ok(done) => done,
        Err(busy) => return busy.into(),
    };
    readable.mark(match outcome {
        Ok(answer) => {
            let body = json!({
                "device_code": answer.device_code.expose(),
                "user_code": answer.user_code.expose(),
                "verification_uri": answer.verification_uri,
                "verification_uri_complete": answer.verification_uri_complete,
                "expires_in": answer.expires_in,
                "interval": answer.interval,
            });
            Response::json(200, &body).header("Pragma", "no-cache")
        }
        Err(OpError::Refused(refusal)) => token_refused(&refusal),
        Err(OpError::Fault(fault)) => super::error::fault(&app, &fault),
    })
}
