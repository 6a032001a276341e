//! Clients (RFC 6749 section 1.1): the apps of the house, as people call them.

mod lifetimes;

pub use lifetimes::Lifetimes;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::document_uri::DocumentUri;
use crate::host::Host;
use crate::id::{AccountId, ClientId};
use crate::jwk::JwkSet;
use crate::name::{ClientName, Label};
use crate::pairwise::Sector;
use crate::redirect_uri::{LaunchUrl, RedirectUri};
use crate::secret::Digest;
use crate::strength::Strength;
use crate::time::{Span, Timestamp};

/// Most redirect URIs of one app.
pub const MAX_REDIRECT_URIS: usize = 16;

const NO_HOST: &str =
    "a redirect URI leads to the person's own device, so there is no host to make names for; give one with --sector";
/// Most names of one app behind a proxy.
pub const MAX_FORWARD_HOSTS: usize = 16;

/// An app as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its row.
    pub id: ClientId,
    /// Its name, which is its `client_id`.
    pub name: ClientName,
    /// What people see.
    pub display_name: Label,
    /// The digest of its secret; a public client (RFC 6749 section 2.1) has none.
    pub secret: Option<Digest>,
    /// The secret before this one, and from when on it is void: so that a new one can be brought to the app without haste.
    pub retired_secret: Option<(Digest, Timestamp)>,
    /// How it is treated.
    pub settings: ClientSettings,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// Whether it cannot keep a secret.
    pub fn is_public(&self) -> bool {
        self.secret.is_none()
    }

    /// How it proves itself at the token endpoint: an app has one registered method (RFC 7591 section 2), so that whoever finds an
    /// old secret of an app with keys has found nothing.
    pub fn authentication(&self) -> ClientAuthentication<'_> {
        match (&self.secret, &self.settings.keys) {
            (None, _) => ClientAuthentication::Public,
            (Some(_), Some(keys)) => ClientAuthentication::Keys(keys),
            (Some(secret), None) => ClientAuthentication::Secret(secret),
        }
    }

    /// Whether that is its secret now.
    pub fn has_secret(&self, offered: &Digest, now: Timestamp) -> bool {
        let retired = self.retired_secret.as_ref().filter(|(_, until)| now < *until);
        self.secret.as_ref() == Some(offered) || retired.is_some_and(|(retired, _)| retired == offered)
    }

    /// A public client always proves its codes (RFC 9700 section 2.1.1); others unless the admin says that they cannot.
    pub fn requires_pkce(&self) -> bool {
        self.is_public() || self.settings.pkce_required
    }

    /// Whether a page of that origin belongs to it and may read what it gets: an app that runs in browsers is a public one.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.is_public() && self.settings.redirect_uris.iter().any(|uri| uri.origin().as_deref() == Some(origin))
    }

    /// The sector in which people have one name of their own (OpenID Connect Core section 8.1): the one that was set, or the one
    /// host of all redirect URIs.
    ///
    /// # Errors
    /// What is wrong with the addresses, and what to do.
    pub fn sector(&self) -> Result<String, &'static str> {
        if let Some(sector) = &self.settings.sector {
            return Ok(sector.identifier());
        }
        let mut hosts = self.settings.redirect_uris.iter().map(RedirectUri::web_host);
        let first = hosts.next().ok_or("the app has no redirect URI yet, whose host is what the names are made for")?;
        let first = first.ok_or(NO_HOST)?;
        for host in hosts {
            if host.ok_or(NO_HOST)? != first {
                return Err(
                    "the redirect URIs have several hosts; say with --sector for which of them the names are made",
                );
            }
        }
        Ok(first)
    }

    /// The registered URI that `offered` is, if it is one.
    pub fn redirect_uri(&self, offered: &str) -> Option<&RedirectUri> {
        self.settings.redirect_uris.iter().find(|uri| uri.matches(offered, self.is_public()))
    }
}

/// The longest that a retired secret stays good.
pub const LONGEST_RETIREMENT: Span = Span::days(30);

/// How a client proves itself (RFC 6749 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication<'a> {
    /// Not at all: it cannot keep a secret.
    Public,
    /// By its secret.
    Secret(&'a Digest),
    /// By what it signs with one of its keys (RFC 7523).
    Keys(&'a ClientKeys),
}

/// The keys of an app that proves itself by signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// These.
    Jwks(JwkSet),
    /// Those that it publishes there.
    JwksUri(DocumentUri),
}

/// How an app is treated. Absent fields of an older row take their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientSettings {
    /// Where answers may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where the dashboard's tile leads; without one there is no tile.
    pub launch_url: Option<LaunchUrl>,
    /// Whether a confidential app must use PKCE.
    pub pkce_required: bool,
    /// Whether people are asked.
    pub consent: ConsentMode,
    /// What its ID tokens are signed with.
    pub algorithm: Algorithm,
    /// How long its tokens live.
    pub lifetimes: Lifetimes,
    /// Where people may be sent after they signed out there (OpenID Connect RP-Initiated Logout 1.0 section 3.1).
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that somebody signed out (OpenID Connect Back-Channel Logout 1.0 section 2.2).
    pub backchannel_logout_uri: Option<LaunchUrl>,
    /// Whether it has to push its authorization requests (RFC 9126 section 6).
    pub par_required: bool,
    /// What its access tokens look like.
    pub access_token: AccessTokenFormat,
    /// Whether its tokens must be bound to a key (RFC 9449 section 5.2).
    pub dpop_required: bool,
    /// What userinfo is signed with; plain JSON without (OpenID Connect Core section 5.3.2).
    pub userinfo: Option<Algorithm>,
    /// What people are called there (OpenID Connect Core section 8).
    pub subject: SubjectType,
    /// What the hosts of a pairwise app have in common, where they are several.
    pub sector: Option<Sector>,
    /// How strongly people prove who they are to get in there, whatever their groups demand.
    pub strength: Strength,
    /// Whether it may sign people in on a device without a keyboard (RFC 8628).
    pub device: bool,
    /// Where its icon came from, if it was fetched from the app.
    pub logo_uri: Option<DocumentUri>,
    /// What it says about data that it gets; shown when people are asked.
    pub policy_uri: Option<LaunchUrl>,
    /// Its terms of use; shown when people are asked.
    pub terms_uri: Option<LaunchUrl>,
    /// The keys that it proves itself by, in the place of its secret (RFC 7523).
    pub keys: Option<ClientKeys>,
    /// The service account that it is when it asks for itself and not for a person (RFC 6749 section 4.4).
    pub acts_as: Option<AccountId>,
    /// Whether service accounts that its groups let in get tokens for it by their own API tokens (RFC 8693).
    pub service_accounts: bool,
    /// The names under which a proxy shows it to those alone who may use it. No two apps share one.
    pub forward_hosts: Vec<Host>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            launch_url: None,
            pkce_required: true,
            consent: ConsentMode::Ask,
            algorithm: Algorithm::Es256,
            lifetimes: Lifetimes::default(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            par_required: false,
            access_token: AccessTokenFormat::default(),
            dpop_required: false,
            userinfo: None,
            subject: SubjectType::default(),
            sector: None,
            strength: Strength::Any,
            device: false,
            logo_uri: None,
            policy_uri: None,
            terms_uri: None,
            keys: None,
            acts_as: None,
            service_accounts: false,
            forward_hosts: Vec::new(),
        }
    }
}

/// What an access token looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// A text that only this house can read: it is ended at once, and short.
    #[default]
    Opaque,
    /// A signed JWT (RFC 9068), for resource servers that read it themselves; they do not notice when it is revoked.
    Jwt,
}

impl AccessTokenFormat {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Jwt => "jwt",
        }
    }
}

impl fmt::Display for AccessTokenFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AccessTokenFormat {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "opaque" => Ok(Self::Opaque),
            "jwt" => Ok(Self::Jwt),
            _ => Err("an access token is opaque or jwt"),
        }
    }
}

/// What people are called at an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// By the same `sub` at every app.
    #[default]
    Public,
    /// By another one in each sector, so that apps cannot put together what they know.
    Pairwise,
}

impl SubjectType {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Public, Self::Pairwise];

    /// The name of OpenID Connect Core section 8.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise => "pairwise",
        }
    }
}

impl fmt::Display for SubjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SubjectType {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == raw).ok_or("the subject is public or pairwise")
    }
}

/// Whether people are asked before an app learns about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentMode {
    /// Once for each set of scopes.
    #[default]
    Ask,
    /// Never: the admin answers for them.
    Skip,
}

impl ConsentMode {
    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Skip => "skip",
        }
    }
}

impl fmt::Display for ConsentMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ConsentMode {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "ask" => Ok(Self::Ask),
            "skip" => Ok(Self::Skip),
            _ => Err("consent is ask or skip"),
        }
    }
}

/// What ID tokens are signed with (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for apps that know nothing else.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// The name of RFC 7518.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == raw).ok_or("the algorithm is ES256 or RS256")
    }
}

#[cfg(test)]
mod tests;
