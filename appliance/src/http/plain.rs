//! What port 80 does with a request before any of its few rows sees it.
//!
//! Whatever came in the clear may have been read and changed on its way. So no cookie and no token that a browser sent is
//! looked at, what was typed into a form is refused with words (it must not be sent again, as if nothing had happened), and
//! everything that is not for port 80 is sent to the same path of the house's own TLS address: never to an address that the
//! request names.

use std::net::IpAddr;

use domain::host::Host;
use tide::http;

use super::app::App;
use super::gate::announced;
use super::request::target;
use super::response::Response;
use crate::{addresses, endpoint};

/// Looks at a request that came in the clear: where it goes when no row has its path, or the answer at once.
pub(super) fn look(app: &App, request: &mut http::Request, person: bool) -> Result<Response, Response> {
    for credential in ["cookie", "authorization"] {
        request.remove_header(credential);
    }
    if !matches!(request.method(), http::Method::Get | http::Method::Head) {
        return Err(endpoint::trust::not_in_the_clear(app, person));
    }
    let house = app.house();
    let host = request.header("host").map_or("", |host| host.as_str());
    let ours = is_ours(&house.host, host);
    match (app.nameplate.claimed(), ours) {
        // The front page says why the browser is about to warn; nothing else is served yet.
        (false, _) => Ok(Response::redirect303("/")),
        (true, true) => Ok(Response::moved(&format!("{}{}", house.issuer(), target(request)))),
        // Which name leads here is what this one row is asked for.
        (true, false) if request.url().path() == endpoint::reach::PATH => Ok(Response::empty(404)),
        (true, false) => Err(Response::moved(&format!("{}/", house.issuer()))),
    }
}

/// Whether a `Host` header names this box: the house, the name for setting up, or an address of this machine.
pub(crate) fn is_ours(house: &Host, header: &str) -> bool {
    let host = host_of(header).to_ascii_lowercase();
    host == house.as_str()
        || announced(&host)
        || host.parse::<IpAddr>().is_ok_and(|address| addresses::own().contains(&address.to_canonical()))
}

/// A `Host` header without its port and without the brackets of an IPv6 address.
pub(crate) fn host_of(header: &str) -> &str {
    if let Some((inside, _)) = header.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inside;
    }
    header.rsplit_once(':').map_or(header, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_box_are_ours() {
        let house: Host = "id.example.org".parse().unwrap();
        for ours in [
            "id.example.org",
            "ID.example.org:80",
            "latchkey.local",
            "latchkey.local:8080",
            "latchkey-2.local",
            "127.0.0.1",
            "[::1]:8080",
        ] {
            assert!(is_ours(&house, ours), "{ours}");
        }
        for others in [
            "",
            "evil.example",
            "id.example.org.evil.example",
            "192.0.2.250",
            "[2001:db8::250]",
            "[",
            "id.example.org@evil",
        ] {
            assert!(!is_ours(&house, others), "{others}");
        }
    }
}
