//! `/setup`: the way of one browser from a box without an owner to an owner with a passkey. Every step asks the service whether
//! the claim is this browser's; what was decided before stays decided, so a setup that broke off goes on where it was.

mod begin;
mod certificate;
mod clock;
mod names;
mod owner;
mod reach;

use std::sync::Arc;

use domain::host::Host;
use domain::presence::{View, WindowKind};
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
    Route::get(Kind::Setup, "/setup/clock", page!(clock::ask)),
    Route::post(Kind::Setup, "/setup/clock", page!(clock::save)),
    Route::get(Kind::Setup, "/setup/certificate", page!(certificate::ask)),
    Route::post(Kind::Setup, "/setup/certificate", page!(certificate::save)),
    Route::get(Kind::Setup, "/setup/certificate/state", page!(certificate::state)),
    Route::get(Kind::Setup, "/setup/reach", page!(reach::ask)),
    Route::post(Kind::Setup, "/setup/reach", page!(reach::go)),
    Route::get(Kind::Setup, "/setup/continue", page!(reach::arrive)),
    Route::get(Kind::Setup, "/setup/owner", page!(owner::ask)),
    Route::post(Kind::Setup, "/setup/owner", page!(owner::save)),
];

/// The step that is open.
async fn next(app: Arc<App>, request: Request) -> Answer {
    if !request.trust.is_good() {
        hold(&app, &request).await?;
        return Ok(Response::redirect303("/setup/clock"));
    }
    let seen = see(&app, &request).await?;
    Ok(Response::redirect303(open_step(&app, &request, &seen)))
}

/// After the time: names that certificates are for, the certificate, and then, where the passkey will be good, the owner.
fn open_step(app: &App, request: &Request, seen: &SetupView) -> &'static str {
    if !seen.named {
        return "/setup/names";
    }
    if !seen.certificate_decided && !app.certificates.configured() && !stays_here(&seen.house.host) {
        return "/setup/certificate";
    }
    let here = request.header("host").unwrap_or_default();
    if here.eq_ignore_ascii_case(&seen.house.authority()) { "/setup/owner" } else { "/setup/reach" }
}

/// Whether the name leads to the very machine that the browser runs on: no certificate is asked for then.
fn stays_here(host: &Host) -> bool {
    host.as_str() == "localhost" || host.as_str().ends_with(".localhost")
}

/// Only the browser that holds the claim goes on. Nothing is read for it, so that it works before the time is known.
async fn hold(app: &App, request: &Request) -> Result<(), Response> {
    match step(app, request, |idp, context, held| idp.see_window(context, WindowKind::Claim, held)).await? {
        View::Mine => Ok(()),
        View::Closed | View::Open(_) | View::Taken(_) => Err(Response::redirect303("/setup")),
    }
}

/// What is decided already, for the browser that holds the claim.
async fn see(app: &App, request: &Request) -> Result<SetupView, Response> {
    let seen = step(app, request, |idp, context, held| idp.see_setup(context, held)).await?;
    seen.map_err(|error| turned_away(app, error))
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
