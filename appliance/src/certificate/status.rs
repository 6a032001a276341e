//! How the certificates are doing, in the words of the API, of the pages and of the LED.

use domain::time::{Span, Timestamp};
use serde_json::Value;

use super::entry::{Entry, Kind, Source};
use super::own_ca::RENEW_AUTHORITY;
use super::trouble::Trouble;
use super::{Certificates, lock};
use crate::api::{
    Certificate, CertificateAdvice, CertificateAuthority, CertificateFailure, CertificateHealth, CertificateKind,
    OtherCertificate, Time,
};

/// From when on an owner is told that a certificate ends, unless it lives for a short time anyway.
const SOON: Span = Span::days(14);

impl Certificates {
    /// How the certificate of the first name is doing, and the others in short; `None` before there is one. `choice` is what
    /// the owner chose, without its secrets.
    pub(crate) fn status(&self, choice: Value, now: Timestamp) -> Option<Certificate> {
        let entries = lock(&self.entries);
        let (entry, others) = entries.split_first()?;
        let facts = &entry.held.as_ref()?.facts;
        Some(Certificate {
            host: entry.host.clone(),
            kind: kind(entry.kind),
            health: health(entry, now),
            issuer: facts.issuer.clone(),
            not_before: facts.validity.not_before.into(),
            not_after: facts.validity.not_after.into(),
            fingerprint: facts.fingerprint.clone(),
            authority: authority(entry),
            next_renewal: next_renewal(entry).map(Time),
            last_failure: entry.failure.as_ref().map(|failure| CertificateFailure {
                at: failure.at.into(),
                what: failure.trouble.what.clone(),
                hint: failure.trouble.hint.clone(),
            }),
            warnings: warnings(entry, now).into_iter().map(advice).collect(),
            choice,
            configured: self.configured(),
            trial: self.trial(),
            others: others.iter().filter_map(|entry| other(entry, now)).collect(),
        })
    }

    /// The certificate of the first name in short.
    pub(crate) fn line(&self, now: Timestamp) -> Option<OtherCertificate> {
        other(lock(&self.entries).first()?, now)
    }

    /// Each name with the fingerprint of the certificate that it is shown with.
    pub(crate) fn fingerprints(&self) -> Vec<(String, String)> {
        let shown = |entry: &Entry| Some((entry.host.clone(), entry.held.as_ref()?.facts.fingerprint.clone()));
        lock(&self.entries).iter().filter_map(shown).collect()
    }

    /// Whether somebody has to look: the worst of all names. Good before there is any certificate.
    pub(crate) fn health(&self, now: Timestamp) -> CertificateHealth {
        let entries = lock(&self.entries);
        let worst = entries.iter().map(|entry| health(entry, now)).max_by_key(|health| match health {
            CertificateHealth::Good => 0,
            CertificateHealth::EndsSoon => 1,
            CertificateHealth::Failing => 2,
            CertificateHealth::Ended => 3,
        });
        worst.unwrap_or(CertificateHealth::Good)
    }
}

fn health(entry: &Entry, now: Timestamp) -> CertificateHealth {
    let Some(held) = &entry.held else { return CertificateHealth::Failing };
    let validity = held.facts.validity;
    let life = validity.not_after.since(validity.not_before).as_seconds();
    let soon = SOON.min(Span::seconds(life / 4));
    if validity.is_over(now) {
        CertificateHealth::Ended
    } else if entry.failure.is_some() {
        CertificateHealth::Failing
    } else if validity.not_after - soon <= now {
        CertificateHealth::EndsSoon
    } else {
        CertificateHealth::Good
    }
}

fn next_renewal(entry: &Entry) -> Option<Timestamp> {
    let validity = entry.held.as_ref()?.facts.validity;
    match &entry.source {
        Source::SelfMade | Source::OwnCa => Some(validity.renew_at()),
        Source::Acme(_) => Some(entry.ledger.next(validity)),
        Source::Files(_) => None,
    }
}

fn authority(entry: &Entry) -> Option<CertificateAuthority> {
    let facts = &entry.authority.as_ref()?.facts;
    Some(CertificateAuthority {
        name: facts.subject.clone(),
        not_after: facts.validity.not_after.into(),
        fingerprint: facts.fingerprint.clone(),
    })
}

fn warnings(entry: &Entry, now: Timestamp) -> Vec<Trouble> {
    let mut warnings = entry.warnings.clone();
    if let Some(authority) = &entry.authority
        && authority.facts.validity.authority_ends(now)
    {
        let day = Time(authority.facts.validity.not_after).short();
        warnings.push(Trouble::new(format!("the house's own authority ends on {day} UTC"), RENEW_AUTHORITY));
    }
    warnings
}

fn other(entry: &Entry, now: Timestamp) -> Option<OtherCertificate> {
    let validity = entry.held.as_ref()?.facts.validity;
    let (host, kind) = (entry.host.clone(), kind(entry.kind));
    Some(OtherCertificate { host, kind, not_after: validity.not_after.into(), health: health(entry, now) })
}

pub(super) fn advice(trouble: Trouble) -> CertificateAdvice {
    CertificateAdvice { what: trouble.what, hint: trouble.hint }
}

fn kind(kind: Kind) -> CertificateKind {
    match kind {
        Kind::SelfMade => CertificateKind::SelfMade,
        Kind::OwnCa => CertificateKind::OwnCa,
        Kind::Acme => CertificateKind::Acme,
        Kind::Files => CertificateKind::Files,
    }
}
