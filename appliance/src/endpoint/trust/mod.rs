//! The pages about trust: why a browser warns, how a phone is told to trust the house's own authority, and whether it does.
//!
//! They live on port 80, since a phone that trusts nothing yet reaches nothing else without a warning. Anybody in the house's
//! network can read plain HTTP and change it on its way: he could hand out an authority of his own, or take the warning's
//! explanation away. Three things stand against that. The fingerprint: the page tells to compare it with what the box itself says
//! where nobody is in between (its console, `latchkey cert status`, and `/trust` over TLS once a browser trusts it). The name
//! constraint: an authority of ours can speak for this one host only, so the phone's other doors stay shut whatever happens to
//! its key. And the end of the need: after a phone trusts the authority, nothing that matters is read from this port again. Here is
//! no session, no cookie, no form; `crate::http::Kind::Plain` sees to it.
//!
//! The Apple profile is written by a template: a `plist` crate brings an XML reader, a date library and an ordered map for four
//! texts, an integer and a block of Base64.

pub(crate) mod platform;
mod profile;
pub(crate) mod view;

use std::sync::Arc;

use askama::Template;
use domain::house::House;

use crate::certificate::{Authority, pem};
use crate::endpoint::reach;
use crate::endpoint::web::view::part::Chrome;
use crate::http::{App, Kind, Request, Response, Route, handler, host_of, is_ours};

use platform::{AndroidBrowser, Platform};
use view::{ArrivalPage, Handout, InTheClearPage, Reach, TrustPage};

pub(crate) const PLAIN_ROUTES: &[Route] = &[
    Route::get(Kind::Plain, "/", handler!(front)),
    Route::get(Kind::Plain, "/trust", handler!(page_in_the_clear)),
    Route::get(Kind::Plain, "/trust/latchkey.crt", handler!(crt)),
    Route::get(Kind::Plain, "/trust/latchkey.mobileconfig", handler!(mobileconfig)),
    Route::get(Kind::Plain, "/trust/latchkey.pem", handler!(pem_file)),
];

/// The same over TLS: who reached it without a warning sees the right fingerprint for certain.
pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Page, "/trust", handler!(page)).in_setup(),
    Route::get(Kind::Public, "/trust/latchkey.crt", handler!(crt)),
    Route::get(Kind::Public, "/trust/latchkey.mobileconfig", handler!(mobileconfig)),
    Route::get(Kind::Public, "/trust/latchkey.pem", handler!(pem_file)),
];

/// The front of port 80: what to do with a new box, the steps to trust, or on to the house.
async fn front(app: Arc<App>, request: Request) -> Response {
    if !app.nameplate.claimed() {
        return arrival(&app, &request);
    }
    match authority(&app) {
        Some(_) => trust(&app, &request, true),
        None => Response::moved(&format!("{}/", app.house().issuer())),
    }
}

async fn page_in_the_clear(app: Arc<App>, request: Request) -> Response {
    if !app.nameplate.claimed() && authority(&app).is_none() {
        return arrival(&app, &request);
    }
    trust(&app, &request, true)
}

async fn page(app: Arc<App>, request: Request) -> Response {
    trust(&app, &request, false)
}

/// The house's own authority, where that is what browsers are shown now.
fn authority(app: &App) -> Option<Authority> {
    app.certificates.authority(app.house().host.as_str())
}

fn trust(app: &App, request: &Request, plain: bool) -> Response {
    let house = app.house();
    let user_agent = request.header("user-agent").unwrap_or_default();
    let chosen = request.query.one("for").ok().flatten().and_then(Platform::named);
    let page = TrustPage {
        chrome: Chrome::nobody(&house),
        issuer: house.issuer(),
        plain,
        handout: authority(app).map(|authority| Handout::of(&authority)),
        self_made: app.certificates.shows_self_made(),
        platform: chosen.or_else(|| Platform::guess(user_agent)),
        android_browser: AndroidBrowser::guess(user_agent),
        reach: Reach::of(app, plain),
    };
    show(app, &house, plain, &page)
}

/// For a box that has no owner: the warning that is about to come, and how to see that it is harmless.
fn arrival(app: &App, request: &Request) -> Response {
    let house = app.house();
    let name = setup_name(&house, request.header("host").unwrap_or_default());
    let Some(fingerprint) = app.certificates.fingerprint(&name) else {
        return Response::busy();
    };
    let page = ArrivalPage {
        chrome: Chrome::nobody(&house),
        address: address(&name, house.port),
        fingerprint: view::lines(&fingerprint),
        handout: authority(app).map(|authority| Handout::of(&authority)),
    };
    show(app, &house, true, &page)
}

/// Under which name to go on: the one that the browser came by, if it is one of this box, or else the house's.
fn setup_name(house: &House, header: &str) -> String {
    if is_ours(&house.host, header) { host_of(header).to_ascii_lowercase() } else { house.host.as_str().to_owned() }
}

fn address(name: &str, port: u16) -> String {
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    if port == 443 { format!("https://{name}/") } else { format!("https://{name}:{port}/") }
}

fn show(app: &App, house: &House, plain: bool, page: &impl Template) -> Response {
    let shown = match page.render() {
        Ok(page) => Response::html(200, page),
        Err(error) => return app.fault(&error),
    };
    let in_the_clear = view::plain_origin(app).filter(|_| plain);
    reach::allow(shown, house, in_the_clear.as_deref())
}

async fn crt(app: Arc<App>, _: Request) -> Response {
    hand_out(&app, "application/x-x509-ca-cert", |authority| authority.der.to_vec())
}

async fn pem_file(app: Arc<App>, _: Request) -> Response {
    hand_out(&app, "application/x-pem-file", |authority| pem(&authority.der).into_bytes())
}

async fn mobileconfig(app: Arc<App>, _: Request) -> Response {
    let house = app.house();
    let Some(authority) = authority(&app) else { return nothing_to_hand_out() };
    match profile::of(&house, &authority) {
        Ok(text) => no_store(Response::owned("application/x-apple-aspen-config", text.into_bytes())),
        Err(error) => app.fault(&error),
    }
}

fn hand_out(app: &App, media_type: &'static str, bytes: impl FnOnce(&Authority) -> Vec<u8>) -> Response {
    match authority(app) {
        Some(authority) => no_store(Response::owned(media_type, bytes(&authority))),
        None => nothing_to_hand_out(),
    }
}

fn nothing_to_hand_out() -> Response {
    let text = "There is nothing to install: this house does not use an authority of its own, or its setup has not come to that.";
    no_store(Response::text(404, text))
}

fn no_store(response: Response) -> Response {
    response.header("Cache-Control", "no-store")
}

/// The answer to a form that came in the clear. It is not sent on: what was typed has crossed the air, and its writer is to know.
pub(crate) fn not_in_the_clear(app: &App, person: bool) -> Response {
    let house = app.house();
    let refused = Response::text(
        405,
        format!(
            "This came without encryption, so others may have read it. Nothing was done with it. Use {}, and change what was \
             secret in it.",
            house.issuer()
        ),
    )
    .header("Allow", "GET, HEAD");
    let page = InTheClearPage { chrome: Chrome::nobody(&house), issuer: house.issuer() };
    match page.render() {
        Ok(page) if person => refused.with_page(page),
        Ok(_) | Err(_) => refused,
    }
}
