//! The authority of the house itself: made once per host name, trusted by each phone that somebody tells to.
//!
//! Who holds its key can only pretend to be this one host and names below it: a critical name constraint says so (RFC 5280
//! section 4.2.1.10: a permitted `id.example.org` permits `a.id.example.org` as well, and that cannot be said more narrowly),
//! and addresses are excluded altogether. The key is made here, lies in a file that only the server reads, and no request hands it
//! out. A lost or damaged key is told, never replaced in silence: no phone would trust the new one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::certificate::Validity;
use domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::facts::{Facts, Parsed};
use super::files::{self, Pair, write_private};
use super::trouble::Trouble;
use super::{Held, Wanted};

/// Most characters of a common name (RFC 5280 appendix A.1).
const MAX_NAME: usize = 64;

/// What to do when an authority has ended or is about to.
pub(super) const RENEW_AUTHORITY: &str = "make a new one (latchkey cert renew --new-ca) and have every phone trust it";

const LOST: &str = "put the file back from a backup; without one make a new authority (latchkey cert renew --new-ca) and have \
                    every phone trust it";

/// The public side of the authority.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    /// What it says of itself.
    pub(crate) facts: Facts,
    /// The certificate itself.
    pub(crate) der: CertificateDer<'static>,
}

/// The authority with its key.
struct Signer {
    authority: Authority,
    issuer: Issuer<'static, KeyPair>,
    key_id: Vec<u8>,
}

/// What the authority of a host made, and what is wrong with it.
pub(super) struct Provided {
    pub(super) held: Option<Held>,
    pub(super) authority: Option<Authority>,
    pub(super) trouble: Option<Trouble>,
}

/// Where the authority lies, key included.
pub(super) fn path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("own-ca-{host}.pem"))
}

/// The authority without its key, for those who shall trust it.
pub(super) fn public_path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("own-ca-{host}.crt"))
}

/// Where the certificate lies that the authority made, key included.
pub(super) fn leaf_path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("own-{host}.pem"))
}

/// The certificate of this host: the one that there is, or a new one when it is due or `anew`. The authority is made only
/// where there was never one.
pub(super) fn provide(wanted: &Wanted<'_>, anew: bool) -> Provided {
    let pair = Pair::single(leaf_path(wanted.folder, wanted.host));
    let held = files::load(&pair).ok();
    let signer = match open(wanted, pair.chain.exists()) {
        Ok(signer) => signer,
        Err(trouble) => return Provided { held, authority: None, trouble: Some(trouble) },
    };
    let (by, at) = (signer.authority.facts.validity, wanted.at);
    let fits =
        |held: &Held| held.facts.issuer_key == signer.key_id && !held.facts.validity.leaf_is_due(by, at.now, at.trust);
    if !anew && held.as_ref().is_some_and(fits) {
        return Provided { held, authority: Some(signer.authority), trouble: None };
    }
    let made = issue(wanted, &signer).and_then(|text| {
        write_private(&pair.chain, &text)?;
        files::load(&pair)
    });
    let (held, trouble) = match made {
        Ok(fresh) => (Some(fresh), None),
        Err(trouble) => (held, Some(trouble)),
    };
    Provided { held, authority: Some(signer.authority), trouble }
}

/// Makes a new authority in the place of the old one. Every phone has to be told again.
pub(super) fn replace(wanted: &Wanted<'_>) -> Result<(), Trouble> {
    let validity = Validity::authority(wanted.at.now);
    let key = KeyPair::generate().map_err(|error| unexpected(&error))?;
    let params = authority(&title(wanted.house, wanted.host), wanted.host, validity);
    let certificate = params.self_signed(&key).map_err(|error| unexpected(&error))?.pem();
    write_private(&path(wanted.folder, wanted.host), &format!("{certificate}{}", key.serialize_pem()))?;
    write_private(&public_path(wanted.folder, wanted.host), &certificate)
}

/// Opens the authority; makes it where there was never one.
fn open(wanted: &Wanted<'_>, was_there: bool) -> Result<Signer, Trouble> {
    let path = path(wanted.folder, wanted.host);
    if !path.exists() {
        if was_there {
            return Err(Trouble::of_file(&path, "the house's own authority is missing", LOST));
        }
        replace(wanted)?;
    }
    let signer = read(&path)?;
    if signer.authority.facts.validity.lies_ahead(wanted.at.now, wanted.at.trust) {
        let what =
            "the clock was wrong when the house's own authority was made: it is not good yet, and phones refuse it";
        return Err(Trouble::of_file(&path, what, LOST));
    }
    let public = public_path(wanted.folder, wanted.host);
    if !public.exists() {
        write_private(&public, &pem(&signer.authority.der))?;
    }
    Ok(signer)
}

fn read(path: &Path) -> Result<Signer, Trouble> {
    let damaged = |what: &str| Trouble::of_file(path, format!("the house's own authority is damaged: {what}"), LOST);
    let text = files::read(path)?;
    let der = CertificateDer::from_pem_slice(&text).map_err(|_| damaged("there is no certificate"))?;
    let parsed = Parsed::read(&der).ok_or_else(|| damaged("its certificate cannot be read"))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| damaged("there is no key"))?;
    let key = KeyPair::try_from(&key).map_err(|_| damaged("its key cannot be read"))?;
    if key.public_key_raw() != parsed.public_key {
        return Err(damaged("its key is another one's"));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&parsed.facts.subject);
    params.key_identifier_method = KeyIdMethod::PreSpecified(parsed.key_id.clone());
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = Authority { facts: parsed.facts, der };
    Ok(Signer { authority, issuer: Issuer::new(params, key), key_id: parsed.key_id })
}

fn authority(title: &str, host: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(title);
    date(&mut params, validity);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(host.to_owned())],
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
    });
    params
}

/// What a phone shows in its list: `Latchkey Bauer (id.example.org)`.
fn title(house: &str, host: &str) -> String {
    let house: String = house.chars().filter(|c| !c.is_control()).collect();
    let whole = format!("Latchkey {house} ({host})");
    if whole.chars().count() <= MAX_NAME {
        return whole;
    }
    let room = MAX_NAME.saturating_sub("Latchkey  ()".len() + host.len());
    if room >= 4 {
        let house: String = house.chars().take(room - 1).collect();
        return format!("Latchkey {house}\u{2026} ({host})");
    }
    format!("Latchkey {host}").chars().take(MAX_NAME).collect()
}

/// A name with a common name and nothing else: phones show that, and it can be read back and signed with.
fn named(title: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, title);
    name
}

/// A certificate for the host with its key, as they lie in one file.
fn issue(wanted: &Wanted<'_>, signer: &Signer) -> Result<String, Trouble> {
    let at = wanted.at;
    let validity = signer.authority.facts.validity.leaf(at.now, at.trust);
    let Some(validity) = validity else {
        return Err(Trouble::new("the house's own authority has ended", RENEW_AUTHORITY));
    };
    let make = || {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![wanted.host.to_owned()])?;
        // Only the alternative name counts; a common name longer than this would not be well-formed.
        params.distinguished_name = named(&wanted.host.chars().take(MAX_NAME).collect::<String>());
        date(&mut params, validity);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &signer.issuer)?;
        Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
    };
    make().map_err(|error| unexpected(&error))
}

/// A certificate in PEM (RFC 7468).
pub(crate) fn pem(der: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out + "-----END CERTIFICATE-----\n"
}

/// Writes the dates in the way of rcgen.
pub(super) fn date(params: &mut CertificateParams, validity: Validity) {
    let seconds = |time: Timestamp| Duration::from_secs(u64::try_from(time.unix()).unwrap_or(0));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + seconds(validity.not_before);
    params.not_after = epoch + seconds(validity.not_after);
}

/// Nothing that somebody typed can make rcgen fail; what does is a fault of the machine.
pub(super) fn unexpected(error: &rcgen::Error) -> Trouble {
    Trouble::new(format!("a certificate cannot be made: {error}"), "look at the server's log: journalctl -u latchkey")
}
