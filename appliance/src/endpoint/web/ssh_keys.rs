//! `/account/ssh-keys`: the keys with which the person works on the computers of the house.

use std::sync::Arc;

use domain::ssh_key;
use service::{Idp, SignedIn, Whose};

use super::view::account::{SshKey, SshKeys, Tab};
use super::view::part::{Done, Notice, When};
use super::visit::{Answer, Fields, Lane, done, frame, inside, objection, page, refused, said, show};
use crate::http::{App, Kind, Request, Route};

const HOME: &str = "/account/ssh-keys";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, HOME, page!(list)),
    Route::post(Kind::Page, HOME, page!(add)),
    Route::post(Kind::Page, "/account/ssh-keys-remove", page!(remove)),
];

async fn list(app: Arc<App>, request: Request) -> Answer {
    let notice = said(&request);
    show_list(&app, &request, notice, String::new()).await
}

async fn show_list(app: &App, request: &Request, notice: Option<Notice>, draft: String) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.list_ssh_keys(&me.context, &Whose::Mine);
    let (me, keys) = inside(app, request, Lane::General, op).await?;
    let keys = keys.map_err(|error| refused(app, request, error))?;
    let row = |key: &ssh_key::SshKey| SshKey {
        name: key.label.to_string(),
        kind: key.public_key.split(' ').next().unwrap_or_default().to_owned(),
        fingerprint: key.fingerprint.clone(),
        added: When::new(key.created_at, request.now),
    };
    let status = if draft.is_empty() { 200 } else { 422 };
    let keys = keys.iter().map(row).collect();
    Ok(show(app, status, &SshKeys { chrome: frame(app, &me), notice, tab: Tab::SshKeys, keys, draft }))
}

async fn add(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let line = fields.get("key")?.to_owned();
    let draft = line.clone();
    let op = move |idp: &Idp, me: &SignedIn| idp.add_ssh_key(&me.context, &Whose::Mine, line.trim(), None);
    match inside(&app, &request, Lane::General, op).await?.1 {
        Ok(_) => Ok(done(HOME, Done::SshKeyAdded)),
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_list(&app, &request, Some(notice), draft).await
        }
    }
}

async fn remove(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let fingerprint = fields.get("fingerprint")?.to_owned();
    let op = move |idp: &Idp, me: &SignedIn| idp.remove_ssh_key(&me.context, &Whose::Mine, &fingerprint);
    inside(&app, &request, Lane::General, op).await?.1.map_err(|error| refused(&app, &request, error))?;
    Ok(done(HOME, Done::SshKeyRemoved))
}
