//! `/device_authorization` (RFC 8628 section 3.1).

use std::sync::Arc;

use serde_json::json;
use service::{Context, DeviceRequest, OpError, TokenRefusal};

use super::client::fetch_keys;
use super::error::token_refused;
use super::for_any_origin;
use crate::endpoint::session;
use crate::http::{App, Request, Response};

pub(super) async fn begin(app: Arc<App>, request: Request) -> Response {
    for_any_origin(ask(&app, &request).await)
}

async fn ask(app: &App, request: &Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(_) => return token_refused(&TokenRefusal::InvalidRequest("send the parameters as a form, in UTF-8")),
    };
    let asked = match DeviceRequest::parse(form.iter(), request.header("authorization")) {
        Ok(asked) => asked,
        Err(refusal) => return token_refused(&refusal),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    fetch_keys(app, &ctx, asked.client()).await;
    match app.bridge.run(move |idp| idp.authorize_device(&ctx, &asked)).await {
        Ok(Ok(answer)) => {
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
        Ok(Err(OpError::Refused(refusal))) => token_refused(&refusal),
        Ok(Err(OpError::Fault(fault))) => super::error::fault(app, &fault),
        Err(busy) => busy.into(),
    }
}
