//! `/userinfo`, by GET and by POST (OpenID Connect Core section 5.3.1).

use std::sync::Arc;

use domain::secret::Secret;
use service::{Context, OpError};

use super::error::{bearer_missing, bearer_refused, bearer_twice};
use super::for_any_origin;
use crate::endpoint::session;
use crate::http::{App, Method, Request, Response};

pub(super) async fn userinfo(app: Arc<App>, request: Request) -> Response {
    for_any_origin(show(&app, &request).await)
}

async fn show(app: &App, request: &Request) -> Response {
    let token = match token(request) {
        Ok(Some(token)) => token,
        Ok(None) => return bearer_missing(),
        Err(Twice) => return bearer_twice(),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    match app.bridge.run(move |idp| idp.userinfo(&ctx, token.expose())).await {
        Ok(Ok(info)) => Response::json(200, &info),
        Ok(Err(OpError::Refused(refusal))) => bearer_refused(refusal),
        Ok(Err(OpError::Fault(fault))) => super::error::fault(app, &fault),
        Err(busy) => busy.into(),
    }
}

/// The token came in two ways (RFC 6750 section 2: one is enough).
struct Twice;

/// From the header, or from a form in the body (RFC 6750 sections 2.1 and 2.2); never from the query, which is logged.
fn token(request: &Request) -> Result<Option<Secret<String>>, Twice> {
    let header = request.bearer().map(str::to_owned);
    let body = match request.method {
        Method::Post => request.form().ok(),
        Method::Get | Method::Put | Method::Patch | Method::Delete | Method::Options => None,
    };
    let body = match &body {
        Some(form) => form.one("access_token").map_err(|_| Twice)?.map(str::to_owned),
        None => None,
    };
    match (header, body) {
        (Some(_), Some(_)) => Err(Twice),
        (token, None) | (None, token) => Ok(token.map(Secret::new)),
    }
}
