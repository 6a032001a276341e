//! The household's account at an authority is a key: made once for each authority, kept, and used to sign every request
//! (RFC 7515, ES256).

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::certificate::AcmeDirectory;
use domain::secret::{Digest, Secret};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use url::Url;

use super::error::AcmeError;
use crate::certificate::files::write_private;

/// Far more than such a key.
const MAX_FILE: u64 = 16 * 1024;

/// The key of an account.
pub(super) struct AccountKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

/// How a request says whose it is.
pub(super) enum Signer<'a> {
    /// By the key itself, before there is an account.
    Key,
    /// By the address of the account.
    Account(&'a str),
}

impl AccountKey {
    /// Reads the key for this authority, or makes it.
    ///
    /// # Errors
    /// When its file cannot be read, used or written. A broken file is not replaced: it may be the only way into an account.
    pub(super) fn open(data_dir: &Path, directory: &AcmeDirectory) -> Result<Self, AcmeError> {
        let path = file(data_dir, directory);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
            Err(error) => return Err(AcmeError::storage(&format!("{}: {error}", path.display()))),
        };
        let broken = |why: &dyn std::fmt::Display| {
            let path = path.display();
            AcmeError::storage(&format!("{path}: {why}; remove it, and Latchkey makes a new account"))
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.expose().as_bytes()).map_err(|error| broken(&error))?;
        let random = ring_random();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random);
        Ok(Self { pair: pair.map_err(|error| broken(&error))?, random })
    }

    /// The signed request (RFC 8555 section 6.2); no payload is the empty one of a POST-as-GET.
    pub(super) fn sign(&self, signer: &Signer<'_>, url: &Url, nonce: &str, payload: Option<&Value>) -> Option<Vec<u8>> {
        let mut head = json!({"alg": "ES256", "nonce": nonce, "url": url.as_str()});
        match signer {
            Signer::Key => head["jwk"] = self.jwk(),
            Signer::Account(address) => head["kid"] = Value::from(*address),
        }
        let head = URL_SAFE_NO_PAD.encode(head.to_string());
        let payload = payload.map(|payload| URL_SAFE_NO_PAD.encode(payload.to_string())).unwrap_or_default();
        let signature = self.pair.sign(&self.random, format!("{head}.{payload}").as_bytes()).ok()?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        let body = json!({"protected": head, "payload": payload, "signature": signature});
        Some(body.to_string().into_bytes())
    }

    /// What the TXT record holds for that token (RFC 8555 section 8.4).
    pub(super) fn proof(&self, token: &str) -> String {
        // RFC 7638: the members in this order, without spaces, which is how serde_json writes a sorted map.
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.jwk().to_string().as_bytes()));
        URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{token}.{thumbprint}").as_bytes()))
    }

    fn jwk(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({"crv": "P-256", "kty": "EC", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }
}

/// As ACME writes bytes into JSON.
pub(super) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// ring draws its own random numbers: its trait for them is sealed, so they cannot be an argument.
#[expect(clippy::disallowed_methods, reason = "ring seals its random trait; signatures and EC keys need one")]
fn ring_random() -> SystemRandom {
    SystemRandom::new()
}

fn file(data_dir: &Path, directory: &AcmeDirectory) -> PathBuf {
    let name = match directory {
        AcmeDirectory::LetsEncrypt | AcmeDirectory::LetsEncryptStaging => directory.to_string(),
        AcmeDirectory::Url(url) => {
            let digest = Digest::of(url.as_str().as_bytes());
            digest.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
        }
    };
    data_dir.join("tls").join(format!("acme-{name}.key"))
}

fn read(path: &Path) -> io::Result<Secret<String>> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(Secret::new(text))
}

fn make(path: &Path) -> Result<Secret<String>, AcmeError> {
    let failed = |error: &dyn std::fmt::Display| AcmeError::storage(&format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(&error))?;
    }
    let key = rcgen::KeyPair::generate().map_err(|error| failed(&error))?;
    let text = Secret::new(key.serialize_pem());
    write_private(path, text.expose()).map_err(|error| AcmeError::storage(&error))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;
    use crate::certificate::acme::AcmeErrorKind;
    use crate::testing::Folder;

    #[test]
    fn the_key_is_private_and_kept_and_each_authority_has_its_own() {
        let folder = Folder::new();
        let open = |directory: &AcmeDirectory| AccountKey::open(folder.path(), directory).unwrap().jwk();
        let first = open(&AcmeDirectory::LetsEncrypt);
        assert_eq!(open(&AcmeDirectory::LetsEncrypt), first);
        assert_ne!(open(&AcmeDirectory::LetsEncryptStaging), first);
        assert_ne!(open(&"https://ca.example/dir".parse().unwrap()), first);
        let mode = fs::metadata(folder.path().join("tls/acme-lets-encrypt.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_key_is_named_and_not_replaced() {
        let folder = Folder::new();
        fs::create_dir(folder.path().join("tls")).unwrap();
        let path = folder.path().join("tls/acme-lets-encrypt.key");
        for broken in ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            fs::write(&path, broken).unwrap();
            let error = AccountKey::open(folder.path(), &AcmeDirectory::LetsEncrypt).err().unwrap();
            assert_eq!(error.kind, AcmeErrorKind::Storage);
            assert!(error.to_string().contains("acme-lets-encrypt.key"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), broken);
        }
    }

    #[test]
    fn a_request_is_signed_over_its_address_and_nonce() {
        let folder = Folder::new();
        let key = AccountKey::open(folder.path(), &AcmeDirectory::LetsEncrypt).unwrap();
        let url = Url::parse("https://ca.example/order").unwrap();
        let body = key.sign(&Signer::Account("https://ca.example/1"), &url, "n1", Some(&json!({"a": 1}))).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text("protected")).unwrap()).unwrap();
        assert_eq!(
            head,
            json!({"alg": "ES256", "nonce": "n1", "url": "https://ca.example/order", "kid": "https://ca.example/1"})
        );
        let signed = format!("{}.{}", text("protected"), text("payload"));
        let signature = URL_SAFE_NO_PAD.decode(text("signature")).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref());
        public.verify(signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn the_thumbprint_is_over_the_members_in_their_order() {
        let folder = Folder::new();
        let key = AccountKey::open(folder.path(), &AcmeDirectory::LetsEncrypt).unwrap();
        let jwk = key.jwk().to_string();
        assert!(jwk.starts_with(r#"{"crv":"P-256","kty":"EC","x":""#), "{jwk}");
    }
}
