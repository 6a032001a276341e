//! The browser's session cookie, and where a request comes from.

use service::{Origin, device};

use crate::http::{Cookie, Peer, Request};

const COOKIE: &str = "__Host-latchkey";

/// What the browser holds, if anything.
pub(crate) fn cookie(request: &Request) -> Option<&str> {
    request.cookie(COOKIE).filter(|value| !value.is_empty())
}

/// The cookie for a new session.
pub(crate) fn keep(value: &str, seconds: i64) -> Cookie {
    Cookie::new(COOKIE, value).max_age(seconds)
}

/// Takes the cookie away.
pub(crate) fn forget() -> Cookie {
    Cookie::remove(COOKIE)
}

/// Where the request comes from, for the list of sessions and the audit log.
pub(crate) fn origin(request: &Request) -> Origin {
    let address = match request.peer {
        Peer::Network(address) => Some(address),
        Peer::Control { .. } => None,
    };
    Origin {
        address,
        device: device::describe(request.header("user-agent").unwrap_or_default()),
        at: Some(request.at.clone()),
    }
}
