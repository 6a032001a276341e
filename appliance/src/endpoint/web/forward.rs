//! `/forward-auth/start`: a browser comes from an app behind a proxy, and goes back there with a pass.

use std::sync::Arc;

use service::{Context, ForwardRefusal, HandOver, Idp, OpError, SignInReason};

use super::next::Next;
use super::sign_in::door_for;
use super::view::apps::Forward;
use super::view::part::Chrome;
use super::view::trouble::Trouble;
use super::visit::{Answer, Lane, accident, anybody, denied_here, page, show, trouble};
use crate::endpoint::forward_auth::Original;
use crate::http::{App, Kind, Request, Response, Route};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Page, "/forward-auth/start", page!(start)).under_both_names()];

async fn start(app: Arc<App>, request: Request) -> Answer {
    let asked = |name: &str| request.query.one(name).ok().flatten().map(str::to_owned).unwrap_or_default();
    let (to, state) = (asked("to"), asked("state"));
    let original =
        Original::read(&to).map_err(|why| trouble(&app, 400, Trouble::AppConfused { detail: why.to_string() }))?;
    let host = original.host.clone();
    let op = move |idp: &Idp, context: &Context| idp.forward_hand_over(context, &host, &state);
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(HandOver::Pass(pass)) => Ok(hand_over(&app, &request, &original, &pass)),
        Ok(HandOver::SignIn(reason)) => {
            let door = door_for(reason, reason != SignInReason::NotSignedIn);
            Ok(Response::redirect303(&Next::read(&request.target()).after(door)))
        }
        Err(error) => Err(refused(&app, &request, error)),
    }
}

/// A browser that comes from our own sign-in form may not be redirected to another site: it holds redirects after a form against
/// `form-action`. A page that goes on by itself is another matter.
fn hand_over(app: &App, request: &Request, original: &Original, pass: &str) -> Response {
    let location = original.callback(pass);
    match request.header("sec-fetch-site") {
        Some("none" | "same-site" | "cross-site") => Response::redirect303(&location),
        Some(_) | None => {
            let page = Forward { chrome: Chrome::at(&request.at), place: original.authority.clone(), location };
            show(app, 200, &page)
        }
    }
}

fn refused(app: &App, request: &Request, error: OpError<ForwardRefusal>) -> Response {
    match error {
        OpError::Fault(fault) => accident(app, &fault),
        OpError::Refused(ForwardRefusal::Denied(denied)) => denied_here(app, request, denied),
        OpError::Refused(refusal @ (ForwardRefusal::UnknownHost { .. } | ForwardRefusal::BadState)) => {
            trouble(app, 400, Trouble::AppConfused { detail: refusal.to_string() })
        }
        OpError::Refused(ForwardRefusal::NotAdmitted { why, .. }) => {
            trouble(app, 403, Trouble::Refused { why: why.to_string() })
        }
    }
}
