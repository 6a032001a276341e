//! How the box comes to its certificate: what an owner chooses, kept as JSON among the household's settings and written as
//! TOML in a provisioning file. Secrets go in and out of storage with it; whoever shows a choice shows [`CertificateChoice::redacted`].
//!
//! Each choice is read through one flat set of keys, so that an unknown key is an error that names its line.

mod own;
mod renewal;
mod text;

pub use own::Validity;
pub use renewal::{AriWindow, LONGEST_ASKED, LONGEST_WAIT, renew_at, retry_at};
pub use text::{
    AbsolutePath, AcmeDirectory, ApiToken, ChoiceError, Contact, DirectoryUrl, DnsName, DnsServer, LETS_ENCRYPT,
    LETS_ENCRYPT_STAGING, TsigKey,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands where a secret would.
const KEPT: &str = "(kept)";

/// Where the certificate comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", try_from = "RawChoice")]
pub enum CertificateChoice {
    /// The box's own authority, which each device is told to trust.
    #[default]
    OwnCa,
    /// A public authority, asked by ACME (RFC 8555) with the DNS-01 challenge.
    Acme(AcmeChoice),
    /// Files that an admin brings.
    Files(CertificateFiles),
}

impl CertificateChoice {
    /// Whether it names programs or files of the box, or a server of the owner's own: that takes somebody at the box, so that a
    /// stolen token of an owner runs and reads nothing there.
    pub fn reaches_into_the_box(&self) -> bool {
        match self {
            Self::OwnCa => false,
            Self::Files(_) => true,
            Self::Acme(choice) => {
                let own = matches!(choice.directory, AcmeDirectory::Url(_)) || choice.ca_file.is_some();
                own || choice.resolver.is_some()
                    || matches!(choice.dns, DnsChoice::Exec { .. } | DnsChoice::Rfc2136 { .. })
            }
        }
    }
}

/// A certificate that an admin brings; the files are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The chain, PEM, the server's own certificate first.
    pub certificate: AbsolutePath,
    /// The private key, PEM.
    pub key: AbsolutePath,
}

/// A certificate of a public authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeChoice {
    /// The authority.
    #[serde(default)]
    pub directory: AcmeDirectory,
    /// Where the authority may write to, if it shall know an address at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Who publishes the proof that the name is ours.
    pub dns: DnsChoice,
    /// The name at that provider to which `_acme-challenge.<host>` is a CNAME; without it the record is made at the host's own zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_alias: Option<DnsName>,
    /// Whom to ask whether the record is visible; without it the machine's own resolver and the zone's own servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<DnsServer>,
    /// The certificates (PEM) to trust when talking to the authority; without it those of the system. For an authority of the house's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<AbsolutePath>,
}

/// Who publishes a TXT record, and what lets us ask for it. A zone that is not named is found from the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", try_from = "RawDns")]
pub enum DnsChoice {
    /// Cloudflare; a token that may edit DNS of the one zone.
    Cloudflare {
        /// The token.
        token: ApiToken,
        /// The zone.
        #[serde(skip_serializing_if = "Option::is_none")]
        zone: Option<DnsName>,
    },
    /// deSEC (desec.io).
    Desec {
        /// The token.
        token: ApiToken,
        /// The zone.
        #[serde(skip_serializing_if = "Option::is_none")]
        zone: Option<DnsName>,
    },
    /// DuckDNS; the name must end with `.duckdns.org`.
    Duckdns {
        /// The token.
        token: ApiToken,
    },
    /// Hetzner, at its Cloud API; tokens of the former DNS Console do not work there.
    Hetzner {
        /// The token.
        token: ApiToken,
        /// The zone.
        #[serde(skip_serializing_if = "Option::is_none")]
        zone: Option<DnsName>,
    },
    /// A name server that takes dynamic updates (RFC 2136), signed with TSIG (RFC 8945, hmac-sha256).
    Rfc2136 {
        /// The primary server of the zone.
        server: DnsServer,
        /// The zone.
        zone: DnsName,
        /// What both sides call the key.
        key_name: DnsName,
        /// The key.
        key: TsigKey,
    },
    /// A program of the owner's, called as `PROGRAM present|cleanup NAME VALUE`.
    Exec {
        /// The program.
        program: AbsolutePath,
    },
}

impl CertificateChoice {
    /// The choice as it may be shown: with `(kept)` for each secret.
    pub fn redacted(&self) -> Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Some(dns) = shown.get_mut("dns") {
            hide(dns);
        }
        shown
    }
}

impl DnsChoice {
    /// What people call the provider.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Cloudflare { .. } => "Cloudflare",
            Self::Desec { .. } => "deSEC",
            Self::Duckdns { .. } => "DuckDNS",
            Self::Hetzner { .. } => "Hetzner",
            Self::Rfc2136 { .. } => "the name server",
            Self::Exec { .. } => "the DNS program",
        }
    }
}

fn hide(dns: &mut Value) {
    for secret in ["token", "key"] {
        if let Some(value) = dns.get_mut(secret) {
            *value = Value::from(KEPT);
        }
    }
}

/// All keys of all choices. Flat, because serde's own tagged enums forget the line of what they read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChoice {
    kind: ChoiceKind,
    directory: Option<AcmeDirectory>,
    contact: Option<Contact>,
    dns: Option<DnsChoice>,
    challenge_alias: Option<DnsName>,
    resolver: Option<DnsServer>,
    ca_file: Option<AbsolutePath>,
    certificate: Option<AbsolutePath>,
    key: Option<AbsolutePath>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ChoiceKind {
    OwnCa,
    Acme,
    Files,
}

impl TryFrom<RawChoice> for CertificateChoice {
    type Error = ChoiceError;

    fn try_from(raw: RawChoice) -> Result<Self, ChoiceError> {
        let acme = [
            ("directory", raw.directory.is_some()),
            ("contact", raw.contact.is_some()),
            ("dns", raw.dns.is_some()),
            ("challenge_alias", raw.challenge_alias.is_some()),
            ("resolver", raw.resolver.is_some()),
            ("ca_file", raw.ca_file.is_some()),
        ];
        let files = [("certificate", raw.certificate.is_some()), ("key", raw.key.is_some())];
        Ok(match raw.kind {
            ChoiceKind::OwnCa => {
                none("own-ca", &acme)?;
                none("own-ca", &files)?;
                Self::OwnCa
            }
            ChoiceKind::Acme => {
                none("acme", &files)?;
                Self::Acme(AcmeChoice {
                    directory: raw.directory.unwrap_or_default(),
                    contact: raw.contact,
                    dns: raw.dns.ok_or(ChoiceError::Missing("acme", "dns"))?,
                    challenge_alias: raw.challenge_alias,
                    resolver: raw.resolver,
                    ca_file: raw.ca_file,
                })
            }
            ChoiceKind::Files => {
                none("files", &acme)?;
                Self::Files(CertificateFiles {
                    certificate: raw.certificate.ok_or(ChoiceError::Missing("files", "certificate"))?,
                    key: raw.key.ok_or(ChoiceError::Missing("files", "key"))?,
                })
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDns {
    kind: DnsKind,
    token: Option<ApiToken>,
    zone: Option<DnsName>,
    server: Option<DnsServer>,
    key_name: Option<DnsName>,
    key: Option<TsigKey>,
    program: Option<AbsolutePath>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DnsKind {
    Cloudflare,
    Desec,
    Duckdns,
    Hetzner,
    Rfc2136,
    Exec,
}

impl TryFrom<RawDns> for DnsChoice {
    type Error = ChoiceError;

    fn try_from(raw: RawDns) -> Result<Self, ChoiceError> {
        let token = ("token", raw.token.is_some());
        let zone = ("zone", raw.zone.is_some());
        let update =
            [("server", raw.server.is_some()), ("key_name", raw.key_name.is_some()), ("key", raw.key.is_some())];
        let program = ("program", raw.program.is_some());
        match raw.kind {
            DnsKind::Cloudflare | DnsKind::Desec | DnsKind::Duckdns | DnsKind::Hetzner => {
                none("this provider", &update)?;
                none("this provider", &[program])?;
            }
            DnsKind::Rfc2136 => none("rfc2136", &[token, program])?,
            DnsKind::Exec => {
                none("exec", &update)?;
                none("exec", &[token, zone])?;
            }
        }
        let need = |what| ChoiceError::Missing("this provider", what);
        Ok(match raw.kind {
            DnsKind::Cloudflare => Self::Cloudflare { token: raw.token.ok_or_else(|| need("token"))?, zone: raw.zone },
            DnsKind::Desec => Self::Desec { token: raw.token.ok_or_else(|| need("token"))?, zone: raw.zone },
            DnsKind::Duckdns => {
                none("duckdns", &[zone])?;
                Self::Duckdns { token: raw.token.ok_or_else(|| need("token"))? }
            }
            DnsKind::Hetzner => Self::Hetzner { token: raw.token.ok_or_else(|| need("token"))?, zone: raw.zone },
            DnsKind::Rfc2136 => Self::Rfc2136 {
                server: raw.server.ok_or(ChoiceError::Missing("rfc2136", "server"))?,
                zone: raw.zone.ok_or(ChoiceError::Missing("rfc2136", "zone"))?,
                key_name: raw.key_name.ok_or(ChoiceError::Missing("rfc2136", "key_name"))?,
                key: raw.key.ok_or(ChoiceError::Missing("rfc2136", "key"))?,
            },
            DnsKind::Exec => Self::Exec { program: raw.program.ok_or(ChoiceError::Missing("exec", "program"))? },
        })
    }
}

/// Keys that are there although they mean nothing for that kind are a misunderstanding, not decoration.
fn none(kind: &'static str, keys: &[(&'static str, bool)]) -> Result<(), ChoiceError> {
    match keys.iter().find(|(_, given)| *given) {
        Some((key, _)) => Err(ChoiceError::Misplaced(kind, key)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<CertificateChoice, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    fn choices() -> Vec<Value> {
        let acme = |dns: Value| json!({"kind": "acme", "directory": "lets-encrypt", "dns": dns});
        vec![
            json!({"kind": "own-ca"}),
            json!({"kind": "files", "certificate": "/etc/a.crt", "key": "/etc/a.key"}),
            acme(json!({"kind": "cloudflare", "token": "hush", "zone": "example.org"})),
            acme(json!({"kind": "cloudflare", "token": "hush"})),
            acme(json!({"kind": "desec", "token": "hush"})),
            acme(json!({"kind": "duckdns", "token": "hush"})),
            acme(json!({"kind": "hetzner", "token": "hush"})),
            acme(json!({"kind": "rfc2136", "server": "192.0.2.1:53", "zone": "example.org", "key_name": "latchkey",
                        "key": "aHVzaGh1c2hodXNoaHVzaA=="})),
            acme(json!({"kind": "exec", "program": "/usr/local/bin/dns"})),
            json!({
                "kind": "acme",
                "directory": "https://ca.example/directory",
                "contact": "anna@example.org",
                "dns": {"kind": "desec", "token": "hush", "zone": "example.dedyn.io"},
                "challenge_alias": "_acme-challenge.example.dedyn.io",
                "resolver": "[2001:db8::1]:5353",
                "ca_file": "/etc/ca.pem",
            }),
        ]
    }

    #[test]
    fn what_is_stored_reads_the_same_again() {
        for stored in choices() {
            let choice = read(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(&choice).unwrap(), stored);
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for stored in choices() {
            let choice = read(stored).unwrap();
            let shown = format!("{choice:?} {}", choice.redacted());
            assert!(!shown.contains("hush") && !shown.contains("aHVzaG"), "{shown}");
        }
        let shown = read(choices().remove(1)).unwrap().redacted();
        assert_eq!(shown["key"], "/etc/a.key", "a path is no secret");
    }

    #[test]
    fn keys_of_another_kind_are_refused() {
        for bad in [
            json!({}),
            json!({"kind": "magic"}),
            json!({"kind": "own-ca", "days": 3}),
            json!({"kind": "own-ca", "key": "/a"}),
            json!({"kind": "files", "certificate": "/a"}),
            json!({"kind": "files", "certificate": "/a", "key": "/b", "contact": "a@b.c"}),
            json!({"kind": "acme"}),
            json!({"kind": "acme", "dns": {"kind": "desec"}}),
            json!({"kind": "acme", "dns": {"kind": "desec", "token": "t", "user": "me"}}),
            json!({"kind": "acme", "dns": {"kind": "desec", "token": "t", "program": "/a"}}),
            json!({"kind": "acme", "dns": {"kind": "duckdns", "token": "t", "zone": "a.duckdns.org"}}),
            json!({"kind": "acme", "dns": {"kind": "exec", "program": "/a", "token": "t"}}),
            json!({"kind": "acme", "dns": {"kind": "rfc2136", "server": "192.0.2.1", "zone": "a.b", "key_name": "k"}}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_words_of_a_refusal_name_the_key() {
        let refused = read(json!({"kind": "acme", "dns": {"kind": "exec", "program": "/a", "token": "t"}}));
        assert!(refused.unwrap_err().contains("token"));
        let refused = read(json!({"kind": "files", "certificate": "/a"}));
        assert!(refused.unwrap_err().contains("key"));
    }
}
