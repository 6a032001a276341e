//! Which rows answer whom: by the kind of the row, where the request came from, and whether the box has an owner yet.

use std::net::IpAddr;

use domain::clock::Moment;
use domain::host::Host;
use domain::house::{Address, House};
use service::Asked;

use super::app::App;
use super::request::Peer;
use super::response::Response;
use super::routes::{Kind, Route};

/// What is known of a request before anything of it is believed.
pub(super) struct Knock<'a> {
    /// Who asks.
    pub(super) peer: Peer,
    /// Whom they mean.
    pub(super) host: &'a str,
    /// For what: a path with its query.
    pub(super) target: &'a str,
    /// When.
    pub(super) moment: Moment,
}

/// By which name of the house the row answers; an answer where it does not.
pub(super) fn admits(route: &Route, app: &App, knock: &Knock<'_>) -> Result<Address, Response> {
    let here = app.nameplate.address();
    match (knock.peer, route.kind) {
        (Peer::Control { .. }, Kind::Page | Kind::Protocol | Kind::Setup | Kind::Plain) => Err(nothing_here()),
        // On port 80 the name was looked at before the row was found.
        (Peer::Control { .. }, Kind::Admin | Kind::Public) | (Peer::Network(_), Kind::Plain) => Ok(here),
        (Peer::Network(_), Kind::Page | Kind::Protocol | Kind::Admin) => {
            if !app.nameplate.claimed() && !route.in_setup {
                return Err(unclaimed(route.kind));
            }
            by_name(route, app, knock)
        }
        (Peer::Network(_), Kind::Public) => by_name(route, app, knock),
        (Peer::Network(_), Kind::Setup) => {
            if app.nameplate.claimed() {
                return Err(Response::redirect303("/"));
            }
            if leads_to_setup(knock.host, here.house()) { Ok(here) } else { Err(elsewhere(here.house())) }
        }
    }
}

/// What is the same for everybody is answered whomever they mean, but for what describes the house by a name that it gave up.
fn by_name(route: &Route, app: &App, knock: &Knock<'_>) -> Result<Address, Response> {
    let (here, public) = (app.nameplate.address(), route.kind == Kind::Public);
    match app.nameplate.asked_for(knock.host, knock.moment) {
        Asked::Here(at) if at.is_former() && route.kind == Kind::Page && !route.both_names => {
            Err(Response::redirect303(&format!("{}{}", here.issuer(), knock.target)))
        }
        Asked::Here(at) => Ok(at),
        Asked::Gone if public && !route.path.starts_with("/.well-known/") => Ok(here),
        Asked::Gone => {
            Err(Response::text(410, format!("This server has moved to {}. Use that address.", here.issuer())))
        }
        Asked::Elsewhere if public => Ok(here),
        Asked::Elsewhere => Err(elsewhere(here.house())),
    }
}

/// The origin whose forms the row takes.
pub(super) fn origin(kind: Kind, at: &Address, host: &str) -> String {
    match kind {
        // The gate has looked at the name; the port is the one that the browser used.
        Kind::Setup => format!("https://{host}"),
        Kind::Page | Kind::Protocol | Kind::Admin | Kind::Public | Kind::Plain => at.issuer(),
    }
}

/// Before the box has a name of its own it is reached by address, or by what mDNS announces. Any other name would be a page of
/// somebody else that sends its visitors here (DNS rebinding).
fn leads_to_setup(authority: &str, house: &House) -> bool {
    let authority = authority.to_ascii_lowercase();
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => &authority,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok() || name == house.host.as_str() || announced(name)
}

/// `latchkey.local`, or `latchkey-2.local` where there are two boxes.
pub(super) fn announced(name: &str) -> bool {
    name.parse::<Host>().is_ok_and(|host| host.is_announced())
}

fn elsewhere(house: &House) -> Response {
    Response::text(421, format!("This server is {}. Use that address.", house.issuer()))
}

/// People are taken to the setup; apps are told to come back.
fn unclaimed(kind: Kind) -> Response {
    match kind {
        Kind::Page | Kind::Setup => Response::redirect303("/setup"),
        Kind::Protocol | Kind::Admin | Kind::Public | Kind::Plain => {
            Response::text(503, "This box has no owner yet. Open /setup in a browser.").header("Retry-After", "60")
        }
    }
}

pub(super) fn nothing_here() -> Response {
    Response::text(404, "There is nothing at this address.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_without_an_owner_is_reached_by_address_or_by_its_own_names_only() {
        let house = House { name: "Home".into(), host: "id.example.org".parse().unwrap(), port: 443, moves: None };
        for good in [
            "192.168.1.20",
            "192.168.1.20:443",
            "[fe80::1]",
            "[fe80::1]:8443",
            "latchkey.local",
            "LATCHKEY.local:8443",
            "latchkey-2.local",
            "id.example.org",
            "id.example.org:8443",
        ] {
            assert!(leads_to_setup(good, &house), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "latchkey.local.evil.example",
            "latchkey-x.local",
            "a.local",
            "id.example.org.",
            "[::1",
        ] {
            assert!(!leads_to_setup(bad, &house), "{bad}");
        }
    }
}
