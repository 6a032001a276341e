//! `/`: the apps that the person may use.

use std::sync::Arc;

use domain::client::Client;
use domain::credential::recovery::Worth;
use domain::credential::{CredentialKind, CredentialView};
use service::{Idp, SignedIn, Whose};

use super::picture;
use super::view::apps::{AppTile, CertificateNews, Dashboard, UpdateNews};
use super::view::part::{Icon, When};
use super::visit::{Answer, Lane, frame, inside, page, refused, said, show};
use crate::api::{CertificateHealth, Update, UpdateState};
use crate::http::{App, Kind, Request, Route};
use crate::update;

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Page, "/", page!(dashboard))];

async fn dashboard(app: Arc<App>, request: Request) -> Answer {
    let news = certificate_news(&app, &request);
    let folder = app.config.update_dir.clone();
    let op = move |idp: &Idp, me: &SignedIn| {
        let credentials = idp.list_credentials(&me.context, &Whose::Mine)?;
        let taken_back = update::read(folder.as_deref()).ok().flatten();
        let taken_back = taken_back.filter(|update| update.state == UpdateState::RolledBack);
        let tells = (news.is_some() || taken_back.is_some()) && idp.is_owner(&me.context)?;
        let news = if tells { (news, taken_back) } else { (None, None) };
        let due = idp.passkey_due(&me.context)?;
        let recovery = idp.recovery_window_of_late(&me.context)?;
        Ok((idp.usable_apps(&me.context)?, credentials, idp.way_back(&me.context)?, (news, due, recovery)))
    };
    let (me, found) = inside(&app, &request, Lane::General, op).await?;
    let (apps, credentials, back, ((certificate, update), due, recovery)) =
        found.map_err(|error| refused(&app, &request, error))?;
    let page = Dashboard {
        chrome: frame(&app, &me),
        notice: said(&request),
        apps: apps.iter().map(tile).collect(),
        passkey_due: due.map(|at| When::new(at, request.now)),
        only_one_way_in: !back.without_passkeys && only_one_passkey(&credentials),
        codes_would_help: back.worth == Worth::Alone,
        certificate,
        update: update.map(|update| update_news(update, &request)),
        recovery_window: recovery.map(|at| When::new(at, request.now)),
    };
    Ok(show(&app, 200, &page))
}

/// What an owner should know of the certificate before it is too late.
fn certificate_news(app: &App, request: &Request) -> Option<CertificateNews> {
    let health = app.certificates.health(request.now);
    if health.is_good() {
        return None;
    }
    let status = app.certificates.status(serde_json::Value::Null, request.now)?;
    let until = jiff::Timestamp::from_second(status.not_after.0.unix()).ok()?.strftime("%-d %B %Y").to_string();
    let failure = status.last_failure.map(|failure| (failure.what.trim_end_matches('.').to_owned(), failure.hint));
    Some(CertificateNews { ended: health == CertificateHealth::Ended, until, failure })
}

/// An owner should know that the box runs an older version than the one that was installed.
fn update_news(update: Update, request: &Request) -> UpdateNews {
    let Update { version, other_version, reason, at, .. } = update;
    UpdateNews { runs: version, failed: other_version, reason, at: When::new(at.0, request.now) }
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
