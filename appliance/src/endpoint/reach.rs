//! `/reach`: does the name of the house lead to this box, and does the browser accept its certificate? `crate::reach` says how
//! the box proves that it is the one.
//!
//! A page of ours runs `static/reach.js` on the partial `part/reach.html`: a nonce from `/reach/begin` of its own address, then
//! `/reach` under the name to be checked, then the answer to `/reach/verify` of its own address. A browser tells no script
//! why a request failed, so `/reach/lookup` adds what the box itself can see: what the name resolves to, held against its
//! own addresses. No cookie is read or set, nobody has to be signed in, and only the name of the house is looked up.

use std::sync::Arc;

use domain::house::House;
use domain::reach::{Finding, address_for_the_record};
use serde::Serialize;
use url::Url;

use crate::addresses;
use crate::api::DomainView;
use crate::http::{App, Kind, Peer, Request, Response, Route, handler, is_ours};
use crate::reach::{Answer, Refused, Scheme};

/// The row that is asked under names of which some do not lead here.
pub(crate) const PATH: &str = "/reach";

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Public, PATH, handler!(hello)),
    Route::get(Kind::Public, "/reach/begin", handler!(begin)),
    Route::get(Kind::Public, "/reach/lookup", handler!(lookup)),
    Route::get(Kind::Public, "/reach/verify", handler!(verify)),
];

/// The same in the clear.
pub(crate) const PLAIN_ROUTES: &[Route] = &[
    Route::get(Kind::Plain, PATH, handler!(hello_in_the_clear)),
    Route::get(Kind::Plain, "/reach/begin", handler!(begin)),
    Route::get(Kind::Plain, "/reach/lookup", handler!(lookup)),
    Route::get(Kind::Plain, "/reach/verify", handler!(verify)),
];

/// Lets the script of a page ask for the house's name, over TLS and, from a page that came in the clear, without it.
pub(crate) fn allow(page: Response, house: &House, plain: Option<&str>) -> Response {
    let page = page.script_target(&house.issuer());
    match plain {
        Some(origin) => page.script_target(origin),
        None => page,
    }
}

#[derive(Serialize)]
struct Begun {
    nonce: String,
}

async fn begin(app: Arc<App>, request: Request) -> Response {
    let nonce = app.beacon.nonce(&*app.entropy, request.uptime);
    fresh(Response::json(200, &Begun { nonce }))
}

async fn hello(app: Arc<App>, request: Request) -> Response {
    answer(&app, &request, Scheme::Https)
}

async fn hello_in_the_clear(app: Arc<App>, request: Request) -> Response {
    answer(&app, &request, Scheme::Http)
}

fn answer(app: &App, request: &Request, scheme: Scheme) -> Response {
    let nonce = field(request, "nonce");
    let host = request.header("host").unwrap_or_default();
    let response = match app.beacon.answer(nonce, scheme, host, request.uptime) {
        Ok(answer) => Response::json(200, &answer),
        Err(why) => refused(why),
    };
    let response = fresh(response).header("Vary", "Origin");
    match request.header("origin").filter(|origin| may_read(app, origin)) {
        Some(origin) => response.header("Access-Control-Allow-Origin", origin),
        None => response,
    }
}

/// Whether a page of that origin is one of ours: the house, the name for setting up, or an address of this box.
fn may_read(app: &App, origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    matches!(url.scheme(), "http" | "https")
        && url.origin().ascii_serialization() == origin
        && url.host_str().is_some_and(|host| is_ours(&app.house().host, host))
}

#[derive(Serialize)]
struct Verified {
    scheme: Scheme,
    host: String,
}

async fn verify(app: Arc<App>, request: Request) -> Response {
    let scheme = match field(&request, "scheme") {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return fresh(refused(Refused::NotOurs)),
    };
    let [nonce, host, seal] = ["nonce", "host", "seal"].map(|name| field(&request, name).to_owned());
    let answer = Answer { nonce, scheme, host, seal };
    let peer = match request.peer {
        Peer::Network(address) => Some(address),
        Peer::Control { .. } => None,
    };
    fresh(match app.beacon.take(&answer, peer, request.uptime) {
        Ok(()) => Response::json(200, &Verified { scheme, host: answer.host }),
        Err(why) => refused(why),
    })
}

fn refused(why: Refused) -> Response {
    match why {
        Refused::NotOurs => Response::text(403, "This is not from here, or from before the last start."),
        Refused::Over => Response::text(403, "This was good for two minutes, and they are over. Check again."),
        Refused::Used => Response::text(403, "This was used before. Check again."),
        Refused::Busy => Response::busy(),
    }
}

async fn lookup(app: Arc<App>, _: Request) -> Response {
    let house = app.house();
    fresh(Response::json(200, &view(&app, house.host.as_str()).await))
}

/// What this box can see of a name.
pub(crate) async fn view(app: &App, name: &str) -> DomainView {
    let found = app.lookups.addresses(name).await;
    let own = addresses::own();
    let finding = Finding::of(&found, &own);
    let found = match found {
        domain::reach::Lookup::Found(found) => found,
        domain::reach::Lookup::NoAnswer => Vec::new(),
    };
    let own = addresses::in_the_house();
    let record = address_for_the_record(&own);
    DomainView { name: name.to_owned(), finding: finding.as_str().to_owned(), found, own, record }
}

fn field<'a>(request: &'a Request, name: &str) -> &'a str {
    request.query.one(name).ok().flatten().unwrap_or_default()
}

fn fresh(response: Response) -> Response {
    response.header("Cache-Control", "no-store")
}
