//! The first page: somebody at the box lets this browser begin.

use std::sync::Arc;

use domain::presence::{View, WindowKind};
use serde_json::json;
use service::SetupRefusal;

use super::step;
use crate::endpoint::presence;
use crate::endpoint::web::view::part::{Chrome, News, Notice};
use crate::endpoint::web::view::setup::{Begin, Door};
use crate::endpoint::web::visit::{Answer, Fields, show};
use crate::http::{App, Request, Response};

pub(super) async fn look(app: Arc<App>, request: Request) -> Answer {
    show_door(&app, &request, 200, None).await
}

async fn show_door(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let door = match view(app, request).await? {
        View::Mine => return Ok(Response::redirect303("/setup/next")),
        View::Open(_) => Door::Open,
        View::Closed => Door::Closed,
        View::Taken(by) => Door::Taken { by },
    };
    Ok(show(app, status, &Begin { chrome: Chrome::nobody(&app.house()), notice, door }))
}

/// How the window looks to this browser; the page asks once a second.
pub(super) async fn state(app: Arc<App>, request: Request) -> Answer {
    let state = match view(&app, &request).await? {
        View::Mine => "mine",
        View::Open(_) => "open",
        View::Closed => "closed",
        View::Taken(_) => "taken",
    };
    Ok(Response::json(200, &json!({ "state": state })))
}

pub(super) async fn begin(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let code = fields.secret("code")?;
    let op = move |idp: &service::Idp, context: &service::Context, held: Option<&str>| {
        let typed = code.expose().trim();
        idp.begin_claim(context, held, (!typed.is_empty()).then_some(typed))
    };
    let refusal = match step(&app, &request, op).await? {
        Ok(held) => return Ok(presence::hold(Response::redirect303("/setup/next"), &held)),
        Err(service::OpError::Refused(refusal)) => refusal,
        Err(error) => return Err(super::turned_away(&app, error)),
    };
    let status = match refusal {
        SetupRefusal::TooManyTries => 429,
        SetupRefusal::NotBegun
        | SetupRefusal::Taken(_)
        | SetupRefusal::WrongCode
        | SetupRefusal::Claimed
        | SetupRefusal::Objection(_) => 403,
    };
    show_door(&app, &request, status, Some(Notice::of(News::Refused { why: refusal.to_string() }))).await
}

async fn view(app: &App, request: &Request) -> Result<View, Response> {
    step(app, request, |idp, context, held| idp.see_window(context, WindowKind::Claim, held)).await
}
