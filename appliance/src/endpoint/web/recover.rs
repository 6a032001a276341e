//! `/recover`: everything is lost but a recovery code.

use std::sync::Arc;

use domain::secret::Secret;
use service::{Context, Idp, NewInvite, OpError, RecoveryAttempt, RecoveryRefusal};

use super::view::part::{Chrome, News, Notice};
use super::view::sign_in::Recover;
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, accident, anybody, denied_here, page, show, trouble};
use crate::endpoint::presence;
use crate::http::{App, Kind, Request, Response, Route};

pub(crate) const ROUTES: &[Route] =
    &[Route::get(Kind::Page, "/recover", page!(ask)), Route::post(Kind::Page, "/recover", page!(recover))];

async fn ask(app: Arc<App>, _: Request) -> Answer {
    Ok(show_form(&app, 200, "", None))
}

async fn recover(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (name, code) = (fields.get("username")?.to_owned(), fields.secret("recovery")?);
    let typed = name.clone();
    let held = presence::held(&request).map(|held| Secret::new(held.to_owned()));
    let op = move |idp: &Idp, context: &Context| {
        let held = held.unwrap_or_else(|| idp.something_to_hold());
        let attempt = RecoveryAttempt { name: &typed, code: code.expose(), held: held.expose() };
        (idp.recover_with_code(context, &attempt), held)
    };
    let (recovered, held) = anybody(&app, &request, Lane::General, op).await?;
    let answer = answer(&app, &request, &name, recovered);
    answer.map(|answer| presence::hold(answer, &held))
}

fn answer(app: &App, request: &Request, name: &str, recovered: Result<NewInvite, OpError<RecoveryRefusal>>) -> Answer {
    match recovered {
        Ok(link) => Ok(Response::redirect303(&format!("/invite/{}", link.token.expose()))),
        Err(OpError::Fault(fault)) => Err(accident(app, &fault)),
        Err(OpError::Refused(RecoveryRefusal::NotAccepted)) => {
            Ok(show_form(app, 403, name, Some(Notice::of(News::NotRecovered))))
        }
        Err(OpError::Refused(RecoveryRefusal::HoldsOffice)) => Ok(trouble(app, 403, Trouble::HoldsOffice)),
        Err(OpError::Refused(RecoveryRefusal::Denied(denied))) => Ok(denied_here(app, request, denied)),
    }
}

fn show_form(app: &App, status: u16, typed: &str, notice: Option<Notice>) -> Response {
    let username = typed.chars().take(64).collect();
    show(app, status, &Recover { chrome: Chrome::nobody(&app.house()), notice, username })
}
