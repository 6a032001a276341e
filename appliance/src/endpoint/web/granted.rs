//! `/account/apps`: what the person allowed to their apps, and taking it back.

use std::sync::Arc;

use domain::name::ClientName;
use service::{AppTile, ConsentView, Idp, SignedIn};

use super::view::account::{Apps, ConsentRow, Tab};
use super::view::part::{Done, Icon, When};
use super::visit::{Answer, Lane, done, frame, inside, page, refused, said, show};
use super::{consent, dashboard};
use crate::http::{App, Kind, Request, Response, Route};

const HOME: &str = "/account/apps";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, HOME, page!(list)),
    Route::post(Kind::Page, "/account/apps/:app/remove", page!(take_back)),
];

async fn list(app: Arc<App>, request: Request) -> Answer {
    let op =
        |idp: &Idp, me: &SignedIn| Ok((idp.list_consents(&me.context, me.account.id)?, idp.usable_apps(&me.context)?));
    let (me, found) = inside(&app, &request, Lane::General, op).await?;
    let (consents, apps) = found.map_err(|error| refused(&app, &request, error))?;
    let row = |given: &ConsentView| ConsentRow {
        id: given.client.to_string(),
        title: given.app.to_string(),
        icon: icon(given, &apps),
        gets: given.scopes.iter().map(consent::share).collect(),
        since: When::new(given.granted_at, request.now),
    };
    let page = Apps {
        chrome: frame(&app, &me),
        notice: said(&request),
        tab: Tab::Apps,
        consents: consents.iter().map(row).collect(),
    };
    Ok(show(&app, 200, &page))
}

fn icon(given: &ConsentView, apps: &[AppTile]) -> Icon {
    let known = apps.iter().find(|known| known.client.name == given.client);
    known.map_or_else(|| Icon::new(given.app.as_str(), None), |known| dashboard::icon(&known.client, known.has_icon))
}

async fn take_back(app: Arc<App>, request: Request) -> Answer {
    let parsed = request.params.get("app").parse::<ClientName>();
    let name = parsed.map_err(|_| Response::text(404, "There is nothing at this address."))?;
    let op = move |idp: &Idp, me: &SignedIn| idp.withdraw_consent(&me.context, me.account.id, &name);
    inside(&app, &request, Lane::General, op).await?.1.map_err(|error| refused(&app, &request, error))?;
    Ok(done(HOME, Done::AppForgotten))
}
