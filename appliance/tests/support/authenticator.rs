//! An authenticator in software, for tests: keeps P-256 keys, answers registration and authentication ceremonies in the JSON
//! that browsers send, and can be told to misbehave.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;

/// A device, or a browser with one.
pub(crate) struct Authenticator {
    /// The origin that the browser says it is on.
    pub(crate) origin: String,
    /// Whether it verifies its user (face, finger, PIN).
    pub(crate) user_verified: bool,
    /// Whether somebody touches it.
    pub(crate) user_present: bool,
    /// Whether its keys are synced: then there is no counter.
    pub(crate) synced: bool,
    /// Says that it runs in a frame of another site.
    pub(crate) cross_origin: bool,
    /// Another RP ID than the one it was asked for.
    pub(crate) rp_id: Option<String>,
    /// What it keeps.
    pub(crate) keys: Vec<Key>,
}

/// A key that it keeps.
#[derive(Clone)]
pub(crate) struct Key {
    /// The `credential_id`.
    pub(crate) id: Vec<u8>,
    /// The `user_handle`.
    pub(crate) user_handle: Vec<u8>,
    /// How often it signed.
    pub(crate) counter: u32,
    pkcs8: Vec<u8>,
}

impl Authenticator {
    /// A good one, on that origin.
    pub(crate) fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            user_verified: true,
            user_present: true,
            synced: false,
            cross_origin: false,
            rp_id: None,
            keys: Vec::new(),
        }
    }

    /// `navigator.credentials.create(options)`. Panics where a browser would refuse by itself.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        for excluded in options["excludeCredentials"].as_array().into_iter().flatten() {
            let id = bytes(&excluded["id"]);
            assert!(self.keys.iter().all(|key| key.id != id), "InvalidStateError: there is a passkey already");
        }
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random()).unwrap();
        let key = Key {
            id: digest(&SHA256, pkcs8.as_ref()).as_ref().to_vec(),
            user_handle: bytes(&options["user"]["id"]),
            counter: 0,
            pkcs8: pkcs8.as_ref().to_vec(),
        };
        let public = key.pair().public_key().as_ref().to_vec();
        let mut auth_data = self.auth_data(options["rp"]["id"].as_str().unwrap(), AT, 0);
        auth_data.extend([0; 16]);
        auth_data.extend(u16::try_from(key.id.len()).unwrap().to_be_bytes());
        auth_data.extend(&key.id);
        auth_data.extend(cose(&public));
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        let answer = json!({
            "id": text(&key.id),
            "rawId": text(&key.id),
            "type": "public-key",
            "response": {
                "attestationObject": text(&attestation(&auth_data)),
                "clientDataJSON": text(&client_data),
                "transports": ["internal", "hybrid"],
            },
            "clientExtensionResults": {"credProps": {"rk": true}},
        });
        self.keys.push(key);
        answer
    }

    /// `navigator.credentials.get(options)` with the newest key.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        let index = self.keys.len() - 1;
        self.get_with(index, options)
    }

    /// `navigator.credentials.get(options)` with that key.
    pub(crate) fn get_with(&mut self, index: usize, options: &Value) -> Value {
        let options = &options["publicKey"];
        if !self.synced {
            self.keys[index].counter += 1;
        }
        let key = self.keys[index].clone();
        let auth_data = self.auth_data(options["rpId"].as_str().unwrap(), 0, key.counter);
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let mut signed = auth_data.clone();
        signed.extend(digest(&SHA256, &client_data).as_ref());
        let signature = key.pair().sign(&random(), &signed).unwrap();
        json!({
            "id": text(&key.id),
            "rawId": text(&key.id),
            "type": "public-key",
            "response": {
                "authenticatorData": text(&auth_data),
                "clientDataJSON": text(&client_data),
                "signature": text(signature.as_ref()),
                "userHandle": text(&key.user_handle),
            },
            "clientExtensionResults": {},
        })
    }

    fn auth_data(&self, rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
        let rp_id = self.rp_id.as_deref().unwrap_or(rp_id);
        let mut flags = flags;
        for (set, flag) in [(self.user_present, UP), (self.user_verified, UV), (self.synced, BE), (self.synced, BS)] {
            if set {
                flags |= flag;
            }
        }
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin})
            .to_string()
            .into_bytes()
    }
}

impl Key {
    fn pair(&self) -> EcdsaKeyPair {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.pkcs8, &random()).unwrap()
    }
}

/// ring makes keys from the machine's randomness only; no test looks at a key.
#[expect(clippy::disallowed_methods, reason = "ring takes no other source")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

/// `{"fmt": "none", "attStmt": {}, "authData": h'...'}` in CBOR.
fn attestation(auth_data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xa3, 0x63];
    out.extend(b"fmt");
    out.push(0x64);
    out.extend(b"none");
    out.push(0x67);
    out.extend(b"attStmt");
    out.extend([0xa0, 0x68]);
    out.extend(b"authData");
    out.push(0x59);
    out.extend(u16::try_from(auth_data.len()).unwrap().to_be_bytes());
    out.extend(auth_data);
    out
}

/// `{1: 2, 3: -7, -1: 1, -2: x, -3: y}` in CBOR: an ES256 key (RFC 9053).
fn cose(point: &[u8]) -> Vec<u8> {
    let mut out = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    out.extend(&point[1..33]);
    out.extend([0x22, 0x58, 0x20]);
    out.extend(&point[33..65]);
    out
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}
