//! Certificates as we read them: whether one is what was ordered, and what its authority calls it (RFC 9773 section 4.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::{Span, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::error::AcmeError;

/// Most certificates of a chain; those of the public authorities have two to four.
const MAX_CHAIN: usize = 8;
/// How far the authority's clock may be ahead of ours.
const SKEW: Span = Span::minutes(10);

/// From when to when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
}

/// Checks that the chain is for that host and that key, good now, and hangs together.
///
/// # Errors
/// With what is wrong.
pub(super) fn check(pem: &str, host: &str, public_key: &[u8], now: Timestamp) -> Result<Validity, AcmeError> {
    let ders = ders(pem)?;
    let mut chain = Vec::new();
    for der in &ders {
        chain.push(parse(der)?);
    }
    let leaf = chain.first().ok_or_else(|| AcmeError::bad_certificate(&"there is no certificate in it"))?;
    if leaf.public_key().subject_public_key.data.as_ref() != public_key {
        return Err(AcmeError::bad_certificate(&"it is for another key"));
    }
    if !names(leaf).any(|name| name.eq_ignore_ascii_case(host)) {
        return Err(AcmeError::bad_certificate(&format!("it is not for {host}")));
    }
    let validity = validity(leaf);
    if validity.not_before > now + SKEW || validity.not_after <= now {
        return Err(AcmeError::bad_certificate(&"it is not good at this time"));
    }
    let linked = chain.windows(2).all(|pair| match pair {
        [one, next] => one.issuer() == next.subject() && next.is_ca(),
        _ => false,
    });
    if !linked {
        return Err(AcmeError::bad_certificate(&"its chain does not hang together"));
    }
    Ok(validity)
}

/// What the authority calls the first certificate of this chain; `None` for one that cannot be read or names no issuer's key.
pub(super) fn certificate_id(pem: &str) -> Option<String> {
    let ders = ders(pem).ok()?;
    let leaf = parse(ders.first()?).ok()?;
    let key = leaf.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityKeyIdentifier(key) = extension.parsed_extension() else { return None };
        key.key_identifier.as_ref().map(|key| key.0)
    })?;
    let serial = leaf.raw_serial();
    Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(key), URL_SAFE_NO_PAD.encode(serial)))
}

fn ders(pem: &str) -> Result<Vec<CertificateDer<'static>>, AcmeError> {
    let mut ders = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        ders.push(der.map_err(|_| AcmeError::bad_certificate(&"it cannot be read"))?);
        if ders.len() > MAX_CHAIN {
            return Err(AcmeError::bad_certificate(&"its chain is too long"));
        }
    }
    Ok(ders)
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, AcmeError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(AcmeError::bad_certificate(&"it cannot be read")),
    }
}

fn validity(certificate: &X509Certificate<'_>) -> Validity {
    let validity = certificate.validity();
    Validity {
        not_before: Timestamp::from_unix(validity.not_before.timestamp()),
        not_after: Timestamp::from_unix(validity.not_after.timestamp()),
    }
}

fn names<'a>(certificate: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a str> {
    let lists = certificate.extensions().iter().filter_map(|extension| {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else { return None };
        Some(&names.general_names)
    });
    lists.flatten().filter_map(|name| if let GeneralName::DNSName(name) = name { Some(*name) } else { None })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, SerialNumber};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn params(host: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 12, 1);
        params.not_after = rcgen::date_time_ymd(2027, 3, 1);
        params
    }

    /// A chain of two, and the key of its first.
    fn chain(leaf: &CertificateParams) -> (String, KeyPair) {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = params("ca.example");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "A house of tests");
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(ca, &ca_key);
        (leaf.signed_by(&key, &issuer).unwrap().pem() + &ca_pem, key)
    }

    fn refusal(pem: &str, key: &KeyPair, now: Timestamp) -> String {
        check(pem, "id.example.org", key.der_bytes(), now).unwrap_err().to_string()
    }

    #[test]
    fn a_good_chain_says_how_long_it_is_good() {
        let (pem, key) = chain(&params("id.example.org"));
        let validity = check(&pem, "id.example.org", key.der_bytes(), NOW).unwrap();
        assert!(validity.not_before < NOW && NOW < validity.not_after);
    }

    #[test]
    fn what_was_not_ordered_is_refused() {
        let (pem, key) = chain(&params("id.example.org"));
        assert!(refusal(&pem, &KeyPair::generate().unwrap(), NOW).contains("another key"));
        assert!(refusal(&pem, &key, NOW + Span::days(400)).contains("this time"));
        assert!(refusal(&pem, &key, NOW - Span::days(400)).contains("this time"));
        let (other, key) = chain(&params("other.example.org"));
        assert!(refusal(&other, &key, NOW).contains("not for id.example.org"));
    }

    #[test]
    fn a_chain_that_does_not_hang_together_is_refused() {
        let (one, key) = chain(&params("id.example.org"));
        let (two, _) = chain(&params("id.example.org"));
        let leaf = &one[..=one.find("-----END CERTIFICATE-----").unwrap() + 25];
        assert!(refusal(&format!("{leaf}{two}"), &key, NOW).contains("hang together"));
        assert!(refusal(&one.repeat(9), &key, NOW).contains("too long"));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let key = KeyPair::generate().unwrap();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "<html>Down for repair</html>", broken] {
            assert!(check(text, "id.example.org", key.der_bytes(), NOW).is_err(), "{text}");
            assert_eq!(certificate_id(text), None);
        }
    }

    #[test]
    fn a_certificate_is_called_as_the_standard_says() {
        // RFC 9773 section 4.1: the identifier of the issuer's key and the serial number with its leading zero.
        let mut leaf = params("id.example.org");
        leaf.use_authority_key_identifier_extension = true;
        leaf.serial_number = Some(SerialNumber::from_slice(&[0x87, 0x65, 0x43, 0x21]));
        let (pem, _) = chain(&leaf);
        let id = certificate_id(&pem).unwrap();
        assert_eq!(id.split_once('.').unwrap().1, "AIdlQyE");
    }

    proptest! {
        #[test]
        fn no_certificate_brings_the_reader_down(at: proptest::sample::Index, byte: u8) {
            let (pem, key) = one_chain();
            let mut bytes = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let text = URL_SAFE_NO_PAD.encode(&bytes).replace('-', "+").replace('_', "/");
            let pad = "=".repeat((4 - text.len() % 4) % 4);
            let pem = format!("-----BEGIN CERTIFICATE-----\n{text}{pad}\n-----END CERTIFICATE-----\n");
            let _ = certificate_id(&pem);
            let _ = check(&pem, "id.example.org", key.der_bytes(), NOW);
        }
    }

    /// Made once: keys cost time.
    fn one_chain() -> &'static (String, KeyPair) {
        static CHAIN: LazyLock<(String, KeyPair)> = LazyLock::new(|| chain(&params("id.example.org")));
        &CHAIN
    }
}
