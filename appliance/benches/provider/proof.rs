//! Proofs that an app holds a key (RFC 9449).

use serde_json::json;

use crate::client_key::{ClientKey, with};
use crate::load::unix_time;

/// A key, and what its next proof needs.
pub struct Proofs {
    key: ClientKey,
    /// As the server last gave it.
    pub nonce: Option<String>,
    made: u64,
}

impl Proofs {
    pub fn new() -> Self {
        Self { key: ClientKey::new(""), nonce: None, made: 0 }
    }

    /// One more proof, for a POST to that address.
    pub fn next(&mut self, url: &str) -> String {
        self.made += 1;
        let jwk = with(self.key.jwk(), &json!({ "kid": null }));
        let header = json!({ "typ": "dpop+jwt", "alg": self.key.algorithm(), "jwk": jwk });
        let claims = json!({ "htm": "POST", "htu": url, "iat": unix_time(), "jti": self.made.to_string() });
        self.key.sign(&header, &with(claims, &json!({ "nonce": self.nonce })))
    }
}
