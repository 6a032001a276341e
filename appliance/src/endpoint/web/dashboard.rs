//! `/`: the apps that the person may use.

use std::sync::Arc;

use domain::credential::{CredentialKind, CredentialView};
use service::{Idp, SignedIn, Whose};

use super::view::apps::Dashboard;
use super::visit::{Answer, Lane, frame, inside, page, refused, said, show};
use crate::http::{App, Kind, Request, Route};

pub(crate) const ROUTES: &[Route] = &[Route::get(Kind::Page, "/", page!(dashboard))];

async fn dashboard(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.list_credentials(&me.context, &Whose::Mine);
    let (me, credentials) = inside(&app, &request, Lane::General, op).await?;
    let credentials = credentials.map_err(|error| refused(&app, &request, error))?;
    let page = Dashboard {
        chrome: frame(&app, &me),
        notice: said(&request),
        apps: Vec::new(),
        only_one_way_in: only_one_way_in(&credentials),
    };
    Ok(show(&app, 200, &page))
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
