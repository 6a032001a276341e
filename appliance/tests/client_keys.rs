//! Clients that prove themselves by what they sign (RFC 7523), and secrets that overlap, over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "support/at_an_app.rs"]
#[expect(unreachable_pub, reason = "each test file uses its own part")]
mod at_an_app;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/authenticator.rs"]
mod authenticator;
#[expect(unreachable_pub, reason = "each test file uses its own part")]
#[path = "support/client_key.rs"]
mod client_key;
#[expect(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#[path = "support/fake_http.rs"]
mod fake_http;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use std::sync::{Arc, Mutex};

use appliance::system::Clock;
use at_an_app::{AtAnApp, REDIRECT, error, exchange};
use client_key::{ClientKey, unsigned, with};
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ClientKeys;
use domain::jwk::JwkSet;
use domain::time::Span;
use fake_http::{FakeHttp, Said};
use harness::{Answer, Call, START};
use serde_json::{Value, json};
use service::{AppAmendment, Context};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ISSUER: &str = "https://id.example";

/// `photos` with these keys.
fn with_keys(keys: &[&ClientKey]) -> AtAnApp {
    let house = AtAnApp::new();
    let set = json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() });
    let keys = Some(Some(ClientKeys::Jwks(JwkSet::given(&set).unwrap())));
    house.set("photos", AppAmendment { keys, ..AppAmendment::default() });
    house
}

fn header(key: &ClientKey) -> Value {
    json!({ "alg": key.algorithm(), "kid": key.kid, "typ": "JWT" })
}

fn claims(jti: &str) -> Value {
    let now = START.unix();
    json!({ "iss": "photos", "sub": "photos", "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti })
}

/// Offers the assertion with a refresh token that there is not: `invalid_grant` says that the client was believed.
fn offer(house: &AtAnApp, assertion: &str) -> Answer {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "lk_r_x"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    house.token(&fields, &[])
}

const BELIEVED: &str = "invalid_grant";

fn believed(house: &AtAnApp, assertion: &str) -> bool {
    match error(&offer(house, assertion)) {
        (400, error) if error == BELIEVED => true,
        (401, error) if error == "invalid_client" => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_signs_in_the_place_of_a_secret() {
    let key = ClientKey::new("k1");
    let house = with_keys(&[&key]);
    let code = house.code("photos", "openid");
    let assertion = key.sign(&header(&key), &claims("1"));
    let mut fields = exchange(&code);
    fields.extend([("client_assertion_type", TYPE), ("client_assertion", &assertion), ("client_id", "photos")]);
    let answer = house.token(&fields, &[]);
    assert_eq!((answer.status, &answer.json()["token_type"]), (200, &json!("Bearer")), "{}", answer.text());
}

#[test]
fn every_algorithm_that_discovery_names_is_taken() {
    let keys =
        [ClientKey::new("ec"), ClientKey::ed25519("ed"), ClientKey::rsa("rs", "RS256"), ClientKey::rsa("ps", "PS256")];
    let house = with_keys(&keys.iter().collect::<Vec<_>>());
    let named = house.server.send(&Call::get("/.well-known/openid-configuration")).json();
    for field in ["token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"] {
        assert_eq!(named[field], json!(["ES256", "RS256", "PS256", "EdDSA"]));
    }
    assert!(named["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("private_key_jwt")));
    for key in keys {
        assert!(believed(&house, &key.sign(&header(&key), &claims(&key.kid))), "{}", key.algorithm());
    }
}

#[test]
fn an_assertion_without_a_signature_or_by_a_shared_secret_proves_nothing() {
    let key = ClientKey::rsa("k1", "RS256");
    let house = with_keys(&[&key]);
    for algorithm in ["none", "None", "NONE", ""] {
        let text = unsigned(&json!({ "alg": algorithm, "kid": "k1" }), &claims("1"));
        for signature in ["", "AAAA"] {
            assert!(!believed(&house, &format!("{text}.{signature}")), "{algorithm}");
        }
    }
    // The classic: the public key, which everybody has, as the key of an HMAC.
    let public = key.jwk()["n"].as_str().unwrap().to_owned();
    for secret in [public.as_str(), house.secret.as_str()] {
        let text = unsigned(&json!({ "alg": "HS256", "kid": "k1" }), &claims("2"));
        let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = ring::hmac::sign(&hmac, text.as_bytes());
        let tag = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, tag);
        assert!(!believed(&house, &format!("{text}.{tag}")));
    }
    let wrong = with(header(&key), &json!({ "alg": "PS256" }));
    assert!(!believed(&house, &key.sign(&wrong, &claims("3"))), "signed otherwise than it says");
    assert!(believed(&house, &key.sign(&header(&key), &claims("4"))));
}

#[test]
fn the_signer_does_not_choose_the_key() {
    let (key, other) = (ClientKey::new("k1"), ClientKey::new("evil"));
    let house = with_keys(&[&key, &ClientKey::new("k2")]);
    let server = FakeHttp::start({
        let set = json!({ "keys": [other.jwk()] });
        move |_| Said::json(200, &set)
    });
    let where_it_says = json!({
        "jku": server.url("/jwks.json"), "x5u": server.url("/x5u"), "jwk": other.jwk(), "x5c": ["AAAA"], "kid": "evil",
    });
    assert!(!believed(&house, &other.sign(&with(header(&other), &where_it_says), &claims("1"))));
    assert!(!believed(&house, &other.sign(&with(header(&other), &json!({ "kid": "k1" })), &claims("2"))));
    assert!(!believed(&house, &key.sign(&with(header(&key), &json!({ "kid": "k2" })), &claims("3"))), "of another key");
    assert!(!believed(&house, &key.sign(&with(header(&key), &json!({ "kid": null })), &claims("4"))), "of which key?");
    assert!(!believed(&house, &key.sign(&with(header(&key), &json!({ "crit": ["x"], "x": 1 })), &claims("5"))));
    let ignored = json!({ "jku": server.url("/jwks.json"), "x5u": server.url("/x5u"), "jwk": other.jwk() });
    assert!(believed(&house, &key.sign(&with(header(&key), &ignored), &claims("6"))), "ignored, not refused");
    assert!(server.seen().is_empty(), "nobody went there");
}

#[test]
fn an_assertion_is_good_once_for_us_and_for_a_few_minutes() {
    let key = ClientKey::new("k1");
    let house = with_keys(&[&key]);
    let signed = |changes: Value| key.sign(&header(&key), &with(claims("1"), &changes));
    let now = START.unix();
    for wrong in [
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{ISSUER}/userinfo") }),
        json!({ "aud": null }),
        json!({ "iss": "phone" }),
        json!({ "iss": null }),
        json!({ "exp": now - 61 }),
        json!({ "exp": null }),
        json!({ "exp": now + 3600 }),
        json!({ "iat": now + 3600 }),
        json!({ "nbf": now + 3600 }),
        json!({ "jti": null }),
    ] {
        let answer = offer(&house, &signed(wrong.clone()));
        assert_eq!(error(&answer), (401, "invalid_client".to_owned()), "{wrong}");
        assert!(answer.json()["error_description"].as_str().unwrap().contains("assertion"), "{wrong}");
    }
    let good = signed(json!({}));
    assert!(believed(&house, &good));
    assert!(!believed(&house, &good), "a replay");
    assert!(!believed(&house, &signed(json!({ "exp": now + 61 }))), "the same jti in another text");
    for aud in [json!(format!("{ISSUER}/token")), json!(format!("{ISSUER}/par")), json!(["x", ISSUER])] {
        assert!(believed(&house, &signed(json!({ "aud": aud, "jti": aud.to_string() }))), "{aud}");
    }
    house.server.clock.advance(200);
    assert!(!believed(&house, &good), "over");
}

#[test]
fn an_assertion_is_for_the_name_of_the_house_that_it_is_sent_to() {
    let key = ClientKey::new("k1");
    let house = with_keys(&[&key]);
    house.move_to("home.example.net");
    let offered = |host: &str, aud: &str| {
        let assertion = key.sign(&header(&key), &with(claims(&format!("{host} {aud}")), &json!({ "aud": aud })));
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "lk_r_x"),
            ("client_assertion_type", TYPE),
            ("client_assertion", &assertion),
        ];
        error(&house.token(&fields, &[("Host", host)])).1 == BELIEVED
    };
    for host in ["id.example", "home.example.net"] {
        for aud in ["https://id.example", "https://home.example.net"] {
            assert_eq!(offered(host, aud), aud.ends_with(host), "{aud} at {host}");
        }
    }
}

#[test]
fn an_app_with_keys_has_no_other_way_in() {
    let key = ClientKey::new("k1");
    let house = with_keys(&[&key]);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "lk_r_x")];
    let basic = house.basic();
    assert_eq!(error(&house.token(&fields, &[("Authorization", &basic)])).1, "invalid_client", "the secret is void");
    let named = [fields[0], fields[1], ("client_id", "photos")];
    assert_eq!(error(&house.token(&named, &[])).1, "invalid_client", "a name is no proof");
    let other = key.sign(&header(&key), &with(claims("1"), &json!({ "iss": "phone", "sub": "phone" })));
    assert_eq!(error(&offer(&house, &other)).1, "invalid_client", "a public app has no keys");
    let assertion = key.sign(&header(&key), &claims("2"));
    let both = [fields[0], fields[1], ("client_assertion_type", TYPE), ("client_assertion", &assertion)];
    assert_eq!(error(&house.token(&both, &[("Authorization", &basic)])).1, "invalid_request", "two ways at once");
    let differing = [both[0], both[1], both[2], both[3], ("client_id", "phone")];
    assert_eq!(error(&house.token(&differing, &[])).1, "invalid_client");
    house.set("photos", AppAmendment { keys: Some(None), ..AppAmendment::default() });
    assert_eq!(
        error(&house.token(&fields, &[("Authorization", &basic)])).1,
        BELIEVED,
        "without keys the secret counts"
    );
    assert!(!believed(&house, &assertion));
}

/// `photos`, which publishes its keys there.
fn publishing(server: &FakeHttp) -> AtAnApp {
    let house = AtAnApp::new();
    let keys = Some(Some(ClientKeys::JwksUri(server.url("/jwks.json").parse().unwrap())));
    house.set("photos", AppAmendment { keys, ..AppAmendment::default() });
    house
}

#[test]
fn published_keys_are_fetched_kept_and_looked_at_again() {
    let (first, second) = (ClientKey::new("a"), ClientKey::new("b"));
    let published = Arc::new(Mutex::new(vec![first.jwk()]));
    let server = FakeHttp::start({
        let published = Arc::clone(&published);
        move |_| Said::json(200, &json!({ "keys": *published.lock().unwrap() }))
    });
    let house = publishing(&server);
    let next = std::cell::Cell::new(0);
    let asks = |key: &ClientKey| {
        next.set(next.get() + 1);
        let at = house.server.clock.now().unix();
        let times = json!({ "iat": at, "exp": at + 60 });
        believed(&house, &key.sign(&header(key), &with(claims(&next.get().to_string()), &times)))
    };
    assert!(asks(&first) && asks(&first));
    assert_eq!(server.seen().len(), 1);
    assert!(!asks(&second));
    assert_eq!(server.seen().len(), 1, "not twice within a minute");
    *published.lock().unwrap() = vec![second.jwk()];
    house.server.clock.advance(61);
    assert!(asks(&second), "a new key is found");
    assert!(!asks(&first), "an old one is forgotten");
    assert_eq!(server.seen().len(), 2);
    house.server.clock.advance(601);
    assert!(asks(&second));
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn what_is_published_wrongly_lets_nobody_in() {
    let key = ClientKey::new("a");
    let set = json!({ "keys": [key.jwk()] });
    let elsewhere = FakeHttp::start({
        let set = set.clone();
        move |_| Said::json(200, &set)
    });
    let moved = vec![format!("Location: {}", elsewhere.url("/"))];
    let wrongs: [Box<dyn Fn() -> Said + Send>; 6] = [
        Box::new(move || Said::This(302, moved.clone(), Vec::new())),
        Box::new(|| Said::json(200, &json!({ "keys": [] }))),
        Box::new(|| Said::This(200, Vec::new(), "<html>".into())),
        Box::new(|| Said::json(500, &json!({}))),
        Box::new(|| Said::Endless),
        Box::new(move || Said::json(200, &json!({ "keys": [with(set["keys"][0].clone(), &json!({ "d": "AQ" }))] }))),
    ];
    for wrong in wrongs {
        let server = FakeHttp::start(move |_| wrong());
        let house = publishing(&server);
        assert!(!believed(&house, &key.sign(&header(&key), &claims("1"))));
        assert!(!believed(&house, &key.sign(&header(&key), &claims("2"))));
        assert_eq!(server.seen().len(), 1);
    }
    assert!(elsewhere.seen().is_empty(), "no redirect is followed");
}

#[test]
fn an_old_secret_works_for_as_long_as_was_said_and_only_the_last_one() {
    let house = AtAnApp::new();
    let rotate = |keep: Option<Span>| {
        let moment = house.server.clock.moment();
        house.server.operate(move |idp| {
            let ctx = Context::console(moment);
            idp.rotate_app_secret(&ctx, &"photos".parse().unwrap(), keep).map(|secret| secret.expose().clone())
        })
    };
    let works = |secret: &str| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("client_id", "photos"),
            ("client_secret", secret),
        ];
        error(&house.token(&fields, &[])).1 == BELIEVED
    };
    assert!(rotate(Some(Span::days(31))).is_err() && rotate(Some(Span::seconds(0))).is_err());
    let second = rotate(Some(Span::hours(24))).unwrap();
    assert!(works(&house.secret) && works(&second));
    let shown = house.server.send(&Call::get("/api/v1/apps/photos").on_console()).json();
    assert_eq!(shown["old_secret_until"], "2027-01-16T08:00:00Z");
    house.server.clock.advance(24 * 3600);
    assert!(!works(&house.secret) && works(&second));
    let third = rotate(Some(Span::hours(1))).unwrap();
    let fourth = rotate(None).unwrap();
    assert!(!works(&second) && !works(&third) && works(&fourth));
}

/// An app that registers itself with these keys and that address; for sign-ins of everybody.
fn register(house: &AtAnApp, redirect_uri: &str, keys: &Value) -> Answer {
    let token = house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        let made = idp.create_registration_token(&ctx, &"everyone".parse().unwrap(), 1, None).unwrap();
        made.token.expose().clone()
    });
    let said = json!({ "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "private_key_jwt" });
    house.server.send(&Call::post("/register").bearer(&token).json(&with(said, keys)))
}

#[test]
fn an_app_registers_itself_with_keys_and_proves_itself_by_nothing_else() {
    let house = AtAnApp::new();
    let key = ClientKey::new("a");
    let jwks = json!({ "keys": [key.jwk()] });
    let answer = register(&house, REDIRECT, &json!({ "jwks": jwks }));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    assert!(made.get("client_secret").is_none() && made["token_endpoint_auth_method"] == "private_key_jwt");
    assert_eq!(made["jwks"], jwks);
    let me = made["client_id"].as_str().unwrap();
    let said = with(claims(me), &json!({ "iss": me, "sub": me }));
    assert!(believed(&house, &key.sign(&header(&key), &said)));
    assert!(!believed(&house, &ClientKey::new("a").sign(&header(&key), &with(said, &json!({ "jti": "other" })))));
    // The registration is for keys: no secret takes their place.
    let put = |change: &Value| {
        let token = made["registration_access_token"].as_str().unwrap();
        let change = with(json!({ "client_id": me, "redirect_uris": [REDIRECT] }), change);
        house.server.send(&Call::new("PUT", format!("/register/{me}")).bearer(token).json(&change)).status
    };
    assert_eq!(put(&json!({})), 400);
    // Whoever stole the token gets no further than the app: what it acts as hangs on the keys that an admin saw.
    let method = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    let thief = with(method.clone(), &json!({ "jwks": { "keys": [ClientKey::new("t").jwk()] } }));
    let robot = "robot".parse().unwrap();
    let app = me.parse().unwrap();
    house.server.operate(move |idp| {
        let ctx = Context::console(harness::steady(START));
        idp.create_account(&ctx, AccountKind::Service, &robot, &Amendment::default()).unwrap();
        idp.set_app(&ctx, &app, &AppAmendment { acts_as: Some(Some(robot)), ..AppAmendment::default() }).unwrap();
    });
    assert_eq!((put(&thief), put(&with(method, &json!({ "jwks": jwks })))), (400, 200));
    let elsewhere = register(&house, REDIRECT, &json!({ "jwks_uri": "https://app.example.org/jwks.json" }));
    assert_eq!(elsewhere.json()["jwks_uri"], "https://app.example.org/jwks.json");
}

#[test]
fn keys_that_say_nothing_or_are_elsewhere_register_no_app() {
    let house = AtAnApp::new();
    let set = json!({ "keys": [ClientKey::new("a").jwk()] });
    for bad in [
        json!({}),
        json!({ "jwks": { "keys": [] } }),
        json!({ "jwks": { "keys": [with(ClientKey::new("a").jwk(), &json!({ "d": "AQ" }))] } }),
        json!({ "jwks": "x" }),
        json!({ "jwks": set, "jwks_uri": "https://app.example.org/jwks.json" }),
        json!({ "jwks_uri": "https://other.example.org/jwks.json" }),
        json!({ "jwks_uri": "http://169.254.169.254/latest" }),
    ] {
        let answer = register(&house, "https://app.example.org/cb", &bad);
        assert_eq!(error(&answer), (400, "invalid_client_metadata".to_owned()), "{bad}");
    }
}

#[test]
fn a_person_or_a_public_app_acts_for_nobody() {
    let house = AtAnApp::new();
    let patch = |app: &str, body: Value| {
        let answer = house.server.send(&Call::new("PATCH", format!("/api/v1/apps/{app}")).on_console().json(&body));
        answer.status
    };
    assert_eq!(patch("photos", json!({ "acts_as": "anna" })), 404, "a person is no service account");
    house.server.operate(|idp| {
        let ctx = Context::console(harness::steady(START));
        idp.create_account(&ctx, AccountKind::Service, &"robot".parse().unwrap(), &Amendment::default()).unwrap();
    });
    assert_eq!(patch("phone", json!({ "acts_as": "robot" })), 409);
    assert_eq!(patch("photos", json!({ "acts_as": "robot" })), 200);
    assert_eq!(house.server.send(&Call::get("/api/v1/apps/photos").on_console()).json()["acts_as"], "robot");
    let key = ClientKey::new("a");
    let set = json!({ "keys": [key.jwk()] });
    assert_eq!(patch("phone", json!({ "jwks": set })), 409);
    for bad in [
        json!({ "jwks": { "keys": [with(key.jwk(), &json!({ "d": "AQ" }))] } }),
        json!({ "jwks": { "keys": [] } }),
        json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } }),
        json!({ "jwks": set, "jwks_uri": "https://a.example/jwks.json" }),
        json!({ "jwks_uri": "http://a.example/jwks.json" }),
    ] {
        assert_eq!(patch("photos", bad.clone()), 400, "{bad}");
    }
    assert_eq!(patch("photos", json!({ "jwks": set })), 200);
    assert_eq!(house.server.send(&Call::get("/api/v1/apps/photos").on_console()).json()["jwks"], set);
}
