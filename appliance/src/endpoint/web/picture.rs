//! Pictures of persons and icons of apps: as addresses for pages and apps, and changing one's own.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::Account;
use domain::id::Subject;
use domain::name::ClientName;
use domain::picture::Picture;
use service::{Context, Idp, OpError, Refusal, SignedIn, Whose};

use super::view::part::{Done, Notice};
use super::visit::{Answer, Fields, Lane, done, inside, objection, page};
use super::{profile, visit};
use crate::endpoint::session;
use crate::http::{App, Kind, Request, Response, Route, handler};

/// A picture as our own page sends it, in base64; the service's own bound is for pictures that came another way.
const FORM_LIMIT: usize = 512 * 1024;

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Public, "/picture/:subject", handler!(picture)),
    Route::get(Kind::Public, "/icon/:app", handler!(icon)),
    Route::post(Kind::Page, "/account/picture", page!(set)).body(FORM_LIMIT),
    Route::post(Kind::Page, "/account/picture/remove", page!(remove)),
];

/// The address of a person's picture. It changes with the account, so that a new picture is seen at once.
pub(super) fn address(account: &Account) -> String {
    format!("/picture/{}?v={}", account.subject, account.updated_at.unix())
}

/// The address of an app's icon.
pub(super) fn icon_address(app: &ClientName, version: i64) -> String {
    format!("/icon/{app}?v={version}")
}

async fn picture(app: Arc<App>, request: Request) -> Response {
    let Ok(subject) = request.params.get("subject").parse::<Subject>() else { return nothing() };
    send(&app, &request, move |idp, context| idp.picture(context, subject)).await
}

async fn icon(app: Arc<App>, request: Request) -> Response {
    let Ok(name) = request.params.get("app").parse::<ClientName>() else { return nothing() };
    send(&app, &request, move |idp, context| idp.app_icon(context, &name)).await
}

async fn send(
    app: &App,
    request: &Request,
    op: impl FnOnce(&Idp, &Context) -> Result<Option<Picture>, OpError<Refusal>> + Send + 'static,
) -> Response {
    let context = Context::anonymous(request.moment(), session::origin(request));
    match app.bridge.run(move |idp| op(idp, &context)).await {
        Ok(Ok(Some(picture))) => {
            let content_type = if picture.media_type == "image/png" { "image/png" } else { "image/jpeg" };
            // An address with a version shows one picture for ever; without one it may change.
            let versioned = matches!(request.query.one("v"), Ok(Some(_)));
            let cache = if versioned { "private, max-age=31536000, immutable" } else { "private, max-age=300" };
            Response::owned(content_type, picture.bytes).header("Cache-Control", cache)
        }
        Ok(Ok(None)) => nothing(),
        Ok(Err(error)) => visit::refused(app, request, error),
        Err(busy) => busy.into(),
    }
}

fn nothing() -> Response {
    Response::text(404, "There is nothing at this address.").header("Cache-Control", "no-store")
}

async fn set(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let bytes = STANDARD.decode(fields.get("picture")?);
    let bytes = bytes.map_err(|_| Response::text(400, "The picture did not arrive as the page sends it."))?;
    let op = move |idp: &Idp, me: &SignedIn| idp.set_picture(&me.context, &Whose::Mine, &bytes);
    match inside(&app, &request, Lane::General, op).await?.1 {
        Ok(_) => Ok(done(profile::HOME, Done::PictureSet)),
        Err(error) => {
            let notice: Notice = objection(&app, &request, error)?;
            profile::show_profile(&app, &request, 422, Some(notice)).await
        }
    }
}

async fn remove(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.remove_picture(&me.context, &Whose::Mine);
    inside(&app, &request, Lane::General, op).await?.1.map_err(|error| visit::refused(&app, &request, error))?;
    Ok(done(profile::HOME, Done::PictureRemoved))
}
