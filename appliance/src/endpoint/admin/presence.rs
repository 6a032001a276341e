//! `/presence`: somebody is at the box. For the front panel and the console; a network never is at the box.

use domain::permission::Actor;
use domain::presence::WindowKind;
use service::{Change, Context, Idp};

use crate::api::{ClaimCode, OpenWindow, Problem, ProblemCode};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, parse_failed};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(Kind::Admin, "/api/v1/presence", admin!(open)),
    Route::post(Kind::Admin, "/api/v1/presence/claim", admin!(claim)),
    Route::post(Kind::Admin, "/api/v1/presence/code", admin!(code)),
];

fn open(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    at_the_box(ctx)?;
    let OpenWindow { window } = request.json()?;
    let kind = WindowKind::by_name(&window).ok_or_else(|| parse_failed("window", "is `claim` or `recovery`"))?;
    idp.open_window(ctx, kind)?;
    changed(Change::Created)
}

fn claim(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    at_the_box(ctx)?;
    changed(idp.claim_here(ctx)?)
}

fn code(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    at_the_box(ctx)?;
    let code = idp.presence_code(ctx)?;
    Reply::json(&ClaimCode { code: code.expose().clone(), url: format!("{}/setup", idp.issuer()) })
}

fn at_the_box(ctx: &Context) -> Result<(), Stop> {
    match ctx.actor {
        Actor::Console | Actor::System => Ok(()),
        Actor::Person { .. } | Actor::Service { .. } | Actor::Anonymous => {
            let problem = Problem::new(ProblemCode::NotAllowed, "presence cannot be shown over the network");
            Err(problem.hint("press the button of the box, or run this command on the box itself").into())
        }
    }
}
