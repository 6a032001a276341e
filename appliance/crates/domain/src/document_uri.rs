//! Addresses of documents that an app publishes and this house fetches: its keys, its sector, its logo.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::redirect_uri::LaunchUrl;

/// The address: `https`, or `http` on this same machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentUri(LaunchUrl);

impl DocumentUri {
    /// Its host.
    pub fn host(&self) -> String {
        Url::parse(self.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The text, as given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for DocumentUri {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, String> {
        let checked: LaunchUrl = raw.parse().map_err(|why: crate::redirect_uri::UriError| why.to_string())?;
        let url = Url::parse(raw).map_err(|why| why.to_string())?;
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if url.scheme() != "https" && !here {
            return Err("it is fetched by https; http is for this same machine only".to_owned());
        }
        if url.fragment().is_some() {
            Err("an address that is fetched has no fragment".to_owned())
        } else {
            Ok(Self(checked))
        }
    }
}

impl TryFrom<String> for DocumentUri {
    type Error = String;

    fn try_from(raw: String) -> Result<Self, String> {
        raw.parse()
    }
}

impl From<DocumentUri> for String {
    fn from(uri: DocumentUri) -> Self {
        uri.0.into()
    }
}

impl fmt::Display for DocumentUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an app may be asked at that address. With TLS anywhere but where no app can be; without it only where nobody outside of
/// the house reads along: on this machine and on private networks (RFC 1918, RFC 4193). Link-local addresses are never asked:
/// 169.254.169.254 gives away the secrets of a rented machine.
pub fn may_be_asked(secure: bool, address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let nobody = v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || v4.is_link_local();
            !nobody && (secure || v4.is_loopback() || v4.is_private())
        }
        IpAddr::V6(v6) => {
            let nobody = v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local();
            !nobody && (secure || v6.is_loopback() || v6.is_unique_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_the_house_itself_is_asked() {
        let may = |secure, address: &str| may_be_asked(secure, address.parse().unwrap());
        for near in ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.9", "192.168.1.5", "fd00::5", "::ffff:192.168.1.5"] {
            assert!(may(false, near) && may(true, near), "{near}");
        }
        for far in ["93.184.216.34", "172.32.0.1", "2001:db8::1", "100.64.0.1"] {
            assert!(!may(false, far) && may(true, far), "{far}");
        }
        for nobody in [
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:169.254.169.254",
        ] {
            assert!(!may(false, nobody) && !may(true, nobody), "{nobody}");
        }
    }

    #[test]
    fn documents_are_fetched_from_safe_addresses() {
        for good in ["https://app.example/jwks.json", "http://127.0.0.1:9/k", "http://localhost/k", "http://[::1]:9/k"]
        {
            assert!(good.parse::<DocumentUri>().is_ok(), "{good}");
        }
        for bad in ["http://app.example/k", "file:///etc/passwd", "https://a/#x", "x", "https://user:pw@a.example/"] {
            assert!(bad.parse::<DocumentUri>().is_err(), "{bad}");
        }
    }
}
