//! Public keys of clients (RFC 7517, RFC 7518 section 6, RFC 8037): those an app is registered with, and those that it shows in
//! a proof. A key that is read here is public, of a kind that can be verified, and long enough.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secret::Digest;

/// Most keys of one app.
pub const MAX_KEYS: usize = 10;

/// Most bytes of a JWK Set.
pub const MAX_JWKS: usize = 16 * 1024;

/// Most bytes of a key's name.
const MAX_KID: usize = 256;

/// Sizes of an RSA modulus in bits: NIST SP 800-131A for the least, our own patience for the most.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Members that only a private or a shared key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What clients may sign with. No shared keys, and `none` least of all (RFC 8725 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProofAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// Ed25519 (RFC 8037 section 3.1).
    EdDsa,
}

impl ProofAlgorithm {
    /// All of them; discovery names the same.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// The name of RFC 7518.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for ProofAlgorithm {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|one| one.as_str() == raw).ok_or("the algorithm is ES256, RS256, PS256 or EdDSA")
    }
}

impl TryFrom<String> for ProofAlgorithm {
    type Error = &'static str;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        raw.parse()
    }
}

impl From<ProofAlgorithm> for String {
    fn from(algorithm: ProofAlgorithm) -> Self {
        algorithm.as_str().to_owned()
    }
}

/// The numbers of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point of P-256.
    Ec {
        /// Its first coordinate.
        x: [u8; 32],
        /// Its second coordinate.
        y: [u8; 32],
    },
    /// A modulus and an exponent, both without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// A point of Ed25519.
    Ed25519([u8; 32]),
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwkError {
    /// It is no JSON of the right shape.
    Shape(&'static str),
    /// It is a private or a shared key.
    Private,
    /// It is of a kind, curve or size that is not verified here.
    Unsupported,
    /// It is for something else than signatures.
    OtherUse,
    /// Too many keys, or too long a text.
    TooMuch,
    /// There is no key that can be used.
    Empty,
    /// Two keys have the same `kid`.
    SameName,
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(why) => f.write_str(why),
            Self::Private => {
                f.write_str("holds a private or a shared key; give the public half only, and make a new key")
            }
            Self::Unsupported => f.write_str("a key is EC on P-256, RSA of 2048 to 4096 bits, or OKP on Ed25519"),
            Self::OtherUse => f.write_str("holds a key that is not for verifying signatures"),
            Self::TooMuch => write!(f, "has at most {MAX_KEYS} keys and {} KiB", MAX_JWKS / 1024),
            Self::Empty => f.write_str("holds no key that can be used"),
            Self::SameName => f.write_str("holds two keys with the same kid"),
        }
    }
}

impl std::error::Error for JwkError {}

/// A public key with what is said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Jwk {
    /// Its name among the keys of its app.
    pub kid: Option<String>,
    /// The one algorithm that it is for, if it says so.
    pub algorithm: Option<ProofAlgorithm>,
    /// Its numbers.
    pub key: PublicKey,
}

impl Jwk {
    /// Reads a key.
    ///
    /// # Errors
    /// When it is not public or not of a kind that is verified here.
    pub fn read(value: &Value) -> Result<Self, JwkError> {
        let Value::Object(members) = value else { return Err(JwkError::Shape("a key is a JSON object")) };
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::Private);
        }
        let key = public_key(members)?;
        if text(members, "use")?.is_some_and(|purpose| purpose != "sig") || !may_verify(members) {
            return Err(JwkError::OtherUse);
        }
        let algorithm = match text(members, "alg")? {
            Some(name) => Some(name.parse().map_err(|_| JwkError::Unsupported)?),
            None => None,
        };
        let kid = text(members, "kid")?;
        if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID) {
            return Err(JwkError::Shape("a kid has 1 to 256 bytes"));
        }
        let jwk = Self { kid: kid.map(str::to_owned), algorithm, key };
        if algorithm.is_some_and(|algorithm| !jwk.fits(algorithm)) { Err(JwkError::Unsupported) } else { Ok(jwk) }
    }

    /// Whether signatures of that algorithm can be made by it: the key decides, never what is to be verified (RFC 8725
    /// section 3.1).
    pub fn fits(&self, algorithm: ProofAlgorithm) -> bool {
        if self.algorithm.is_some_and(|only| only != algorithm) {
            return false;
        }
        match (&self.key, algorithm) {
            (PublicKey::Ec { .. }, ProofAlgorithm::Es256)
            | (PublicKey::Rsa { .. }, ProofAlgorithm::Rs256 | ProofAlgorithm::Ps256)
            | (PublicKey::Ed25519(_), ProofAlgorithm::EdDsa) => true,
            (PublicKey::Ec { .. }, ProofAlgorithm::Rs256 | ProofAlgorithm::Ps256 | ProofAlgorithm::EdDsa)
            | (PublicKey::Rsa { .. }, ProofAlgorithm::Es256 | ProofAlgorithm::EdDsa)
            | (PublicKey::Ed25519(_), ProofAlgorithm::Es256 | ProofAlgorithm::Rs256 | ProofAlgorithm::Ps256) => false,
        }
    }

    /// What the key is called by its numbers alone (RFC 7638, RFC 8037 section 2).
    pub fn thumbprint(&self) -> Digest {
        // serde_json writes members in the order of the alphabet and without blanks, which is what RFC 7638 section 3 wants.
        Digest::of(Value::Object(numbers(&self.key)).to_string().as_bytes())
    }
}

/// The members that make the key.
fn numbers(key: &PublicKey) -> Map<String, Value> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let members = match key {
        PublicKey::Ec { x, y } => {
            vec![("crv", "P-256".to_owned()), ("kty", "EC".to_owned()), ("x", encode(x)), ("y", encode(y))]
        }
        PublicKey::Rsa { n, e } => vec![("e", encode(e)), ("kty", "RSA".to_owned()), ("n", encode(n))],
        PublicKey::Ed25519(x) => vec![("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), ("x", encode(x))],
    };
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

impl TryFrom<Value> for Jwk {
    type Error = JwkError;

    fn try_from(value: Value) -> Result<Self, JwkError> {
        Self::read(&value)
    }
}

impl From<Jwk> for Value {
    fn from(jwk: Jwk) -> Self {
        let mut members = numbers(&jwk.key);
        let named = [("kid", jwk.kid), ("alg", jwk.algorithm.map(String::from))];
        members.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        Self::Object(members)
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, JwkError> {
    match members.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwkError::Shape("a member of a key is not a text")),
    }
}

/// RFC 7517 section 4.3.
fn may_verify(members: &Map<String, Value>) -> bool {
    match members.get("key_ops") {
        None => true,
        Some(operations) => operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify")),
    }
}

fn public_key(members: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    let bytes = |name| {
        let encoded = text(members, name)?.ok_or(JwkError::Shape("a number of a key is missing"))?;
        URL_SAFE_NO_PAD.decode(encoded).map_err(|_| JwkError::Shape("a number of a key is not in base64url"))
    };
    let point = |name| bytes(name)?.try_into().map_err(|_| JwkError::Unsupported);
    match (text(members, "kty")?, text(members, "crv")?) {
        (Some("EC"), Some("P-256")) => Ok(PublicKey::Ec { x: point("x")?, y: point("y")? }),
        (Some("OKP"), Some("Ed25519")) => Ok(PublicKey::Ed25519(point("x")?)),
        (Some("RSA"), _) => {
            let (n, e) = (trimmed(bytes("n")?), trimmed(bytes("e")?));
            let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
            let odd = e.last().is_some_and(|last| last % 2 == 1);
            if !RSA_BITS.contains(&bits) || !odd || e == [1] || e.len() > 4 {
                return Err(JwkError::Unsupported);
            }
            Ok(PublicKey::Rsa { n, e })
        }
        (Some("oct"), _) => Err(JwkError::Private),
        (Some(_), _) => Err(JwkError::Unsupported),
        (None, _) => Err(JwkError::Shape("a key has a kty")),
    }
}

/// Some write a leading zero, and RFC 7638 knows one name for one key.
fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

/// The keys of an app (RFC 7517 section 5): at least one, and no two of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct JwkSet(Vec<Jwk>);

impl JwkSet {
    /// What an admin gives: each key has to be good.
    ///
    /// # Errors
    /// When one is not, or they are too many.
    pub fn given(value: &Value) -> Result<Self, JwkError> {
        Self::new(members(value)?.iter().map(Jwk::read).collect::<Result<_, _>>()?)
    }

    /// What the app publishes: keys that are not understood are somebody else's business (RFC 7517 section 5).
    ///
    /// # Errors
    /// When it is no set, or holds no key that can be used.
    pub fn published(text: &[u8]) -> Result<Self, JwkError> {
        if text.len() > MAX_JWKS {
            return Err(JwkError::TooMuch);
        }
        let value = serde_json::from_slice(text).map_err(|_| JwkError::Shape("is not JSON"))?;
        Self::new(members(&value)?.iter().filter_map(|key| Jwk::read(key).ok()).collect())
    }

    fn new(keys: Vec<Jwk>) -> Result<Self, JwkError> {
        if keys.is_empty() {
            return Err(JwkError::Empty);
        }
        if keys.len() > MAX_KEYS {
            return Err(JwkError::TooMuch);
        }
        let named: Vec<_> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        let twice = named.iter().enumerate().any(|(index, kid)| named[..index].contains(kid));
        if twice { Err(JwkError::SameName) } else { Ok(Self(keys)) }
    }

    /// The one key that such a signature can be of: named by `kid`, or the only one that fits.
    pub fn pick(&self, kid: Option<&str>, algorithm: ProofAlgorithm) -> Option<&Jwk> {
        let mut fitting = self.0.iter().filter(|key| key.fits(algorithm));
        match kid {
            Some(kid) => fitting.find(|key| key.kid.as_deref() == Some(kid)),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }

    /// Whether a key of that name is in it.
    pub fn names(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }
}

fn members(value: &Value) -> Result<&Vec<Value>, JwkError> {
    let keys = value.get("keys").and_then(Value::as_array).ok_or(JwkError::Shape("is an object with a list `keys`"))?;
    // Counted before anything is read: a set of ten thousand keys is not looked through.
    if keys.len() > 4 * MAX_KEYS { Err(JwkError::TooMuch) } else { Ok(keys) }
}

impl TryFrom<Value> for JwkSet {
    type Error = JwkError;

    fn try_from(value: Value) -> Result<Self, JwkError> {
        Self::given(&value)
    }
}

impl From<JwkSet> for Value {
    fn from(set: JwkSet) -> Self {
        serde_json::json!({ "keys": set.0.into_iter().map(Self::from).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rsa(bits: usize) -> Value {
        let mut n = vec![0xff; bits / 8];
        n.insert(0, 0);
        json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": "AQAB" })
    }

    fn ec(kid: &str) -> Value {
        let number = URL_SAFE_NO_PAD.encode([7; 32]);
        json!({ "kty": "EC", "crv": "P-256", "x": number, "y": number, "kid": kid })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
                 tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n9\
                 1CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk =
            Jwk::read(&json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" })).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(jwk.thumbprint().as_bytes()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let jwk = Jwk::read(&okp).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(jwk.thumbprint().as_bytes()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_private_or_a_shared_key_is_no_public_one() {
        for name in PRIVATE {
            assert_eq!(Jwk::read(&with(ec("a"), name, json!("AQAB"))), Err(JwkError::Private), "{name}");
        }
        assert_eq!(Jwk::read(&json!({ "kty": "oct" })), Err(JwkError::Private));
    }

    #[test]
    fn weak_and_strange_keys_are_refused() {
        assert!(Jwk::read(&rsa(2048)).is_ok() && Jwk::read(&rsa(4096)).is_ok());
        for (key, why) in [
            (rsa(1024), JwkError::Unsupported),
            (rsa(8192), JwkError::Unsupported),
            (with(rsa(2048), "e", json!("AQ")), JwkError::Unsupported),
            (with(rsa(2048), "e", json!("")), JwkError::Unsupported),
            (with(rsa(2048), "n", json!("")), JwkError::Unsupported),
            (with(ec("a"), "crv", json!("P-384")), JwkError::Unsupported),
            (with(ec("a"), "x", json!("AAAA")), JwkError::Unsupported),
            (with(ec("a"), "alg", json!("HS256")), JwkError::Unsupported),
            (with(ec("a"), "alg", json!("RS256")), JwkError::Unsupported),
            (with(ec("a"), "use", json!("enc")), JwkError::OtherUse),
            (with(ec("a"), "key_ops", json!(["sign"])), JwkError::OtherUse),
            (with(ec("a"), "kid", json!("")), JwkError::Shape("a kid has 1 to 256 bytes")),
            (with(ec("a"), "kid", json!(7)), JwkError::Shape("a member of a key is not a text")),
            (with(ec("a"), "x", json!("=")), JwkError::Shape("a number of a key is not in base64url")),
            (json!([]), JwkError::Shape("a key is a JSON object")),
            (json!({}), JwkError::Shape("a key has a kty")),
        ] {
            assert_eq!(Jwk::read(&key), Err(why), "{key}");
        }
    }

    #[test]
    fn the_key_decides_what_it_signs_with() {
        let key = Jwk::read(&rsa(2048)).unwrap();
        assert!(key.fits(ProofAlgorithm::Rs256) && key.fits(ProofAlgorithm::Ps256) && !key.fits(ProofAlgorithm::Es256));
        let key = Jwk::read(&with(rsa(2048), "alg", json!("PS256"))).unwrap();
        assert!(!key.fits(ProofAlgorithm::Rs256) && key.fits(ProofAlgorithm::Ps256));
        for name in ["none", "HS256", "es256", ""] {
            assert!(name.parse::<ProofAlgorithm>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_set_is_small_and_its_names_are_clear() {
        let set = |keys: Vec<Value>| JwkSet::given(&json!({ "keys": keys }));
        assert_eq!(set(vec![]), Err(JwkError::Empty));
        assert_eq!(set((0..11).map(|n| ec(&n.to_string())).collect()), Err(JwkError::TooMuch));
        assert_eq!(set(vec![ec("a"), ec("a")]), Err(JwkError::SameName));
        assert_eq!(JwkSet::given(&ec("a")), Err(JwkError::Shape("is an object with a list `keys`")));
        let two = set(vec![ec("a"), ec("b"), rsa(2048)]).unwrap();
        assert_eq!(two.pick(Some("b"), ProofAlgorithm::Es256).unwrap().kid.as_deref(), Some("b"));
        assert!(two.pick(Some("c"), ProofAlgorithm::Es256).is_none() && !two.names("c"));
        assert!(two.pick(None, ProofAlgorithm::Es256).is_none(), "which of the two?");
        assert!(two.pick(None, ProofAlgorithm::Rs256).is_some());
        let text = serde_json::to_string(&two).unwrap();
        assert_eq!(serde_json::from_str::<JwkSet>(&text).unwrap(), two);
    }

    #[test]
    fn what_an_app_publishes_beside_its_keys_is_passed_over() {
        let all = json!({ "keys": [with(ec("a"), "use", json!("enc")), { "kty": "new" }, with(ec("b"), "d", json!("AQ")), ec("c")] });
        let set = JwkSet::published(all.to_string().as_bytes()).unwrap();
        assert!(set.names("c") && !set.names("a") && !set.names("b"));
        assert_eq!(JwkSet::published(b"<html>"), Err(JwkError::Shape("is not JSON")));
        assert_eq!(JwkSet::published(&vec![b' '; MAX_JWKS + 1]), Err(JwkError::TooMuch));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = JwkSet::published(text.as_bytes());
        }
    }
}
