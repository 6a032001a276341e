//! A certificate that signs itself, for a name that is nobody's own: `localhost`, or `latchkey.local` before the house has its
//! name. Browsers warn of it, which is right: no phone should learn to trust an authority for a name that the next box bears too.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use domain::certificate::Validity;
use domain::clock::Moment;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};

use super::files::{self, Pair, write_private};
use super::own_ca::{date, unexpected};
use super::trouble::Trouble;
use super::{Held, facts};

/// Its file, key included.
pub(super) fn path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("self-made-{host}.pem"))
}

/// The same without the key, for those who shall trust it.
pub(super) fn public_path(folder: &Path, host: &str) -> PathBuf {
    folder.join(format!("self-made-{host}.crt"))
}

/// The certificate for this host, made when there is none that can be used. `addresses` are under which browsers may ask for
/// the setup pages.
pub(super) fn provide(folder: &Path, host: &str, addresses: &[IpAddr], at: Moment) -> Result<Held, Trouble> {
    let pair = Pair::single(path(folder, host));
    if let Ok(held) = files::load(&pair)
        && !is_due(&held, host, addresses, at)
        && public_path(folder, host).exists()
    {
        return Ok(held);
    }
    renew(folder, host, addresses, at)
}

/// Whether it is to be made anew: it is old, or the machine has moved to another address.
pub(super) fn is_due(held: &Held, host: &str, addresses: &[IpAddr], at: Moment) -> bool {
    let names = addresses.iter().map(IpAddr::to_string).chain([host.to_owned()]);
    let covers = |leaf: &_| names.clone().all(|name| facts::is_for(leaf, &name));
    held.facts.validity.is_due(at.now, at.trust) || !held.leaf().is_some_and(covers)
}

/// Makes it anew.
pub(super) fn renew(folder: &Path, host: &str, addresses: &[IpAddr], at: Moment) -> Result<Held, Trouble> {
    let (certificate, key) = make(host, addresses, Validity::self_made(at.now)).map_err(|error| unexpected(&error))?;
    let pair = Pair::single(path(folder, host));
    write_private(&pair.chain, &format!("{certificate}{key}"))?;
    write_private(&public_path(folder, host), &certificate)?;
    files::load(&pair)
}

pub(super) fn make(host: &str, addresses: &[IpAddr], validity: Validity) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let names: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    let mut params = CertificateParams::new([vec![host.to_owned()], names].concat())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    date(&mut params, validity);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
