//! `/logout`: an app asks for the end of the session (OpenID Connect RP-Initiated Logout 1.0). No link ends the session of somebody who
//! was not asked, unless it proves that it comes from an app of this very session; the service decides that.

use std::sync::Arc;

use form_urlencoded::Serializer;
use service::{Context, Idp, LoggedOut, Logout, LogoutRefusal, LogoutRequest, OpError, path};

use super::next::{Next, form_target};
use super::view::part::Chrome;
use super::view::sign_in::{LogOut, SignedOut};
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, accident, anybody, denied_here, frame, inside, page, show, trouble};
use crate::endpoint::session;
use crate::http::{App, Form, Kind, Request, Response, Route, handler};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, path::END_SESSION, page!(get)).under_both_names(),
    // From the app's own site, so without the cookie; it goes on as a GET, which has it.
    Route::post(Kind::Protocol, path::END_SESSION, handler!(post)),
    Route::get(Kind::Page, "/logout/confirm", page!(start_again)).under_both_names(),
    Route::post(Kind::Page, "/logout/confirm", page!(confirm)).under_both_names(),
];

/// Longer than any request that the service takes.
const MAX_QUERY: usize = 7 * 1024;

async fn get(app: Arc<App>, request: Request) -> Answer {
    let wanted = LogoutRequest::from_pairs(request.query.iter());
    let op = move |idp: &Idp, context: &Context| idp.logout(context, &wanted);
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(Logout::Done(done)) => Ok(gone(&app, &request, done)),
        Ok(Logout::Ask { app: title, location }) => {
            let (me, ()) = inside(&app, &request, Lane::General, |_, _| ()).await?;
            let page = LogOut {
                chrome: frame(&app, &me).at_name(&request.at),
                app: title.map(String::from),
                request: request.target(),
            };
            let page = show(&app, 200, &page);
            Ok(match location.as_deref().and_then(form_target) {
                Some(target) => page.form_target(&target),
                None => page,
            })
        }
        Err(error) => Err(confused(&app, &request, error)),
    }
}

/// Section 2 wants POST as well.
async fn post(_: Arc<App>, request: Request) -> Response {
    let form = match request.form() {
        Ok(form) => form,
        Err(bad) => return bad.into(),
    };
    let query = Serializer::new(String::new()).extend_pairs(form.iter()).finish();
    if query.len() > MAX_QUERY {
        return Response::text(400, "The request is too long.");
    }
    Response::redirect303(&format!("{}?{query}", path::END_SESSION))
}

/// Somebody reloaded the answer to the question.
async fn start_again(_: Arc<App>, _: Request) -> Answer {
    Ok(Response::redirect303("/signout"))
}

async fn confirm(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let asked = Next::read(fields.get("request")?);
    let missing = || Response::text(400, "The question is missing.");
    let query = match asked.path().split_once('?') {
        Some((path::END_SESSION, query)) => query,
        None if asked.path() == path::END_SESSION => "",
        Some(_) | None => return Err(missing()),
    };
    let wanted = LogoutRequest::from_pairs(Form::parse(query)?.iter());
    let op = move |idp: &Idp, context: &Context| idp.confirm_logout(context, &wanted);
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(done) => Ok(gone(&app, &request, done)),
        Err(error) => Err(confused(&app, &request, error)),
    }
}

/// Signed out, and on to the app if it said where.
fn gone(app: &App, request: &Request, done: LoggedOut) -> Response {
    let answer = match done.location {
        Some(location) => Response::redirect303(&location),
        None => show(app, 200, &SignedOut { chrome: Chrome::at(&request.at) }),
    };
    answer.set_cookie(&session::forget())
}

/// Told to the person, never to an address that is not to be trusted.
fn confused(app: &App, request: &Request, error: OpError<LogoutRefusal>) -> Response {
    match error {
        OpError::Fault(fault) => accident(app, &fault),
        OpError::Refused(LogoutRefusal::Denied(denied)) => denied_here(app, request, denied),
        OpError::Refused(
            refusal @ (LogoutRefusal::Repeated(_)
            | LogoutRefusal::TooLong
            | LogoutRefusal::BadHint
            | LogoutRefusal::OtherClient
            | LogoutRefusal::NoClient
            | LogoutRefusal::UnknownClient { .. }
            | LogoutRefusal::UnknownAddress { .. }),
        ) => trouble(app, 400, Trouble::AppConfused { detail: refusal.to_string() }),
    }
}
