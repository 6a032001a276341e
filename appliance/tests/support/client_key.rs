//! Keys of clients, for tests: they sign whatever the test wants, true or not.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

/// Made for these tests; nothing else is signed with it.
const RSA: &str = "\
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDBbItC3Yp0hxnwzgn7Ch0MU0eg6iY74j7cu/Mepnjr5EzD8NE1\
uVoyN84BrrrxZTl6qk2vfH/D4y3SJVHKineKYBeKVcZJ604CdaQBcNFWkNAv5S+/ZoMkYz1YqhIzUlLshqNEwUMmHaBAfraC93mp\
1gYQso7QYGQU0RSNNtU9D05PVQgapgaTFLb5YpH9ww5x9WZBM5vRchmCqzuKN/lQ8yoGS+5/G/wgP5PyBYsvFBlUWoWzFeJg89Gh\
aSIUUE8Yg/BAq65TATMx4P408ten6UoOrCvy3gzzdgaZbgONKRYK6qovGJF5AaJkAjOPWX7E7pTFbyGUiHx3ft6/+3YLAgMBAAEC\
ggEAJrAj0L2IRpOJTEGh/G0C72au8pAzEpJH2ZXcZJqOoDw7YIvIBNNsp5PC6FI/QS5qh08OF9YypgdIMHrXd8gnbe2Xd8t9TGa8\
5UALjGA49vQjOBlC6ilCfOI+sH/gARTr0jSB7qwrVrHhTlUqA1sloiNVdjyI1UQacJF7Z1163GnccHTA2FzTu3B3ptDcErcX8nfT\
ZZLV6jAMUzzyig2nUqoCUNE8IcGZXT8fx+vkjB93XS8e6qIyiIXZ+15V54LVJwVObJxv5ecqoHLBsWGniSclKnfaLae+muAmIy4x\
28QFZHxp23olGkCXd1r1Ey6zmuWRDcP0jgPQDMtaoR6VwQKBgQDzuOnSEtPSUAGWIToYeD4yaghuxAw5buBlyOarEJuV+59gnaMx\
EZHSCJgUfMfIwx0YMZJiVaiyvCiXV4K03pNtFkrddXcslMRFzubBusTS62NR2DwF7ZhqKgUZYoGo3jsvKO4hcfIu6Dv+gSU75p4z\
0XaSUyeGAPHThCtGbvS0wQKBgQDLKvl56YScwhbnyzC/Xd8Ibf2Cvp8PZ49CuTS3PZ9yX9tcEU20fk+VejMNxuZRTEI9yn10whaP\
gkIuPpsgQfVjQayrIj/9Z+XL80Cn+8J94Wkg2dborcq+GyWVEAOuZYBeX2rRuNf7qGYRuFbt6UfFcl3t2yRmXparIDxvSTNhywKB\
gHnc7sUEdveE25Y2nPbZQLgyfm7sBfS9tOQP9Q556mGvA/zqNUv2rgPoGiq8TaTbsnODbd9PV1+vZ1htAETxuaNk7yAWePVImW8S\
Sh16Bqoz2mB1D2Yja/9BbXVI5O4L2Gn3PEJq2B6OLllON9Dguh/Mz03Q2EVPuZr6Ti0Uk7TBAoGAeeTWuSY5wjNQutFV9frEDbKw\
HvlvRTbE5StpTWdTerO4UIyxKlF+PhiK+QEUvkIanCgZDSxFjOSCAGzfdYMdTufgSOzLp6XmYW8Yo7CRCCVthaAtKHzc3yI6ciyh\
iMitM/HbjOhx7TMjyg3nWeZUgUoUwNhyBllJ3HIC0GICyfECgYAmMVzWXRAhBJZ2IfYFqJnInUFKsbBBIqv+VpRbyEf3gTC5F7RL\
n2KIe20Jijg2rjXV60jPTFL+VweymM28CxsdLfUtt+KwNBV4ZF40Bav8Fke65oHvHWYS/XEO7oMW91HxPcPw/J1D996AfJ1cKLuv\
Sjeht2HWktE303fvRzm+7g==";

/// A key pair.
pub struct ClientKey {
    pair: Pair,
    /// Its name.
    pub kid: String,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static str),
}

#[expect(clippy::disallowed_methods, reason = "ring seals its random trait")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

impl ClientKey {
    /// A new key for ES256.
    pub fn new(kid: &str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random()).unwrap();
        Self { pair: Pair::Ec(pair), kid: kid.to_owned() }
    }

    /// One for EdDSA.
    pub fn ed25519(kid: &str) -> Self {
        Self { pair: Pair::Ed(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()), kid: kid.to_owned() }
    }

    /// The one RSA key, for RS256 or PS256.
    pub fn rsa(kid: &str, algorithm: &'static str) -> Self {
        Self {
            pair: Pair::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(RSA).unwrap()).unwrap(), algorithm),
            kid: kid.to_owned(),
        }
    }

    /// What it signs with.
    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_, algorithm) => algorithm,
        }
    }

    /// Its public half.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]), "kid": self.kid })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()), "kid": self.kid })
            }
            Pair::Rsa(pair, _) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e), "kid": self.kid })
            }
        }
    }

    /// A signed text with exactly this header.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signed = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair, algorithm) => {
                let encoding: &dyn RsaEncoding =
                    if *algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random(), message.as_bytes(), &mut signed).unwrap();
                signed
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed))
    }
}

/// Header and claims, without a signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// The digest of a text, in base64url.
pub fn hashed(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

/// An object with these members instead; null takes one away.
pub fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object
}
