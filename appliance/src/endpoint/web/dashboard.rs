//! `/`: the apps that the person may use.

use std::sync::Arc;

use domain::client::Client;
use domain::credential::recovery::Worth;
use domain::credential::{CredentialKind, CredentialView};
use service::{Idp, SignedIn, Whose};

use super::picture;
use super::view::apps::{AppTile, Dashboard};
use super::view::part::Icon;
use super::visit::{Answer, Lane, frame, inside, page, refused, said, show};
use crate::http::{App, Kind, Request, Route};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Page, "/", page!(dashboard))];

async fn dashboard(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| {
        let credentials = idp.list_credentials(&me.context, &Whose::Mine)?;
        Ok((idp.usable_apps(&me.context)?, credentials, idp.way_back(&me.context)?))
    };
    let (me, found) = inside(&app, &request, Lane::General, op).await?;
    let (apps, credentials, back) = found.map_err(|error| refused(&app, &request, error))?;
    let page = Dashboard {
        chrome: frame(&app, &me),
        notice: said(&request),
        apps: apps.iter().map(tile).collect(),
        only_one_way_in: !back.without_passkeys && only_one_passkey(&credentials),
        codes_would_help: back.worth == Worth::Alone,
    };
    Ok(show(&app, 200, &page))
}

fn tile(app: &service::AppTile) -> AppTile {
    let client = &app.client;
    let title = client.display_name.as_str();
    let launch = client.settings.launch_url.as_ref().map(ToString::to_string);
    let place = launch.as_deref().and_then(|url| url::Url::parse(url).ok()?.host_str().map(str::to_owned));
    AppTile { title: title.to_owned(), icon: icon(client, app.has_icon), launch, place: place.unwrap_or_default() }
}

/// The app's own icon, or its letter.
pub(super) fn icon(client: &Client, has_icon: bool) -> Icon {
    let address = has_icon.then(|| picture::icon_address(&client.name, client.updated_at.unix()));
    Icon::new(client.display_name.as_str(), address)
}

/// A single passkey that stays on one device.
fn only_one_passkey(credentials: &[CredentialView]) -> bool {
    let mut passkeys = credentials.iter().filter(|known| known.kind == CredentialKind::Passkey);
    passkeys.next().is_some_and(|first| !first.synced) && passkeys.next().is_none()
}
