//! The texts of a choice, each checked where it is read.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

use crate::attribute;
use crate::secret::Secret;

/// Where Let's Encrypt says what it offers.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The same for trials: its certificates are trusted by nobody, and its limits are wide.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// The longest token that is taken.
const MAX_TOKEN: usize = 512;
/// The longest path that is taken, as in Linux.
const MAX_PATH: usize = 4096;
/// The longest address that is taken.
const MAX_URL: usize = 2048;
/// The shortest and longest TSIG key, in bytes.
const TSIG_KEY: std::ops::RangeInclusive<usize> = 16..=512;

/// Why a choice was not taken. `Display` says what to do instead; it never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChoiceError {
    /// A key that this kind needs is not there.
    Missing(&'static str, &'static str),
    /// A key that means nothing for this kind.
    Misplaced(&'static str, &'static str),
    /// Not an absolute path.
    Path,
    /// Not the address of a directory.
    Directory,
    /// Not a mail address.
    Contact,
    /// Not a DNS name.
    Name,
    /// Not the address of a name server.
    Server,
    /// Not a token.
    Token,
    /// Not a TSIG key.
    Key,
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(kind, key) => write!(f, "{kind} needs the key {key:?}"),
            Self::Misplaced(kind, key) => write!(f, "{kind} has no key {key:?}; leave it out or choose another kind"),
            Self::Path => f.write_str("give the full path of a file, such as /etc/latchkey/house.pem"),
            Self::Directory => f.write_str(
                "give lets-encrypt, lets-encrypt-staging, or the https address of an ACME directory without a password in it",
            ),
            Self::Contact => f.write_str("give one mail address, such as anna@example.org"),
            Self::Name => f.write_str("give a DNS name, such as example.org"),
            Self::Server => f.write_str("give the IP address of a name server, such as 192.0.2.1 or [2001:db8::1]:5353"),
            Self::Token => f.write_str("give the token as the provider shows it: one word of printable characters"),
            Self::Key => f.write_str("give the TSIG key as base64 of 16 to 512 bytes"),
        }
    }
}

impl std::error::Error for ChoiceError {}

macro_rules! text_serde {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = ChoiceError;

            fn try_from(raw: String) -> Result<Self, ChoiceError> {
                raw.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// A file's full path, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AbsolutePath(String);

impl AbsolutePath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl FromStr for AbsolutePath {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        let path = PathBuf::from(raw);
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let good = path.is_absolute() && plain && path.file_name().is_some() && !raw.ends_with('/');
        if !good || raw.len() > MAX_PATH || raw.chars().any(char::is_control) {
            return Err(ChoiceError::Path);
        }
        Ok(Self(raw.to_owned()))
    }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_serde!(AbsolutePath);

/// Which authority is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AcmeDirectory {
    /// Let's Encrypt.
    #[default]
    LetsEncrypt,
    /// Its counterpart for trials.
    LetsEncryptStaging,
    /// Another one.
    Url(DirectoryUrl),
}

impl AcmeDirectory {
    /// The address of its directory.
    pub fn address(&self) -> &str {
        match self {
            Self::LetsEncrypt => LETS_ENCRYPT,
            Self::LetsEncryptStaging => LETS_ENCRYPT_STAGING,
            Self::Url(url) => url.as_str(),
        }
    }
}

impl FromStr for AcmeDirectory {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        match raw {
            "lets-encrypt" => Ok(Self::LetsEncrypt),
            "lets-encrypt-staging" => Ok(Self::LetsEncryptStaging),
            address => address.parse().map(Self::Url),
        }
    }
}

impl fmt::Display for AcmeDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetsEncrypt => f.write_str("lets-encrypt"),
            Self::LetsEncryptStaging => f.write_str("lets-encrypt-staging"),
            Self::Url(url) => f.write_str(url.as_str()),
        }
    }
}

text_serde!(AcmeDirectory);

/// The address of an ACME directory: `https`, or plain `http` to this same machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUrl(String);

impl DirectoryUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DirectoryUrl {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        let url = Url::parse(raw).map_err(|_| ChoiceError::Directory)?;
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(ChoiceError::Directory),
        };
        let secure = url.scheme() == "https" || (url.scheme() == "http" && here);
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        // Writing it anew may make it longer, and what is stored must read again.
        if !secure || !plain || raw.len() > MAX_URL || url.as_str().len() > MAX_URL {
            return Err(ChoiceError::Directory);
        }
        Ok(Self(url.into()))
    }
}

/// A mail address for the authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Contact(String);

impl Contact {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Contact {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        // RFC 8555 section 7.3: neither a list of addresses nor header fields; both would need one of these.
        let mail = attribute::mail(raw).filter(|mail| !mail.contains(['?', ',', '%']));
        mail.map(Self).ok_or(ChoiceError::Contact)
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_serde!(Contact);

/// A name in the DNS, in lower case, without the dot at its end. Labels may begin with an underscore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

impl DnsName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that proves control of that host (RFC 8555 section 8.4); `None` when it would be too long.
    pub fn challenge(host: &str) -> Option<Self> {
        format!("_acme-challenge.{host}").parse().ok()
    }

    /// Whether this is `zone` or below it.
    pub fn is_in(&self, zone: &Self) -> bool {
        self.below(zone).is_some()
    }

    /// What stands before `zone`; empty for the zone itself, `None` outside of it.
    pub fn below(&self, zone: &Self) -> Option<&str> {
        let rest = self.0.strip_suffix(zone.as_str())?;
        if rest.is_empty() { Some(rest) } else { rest.strip_suffix('.') }
    }

    /// This name, then what is left as labels are taken from its front, at least two labels long.
    pub fn and_above(&self) -> impl Iterator<Item = Self> + '_ {
        let mut next = Some(self.0.as_str());
        std::iter::from_fn(move || {
            let name = next?;
            next = name.split_once('.').map(|(_, rest)| rest).filter(|rest| rest.contains('.'));
            Some(Self(name.to_owned()))
        })
    }
}

impl FromStr for DnsName {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        let name = raw.strip_suffix('.').unwrap_or(raw).to_ascii_lowercase();
        let good_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        };
        if name.len() > 253 || name.parse::<IpAddr>().is_ok() || !name.split('.').all(good_label) {
            return Err(ChoiceError::Name);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_serde!(DnsName);

/// A name server: an IP address and a port, 53 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsServer(SocketAddr);

impl DnsServer {
    /// Where to send queries.
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for DnsServer {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        let bare = raw.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        let address = raw.parse::<SocketAddr>().or(bare).map_err(|_| ChoiceError::Server)?;
        if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            return Err(ChoiceError::Server);
        }
        Ok(Self(address))
    }
}

impl From<SocketAddr> for DnsServer {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

impl fmt::Display for DnsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_serde!(DnsServer);

macro_rules! secret_serde {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.expose())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = Secret::new(String::deserialize(deserializer)?);
                raw.expose().parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// What a provider of DNS gave its customer to sign in with. One word of printable ASCII: it is put into a header.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiToken(Secret<String>);

impl ApiToken {
    /// The token, for the request that needs it.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl FromStr for ApiToken {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        let raw = raw.trim();
        if raw.is_empty() || raw.len() > MAX_TOKEN || !raw.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ChoiceError::Token);
        }
        Ok(Self(Secret::new(raw.to_owned())))
    }
}

secret_serde!(ApiToken);

/// A key for TSIG, in base64 as name servers show it.
#[derive(Clone, Debug, PartialEq)]
pub struct TsigKey(Secret<String>);

impl TsigKey {
    /// The bytes of the key.
    pub fn bytes(&self) -> Secret<Vec<u8>> {
        Secret::new(STANDARD.decode(self.0.expose()).unwrap_or_default())
    }
}

impl FromStr for TsigKey {
    type Err = ChoiceError;

    fn from_str(raw: &str) -> Result<Self, ChoiceError> {
        let raw = raw.trim();
        let bytes = Secret::new(STANDARD.decode(raw).map_err(|_| ChoiceError::Key)?);
        if !TSIG_KEY.contains(&bytes.expose().len()) {
            return Err(ChoiceError::Key);
        }
        Ok(Self(Secret::new(raw.to_owned())))
    }
}

secret_serde!(TsigKey);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_directory_is_https_or_on_this_machine() {
        for good in
            ["lets-encrypt", "lets-encrypt-staging", "https://ca.example:14000/dir", "http://127.0.0.1:14000/dir"]
        {
            assert_eq!(good.parse::<AcmeDirectory>().unwrap().to_string(), good);
        }
        let long = format!("https://ca.example/{}", "x".repeat(MAX_URL));
        let longer = format!("https://ca.example/{}", "\u{e4}".repeat(600));
        for bad in [
            "",
            "letsencrypt",
            "http://ca.example/dir",
            "ftp://ca.example/",
            "https://me:secret@ca.example/",
            "https://ca.example/#a",
            "data:text/plain,hello",
            "http://127.0.0.1.example.org/",
            long.as_str(),
            longer.as_str(),
        ] {
            assert_eq!(bad.parse::<AcmeDirectory>(), Err(ChoiceError::Directory), "{bad}");
        }
    }

    #[test]
    fn a_path_is_absolute_and_plain() {
        assert!("/etc/latchkey/a.pem".parse::<AbsolutePath>().is_ok());
        for bad in ["", "a.pem", "./a", "/", "/etc/", "/etc/../shadow", "/a\nb", "/a\0b"] {
            assert_eq!(bad.parse::<AbsolutePath>(), Err(ChoiceError::Path), "{bad:?}");
        }
    }

    #[test]
    fn names_are_lower_case_without_the_last_dot() {
        let name: DnsName = "_ACME-Challenge.Id.Example.ORG.".parse().unwrap();
        assert_eq!(name.as_str(), "_acme-challenge.id.example.org");
        for bad in
            ["", ".", "a..b", "-a.b", "a-.b", "192.0.2.1", "a b", "ä.example", "*.example.org", &"a.".repeat(128)]
        {
            assert_eq!(bad.parse::<DnsName>(), Err(ChoiceError::Name), "{bad:?}");
        }
    }

    #[test]
    fn a_name_knows_what_it_is_below() {
        let name: DnsName = "_acme-challenge.id.example.org".parse().unwrap();
        assert_eq!(name.below(&"example.org".parse().unwrap()), Some("_acme-challenge.id"));
        assert_eq!(name.below(&name), Some(""));
        assert_eq!(name.below(&"ample.org".parse().unwrap()), None);
        let above: Vec<_> = name.and_above().map(|name| name.to_string()).collect();
        assert_eq!(above, ["_acme-challenge.id.example.org", "id.example.org", "example.org"]);
    }

    #[test]
    fn a_name_server_is_an_address() {
        assert_eq!("192.0.2.1".parse::<DnsServer>().unwrap().to_string(), "192.0.2.1:53");
        assert_eq!("2001:db8::1".parse::<DnsServer>().unwrap().to_string(), "[2001:db8::1]:53");
        for bad in ["", "ns1.example.org", "192.0.2.1:0", "192.0.2.1:99999", "0.0.0.0", "224.0.0.251"] {
            assert_eq!(bad.parse::<DnsServer>(), Err(ChoiceError::Server), "{bad}");
        }
    }

    #[test]
    fn a_token_is_one_word_that_fits_a_header() {
        assert_eq!(" abc-123 ".parse::<ApiToken>().unwrap().secret().expose(), "abc-123");
        for bad in ["", "a b", "a\r\nhost: evil", "\u{e4}", &"x".repeat(MAX_TOKEN + 1)] {
            assert!(bad.parse::<ApiToken>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_tsig_key_is_base64_and_long_enough() {
        assert_eq!("aHVzaGh1c2hodXNoaHVzaA==".parse::<TsigKey>().unwrap().bytes().expose().len(), 16);
        for bad in ["", "aHVzaA==", "not base64!", &"A".repeat(4096)] {
            assert!(bad.parse::<TsigKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_contact_is_one_address() {
        assert!("anna@example.org".parse::<Contact>().is_ok());
        for bad in ["", "anna", "a@b.c,d@e.f", "a@b.c?subject=x", "mailto:a@b.c"] {
            assert_eq!(bad.parse::<Contact>(), Err(ChoiceError::Contact), "{bad}");
        }
    }

    fn reads_back<T: FromStr + fmt::Display + PartialEq>(text: &str) {
        if let Ok(value) = text.parse::<T>() {
            assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_taken_is_taken_again(text in r"(https?://|/|)[a-z0-9._@:\[\]%/-]{0,40}\.?", wild in ".{0,60}") {
            for text in [&text, &wild] {
                reads_back::<AbsolutePath>(text);
                reads_back::<AcmeDirectory>(text);
                reads_back::<Contact>(text);
                reads_back::<DnsName>(text);
                reads_back::<DnsServer>(text);
                let _ = (text.parse::<ApiToken>(), text.parse::<TsigKey>());
            }
        }
    }
}
