//! A passkey in software: what a phone does when a page asks `navigator.credentials` for one (WebAuthn L3 §6).
//!
//! It takes and gives the JSON that a browser would carry between the page and the server.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// User present, user verified, may be synced, is synced.
const FLAGS: u8 = 0x01 | 0x04 | 0x08 | 0x10;
/// The key is in the data.
const ATTESTED: u8 = 0x40;

/// An attestation object of format `none`, up to the length of its authenticator data.
const ATTESTATION: &[u8] = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";

/// One discoverable passkey.
pub struct Authenticator {
    key: EcdsaKeyPair,
    random: SystemRandom,
    origin: String,
    credential_id: [u8; 32],
    user_handle: String,
    /// What the next signature says; a clone would fall behind.
    pub sign_count: u32,
}

impl Authenticator {
    /// Answers creation options (the object with `publicKey` in it) with a new passkey and the credential to send.
    pub fn create(options: &Value, origin: &str) -> (Self, Value) {
        let options = &options["publicKey"];
        let (key, random, credential_id) = new_key();
        let user_handle = text(&options["user"]["id"]);
        let passkey = Self { key, random, origin: origin.to_owned(), credential_id, user_handle, sign_count: 0 };
        let data = passkey.attested_data(&text(&options["rp"]["id"]));
        let response = json!({
            "clientDataJSON": passkey.client_data("webauthn.create", options),
            "attestationObject": encode(&[ATTESTATION, &[length(&data)], &data].concat()),
            "transports": ["internal", "hybrid"],
        });
        let credential = passkey.credential(&response);
        (passkey, credential)
    }

    /// Answers request options with the credential to send.
    pub fn get(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.sign_count += 1;
        let data = self.data(&text(&options["rpId"]), FLAGS);
        let client_data = self.client_data("webauthn.get", options);
        let hash = digest(&SHA256, &decode(&client_data));
        let signature = self.key.sign(&self.random, &[&*data, hash.as_ref()].concat()).unwrap();
        self.credential(&json!({
            "clientDataJSON": client_data,
            "authenticatorData": encode(&data),
            "signature": encode(signature.as_ref()),
            "userHandle": self.user_handle,
        }))
    }

    fn credential(&self, response: &Value) -> Value {
        let id = encode(&self.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let challenge = &options["challenge"];
        let data = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        encode(data.to_string().as_bytes())
    }

    /// Authenticator data: which site, what the person did, how often.
    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let site = digest(&SHA256, rp_id.as_bytes());
        [site.as_ref(), &[flags], &self.sign_count.to_be_bytes()].concat()
    }

    /// The same, with the key as COSE (RFC 9052) behind it.
    fn attested_data(&self, rp_id: &str) -> Vec<u8> {
        let point = &self.key.public_key().as_ref()[1..];
        let (x, y) = point.split_at(32);
        let key = [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, b"\x22\x58\x20", y].concat();
        let maker: &[u8] = &[0; 16];
        let id = &self.credential_id;
        [&self.data(rp_id, FLAGS | ATTESTED), maker, &[0, length(id)], id, &key].concat()
    }
}

#[expect(clippy::disallowed_methods, reason = "ring takes its own random source only; no test depends on these bytes")]
fn new_key() -> (EcdsaKeyPair, SystemRandom, [u8; 32]) {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
    let mut id = [0; 32];
    random.fill(&mut id).unwrap();
    (key, random, id)
}

fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text in the options: {value}")).to_owned()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
