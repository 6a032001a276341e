//! Proofs that an app holds a key (RFC 9449), signed by one whatever they say: nothing makes the token endpoint panic, and what
//! it takes for a proof says everything that section 4.3 asks for.
#![no_main]

#[path = "../../tests/support/client_key.rs"]
#[expect(dead_code, reason = "each target uses its own part")]
mod client_key;
#[path = "../shared/house.rs"]
mod house;
#[path = "../shared/pick.rs"]
mod pick;
#[path = "../../tests/support/seeded.rs"]
mod testing;

use std::sync::LazyLock;

use client_key::ClientKey;
use domain::proof::dpop::{self, Expected};
use domain::secret::Digest;
use house::{NOW, console, stranger};
use libfuzzer_sys::fuzz_target;
use pick::Pick;
use serde_json::{Map, Value, json};
use service::{AppKind, Idp, OpError, TokenRefusal, TokenRequest};

const HERE: &str = "https://id.example.org/token";
const HEADER: [&str; 6] = ["typ", "alg", "jwk", "kid", "crit", "b64"];
const CLAIMS: [&str; 7] = ["htm", "htu", "iat", "jti", "nonce", "ath", "exp"];
const WORDS: [&str; 16] = [
    "dpop+jwt",
    "DPoP+JWT",
    "EdDSA",
    "ES256",
    "none",
    "POST",
    "GET",
    HERE,
    "https://ID.example.org:443/token?x#y",
    "https://a@id.example.org/token",
    "1800000000",
    "1800000299.5",
    "1799999000",
    "\"1\"",
    "null",
    "[]",
];

struct Scene {
    idp: Idp,
    key: ClientKey,
    nonce: String,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let idp = house::house();
    idp.create_app(&console(), &"photos".parse().expect("a name"), AppKind::Public, &house::app()).expect("an app");
    let nonce = idp.proof_nonce(&stranger()).expect("a nonce");
    Scene { idp, key: ClientKey::ed25519(""), nonce }
});

/// What differs from a good proof, and whether it is signed or comes as it is.
type Input<'a> = (Vec<(Pick<'a>, Pick<'a>)>, Vec<(Pick<'a>, Pick<'a>)>, Option<&'a str>);

fuzz_target!(|input: Input<'_>| {
    let (header, claims, raw) = input;
    let Scene { idp, key, nonce } = &*SCENE;
    let mut good =
        json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": client_key::with(key.jwk(), &json!({ "kid": null })) });
    let header = changed(&mut good, pick::object(&header, &HEADER, &WORDS));
    let mut good = json!({ "htm": "POST", "htu": HERE, "iat": NOW.now.unix(), "jti": "1", "nonce": nonce });
    let claims = changed(&mut good, pick::object(&claims, &CLAIMS, &WORDS));
    let proof = raw.map_or_else(|| key.sign(&header.clone().into(), &claims.clone().into()), str::to_owned);

    let expected = Expected { method: "POST", address: HERE, access_token: None };
    let checked = dpop::check(&claims, Digest::of(b"key"), &expected, NOW.now);
    let form = [("grant_type", "authorization_code"), ("client_id", "photos"), ("code", "x"), ("redirect_uri", "x")];
    let request = TokenRequest::parse(form, None).expect("a request").with_proof(Some(proof));
    match idp.token(&stranger(), &request) {
        Ok(_) => panic!("tokens for no code"),
        Err(OpError::Fault(fault)) => panic!("{fault}"),
        Err(OpError::Refused(TokenRefusal::Proof(_))) => {}
        Err(OpError::Refused(_)) => {
            assert!(raw.is_none(), "nobody else signs");
            assert!(checked.is_ok(), "{claims:?}");
            assert_eq!((&claims["htm"], &claims["nonce"]), (&json!("POST"), &json!(nonce)));
            let at = claims["iat"].as_f64().expect("a moment");
            assert!((at - 1_800_000_000.0).abs() <= 301.0, "{at}");
            assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty() && jti.len() <= 256));
            assert!(header["typ"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("dpop+jwt")));
            assert!(header["alg"] == "EdDSA" && header["jwk"]["x"] == key.jwk()["x"] && !header.contains_key("crit"));
        }
    }
});

fn changed(good: &mut Value, changes: Map<String, Value>) -> Map<String, Value> {
    let mut said = good.as_object_mut().map(std::mem::take).unwrap_or_default();
    said.extend(changes);
    said.retain(|_, value| !value.is_null());
    said
}
