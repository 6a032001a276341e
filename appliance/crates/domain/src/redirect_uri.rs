//! Redirect URIs of apps. They are compared as strings (RFC 9700 section 2.1); only the port of a loopback address is free, and
//! only for native apps (RFC 8252 section 7.3).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Origin, Url};

/// Most bytes of a redirect URI or launch URL.
pub const MAX_URI: usize = 512;

/// Hosts that never leave the device, as they stand in a URI.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Schemes that a browser runs, reads from the disk or treats as another protocol.
const FORBIDDEN: [&str; 12] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "javascript",
    "mailto",
    "vbscript",
    "view-source",
    "ws",
];

/// Where the answer to an authorization request may be sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The text, as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `offered` is this URI, character by character; for a native app the port of a loopback URI may be another.
    pub fn matches(&self, offered: &str, native: bool) -> bool {
        if self.0 == offered {
            return true;
        }
        match (native, loopback_parts(&self.0), loopback_parts(offered)) {
            (true, Some(registered), Some(offered)) => registered == offered,
            (true | false, _, _) => false,
        }
    }

    /// The origin of the page that it leads to, as browsers write it (RFC 6454 section 6.2); `None` for the scheme of an app.
    pub fn origin(&self) -> Option<String> {
        match Url::parse(&self.0).ok()?.origin() {
            origin @ Origin::Tuple(..) => Some(origin.ascii_serialization()),
            Origin::Opaque(_) => None,
        }
    }

    /// The host that it leads to; `None` where that is the person's own device.
    pub fn web_host(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        let host = url.host_str().filter(|_| url.scheme() == "https")?;
        (!LOOPBACK.contains(&host)).then(|| host.to_owned())
    }

    /// Whether it points to a port of the person's own device.
    pub fn is_loopback(&self) -> bool {
        loopback_parts(&self.0).is_some()
    }
}

/// Host and everything after the port of `http://<loopback host>[:port]...`; `None` for anything else.
fn loopback_parts(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = LOOPBACK.into_iter().find(|host| rest.starts_with(host))?;
    let after = &rest[host.len()..];
    let tail = match after.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            port[..digits].parse::<u16>().ok().filter(|port| *port > 0)?;
            &port[digits..]
        }
        None => after,
    };
    (tail.is_empty() || tail.starts_with(['/', '?'])).then_some((&rest[..host.len()], tail))
}

/// Why a URI was not taken. `Display` says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UriError {
    /// Longer than `MAX_URI`.
    TooLong,
    /// Not an absolute URI.
    NotAbsolute,
    /// Spaces, control characters, backslashes or other alphabets.
    Character,
    /// `#` and what follows.
    Fragment,
    /// A user name or password before the host.
    Userinfo,
    /// Plain http to another device.
    Insecure,
    /// A scheme that no app receives.
    Scheme(String),
    /// `*`, which would have to be matched by pattern.
    Wildcard,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "use at most {MAX_URI} characters"),
            Self::NotAbsolute => f.write_str("give the whole address, as in https://app.example.org/callback"),
            Self::Character => f.write_str("spaces, backslashes and other alphabets must be percent-encoded"),
            Self::Fragment => f.write_str("leave out the part from # on"),
            Self::Userinfo => f.write_str("leave out the user name and password"),
            Self::Insecure => f.write_str("use https; plain http is taken only for 127.0.0.1, [::1] and localhost"),
            Self::Scheme(scheme) => write!(f, "{scheme}: cannot bring anybody back to an app"),
            Self::Wildcard => f.write_str("* is not a wildcard here; register each address"),
        }
    }
}

impl std::error::Error for UriError {}

fn checked(raw: &str) -> Result<Url, UriError> {
    if raw.len() > MAX_URI {
        return Err(UriError::TooLong);
    }
    // The parser would repair these, and what was compared would differ from what the browser follows.
    if raw.bytes().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'<' | b'>')) {
        return Err(UriError::Character);
    }
    let url = Url::parse(raw).map_err(|_| UriError::NotAbsolute)?;
    if raw.contains('#') {
        return Err(UriError::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UriError::Userinfo);
    }
    // Schemes are compared in lower case by everybody else.
    if !raw.starts_with(url.scheme()) {
        return Err(UriError::Character);
    }
    Ok(url)
}

impl FromStr for RedirectUri {
    type Err = UriError;

    fn from_str(raw: &str) -> Result<Self, UriError> {
        let url = checked(raw)?;
        if raw.contains('*') {
            return Err(UriError::Wildcard);
        }
        match url.scheme() {
            "https" if raw.starts_with("https://") => {}
            "http" if loopback_parts(raw).is_some() => {}
            "http" => return Err(UriError::Insecure),
            "https" => return Err(UriError::NotAbsolute),
            scheme if FORBIDDEN.contains(&scheme) || scheme == "wss" => {
                return Err(UriError::Scheme(scheme.to_owned()));
            }
            _private => {}
        }
        Ok(Self(raw.to_owned()))
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = UriError;

    fn try_from(raw: String) -> Result<Self, UriError> {
        raw.parse()
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the dashboard's tile of an app leads: `https`, or `http` for an app on the house's own network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LaunchUrl(String);

impl LaunchUrl {
    /// The text, as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LaunchUrl {
    type Err = UriError;

    fn from_str(raw: &str) -> Result<Self, UriError> {
        // A fragment is a place within the app, and harmless here.
        let url = checked(raw.split('#').next().unwrap_or(raw))?;
        match url.scheme() {
            "https" | "http" if raw.len() <= MAX_URI && raw.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self(raw.to_owned()))
            }
            "https" | "http" => Err(UriError::Character),
            scheme => Err(UriError::Scheme(scheme.to_owned())),
        }
    }
}

impl TryFrom<String> for LaunchUrl {
    type Error = UriError;

    fn try_from(raw: String) -> Result<Self, UriError> {
        raw.parse()
    }
}

impl From<LaunchUrl> for String {
    fn from(url: LaunchUrl) -> Self {
        url.0
    }
}

impl fmt::Display for LaunchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uri(raw: &str) -> RedirectUri {
        raw.parse().unwrap()
    }

    #[test]
    fn https_loopback_and_private_schemes_are_taken() {
        for raw in [
            "https://app.example.org/cb",
            "https://app.example.org:8443/cb?x=1",
            "http://127.0.0.1/cb",
            "http://localhost:9000/cb",
            "http://[::1]:1/cb",
            "app.immich:///oauth-callback",
            "com.example.app:/cb",
        ] {
            assert!(raw.parse::<RedirectUri>().is_ok(), "{raw}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for raw in [
            "",
            "/cb",
            "//app.example.org/cb",
            "https:app.example.org",
            "http://app.example.org/cb",
            "http://127.0.0.1.example.org/cb",
            "http://localhost@evil.example/cb",
            "https://user:pw@app.example.org/cb",
            "https://app.example.org/cb#x",
            "https://app.example.org/cb#",
            "https://*.example.org/cb",
            "https://app.example.org\\@evil.example/",
            "https://app.example.org/a b",
            "https://app.example.org/\u{e4}",
            "HTTPS://app.example.org/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://app.example.org/\r\nX: y",
            &format!("https://app.example.org/{}", "x".repeat(MAX_URI)),
        ] {
            assert!(raw.parse::<RedirectUri>().is_err(), "{raw}");
        }
    }

    #[test]
    fn a_native_app_chooses_its_loopback_port_and_nothing_else() {
        let registered = uri("http://127.0.0.1/cb");
        assert!(registered.matches("http://127.0.0.1:51004/cb", true));
        assert!(uri("http://127.0.0.1:80/cb?a=1").matches("http://127.0.0.1:51004/cb?a=1", true));
        for other in [
            "http://127.0.0.1:51004/other",
            "http://localhost:51004/cb",
            "http://[::1]:51004/cb",
            "https://127.0.0.1:51004/cb",
            "http://127.0.0.1:510041/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
        ] {
            assert!(!registered.matches(other, true), "{other}");
        }
        assert!(!registered.matches("http://127.0.0.1:51004/cb", false), "a web app's port is fixed");
    }

    #[test]
    fn a_web_address_has_an_origin_and_a_host_and_an_app_on_the_device_has_no_host() {
        let of = |raw| (uri(raw).origin(), uri(raw).web_host());
        let both = |origin: &str, host: &str| (Some(origin.to_owned()), Some(host.to_owned()));
        assert_eq!(of("https://App.example:443/cb"), both("https://app.example", "app.example"));
        assert_eq!(of("https://app.example:8443/cb"), both("https://app.example:8443", "app.example"));
        assert_eq!(of("http://localhost:9000/cb"), (Some("http://localhost:9000".to_owned()), None));
        assert_eq!(of("https://localhost/cb").1, None);
        assert_eq!(of("app.immich:///oauth-callback"), (None, None));
    }

    #[test]
    fn a_launch_url_is_a_web_address() {
        assert!("http://jellyfin.lan:8096/web/#/home".parse::<LaunchUrl>().is_ok());
        for raw in ["javascript:alert(1)", "jellyfin.lan", "https://a b", "https://a/#\u{7f}"] {
            assert!(raw.parse::<LaunchUrl>().is_err(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn only_the_same_text_matches_a_web_address(path in "[a-z/]{0,12}", offered in "https://app\\.example\\.org/[a-z/]{0,12}") {
            let registered = uri(&format!("https://app.example.org/{path}"));
            prop_assert_eq!(registered.matches(&offered, true), registered.as_str() == offered);
        }

        #[test]
        fn every_port_of_the_loopback_address_matches(port in 1u16.., registered in 1u16..) {
            let base = uri(&format!("http://[::1]:{registered}/cb"));
            let offered = format!("http://[::1]:{port}/cb");
            prop_assert!(base.matches(&offered, true));
            prop_assert_eq!(base.matches(&offered, false), port == registered);
        }

        #[test]
        fn whatever_matches_a_loopback_address_stays_on_the_device(offered in "http://127\\.0\\.0\\.1[:0-9@./a-c?]{0,16}") {
            if uri("http://127.0.0.1/a").matches(&offered, true) {
                let url = Url::parse(&offered).unwrap();
                prop_assert_eq!(url.host_str(), Some("127.0.0.1"));
                prop_assert_eq!(url.path(), "/a");
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(raw in ".{0,80}") {
            let _ = raw.parse::<RedirectUri>();
            let _ = raw.parse::<LaunchUrl>();
        }
    }
}
