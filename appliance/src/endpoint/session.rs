//! The browser's session cookie, and where a request comes from.

use service::Origin;

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
    Origin { address, device: device(request.header("user-agent").unwrap_or_default()) }
}

/// The browser and the system in a few words, as far as the browser says so. Every entry of the tables also claims to be
/// one that stands below it, so the order matters.
fn device(agent: &str) -> String {
    const BROWSERS: &[(&str, &str)] = &[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: &[(&str, &str)] = &[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let find =
        |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_device_is_named_in_a_few_words() {
        for (agent, words) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
                "Edge on Windows",
            ),
            ("curl/8.0", ""),
            ("", ""),
        ] {
            assert_eq!(device(agent), words, "{agent}");
        }
    }
}
