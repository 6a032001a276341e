//! New signing keys. ring makes the EC ones; it cannot make RSA keys, so the crate `rsa` does, and ring signs with them.

use std::convert::Infallible;

use domain::client::Algorithm;
use domain::entropy::Entropy;
use domain::secret::Secret;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::{TryCryptoRng, TryRng};

use super::ring_provider::ring_random;
use crate::Fault;

/// What everybody takes and a small board signs with in a few milliseconds.
const RSA_BITS: usize = 2048;

/// A new private key as PKCS #8. RSA takes a second, on a small board many: never within a transaction.
pub(super) fn generate(algorithm: Algorithm, entropy: &dyn Entropy) -> Result<Secret<Vec<u8>>, Fault> {
    match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &ring_random())
            .map(|document| Secret::new(document.as_ref().to_vec()))
            .map_err(|_| Fault::unexpected("no EC key could be made")),
        Algorithm::Rs256 => {
            let key = RsaPrivateKey::new(&mut Source(entropy), RSA_BITS).map_err(Fault::unexpected)?;
            let document = key.to_pkcs8_der().map_err(Fault::unexpected)?;
            Ok(Secret::new(document.as_bytes().to_vec()))
        }
    }
}

/// Our source of randomness in the words of the crate `rsa`.
struct Source<'a>(&'a dyn Entropy);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(domain::entropy::bytes(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(domain::entropy::bytes(self.0)))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(buffer);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}
