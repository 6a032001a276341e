//! `/invite/:token`: from a link to the dashboard, for somebody new or somebody who lost a phone.

use std::sync::Arc;

use domain::invite::InvitePurpose;
use domain::name::Label;
use service::{Accepted, Context, Idp, OpError, PasskeyAnswer, PasswordAnswer, Refusal};

use super::qr;
use super::sign_in::{answer, ceremony, let_in, with_session};
use super::view::account::RecoveryCodes;
use super::view::part::{Chrome, Done, Face, News, Notice, When};
use super::view::sign_in::{Invite, InvitePassword, Svg};
use super::view::trouble::Trouble;
use super::visit::{Answer, Fields, Lane, after, anybody, objection, page, refused, show, trouble};
use super::ways_in::{self, grouped, label_of};
use crate::http::{App, Kind, Request, Response, Route};
use crate::provisioning::admin_key;

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, "/invite/:token", page!(welcome)).in_setup(),
    Route::get(Kind::Page, "/invite/:token/passkey", page!(back_to_welcome)).in_setup(),
    Route::post(Kind::Page, "/invite/:token/passkey", page!(passkey)).in_setup(),
    Route::post(Kind::Page, "/invite/:token/passkey/options", page!(options)).in_setup(),
    Route::get(Kind::Page, "/invite/:token/password", page!(ask_password)).in_setup(),
    Route::post(Kind::Page, "/invite/:token/password", page!(password)).in_setup(),
];

async fn welcome(app: Arc<App>, request: Request) -> Answer {
    show_welcome(&app, &request, 200, None).await
}

async fn show_welcome(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let token = request.params.get("token").to_owned();
    let name = token.clone();
    let op = move |idp: &Idp, context: &Context| idp.see_invite(context, &name);
    let seen = anybody(app, request, Lane::General, op).await?.map_err(|error| void(app, request, error))?;
    let page = Invite {
        chrome: Chrome::nobody(&app.house()),
        notice,
        token,
        name: seen.account.display_name().to_owned(),
        username: seen.account.name.to_string(),
        face: Face::new(seen.account.display_name(), None),
        again: seen.purpose == InvitePurpose::Recover,
        until: When::new(seen.expires_at, request.now),
        password_possible: seen.password_possible,
    };
    Ok(show(app, status, &page))
}

/// Somebody reloaded the answer to a form.
async fn back_to_welcome(_: Arc<App>, request: Request) -> Answer {
    Ok(Response::redirect303(&format!("/invite/{}", request.params.get("token"))))
}

async fn options(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let shown_as = match fields.get("display_name")?.trim() {
        "" => None,
        text => Some(text.parse::<Label>().map_err(|error| Response::text(400, error.to_string()))?),
    };
    let token = request.params.get("token").to_owned();
    let op = move |idp: &Idp, context: &Context| idp.start_invite_passkey(context, &token, shown_as);
    let started = anybody(&app, &request, Lane::General, op).await?;
    match started {
        Ok(challenge) => Ok(ceremony(&challenge.ceremony, &challenge.options)),
        Err(OpError::Refused(Refusal::Conflict(why))) => Err(Response::text(409, why)),
        Err(error) => Err(refused(&app, &request, error)),
    }
}

async fn passkey(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (token, name, made) =
        (request.params.get("token").to_owned(), fields.get("ceremony")?.to_owned(), answer(&fields)?);
    let label = label_of(&request);
    let op = move |idp: &Idp, context: &Context| {
        let answer = PasskeyAnswer { ceremony: &name, label: &label, answer: &made };
        idp.finish_invite_passkey(context, &token, &answer)
    };
    match anybody(&app, &request, Lane::General, op).await? {
        Ok(accepted) => {
            take_admin_key(&app, &request).await;
            Ok(come_in(&app, &request, &accepted))
        }
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_welcome(&app, &request, 422, Some(notice)).await
        }
    }
}

async fn ask_password(app: Arc<App>, request: Request) -> Answer {
    show_password(&app, &request, 200, None).await
}

async fn show_password(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let token = request.params.get("token").to_owned();
    let name = token.clone();
    let op = move |idp: &Idp, context: &Context| {
        Ok((idp.start_invite_password(context, &name)?, idp.see_invite(context, &name)?))
    };
    let (challenge, seen) =
        anybody(app, request, Lane::General, op).await?.map_err(|error| void(app, request, error))?;
    let page = InvitePassword {
        chrome: Chrome::nobody(&app.house()),
        notice,
        token,
        username: seen.account.name.to_string(),
        qr: qr::draw(challenge.uri.expose()).unwrap_or(Svg(String::new())),
        key: grouped(challenge.secret.expose()),
        ceremony: challenge.ceremony,
    };
    Ok(show(app, status, &page))
}

async fn password(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (password, repeat) = (fields.secret("password")?, fields.secret("repeat")?);
    if password != repeat {
        return show_password(&app, &request, 422, Some(Notice::of(News::PasswordsDiffer))).await;
    }
    let token = request.params.get("token").to_owned();
    let (name, code) = (fields.get("ceremony")?.to_owned(), fields.secret("code")?);
    let op = move |idp: &Idp, context: &Context| {
        let answer = PasswordAnswer { ceremony: &name, password: &password, code: code.expose() };
        idp.finish_invite_password(context, &token, &answer)
    };
    match anybody(&app, &request, Lane::Hashing, op).await? {
        Ok(accepted) => Ok(come_in(&app, &request, &accepted)),
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_password(&app, &request, 422, Some(notice)).await
        }
    }
}

/// An SSH key that was given with the claim counts from its end on. The first owner comes in with a passkey, so this is the only place.
async fn take_admin_key(app: &App, request: &Request) {
    if !app.config.is_appliance() {
        return;
    }
    let (data, token) = (app.config.data_dir.clone(), request.params.get("token").to_owned());
    let ctx = Context::system(request.moment());
    let taken = app.bridge.run(move |idp| {
        let taken = admin_key::take(&data, &token).map_err(|error| error.to_string())?;
        taken.map_or(Ok(()), |key| idp.note_admin_key(&ctx, &key.fingerprint)).map_err(|error| format!("{error:?}"))
    });
    if !matches!(taken.await, Ok(Ok(()))) {
        tracing::error!("the SSH key of the admin could not be put in its place; give it again on the card");
    }
}

/// The session, and the recovery codes that are shown this once. Who had other passkeys looks at them next.
fn come_in(app: &App, request: &Request, accepted: &Accepted) -> Response {
    let next = if accepted.older_passkeys.is_empty() { "/" } else { &after(ways_in::HOME, Done::BackAgain) };
    if accepted.recovery_codes.is_empty() {
        return let_in(&accepted.session, next, request.now);
    }
    let page = RecoveryCodes {
        chrome: Chrome::nobody(&app.house()),
        codes: accepted.recovery_codes.iter().map(|code| code.expose().clone()).collect(),
        username: accepted.session.signed_in.account.name.to_string(),
        codes_are: accepted.worth.into(),
        first_time: true,
        next: next.to_owned(),
    };
    with_session(show(app, 200, &page), &accepted.session, request.now)
}

fn void(app: &App, request: &Request, error: OpError<Refusal>) -> Response {
    match error {
        OpError::Refused(Refusal::Conflict(why)) => trouble(app, 410, Trouble::LinkOver { why }),
        other @ (OpError::Refused(_) | OpError::Fault(_)) => refused(app, request, other),
    }
}
