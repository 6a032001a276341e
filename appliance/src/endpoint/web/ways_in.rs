//! `/account/sign-in` and what belongs to it: passkeys, password, authenticator app, recovery codes.

use std::sync::Arc;

use domain::credential::{CredentialKind, CredentialView};
use domain::id::CredentialNumber;
use domain::name::Label;
use domain::time::Timestamp;
use service::{Idp, PasskeyAnswer, SignedIn, Whose};

use super::next::Next;
use super::qr;
use super::sign_in::{answer, ceremony};
use super::view::account::{Authenticator, Codes, Passkey, Password, RecoveryCodes, Tab, WaysIn};
use super::view::part::{Done, News, Notice, When};
use super::view::sign_in::Svg;
use super::visit::{Answer, Fields, Lane, after, done, frame, inside, objection, page, refused, said, show};
use crate::endpoint::session;
use crate::http::{App, Kind, Request, Response, Route};

pub(super) const HOME: &str = "/account/sign-in";

/// The length that the page tells; the service decides.
const SHORTEST_PASSWORD: usize = 10;

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, HOME, page!(list)),
    Route::get(Kind::Page, "/account/passkeys", page!(home)),
    Route::get(Kind::Page, "/account/passkeys/:number/rename", page!(home)),
    Route::get(Kind::Page, "/account/passkeys/:number/remove", page!(home)),
    Route::get(Kind::Page, "/account/password/remove", page!(home)),
    Route::get(Kind::Page, "/account/authenticator/remove", page!(home)),
    Route::get(Kind::Page, "/account/recovery-codes", page!(home)),
    Route::post(Kind::Page, "/account/passkeys", page!(add_passkey)),
    Route::post(Kind::Page, "/account/passkeys/options", page!(passkey_options)),
    Route::post(Kind::Page, "/account/passkeys/:number/rename", page!(rename_passkey)),
    Route::post(Kind::Page, "/account/passkeys/:number/remove", page!(remove_passkey)),
    Route::get(Kind::Page, "/account/password", page!(ask_password)),
    Route::post(Kind::Page, "/account/password", page!(set_password)),
    Route::post(Kind::Page, "/account/password/remove", page!(remove_password)),
    Route::get(Kind::Page, "/account/authenticator", page!(ask_authenticator)),
    Route::post(Kind::Page, "/account/authenticator", page!(set_authenticator)),
    Route::post(Kind::Page, "/account/authenticator/remove", page!(remove_authenticator)),
    Route::post(Kind::Page, "/account/recovery-codes", page!(make_codes)),
];

/// Somebody reloaded the answer to a form.
async fn home(_: Arc<App>, _: Request) -> Answer {
    Ok(Response::redirect303(HOME))
}

async fn list(app: Arc<App>, request: Request) -> Answer {
    let notice = said(&request);
    show_list(&app, &request, 200, notice).await
}

async fn show_list(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let op =
        |idp: &Idp, me: &SignedIn| Ok((idp.list_credentials(&me.context, &Whose::Mine)?, idp.way_back(&me.context)?));
    let (me, found) = inside(app, request, Lane::General, op).await?;
    let (credentials, back) = found.map_err(|error| refused(app, request, error))?;
    let now = request.now;
    let of = |kind| credentials.iter().find(move |known| known.kind == kind);
    let page = WaysIn {
        chrome: frame(app, &me),
        notice,
        tab: Tab::SignIn,
        passkeys: credentials.iter().filter_map(|known| passkey(known, now)).collect(),
        password_changed: of(CredentialKind::Password).map(|known| When::new(known.created_at, now)),
        authenticator_added: of(CredentialKind::Totp).map(|known| When::new(known.created_at, now)),
        codes: of(CredentialKind::Recovery)
            .map(|known| Codes { left: known.left.unwrap_or_default(), made: When::new(known.created_at, now) }),
        codes_are: back.worth.into(),
    };
    Ok(show(app, status, &page))
}

fn passkey(known: &CredentialView, now: Timestamp) -> Option<Passkey> {
    (known.kind == CredentialKind::Passkey).then(|| Passkey {
        id: known.number.0.to_string(),
        name: known.label.to_string(),
        created: When::new(known.created_at, now),
        used: known.last_used_at.map(|at| When::new(at, now)),
        synced: known.synced,
        suspect: known.suspect,
    })
}

/// A first name for a new passkey: the device it was made on. The person may change it.
pub(super) fn label_of(request: &Request) -> Label {
    let device = session::origin(request).device;
    device.parse().or_else(|_| "Passkey".parse()).unwrap_or_else(|_| unreachable!("a plain word is a label"))
}

/// A key for typing, in groups of four.
pub(super) fn grouped(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn passkey_options(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.start_passkey_registration(&me.context);
    let (_, challenge) = inside(&app, &request, Lane::General, op).await?;
    let challenge = challenge.map_err(|error| refused(&app, &request, error))?;
    Ok(ceremony(&challenge.ceremony, &challenge.options))
}

async fn add_passkey(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (name, made, label) = (fields.get("ceremony")?.to_owned(), answer(&fields)?, label_of(&request));
    let moved = fields.get("moved")?.to_owned();
    let op = move |idp: &Idp, me: &SignedIn| {
        let answer = PasskeyAnswer { ceremony: &name, label: &label, answer: &made };
        idp.finish_passkey_registration(&me.context, &answer)
    };
    match inside(&app, &request, Lane::General, op).await?.1 {
        Ok(_) if !moved.is_empty() => {
            let on = Next::read(&moved).after(&after(super::moved::PATH, Done::PasskeyAdded));
            Ok(Response::redirect303(&on))
        }
        Ok(_) => Ok(done(HOME, Done::PasskeyAdded)),
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_list(&app, &request, 422, Some(notice)).await
        }
    }
}

fn number(request: &Request) -> Result<CredentialNumber, Response> {
    let parsed = request.params.get("number").parse().map(CredentialNumber);
    parsed.map_err(|_| Response::text(404, "There is nothing at this address."))
}

async fn rename_passkey(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let number = number(&request)?;
    let label: Label = match fields.get("name")?.parse() {
        Ok(label) => label,
        Err(error) => {
            let notice = Notice::of(News::Refused { why: format!("that name cannot be used: {error}") });
            return show_list(&app, &request, 422, Some(notice)).await;
        }
    };
    let op = move |idp: &Idp, me: &SignedIn| idp.rename_credential(&me.context, &Whose::Mine, number, label);
    inside(&app, &request, Lane::General, op).await?.1.map_err(|error| refused(&app, &request, error))?;
    Ok(done(HOME, Done::PasskeyRenamed))
}

async fn remove_passkey(app: Arc<App>, request: Request) -> Answer {
    let number = number(&request)?;
    remove(&app, &request, number, Done::PasskeyRemoved).await
}

async fn remove_password(app: Arc<App>, request: Request) -> Answer {
    remove_kind(&app, &request, CredentialKind::Password, Done::PasswordRemoved).await
}

async fn remove_authenticator(app: Arc<App>, request: Request) -> Answer {
    remove_kind(&app, &request, CredentialKind::Totp, Done::AuthenticatorRemoved).await
}

async fn remove_kind(app: &App, request: &Request, kind: CredentialKind, news: Done) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.list_credentials(&me.context, &Whose::Mine);
    let known = inside(app, request, Lane::General, op).await?.1.map_err(|error| refused(app, request, error))?;
    match known.iter().find(|known| known.kind == kind) {
        Some(known) => remove(app, request, known.number, news).await,
        None => Ok(done(HOME, news)),
    }
}

async fn remove(app: &App, request: &Request, number: CredentialNumber, news: Done) -> Answer {
    let op = move |idp: &Idp, me: &SignedIn| idp.remove_credential(&me.context, &Whose::Mine, number);
    match inside(app, request, Lane::General, op).await?.1 {
        Ok(_) => Ok(done(HOME, news)),
        Err(error) => {
            let notice = objection(app, request, error)?;
            show_list(app, request, 409, Some(notice)).await
        }
    }
}

async fn ask_password(app: Arc<App>, request: Request) -> Answer {
    let notice = said(&request);
    show_password(&app, &request, 200, notice).await
}

async fn show_password(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.list_credentials(&me.context, &Whose::Mine);
    let (me, known) = inside(app, request, Lane::General, op).await?;
    let known = known.map_err(|error| refused(app, request, error))?;
    let page = Password {
        chrome: frame(app, &me),
        notice,
        tab: Tab::SignIn,
        username: me.account.name.to_string(),
        replaces: known.iter().any(|known| known.kind == CredentialKind::Password),
        least: SHORTEST_PASSWORD,
    };
    Ok(show(app, status, &page))
}

async fn set_password(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (password, repeat) = (fields.secret("password")?, fields.secret("repeat")?);
    if password != repeat {
        return show_password(&app, &request, 422, Some(Notice::of(News::PasswordsDiffer))).await;
    }
    let op = move |idp: &Idp, me: &SignedIn| idp.set_password(&me.context, &password);
    match inside(&app, &request, Lane::Hashing, op).await?.1 {
        Ok(_) => Ok(done(HOME, Done::PasswordSet)),
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_password(&app, &request, 422, Some(notice)).await
        }
    }
}

async fn ask_authenticator(app: Arc<App>, request: Request) -> Answer {
    let notice = said(&request);
    show_authenticator(&app, &request, 200, notice).await
}

async fn show_authenticator(app: &App, request: &Request, status: u16, notice: Option<Notice>) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| idp.start_totp(&me.context);
    let (me, challenge) = inside(app, request, Lane::General, op).await?;
    let challenge = challenge.map_err(|error| refused(app, request, error))?;
    let page = Authenticator {
        chrome: frame(app, &me),
        notice,
        tab: Tab::SignIn,
        qr: qr::draw(challenge.uri.expose()).unwrap_or(Svg(String::new())),
        key: grouped(challenge.secret.expose()),
        ceremony: challenge.ceremony,
    };
    Ok(show(app, status, &page))
}

async fn set_authenticator(app: Arc<App>, request: Request) -> Answer {
    let fields = Fields::read(&request)?;
    let (name, code) = (fields.get("ceremony")?.to_owned(), fields.secret("code")?);
    let op = move |idp: &Idp, me: &SignedIn| idp.confirm_totp(&me.context, &name, code.expose());
    match inside(&app, &request, Lane::General, op).await?.1 {
        Ok(_) => Ok(done(HOME, Done::AuthenticatorSet)),
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            show_authenticator(&app, &request, 422, Some(notice)).await
        }
    }
}

async fn make_codes(app: Arc<App>, request: Request) -> Answer {
    let op = |idp: &Idp, me: &SignedIn| Ok((idp.regenerate_recovery_codes(&me.context)?, idp.way_back(&me.context)?));
    let (me, made) = inside(&app, &request, Lane::General, op).await?;
    let (codes, back) = match made {
        Ok(made) => made,
        Err(error) => {
            let notice = objection(&app, &request, error)?;
            return show_list(&app, &request, 409, Some(notice)).await;
        }
    };
    let page = RecoveryCodes {
        chrome: frame(&app, &me),
        codes: codes.iter().map(|code| code.expose().clone()).collect(),
        username: me.account.name.to_string(),
        codes_are: back.worth.into(),
        first_time: false,
        next: HOME.to_owned(),
    };
    Ok(show(&app, 200, &page))
}
