//! `/choose`: an app wants to know which person goes on, or means somebody else than who is signed in here. There is one person in
//! a browser at a time, so somebody else comes in when that one has signed out.

use std::sync::Arc;

use service::{Context, Idp, SignInReason, SignedIn};

use super::next::Next;
use super::sign_in::{Waiting, asked_next, leading_to, waiting_app};
use super::view::sign_in::Choose;
use super::visit::{Answer, Fields, Lane, anybody, frame, inside, page, refused, show};
use crate::endpoint::session;
use crate::http::{App, Kind, Request, Response, Route};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, PATH, page!(ask)).under_both_names(),
    Route::post(Kind::Page, PATH, page!(somebody_else)).under_both_names(),
];

pub(super) const PATH: &str = "/choose";

async fn ask(app: Arc<App>, request: Request) -> Answer {
    let next = asked_next(&request);
    let waiting = next.authorization_request();
    let op = |idp: &Idp, me: &SignedIn| waiting_app(idp, &me.context, waiting);
    let (me, waiting) = inside(&app, &request, Lane::General, op).await?;
    let Some(Waiting { app: title, reason, target, .. }) = waiting else {
        // Nobody waits, or not for this any more: `/authorize` tells the rest.
        return Ok(Response::redirect303(next.path()));
    };
    let page = Choose {
        chrome: frame(&app, &me).at_name(&request.at),
        username: me.account.name.to_string(),
        app: Some(title),
        somebody_else: reason == Some(SignInReason::SomebodyElse),
        as_me: next.after("/reauthenticate"),
        next: next.as_str().to_owned(),
    };
    Ok(leading_to(target, show(&app, 200, &page)))
}

async fn somebody_else(app: Arc<App>, request: Request) -> Answer {
    let next: Next = Fields::read(&request)?.next()?;
    let op = |idp: &Idp, context: &Context| idp.sign_out(context);
    anybody(&app, &request, Lane::General, op).await?.map_err(|error| refused(&app, &request, error))?;
    Ok(Response::redirect303(next.path()).set_cookie(&session::forget()))
}
