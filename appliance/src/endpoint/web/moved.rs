//! `/moved`: whoever came in with a passkey of the former name is offered a new one, and may go on without.

use std::sync::Arc;

use service::{Idp, SignedIn};

use super::next::Next;
use super::view::part::When;
use super::view::sign_in::Moved;
use super::visit::{Answer, Lane, frame, inside, page, refused, said, show};
use crate::http::{App, Kind, Request, Response, Route};

pub(super) const PATH: &str = "/moved";

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Page, PATH, page!(offer))];

async fn offer(app: Arc<App>, request: Request) -> Answer {
    let next = request.query.one("next").ok().flatten().map(Next::read).unwrap_or_default();
    let (me, due) =
        inside(&app, &request, Lane::General, |idp: &Idp, me: &SignedIn| idp.passkey_due(&me.context)).await?;
    let due = due.map_err(|error| refused(&app, &request, error))?;
    let notice = said(&request);
    // After the form of this page the browser follows no redirect to an app: a link leads on.
    if due.is_none() && notice.is_none() {
        return Ok(Response::redirect303(next.path()));
    }
    let page = Moved {
        chrome: frame(&app, &me),
        notice,
        until: due.map(|at| When::new(at, request.now)),
        next: next.path().to_owned(),
    };
    Ok(show(&app, 200, &page))
}
