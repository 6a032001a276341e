//! Public keys of apps, one and in sets (RFC 7517): nothing makes the reader panic, no private member passes, and what was read
//! reads back as itself under the same thumbprint.
#![no_main]

#[path = "../shared/pick.rs"]
mod pick;

use domain::jwk::{Jwk, JwkSet, MAX_KEYS, ProofAlgorithm};
use libfuzzer_sys::fuzz_target;
use pick::Pick;
use serde_json::{Value, json};

const NAMES: [&str; 12] = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops", "d", "k"];
const WORDS: [&str; 20] = [
    "EC",
    "OKP",
    "RSA",
    "oct",
    "P-256",
    "Ed25519",
    POINT,
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    MODULUS,
    "AQAB",
    "AAEAAQ",
    "sig",
    "enc",
    r#"["verify"]"#,
    "ES256",
    "RS256",
    "PS256",
    "EdDSA",
    "null",
    "a",
];
const POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// Of 2048 bits.
const MODULUS: &str = "_____________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________________w";
const ALGORITHMS: [ProofAlgorithm; 4] = ProofAlgorithm::ALL;

/// Which good key it is, if any, and what of it is different.
type Drawn<'a> = (u8, Vec<(Pick<'a>, Pick<'a>)>);

fuzz_target!(|input: (Vec<Drawn<'_>>, &[u8])| {
    let (keys, bytes) = input;
    let keys: Vec<Value> = keys.iter().map(drawn).collect();
    keys.iter().for_each(one);
    if let Ok(value) = serde_json::from_slice(bytes) {
        one(&value);
    }
    let set = json!({ "keys": keys });
    if let Ok(given) = JwkSet::given(&set) {
        assert!(!keys.is_empty() && keys.len() <= MAX_KEYS);
        assert_eq!(JwkSet::given(&given.clone().into()), Ok(given.clone()));
        assert_eq!(JwkSet::published(set.to_string().as_bytes()), Ok(given.clone()));
        for (key, algorithm) in keys.iter().flat_map(|key| ALGORITHMS.map(|algorithm| (key, algorithm))) {
            let kid = key["kid"].as_str();
            assert!(kid.is_none_or(|kid| given.names(kid)));
            assert!(given.pick(kid, algorithm).is_none_or(|picked| picked.fits(algorithm)));
        }
    }
    for text in [set.to_string().as_bytes(), bytes] {
        if let Ok(published) = JwkSet::published(text) {
            assert_eq!(JwkSet::given(&published.clone().into()), Ok(published));
        }
    }
});

fn drawn((number, changes): &Drawn<'_>) -> Value {
    let mut key = match number % 4 {
        0 => json!({ "kty": "OKP", "crv": "Ed25519", "x": POINT }),
        1 => json!({ "kty": "EC", "crv": "P-256", "x": POINT, "y": POINT }),
        2 => json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" }),
        _ => json!({}),
    };
    if let Value::Object(members) = &mut key {
        members.extend(pick::object(changes, &NAMES, &WORDS));
    }
    key
}

fn one(value: &Value) {
    let Ok(key) = Jwk::read(value) else { return };
    let again = Value::from(key.clone());
    assert!(again.as_object().is_some_and(|members| !members.contains_key("d") && !members.contains_key("k")));
    assert!(value.get("d").is_none() && value.get("k").is_none(), "{value}");
    assert_eq!(key.thumbprint(), Jwk::read(&again).expect("what was read before").thumbprint());
    assert_eq!(Jwk::read(&again), Ok(key));
}
