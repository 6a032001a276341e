//! `/userinfo`, by GET and by POST (OpenID Connect Core section 5.3.1).

use std::sync::Arc;

use domain::secret::Secret;
use service::{AnswerFor, BearerRefusal, Context, Idp, OpError, ShownToken, Userinfo};

use super::client::{proof, with_nonce};
use super::cors::Page;
use super::error::{bearer_missing, bearer_refused, bearer_twice};
use crate::endpoint::session;
use crate::http::{App, Method, Request, Response};

pub(super) async fn userinfo(app: Arc<App>, request: Request) -> Response {
    if let Some(token) = request.authorization("dpop") {
        return show_to_holder(&app, &request, Secret::new(token.to_owned())).await;
    }
    let token = token(&request);
    let page = Page::of(&request);
    let ctx = Context::anonymous(request.moment(), session::origin(&request));
    let work = move |idp: &Idp| match &token {
        Ok(Some(token)) => {
            let outcome = idp.userinfo(&ctx, token.expose().as_str());
            let answer = answer_for(outcome.is_ok(), token.expose());
            (Asked::Answered(outcome), page.may_read(idp, &ctx, answer))
        }
        Ok(None) => (Asked::WithoutToken, page.may_read(idp, &ctx, AnswerFor::AnyApp)),
        Err(Twice) => (Asked::Twice, page.may_read(idp, &ctx, AnswerFor::AnyApp)),
    };
    match app.bridge.run(work).await {
        Ok((asked, readable)) => readable.mark(show(&app, "Bearer", asked)),
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
    let page = Page::of(request);
    let ctx = Context::anonymous(request.moment(), session::origin(request));
    let work = move |idp: &Idp| {
        let presented = ShownToken::Dpop { token: token.expose(), proof: proof.as_deref(), method };
        let outcome = idp.userinfo(&ctx, presented);
        let readable = page.may_read(idp, &ctx, answer_for(outcome.is_ok(), token.expose()));
        (Asked::Answered(outcome), idp.proof_nonce(&ctx).ok(), readable)
    };
    match app.bridge.run(work).await {
        Ok((asked, nonce, readable)) => readable.mark(with_nonce(show(app, "DPoP", asked), nonce)),
        Err(busy) => busy.into(),
    }
}

/// A refusal says nothing, and an app in a browser has to see that its token is over.
fn answer_for(told: bool, token: &str) -> AnswerFor<'_> {
    if told { AnswerFor::Token(token) } else { AnswerFor::AnyApp }
}

enum Asked {
    Answered(Result<Userinfo, OpError<BearerRefusal>>),
    WithoutToken,
    Twice,
}

fn show(app: &App, scheme: &'static str, asked: Asked) -> Response {
    match asked {
        Asked::Answered(Ok(Userinfo::Plain(claims))) => Response::json(200, &claims),
        Asked::Answered(Ok(Userinfo::Signed(token))) => Response::owned("application/jwt", token.into_bytes()),
        Asked::Answered(Err(OpError::Refused(refusal))) => bearer_refused(scheme, refusal),
        Asked::Answered(Err(OpError::Fault(fault))) => super::error::fault(app, &fault),
        Asked::WithoutToken => bearer_missing(),
        Asked::Twice => bearer_twice(),
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
