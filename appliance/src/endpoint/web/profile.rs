//! `/account`: what is known about the person, and changing what is theirs to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::account::Account;
use domain::attribute::{ATTRIBUTES, Edit, MAIL};
use serde_json::Value;
use service::{Idp, SignedIn};

use super::view::account::{Field, Mail, Profile, Tab};
use super::view::part::{Done, Face, Notice};
use super::visit::{Answer, Fields, Lane, done, frame, inside, objection, page, refused, said, show};
use crate::http::{App, Kind, Request, Response, Route};

pub(super) const HOME: &str = "/account";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, HOME, page!(look)),
    Route::get(Kind::Page, "/account/profile", page!(home)),
    Route::get(Kind::Page, "/account/picture", page!(home)),
    Route::post(Kind::Page, "/account/profile", page!(save)),
];

/// Somebody reloaded the answer to a form.
async fn home(_: Arc<App>, _: Request) -> Answer {
    Ok(Response::redirect303(HOME))
}

async fn look(app: Arc<App>, request: Request) -> Answer {
    let notice = said(&request);
    show_profile(&app, &request, 200, notice).await
}

pub(super) async fn show_profile(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.own_account(&me.context);
    let (me, mine) = inside(app, request, Lane::General, op).await?;
    let mine = mine.map_err(|error| refused(app, request, error))?;
    let page = Profile {
        chrome: frame(app, &me),
        notice,
        tab: Tab::Profile,
        username: me.account.name.to_string(),
        fields: own_attributes().map(|(key, title)| Field { key, title, value: text(&mine.account, key) }).collect(),
        mails: mails(&mine.account),
        face: Face::new(mine.account.display_name(), me.picture.clone()),
        has_picture: me.picture.is_some(),
        groups: mine.effective_groups.iter().map(ToString::to_string).filter(|name| name != "everyone").collect(),
    };
    Ok(show(app, status, &page))
}

/// What a person may change by themselves, in the order of the table.
fn own_attributes() -> impl Iterator<Item = (&'static str, &'static str)> {
    ATTRIBUTES.iter().filter(|def| def.edit == Edit::Holder && def.key != MAIL).map(|def| (def.key, def.title))
}

fn text(account: &Account, key: &str) -> String {
    account.attributes.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The first mail address; empty when there is none.
pub(super) fn primary_mail(account: &Account) -> String {
    mails(account).into_iter().next().map(|mail| mail.address).unwrap_or_default()
}

fn mails(account: &Account) -> Vec<Mail> {
    let list = account.attributes.get(MAIL).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let addresses = list.iter().filter_map(Value::as_str);
    addresses.enumerate().map(|(place, address)| Mail { address: address.to_owned(), primary: place == 0 }).collect()
}

async fn save(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let mut attributes = BTreeMap::new();
    for (key, _) in own_attributes() {
        attributes.insert(key.to_owned(), Value::String(fields.get(key)?.to_owned()));
    }
    let op = move |idp: &Idp, me: &SignedIn| idp.set_own_attributes(&me.context, &attributes);
    match inside(&app, &request, Lane::General, op).await?.1 {
        Ok(_) => Ok(done(HOME, Done::Saved)),
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_profile(&app, &request, 422, Some(notice)).await
        }
    }
}
