//! The provisioning file `latchkey.toml`: what a person writes onto the card's boot partition before the first start, so that the
//! box needs no keyboard, no screen and no button. All of it is checked before any of it is applied.
//!
//! The host name is given whole (`host = "id.example.org"`) or in two parts (`host = "id"`, `domain = "example.org"`).
//! Errors name the line and never repeat what stands there beside names: the file holds secrets.

mod secrets;
mod wifi;

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use crate::attribute;
use crate::certificate::CertificateChoice;
use crate::host::Host;
use crate::name::{Label, Username};
use crate::ssh_key::{MAX_KEYS, ParsedKey};

pub use secrets::without_secrets;
pub use wifi::{Country, Ssid, Wifi, WifiPassword};

/// Longest file, in bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// What the file asks for; what it does not say stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provisioning {
    /// The one name of the house in the DNS.
    pub host: Option<Host>,
    /// What people see as the name of the house.
    pub house: Option<Label>,
    /// The time zone of the box.
    pub time_zone: Option<TimeZone>,
    /// The locale of the box.
    pub locale: Option<SystemLocale>,
    /// The wireless network.
    pub wifi: Option<Wifi>,
    /// Who may sign in as `admin` over SSH.
    pub admin_keys: Vec<ParsedKey>,
    /// Where the certificate comes from.
    pub certificate: Option<CertificateChoice>,
    /// Who will be the first owner.
    pub owner: Option<Owner>,
}

/// The first owner, who still has to claim the box.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// What they are called.
    pub name: Label,
}

impl Owner {
    /// What they sign in with.
    pub fn username(&self) -> Username {
        Username::suggest(self.name.as_str())
    }
}

/// What is wrong with the file, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisioningError {
    /// In which line, the first being 1; `None` when the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub what: String,
}

impl ProvisioningError {
    fn whole(what: &str) -> Self {
        Self { line: None, what: what.to_owned() }
    }

    fn at(text: &str, byte: usize, what: String) -> Self {
        let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
        Self { line: Some(before.iter().filter(|byte| **byte == b'\n').count() + 1), what }
    }
}

impl fmt::Display for ProvisioningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for ProvisioningError {}

/// The file as text: UTF-8, with or without the mark that some editors put in front.
pub fn text_of(bytes: &[u8]) -> Result<&str, ProvisioningError> {
    if bytes.len() > MAX_FILE {
        return Err(ProvisioningError::whole("the file is longer than 64 KiB; is it the right one?"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(ProvisioningError::whole("the file is UTF-16; save it again as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|bad| {
        let lines = bytes.get(..bad.valid_up_to()).unwrap_or_default();
        let line = lines.iter().filter(|byte| **byte == b'\n').count() + 1;
        ProvisioningError { line: Some(line), what: "this is not UTF-8; save the file again as UTF-8".to_owned() }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    host: Option<Spanned<String>>,
    domain: Option<Spanned<String>>,
    house: Option<Label>,
    time_zone: Option<TimeZone>,
    locale: Option<SystemLocale>,
    wifi: Option<Wifi>,
    admin: Option<Admin>,
    certificate: Option<Spanned<CertificateChoice>>,
    owner: Option<Owner>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Admin {
    ssh_keys: Vec<Spanned<String>>,
}

impl FromStr for Provisioning {
    type Err = ProvisioningError;

    fn from_str(text: &str) -> Result<Self, ProvisioningError> {
        let file: File = toml::from_str(text).map_err(|error| in_words(text, &error))?;
        let host = host(text, file.host, file.domain)?;
        if let Some(choice) = &file.certificate
            && matches!(choice.get_ref(), CertificateChoice::Acme(_))
            && host.is_none()
        {
            let what = "a public authority certifies a name that is your own: give `host` too".to_owned();
            return Err(ProvisioningError::at(text, choice.span().start, what));
        }
        Ok(Self {
            host,
            house: file.house,
            time_zone: file.time_zone,
            locale: file.locale,
            wifi: file.wifi,
            admin_keys: admin_keys(text, file.admin)?,
            certificate: file.certificate.map(Spanned::into_inner),
            owner: file.owner,
        })
    }
}

fn host(
    text: &str,
    host: Option<Spanned<String>>,
    domain: Option<Spanned<String>>,
) -> Result<Option<Host>, ProvisioningError> {
    let Some(host) = host else {
        return match domain {
            Some(domain) => {
                let what = "give `host` too, such as host = \"id\"".to_owned();
                Err(ProvisioningError::at(text, domain.span().start, what))
            }
            None => Ok(None),
        };
    };
    let at = |what: String| ProvisioningError::at(text, host.span().start, what);
    let first = host.get_ref();
    let whole = match domain.as_ref().map(Spanned::get_ref) {
        Some(domain) if *first == *domain || first.ends_with(&format!(".{domain}")) => first.clone(),
        Some(domain) => format!("{first}.{domain}"),
        None => first.clone(),
    };
    let name: Host = whole.parse().map_err(|why| at(format!("{why}")))?;
    if name.is_provisional() {
        return Err(at(format!("{name} is for setting up only, since every new box answers to it; choose another")));
    }
    if !name.as_str().contains('.') {
        return Err(at(format!("give the whole name, such as {name}.example.org, or `domain` beside it")));
    }
    Ok(Some(name))
}

fn admin_keys(text: &str, admin: Option<Admin>) -> Result<Vec<ParsedKey>, ProvisioningError> {
    let raw = admin.map(|admin| admin.ssh_keys).unwrap_or_default();
    if let Some(extra) = raw.get(MAX_KEYS) {
        return Err(ProvisioningError::at(text, extra.span().start, format!("give at most {MAX_KEYS} keys")));
    }
    let parse = |key: &Spanned<String>| {
        key.get_ref().parse().map_err(|why| ProvisioningError::at(text, key.span().start, format!("{why}")))
    };
    raw.iter().map(parse).collect()
}

/// The parser's words without what stood in the file: it may be a secret.
fn in_words(text: &str, error: &toml::de::Error) -> ProvisioningError {
    let message = error.message();
    let found = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    let what = match message.rsplit_once(", expected ") {
        Some((_, "a string")) if found => "write the value in double quotes".to_owned(),
        Some((_, expected)) if found => format!("{expected} belongs here"),
        Some(_) | None => message.replace('\n', "; "),
    };
    match error.span() {
        Some(span) if text.get(span.clone()).is_some_and(secrets::is_removed) => {
            let what = "this secret was taken out after it was applied; write it again".to_owned();
            ProvisioningError::at(text, span.start, what)
        }
        Some(span) => ProvisioningError::at(text, span.start, what),
        None => ProvisioningError { line: None, what },
    }
}

/// Why a text was not taken; the text says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit(&'static str);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unfit {}

/// The name of a time zone, such as `Europe/Vienna`. Whether the system knows it is for the system to say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeZone(String);

impl TimeZone {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TimeZone {
    type Error = Unfit;

    fn try_from(raw: String) -> Result<Self, Unfit> {
        attribute::zone(&raw).map(Self).ok_or(Unfit("write a time zone like Europe/Vienna or UTC"))
    }
}

/// A locale of the system, always with UTF-8: `de_AT.UTF-8`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SystemLocale(String);

impl SystemLocale {
    /// As the system writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SystemLocale {
    type Error = Unfit;

    fn try_from(raw: String) -> Result<Self, Unfit> {
        const UNFIT: Unfit = Unfit("write a locale like de_AT.UTF-8, en_US.UTF-8 or C.UTF-8");
        let name = [".UTF-8", ".utf8", ".utf-8"].iter().find_map(|end| raw.strip_suffix(end)).unwrap_or(&raw);
        if name == "C" {
            return Ok(Self("C.UTF-8".to_owned()));
        }
        let (language, region) = name.split_once(['_', '-']).ok_or(UNFIT)?;
        let good = matches!(language.len(), 2 | 3)
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && region.len() == 2
            && region.bytes().all(|b| b.is_ascii_alphabetic());
        if good { Ok(Self(format!("{language}_{}.UTF-8", region.to_ascii_uppercase()))) } else { Err(UNFIT) }
    }
}

#[cfg(test)]
mod tests;
