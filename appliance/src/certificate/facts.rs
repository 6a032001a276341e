//! What a certificate says of itself (RFC 5280 section 4.1), as far as people and the renewal want to know it.

use domain::certificate::Validity;
use domain::time::Timestamp;
use ring::digest;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whose it is, in the words that a phone shows.
    pub(crate) subject: String,
    /// Who made it, in the words that a phone shows.
    pub(crate) issuer: String,
    /// From when to when it is good.
    pub(crate) validity: Validity,
    /// The SHA-256 of the whole certificate, as phones and browsers show it.
    pub(crate) fingerprint: String,
    /// By what it names the key that made it; empty when it does not.
    pub(crate) issuer_key: Vec<u8>,
}

impl Facts {
    /// Reads a certificate; `None` when it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        Parsed::read(der).map(|parsed| parsed.facts)
    }
}

/// A certificate of ours, with what it takes to sign in its name.
pub(super) struct Parsed {
    pub(super) facts: Facts,
    /// The bits of its public key.
    pub(super) public_key: Vec<u8>,
    /// By what the certificates that it makes name its key (RFC 5280 section 4.2.1.1).
    pub(super) key_id: Vec<u8>,
}

impl Parsed {
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (mut key_id, mut issuer_key) = (Vec::new(), Vec::new());
        for extension in certificate.extensions() {
            let parsed = extension.parsed_extension();
            if let ParsedExtension::SubjectKeyIdentifier(id) = parsed {
                key_id = id.0.to_vec();
            } else if let ParsedExtension::AuthorityKeyIdentifier(named) = parsed {
                issuer_key = named.key_identifier.as_ref().map(|id| id.0.to_vec()).unwrap_or_default();
            }
        }
        let dates = certificate.validity();
        let at = |time: x509_parser::time::ASN1Time| Timestamp::from_unix(time.timestamp());
        Some(Self {
            facts: Facts {
                subject: words(certificate.subject()),
                issuer: words(certificate.issuer()),
                validity: Validity { not_before: at(dates.not_before), not_after: at(dates.not_after) },
                fingerprint: fingerprint(der),
                issuer_key,
            },
            public_key: certificate.public_key().subject_public_key.data.to_vec(),
            key_id,
        })
    }
}

/// The common name and, where it says more, the organisation: `R11 (Let's Encrypt)`.
fn words(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().next().and_then(|value| value.as_str().ok()).map(plain);
    let organisation = name.iter_organization().next().and_then(|value| value.as_str().ok()).map(plain);
    match (common, organisation) {
        (Some(common), Some(organisation)) if !common.contains(&organisation) => format!("{common} ({organisation})"),
        (Some(common), _) => common,
        (None, Some(organisation)) => organisation,
        (None, None) => plain(&name.to_string()),
    }
}

/// Whoever made the certificate chose these words; they move nobody's cursor and fit on a line.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// `AB:CD:...`, the SHA-256 of the certificate.
pub(super) fn fingerprint(der: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, der);
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Whether browsers take the certificate for that host (RFC 9525: only the alternative names count).
pub(super) fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(certificate), ServerName::try_from(host)) else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}
