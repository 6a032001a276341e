//! `/setup`: the way of one browser from a box without an owner to an owner with a passkey. Every step asks the service whether
//! the claim is this browser's; what was decided before stays decided, so a setup that broke off goes on where it was.

mod begin;
mod names;
mod owner;

use std::sync::Arc;

use service::{Context, Idp, OpError, SetupRefusal, SetupView};

use super::web::view::part::{News, Notice};
use super::web::visit::{Answer, accident, page};
use super::{presence, session};
use crate::http::{App, Kind, Request, Response, Route};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Setup, "/setup", page!(begin::look)),
    Route::post(Kind::Setup, "/setup", page!(begin::begin)),
    Route::get(Kind::Setup, "/setup/state", page!(begin::state)),
    Route::get(Kind::Setup, "/setup/next", page!(next)),
    Route::get(Kind::Setup, "/setup/names", page!(names::ask)),
    Route::post(Kind::Setup, "/setup/names", page!(names::save)),
    Route::get(Kind::Setup, "/setup/owner", page!(owner::ask)),
    Route::post(Kind::Setup, "/setup/owner", page!(owner::save)),
];

/// The step that is open.
async fn next(app: Arc<App>, request: Request) -> Answer {
    let seen = step(&app, &request, |idp, context, held| idp.see_setup(context, held)).await?;
    let seen = seen.map_err(|error| turned_away(&app, error))?;
    Ok(Response::redirect303(open_step(&seen)))
}

fn open_step(seen: &SetupView) -> &'static str {
    if seen.named { "/setup/owner" } else { "/setup/names" }
}

/// Runs a step for whoever came, with what their browser holds.
async fn step<T: Send + 'static>(
    app: &App,
    request: &Request,
    op: impl FnOnce(&Idp, &Context, Option<&str>) -> T + Send + 'static,
) -> Result<T, Response> {
    let held = presence::held(request).map(str::to_owned);
    let context = Context::anonymous(request.moment(), session::origin(request));
    Ok(app.bridge.run(move |idp| op(idp, &context, held.as_deref())).await?)
}

/// Whoever has no claim begins at the beginning; an accident is told by its number.
fn turned_away(app: &App, error: OpError<SetupRefusal>) -> Response {
    match error {
        OpError::Fault(fault) => accident(app, &fault),
        OpError::Refused(_) => Response::redirect303("/setup"),
    }
}

/// The words for what the form itself can mend; everything else ends the step.
fn objection(app: &App, error: OpError<SetupRefusal>) -> Result<Notice, Response> {
    match error {
        OpError::Refused(SetupRefusal::Objection(why)) => Ok(Notice::of(News::Refused { why })),
        other @ (OpError::Refused(_) | OpError::Fault(_)) => Err(turned_away(app, other)),
    }
}
