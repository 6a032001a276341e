//! `/recover`: everything is lost but a recovery code.

use std::sync::Arc;

use service::{Context, Idp, OpError, RecoveryRefusal};

use super::view::part::{Chrome, News, Notice};
use super::view::sign_in::Recover;
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, accident, anybody, denied_here, page, show, trouble};
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
    let op = move |idp: &Idp, context: &Context| idp.recover_with_code(context, &typed, code.expose());
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(link) => Ok(Response::redirect303(&format!("/invite/{}", link.token.expose()))),
        Err(OpError::Fault(fault)) => Err(accident(&app, &fault)),
        Err(OpError::Refused(RecoveryRefusal::NotAccepted)) => {
            Ok(show_form(&app, 403, &name, Some(Notice::of(News::NotRecovered))))
        }
        Err(OpError::Refused(RecoveryRefusal::HoldsOffice)) => Ok(trouble(&app, 403, Trouble::HoldsOffice)),
        Err(OpError::Refused(RecoveryRefusal::Denied(denied))) => Ok(denied_here(&app, &request, denied)),
    }
}

fn show_form(app: &App, status: u16, typed: &str, notice: Option<Notice>) -> Response {
    let username = typed.chars().take(64).collect();
    show(app, status, &Recover { chrome: Chrome::nobody(&app.house()), notice, username })
}
