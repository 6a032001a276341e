//! Texts that clients sign (RFC 7515): read, verified by a key that is known otherwise, and remembered, so that none is taken twice.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jwk::{Jwk, ProofAlgorithm, PublicKey};
use domain::proof::Once;
use domain::secret::Digest;
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Most bytes of a signed text.
pub(crate) const MAX_SIGNED: usize = 4096;

/// Most texts that are remembered, in all and of one client: one that floods us stands in its own way only.
const ALL: usize = 8192;
const PER_HOLDER: usize = 1024;
const FEW: usize = 16;

/// A signed text whose signature nobody has looked at.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    text: &'a str,
    header: Map<String, Value>,
    /// What it says it was signed with: one of those that are taken.
    pub(crate) algorithm: ProofAlgorithm,
}

impl<'a> Signed<'a> {
    /// Reads the header. `None` for what cannot be read, for an algorithm that is not taken (`none` among them), and for demands
    /// that are not understood (`crit`, RFC 7515 section 4.1.11).
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split('.');
        let header = object(parts.next()?)?;
        let rest = (parts.next(), parts.next(), parts.next());
        if text.len() > MAX_SIGNED || !matches!(rest, (Some(_), Some(_), None)) || header.contains_key("crit") {
            return None;
        }
        let algorithm = header.get("alg")?.as_str()?.parse().ok()?;
        Some(Self { text, header, algorithm })
    }

    /// A text of the header. `jku`, `x5u`, `x5c` and, where keys are registered, `jwk` are never asked for: whoever signs does not
    /// say by which key it is verified (RFC 8725 section 3.10).
    pub(crate) fn header(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// The claims, if that key signed them.
    pub(crate) fn verified(&self, jwk: &Jwk) -> Option<Map<String, Value>> {
        if !jwk.fits(self.algorithm) {
            return None;
        }
        let (key, algorithm) = (decoding_key(&jwk.key), library(self.algorithm));
        let mut validation = Validation::new(algorithm);
        // By a clock that is given to us, and elsewhere.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(self.text, &key, &validation).ok().map(|data| data.claims)
    }
}

/// The claims of a text that nobody has verified: for nothing but to find out whose keys to look at.
pub(crate) fn unverified_claims(text: &str) -> Option<Map<String, Value>> {
    if text.len() > MAX_SIGNED { None } else { object(text.split('.').nth(1)?) }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn decoding_key(key: &PublicKey) -> DecodingKey {
    match key {
        PublicKey::Ec { x, y } => DecodingKey::from_ec_der(&[&[4], x.as_slice(), y].concat()),
        PublicKey::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
        PublicKey::Ed25519(x) => DecodingKey::from_ed_der(x),
    }
}

fn library(algorithm: ProofAlgorithm) -> Algorithm {
    match algorithm {
        ProofAlgorithm::Es256 => Algorithm::ES256,
        ProofAlgorithm::Rs256 => Algorithm::RS256,
        ProofAlgorithm::Ps256 => Algorithm::PS256,
        ProofAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

/// What came once and must not come again. Worth nothing after a reboot but for the minutes that a text is good: those who could
/// steal one within them could as well have used it first.
pub(crate) struct Seen<H>(Mutex<Inner<H>>);

struct Inner<H> {
    /// Who brought it.
    names: HashMap<[u8; 32], H>,
    /// The same in the order of being forgotten.
    ends: BTreeSet<(Timestamp, [u8; 32])>,
    per_holder: HashMap<H, usize>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It came for the first time.
    New,
    /// It came before.
    Again,
    /// There is no room to remember it, so it cannot be taken.
    Full,
}

impl<H> Default for Seen<H> {
    fn default() -> Self {
        Self(Mutex::new(Inner { names: HashMap::new(), ends: BTreeSet::new(), per_holder: HashMap::new() }))
    }
}

impl<H: Copy + Eq + Hash> Seen<H> {
    /// Remembers it for whoever brought it.
    pub(crate) fn note(&self, holder: H, once: Once, now: Timestamp) -> Noted {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.forget(now);
        let name = *once.name.as_bytes();
        if inner.names.contains_key(&name) {
            return Noted::Again;
        }
        let mine = inner.per_holder.get(&holder).copied().unwrap_or_default();
        // When others have filled it, whoever holds little still gets through.
        let room = if mine < FEW { 2 * ALL } else { ALL };
        if inner.names.len() >= room || mine >= PER_HOLDER {
            return Noted::Full;
        }
        inner.names.insert(name, holder);
        inner.ends.insert((once.until, name));
        inner.per_holder.insert(holder, mine + 1);
        Noted::New
    }

    /// Whether it came before.
    pub(crate) fn knows(&self, name: &Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).names.contains_key(name.as_bytes())
    }
}

impl<H: Copy + Eq + Hash> Inner<H> {
    fn forget(&mut self, now: Timestamp) {
        while let Some((until, name)) = self.ends.first().copied() {
            if now < until {
                return;
            }
            self.ends.remove(&(until, name));
            if let Some(client) = self.names.remove(&name)
                && let Some(count) = self.per_holder.get_mut(&client)
            {
                *count -= 1;
                if *count == 0 {
                    self.per_holder.remove(&client);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::id::ClientId;
    use domain::time::Span;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn once(n: usize, seconds: i64) -> Once {
        Once { name: Digest::of(&n.to_be_bytes()), until: NOW + Span::seconds(seconds) }
    }

    fn header(text: &str) -> Option<ProofAlgorithm> {
        Signed::read(&format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(text))).map(|signed| signed.algorithm)
    }

    #[test]
    fn no_signature_a_shared_key_and_demands_that_are_not_understood_are_not_read() {
        assert_eq!(header(r#"{"alg":"ES256"}"#), Some(ProofAlgorithm::Es256));
        for wrong in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"alg":["ES256"]}"#,
            "{}",
            "[]",
            "",
        ] {
            assert_eq!(header(wrong), None, "{wrong}");
        }
        let good = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
        for wrong in [
            "",
            ".",
            "..",
            &good,
            &format!("{good}.e30"),
            &format!("{good}.e30.AA.AA"),
            &format!("{good}.{}.A", "A".repeat(MAX_SIGNED)),
        ] {
            assert!(Signed::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_came_once_is_remembered_for_as_long_as_it_is_good() {
        let seen = Seen::default();
        assert_eq!(seen.note(ClientId(1), once(1, 60), NOW), Noted::New);
        assert!(seen.knows(&once(1, 0).name));
        assert_eq!(seen.note(ClientId(2), once(1, 60), NOW + Span::seconds(59)), Noted::Again);
        assert_eq!(seen.note(ClientId(1), once(2, 120), NOW + Span::seconds(60)), Noted::New);
        assert!(!seen.knows(&once(1, 0).name), "and then forgotten");
    }

    #[test]
    fn a_client_that_floods_us_stands_in_its_own_way_only() {
        let seen = Seen::default();
        let full = (0..2000).filter(|n| seen.note(ClientId(1), once(*n, 60), NOW) == Noted::Full).count();
        assert_eq!(full, 2000 - PER_HOLDER);
        assert_eq!(seen.note(ClientId(2), once(5000, 60), NOW), Noted::New);
        for n in 0..20_000 {
            seen.note(ClientId(i64::try_from(n).unwrap() % 50), once(n + 10_000, 60), NOW);
        }
        assert_eq!(seen.0.lock().unwrap().names.len(), ALL);
        assert_eq!(
            seen.note(ClientId(99), once(50_000, 60), NOW),
            Noted::New,
            "who holds little is not in anybody's way"
        );
        seen.note(ClientId(1), once(1, 99), NOW + Span::seconds(60));
        let inner = seen.0.lock().unwrap();
        assert_eq!((inner.names.len(), inner.ends.len(), inner.per_holder.len()), (1, 1, 1));
    }
}
