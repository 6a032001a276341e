//! `/`: the apps that the person may use.

use std::sync::Arc;

use domain::client::Client;
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
        Ok((idp.usable_apps(&me.context)?, idp.list_credentials(&me.context, &Whose::Mine)?))
    };
    let (me, found) = inside(&app, &request, Lane::General, op).await?;
    let (apps, credentials) = found.map_err(|error| refused(&app, &request, error))?;
    let page = Dashboard {
        chrome: frame(&app, &me),
        notice: said(&request),
        apps: apps.iter().map(tile).collect(),
        only_one_way_in: only_one_way_in(&credentials),
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

/// A single passkey that stays on one device, and no codes for the day when that device is gone.
fn only_one_way_in(credentials: &[CredentialView]) -> bool {
    let mut passkeys = credentials.iter().filter(|known| known.kind == CredentialKind::Passkey);
    let alone = passkeys.next().is_some_and(|first| !first.synced) && passkeys.next().is_none();
    let others = credentials.iter().any(|known| match known.kind {
        CredentialKind::Recovery => known.left.is_some_and(|left| left > 0),
        CredentialKind::Password => true,
        CredentialKind::Passkey | CredentialKind::Totp => false,
    });
    alone && !others
}
