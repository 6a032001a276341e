//! jsonwebtoken's signatures on ring, so that no second generation of RustCrypto comes in for them.
//!
//! jsonwebtoken asks a plain function for a signer at each token and hands it the bytes of the key. Reading a key costs as much
//! as signing with it, so what we hand over is the key's `kid`, and the function finds the key that was read once.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use domain::client::Algorithm;
use jsonwebtoken::AlgorithmFamily;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Every key in use, by name. Only the keyring owns them; what it drops is gone from here as well.
static KEYS: RwLock<Vec<Weak<SigningPair>>> = RwLock::new(Vec::new());

/// Makes jsonwebtoken use this provider. A second call changes nothing.
pub(super) fn install() {
    let _already_installed = PROVIDER.install_default();
}

/// A private key, read.
pub(super) struct SigningPair {
    kid: String,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

/// The public half, as a JWK needs it (RFC 7518 section 6).
pub(super) enum PublicHalf {
    /// The coordinates of the point.
    Ec { x: Vec<u8>, y: Vec<u8> },
    /// Modulus and exponent.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// ring draws its own random numbers: its trait for them is sealed, so they cannot be an argument.
#[expect(clippy::disallowed_methods, reason = "ring seals its random trait; signatures and EC keys need one")]
pub(super) fn ring_random() -> SystemRandom {
    SystemRandom::new()
}

impl SigningPair {
    /// Reads PKCS #8; `name` makes the `kid` from the public half. `None` for what ring refuses.
    pub(super) fn read(algorithm: Algorithm, pkcs8: &[u8], name: impl Fn(&PublicHalf) -> String) -> Option<Arc<Self>> {
        let pair = match algorithm {
            Algorithm::Es256 => Pair::Es256(
                EcdsaKeyPair::from_pkcs8(&ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &ring_random())
                    .ok()?,
            ),
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::from_pkcs8(pkcs8).ok()?),
        };
        let kid = name(&pair.public());
        let read = Arc::new(Self { kid, pair });
        let mut keys = KEYS.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| key.strong_count() > 0);
        keys.push(Arc::downgrade(&read));
        Some(read)
    }

    /// Its name.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public half.
    pub(super) fn public(&self) -> PublicHalf {
        self.pair.public()
    }

    /// What jsonwebtoken takes as the key.
    pub(super) fn handle(&self) -> EncodingKey {
        match self.pair {
            Pair::Es256(_) => EncodingKey::from_ec_der(self.kid.as_bytes()),
            Pair::Rs256(_) => EncodingKey::from_rsa_der(self.kid.as_bytes()),
        }
    }

    /// What jsonwebtoken verifies with.
    pub(super) fn verifier(&self) -> DecodingKey {
        match &self.pair {
            Pair::Es256(pair) => DecodingKey::from_ec_der(pair.public_key().as_ref()),
            Pair::Rs256(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                DecodingKey::from_rsa_raw_components(&n, &e)
            }
        }
    }
}

impl Pair {
    fn public(&self) -> PublicHalf {
        match self {
            Self::Es256(pair) => {
                // An uncompressed point: 4, then both coordinates.
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
                PublicHalf::Ec { x: x.to_vec(), y: y.to_vec() }
            }
            Self::Rs256(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                PublicHalf::Rsa { n, e }
            }
        }
    }
}

struct RingSigner(Arc<SigningPair>);

fn signer(algorithm: &jsonwebtoken::Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let keys = KEYS.read().unwrap_or_else(PoisonError::into_inner);
    let found = keys.iter().filter_map(Weak::upgrade).find(|pair| pair.kid.as_bytes() == key.as_bytes());
    match found.map(RingSigner) {
        Some(signer) if signer.algorithm() == *algorithm => Ok(Box::new(signer)),
        Some(_) | None => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        match &self.0.pair {
            Pair::Es256(pair) => {
                let signed = pair.sign(&ring_random(), message).map_err(|_| signature::Error::new())?;
                Ok(signed.as_ref().to_vec())
            }
            Pair::Rs256(pair) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &ring_random(), message, &mut signed)
                    .map_err(|_| signature::Error::new())?;
                Ok(signed)
            }
        }
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        match self.0.pair {
            Pair::Es256(_) => jsonwebtoken::Algorithm::ES256,
            Pair::Rs256(_) => jsonwebtoken::Algorithm::RS256,
        }
    }
}

enum RingVerifier {
    Es256(Vec<u8>),
    EdDsa(Vec<u8>),
    Rs256(PublicKeyComponents<Vec<u8>>),
    /// Of clients only: nothing of ours is signed with it.
    Ps256(PublicKeyComponents<Vec<u8>>),
}

/// The key says which algorithms there can be.
fn verifier(algorithm: &jsonwebtoken::Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let verifier = match (key.family(), key.kind()) {
        (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => RingVerifier::Es256(point.clone()),
        (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => RingVerifier::EdDsa(point.clone()),
        (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let public = PublicKeyComponents { n: n.clone(), e: e.clone() };
            match *algorithm == jsonwebtoken::Algorithm::PS256 {
                true => RingVerifier::Ps256(public),
                false => RingVerifier::Rs256(public),
            }
        }
        (AlgorithmFamily::Hmac, _)
        | (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(_))
        | (AlgorithmFamily::Ec | AlgorithmFamily::Ed, DecodingKeyKind::RsaModulusExponent { .. }) => {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
    };
    if verifier.algorithm() == *algorithm { Ok(Box::new(verifier)) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let verdict = match self {
            Self::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signed),
            Self::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signed),
            Self::Rs256(public) => public.verify(&RSA_PKCS1_2048_8192_SHA256, message, signed),
            Self::Ps256(public) => public.verify(&RSA_PSS_2048_8192_SHA256, message, signed),
        };
        verdict.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256(_) => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa(_) => jsonwebtoken::Algorithm::EdDSA,
            Self::Rs256(_) => jsonwebtoken::Algorithm::RS256,
            Self::Ps256(_) => jsonwebtoken::Algorithm::PS256,
        }
    }
}
