//! The one name under which browsers and apps reach the house. WebAuthn's RP ID is this name, so it is a name, never an address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most characters of a DNS name (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
/// Most characters between two dots.
const MAX_LABEL: usize = 63;

/// A DNS name in lower case, as WebAuthn wants it for the RP ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

impl Host {
    /// Under which a box without a name of its own is found: mDNS announces it (RFC 6762), for the setup pages only.
    pub const PROVISIONAL: &str = "latchkey.local";

    /// The name for the setup pages of a box that has no other yet.
    pub fn provisional() -> Self {
        Self(Self::PROVISIONAL.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Why a house cannot keep this name, if it cannot: other boxes bear it too, or it is a whole domain of the internet.
    pub fn objection(&self) -> Option<String> {
        if self.is_announced() {
            return Some(format!("{self} is for setting up only, since every new box answers to it; choose another"));
        }
        let local = self.0 == "localhost" || self.0.ends_with(".localhost");
        let bare = !self.0.contains('.')
            || self.0.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        (bare && !local).then(|| format!("{self} is not a whole name; give one with a domain, such as id.example.net"))
    }

    /// Whether mDNS may announce it for a new box: `latchkey.local`, or `latchkey-2.local` where there are two.
    pub fn is_announced(&self) -> bool {
        let number = self.0.strip_prefix("latchkey-").and_then(|rest| rest.strip_suffix(".local"));
        let numbered = |n: &str| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
        self.is_provisional() || number.is_some_and(numbered)
    }

    /// Whether the box was not named yet.
    pub fn is_provisional(&self) -> bool {
        self.0 == Self::PROVISIONAL
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why this is no host name; the text says what to give instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(String);

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostError {}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(raw: &str) -> Result<Self, HostError> {
        if raw.parse::<IpAddr>().is_ok() {
            return Err(HostError(format!("{raw:?} is an address; passkeys need a name, such as id.example.net")));
        }
        if raw.len() > MAX_NAME || !raw.split('.').all(good_label) {
            let raw: String = raw.chars().take(MAX_NAME).collect();
            return Err(HostError(format!("{raw:?} is not a DNS name in lower case, such as id.example.net")));
        }
        Ok(Self(raw.to_owned()))
    }
}

fn good_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl TryFrom<String> for Host {
    type Error = HostError;

    fn try_from(raw: String) -> Result<Self, HostError> {
        raw.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_bear_or_that_hold_a_whole_domain_are_not_for_a_house() {
        for bad in ["latchkey.local", "latchkey-2.local", "org", "box", "a.1"] {
            assert!(bad.parse::<Host>().unwrap().objection().is_some(), "{bad}");
        }
        for good in ["id.example.org", "latchkey.fritz.box", "localhost", "a.localhost", "latchkey-x.local"] {
            assert_eq!(good.parse::<Host>().unwrap().objection(), None, "{good}");
        }
    }

    #[test]
    fn names_are_taken_and_everything_else_is_told_what_a_name_is() {
        for good in ["localhost", "id.example.org", "latchkey.fritz.box", "a-1.b"] {
            assert_eq!(good.parse::<Host>().unwrap().as_str(), good);
        }
        let long = format!("{}.org", "a".repeat(64));
        for bad in
            ["", ".", "a..b", "Id.example.org", "a b", "a/b", "a:8443", "-a.b", "a-.b", "192.168.1.5", "::1", &long]
        {
            assert!(bad.parse::<Host>().unwrap_err().to_string().contains("id.example.net"), "{bad}");
        }
    }
}
