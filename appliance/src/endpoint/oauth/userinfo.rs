//! `/userinfo`, by GET and by POST (OpenID Connect Core section 5.3.1).

use std::sync::Arc;

use domain::secret::Secret;
use serde_json::{Map, Value};
use service::{BearerRefusal, Context, OpError, Presented};

use super::client::{proof, with_nonce};
use super::error::{bearer_missing, bearer_refused, bearer_twice};
use super::for_any_origin;
use crate::endpoint::session;
use crate::http::{App, Method, Request, Response};

pub(super) async fn userinfo(app: Arc<App>, request: Request) -> Response {
    for_any_origin(show(&app, &request).await)
}

async fn show(app: &App, request: &Request) -> Response {
    if let Some(token) = request.authorization("dpop") {
        return show_to_holder(app, request, Secret::new(token.to_owned())).await;
    }
    let token = match token(request) {
        Ok(Some(token)) => token,
        Ok(None) => return bearer_missing(),
        Err(Twice) => return bearer_twice(),
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    match app.bridge.run(move |idp| idp.userinfo(&ctx, token.expose().as_str())).await {
        Ok(answer) => render(app, "Bearer", answer),
        Err(busy) => busy.into(),
    }
}

/// With a token that is bound to a key, and the proof of that key (RFC 9449 section 7.1).
async fn show_to_holder(app: &App, request: &Request, token: Secret<String>) -> Response {
    let proof = match proof(request) {
        Ok(proof) => proof,
        Err(why) => return bearer_refused("DPoP", BearerRefusal::Proof(why)),
    };
    let method = match request.method {
        Method::Post => "POST",
        Method::Get | Method::Put | Method::Patch | Method::Delete | Method::Options => "GET",
    };
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    let done = app.bridge.run(move |idp| {
        let presented = Presented::Dpop { token: token.expose(), proof: proof.as_deref(), method };
        (idp.userinfo(&ctx, presented), idp.proof_nonce(&ctx).ok())
    });
    match done.await {
        Ok((answer, nonce)) => with_nonce(render(app, "DPoP", answer), nonce),
        Err(busy) => busy.into(),
    }
}

fn render(app: &App, scheme: &'static str, answer: Result<Map<String, Value>, OpError<BearerRefusal>>) -> Response {
    match answer {
        Ok(info) => Response::json(200, &info),
        Err(OpError::Refused(refusal)) => bearer_refused(scheme, refusal),
        Err(OpError::Fault(fault)) => super::error::fault(app, &fault),
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
