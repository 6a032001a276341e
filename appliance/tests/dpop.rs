//! Tokens that are bound to a key (RFC 9449), over HTTP.

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
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use std::cell::Cell;

use appliance::system::Clock;
use at_an_app::{AtAnApp, error, exchange};
use client_key::{ClientKey, hashed, unsigned, with};
use harness::{Answer, Call};
use serde_json::{Value, json};
use service::AppAmendment;

const TOKEN: &str = "https://id.example/token";
const USERINFO: &str = "https://id.example/userinfo";

/// A house with an app that holds a key.
struct Holder {
    house: AtAnApp,
    key: ClientKey,
    next: Cell<u32>,
}

impl Holder {
    fn new() -> Self {
        Self { house: AtAnApp::new(), key: ClientKey::new(""), next: Cell::new(0) }
    }

    /// What a good proof for the token endpoint says.
    fn claims(&self) -> Value {
        self.next.set(self.next.get() + 1);
        let now = self.house.server.clock.now().unix();
        json!({ "htm": "POST", "htu": TOKEN, "iat": now, "jti": self.next.get().to_string(), "nonce": self.nonce() })
    }

    /// A nonce, as an app gets it: by trying without one.
    fn nonce(&self) -> String {
        let now = self.house.server.clock.now().unix();
        let claims = json!({ "htm": "POST", "htu": TOKEN, "iat": now, "jti": "for a nonce" });
        let proof = self.key.sign(&header(&self.key), &claims);
        let answer = self.house.token(&exchange("x"), &[("Authorization", &self.house.basic()), ("DPoP", &proof)]);
        assert_eq!(error(&answer), (400, "use_dpop_nonce".to_owned()));
        assert!(answer.header("access-control-expose-headers").unwrap().contains("DPoP-Nonce"));
        answer.header("dpop-nonce").unwrap().to_owned()
    }

    /// A proof for the token endpoint with these claims instead.
    fn proof(&self, changes: &Value) -> String {
        self.key.sign(&header(&self.key), &with(self.claims(), changes))
    }

    /// Asks for tokens of `photos` with that proof.
    fn redeem(&self, code: &str, proof: &str) -> Answer {
        self.house.token(&exchange(code), &[("Authorization", &self.house.basic()), ("DPoP", proof)])
    }

    fn tokens(&self, scope: &str) -> Value {
        let answer = self.redeem(&self.house.code("photos", scope), &self.proof(&json!({})));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// What a good proof at userinfo says.
    fn shown(&self, token: &str) -> Value {
        let changes = json!({ "htm": "GET", "htu": USERINFO, "ath": hashed(token), "nonce": null });
        with(self.claims(), &changes)
    }

    fn userinfo(&self, token: &str, proof: &str) -> Answer {
        let call = Call::get("/userinfo").header("Authorization", format!("DPoP {token}"));
        self.house.server.send(&call.header("DPoP", proof))
    }
}

fn header(key: &ClientKey) -> Value {
    json!({ "typ": "dpop+jwt", "alg": key.algorithm(), "jwk": with(key.jwk(), &json!({ "kid": null })) })
}

#[test]
fn tokens_are_bound_to_the_key_that_was_proven_and_open_nothing_without_it() {
    let holder = Holder::new();
    let answer = holder.tokens("openid profile");
    assert_eq!(answer["token_type"], "DPoP");
    let token = answer["access_token"].as_str().unwrap();
    let proof = holder.key.sign(&header(&holder.key), &holder.shown(token));
    let info = holder.userinfo(token, &proof);
    assert_eq!((info.status, &info.json()["name"]), (200, &json!("Anna Bauer")));
    assert!(info.header("dpop-nonce").is_some());
    let bearer = holder.house.server.send(&Call::get("/userinfo").bearer(token));
    assert_eq!(bearer.status, 401);
    assert!(bearer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    let proof = holder.key.sign(&header(&holder.key), &holder.shown(token));
    let both = holder.house.server.send(&Call::get("/userinfo").bearer(token).header("DPoP", proof));
    assert_eq!(both.status, 401, "the scheme counts");
    let in_form = holder.house.server.send(&Call::post("/userinfo").form(&[("access_token", token)]));
    assert_eq!(in_form.status, 401);
    let thief = ClientKey::new("");
    let stolen = holder.userinfo(token, &thief.sign(&header(&thief), &holder.shown(token)));
    assert_eq!(stolen.status, 401);
    assert!(stolen.header("www-authenticate").unwrap().starts_with("DPoP "), "{stolen:?}");
}

#[test]
fn every_kind_of_key_may_be_proven() {
    for key in [ClientKey::ed25519(""), ClientKey::rsa("", "RS256"), ClientKey::rsa("", "PS256")] {
        let holder = Holder { key, ..Holder::new() };
        let answer = holder.tokens("openid");
        let token = answer["access_token"].as_str().unwrap();
        let proof = holder.key.sign(&header(&holder.key), &holder.shown(token));
        assert_eq!(holder.userinfo(token, &proof).status, 200, "{}", holder.key.algorithm());
    }
}

#[test]
fn a_proof_that_is_not_for_this_request_binds_nothing() {
    let holder = Holder::new();
    let code = holder.house.code("photos", "openid");
    let now = holder.house.server.clock.now().unix();
    for (changes, why) in [
        (json!({ "htm": "GET" }), "invalid_dpop_proof"),
        (json!({ "htm": null }), "invalid_dpop_proof"),
        (json!({ "htu": USERINFO }), "invalid_dpop_proof"),
        (json!({ "htu": "https://evil.example/token" }), "invalid_dpop_proof"),
        (json!({ "htu": "http://id.example/token" }), "invalid_dpop_proof"),
        (json!({ "iat": now - 301 }), "invalid_dpop_proof"),
        (json!({ "iat": now + 301 }), "invalid_dpop_proof"),
        (json!({ "iat": null }), "invalid_dpop_proof"),
        (json!({ "jti": null }), "invalid_dpop_proof"),
        (json!({ "nonce": null }), "use_dpop_nonce"),
        (json!({ "nonce": "made up" }), "use_dpop_nonce"),
        (json!({ "nonce": 7 }), "use_dpop_nonce"),
    ] {
        assert_eq!(error(&holder.redeem(&code, &holder.proof(&changes))), (400, why.to_owned()), "{changes}");
    }
    assert_eq!(holder.redeem(&code, &holder.proof(&json!({}))).status, 200, "and the code was not spent");
}

#[test]
fn a_proof_shows_a_public_key_and_is_signed_by_it() {
    let holder = Holder::new();
    let code = holder.house.code("photos", "openid");
    let other = ClientKey::new("");
    let key = &holder.key;
    let changed = |changes: Value| key.sign(&with(header(key), &changes), &holder.claims());
    let none = json!({ "alg": "none" });
    for wrong in [
        changed(json!({ "jwk": other.jwk() })),
        changed(json!({ "jwk": with(key.jwk(), &json!({ "d": "AQ" })) })),
        changed(json!({ "jwk": { "kty": "oct", "k": "AAAA" } })),
        changed(json!({ "jwk": null })),
        changed(json!({ "jwk": null, "jku": "https://app.example/jwks.json" })),
        changed(json!({ "typ": "JWT" })),
        changed(json!({ "typ": null })),
        changed(json!({ "alg": "HS256" })),
        changed(json!({ "alg": "RS256" })),
        changed(json!({ "crit": ["b64"] })),
        format!("{}.", unsigned(&with(header(key), &none), &holder.claims())),
        "x.y.z".to_owned(),
        "x".repeat(5000),
    ] {
        assert_eq!(error(&holder.redeem(&code, &wrong)), (400, "invalid_dpop_proof".to_owned()), "{wrong}");
    }
    let one = holder.proof(&json!({}));
    let basic = holder.house.basic();
    let twice = holder.house.token(&exchange(&code), &[("Authorization", &basic), ("DPoP", &one), ("DPoP", &one)]);
    assert_eq!(error(&twice), (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(holder.redeem(&code, &one).status, 200);
}

#[test]
fn a_proof_is_for_the_name_of_the_house_that_it_is_sent_to() {
    let holder = Holder::new();
    let (nonce, basic) = (holder.nonce(), holder.house.basic());
    holder.house.move_to("home.example.net");
    for host in ["id.example", "home.example.net"] {
        for htu in [TOKEN, "https://home.example.net/token"] {
            let jti = format!("{host} {htu}");
            let now = holder.house.server.clock.now().unix();
            let claims = json!({ "htm": "POST", "htu": htu, "iat": now, "jti": jti, "nonce": nonce });
            let proof = holder.key.sign(&header(&holder.key), &claims);
            let headers = [("Host", host), ("Authorization", basic.as_str()), ("DPoP", proof.as_str())];
            let (_, why) = error(&holder.house.token(&exchange("no code"), &headers));
            // The code is looked at only where the proof is good.
            let expected = if htu.contains(host) { "invalid_grant" } else { "invalid_dpop_proof" };
            assert_eq!(why, expected, "{htu} at {host}");
        }
    }
}

#[test]
fn a_proof_is_good_once() {
    let holder = Holder::new();
    let proof = holder.proof(&json!({}));
    assert_eq!(holder.redeem(&holder.house.code("photos", "openid"), &proof).status, 200);
    let second = holder.house.code("photos", "openid");
    assert_eq!(error(&holder.redeem(&second, &proof)), (400, "invalid_dpop_proof".to_owned()));
    let answer = holder.redeem(&second, &holder.proof(&json!({}))).json();
    let token = answer["access_token"].as_str().unwrap();
    let proof = holder.key.sign(&header(&holder.key), &holder.shown(token));
    assert_eq!(holder.userinfo(token, &proof).status, 200);
    let again = holder.userinfo(token, &proof);
    assert_eq!(again.status, 401);
    assert!(again.header("www-authenticate").unwrap().contains("invalid_dpop_proof"));
}

#[test]
fn a_nonce_is_good_for_a_few_minutes() {
    let holder = Holder::new();
    let nonce = holder.nonce();
    holder.house.server.clock.advance(301);
    let code = holder.house.code("photos", "openid");
    let answer = holder.redeem(&code, &holder.proof(&json!({ "nonce": nonce })));
    assert_eq!(error(&answer), (400, "use_dpop_nonce".to_owned()));
    assert_eq!(holder.redeem(&code, &holder.proof(&json!({}))).status, 200);
}

#[test]
fn at_userinfo_the_proof_is_for_this_token_and_this_request() {
    let holder = Holder::new();
    let answer = holder.tokens("openid");
    let token = answer["access_token"].as_str().unwrap();
    for (changes, why) in [
        (json!({ "ath": null }), "invalid_dpop_proof"),
        (json!({ "ath": hashed("another token") }), "invalid_dpop_proof"),
        (json!({ "htm": "POST" }), "invalid_dpop_proof"),
        (json!({ "htu": TOKEN }), "invalid_dpop_proof"),
        (json!({ "iat": 1 }), "invalid_dpop_proof"),
        (json!({ "nonce": "made up" }), "use_dpop_nonce"),
    ] {
        let claims = with(holder.shown(token), &changes);
        let answer = holder.userinfo(token, &holder.key.sign(&header(&holder.key), &claims));
        let challenge = answer.header("www-authenticate").unwrap().to_owned();
        assert!(answer.status == 401 && challenge.contains(&format!("error=\"{why}\"")), "{changes} {challenge}");
        assert!(challenge.starts_with("DPoP ") && challenge.contains("algs=\"ES256 "), "{challenge}");
        assert!(answer.header("dpop-nonce").is_some());
    }
    let bare = Call::get("/userinfo").header("Authorization", format!("DPoP {token}"));
    assert_eq!(holder.house.server.send(&bare).status, 401);
    let fresh = with(holder.shown(token), &json!({ "nonce": holder.nonce() }));
    assert_eq!(holder.userinfo(token, &holder.key.sign(&header(&holder.key), &fresh)).status, 200);
}

#[test]
fn a_token_that_is_bound_to_nothing_is_no_dpop_token() {
    let holder = Holder::new();
    let code = holder.house.code("photos", "openid");
    let answer = holder.house.token(&exchange(&code), &[("Authorization", &holder.house.basic())]).json();
    assert_eq!(answer["token_type"], "Bearer");
    let token = answer["access_token"].as_str().unwrap();
    let proof = holder.key.sign(&header(&holder.key), &holder.shown(token));
    assert_eq!(holder.userinfo(token, &proof).status, 401);
    assert_eq!(holder.house.server.send(&Call::get("/userinfo").bearer(token)).status, 200);
}

#[test]
fn a_refresh_token_goes_on_with_its_key_only() {
    for app in ["photos", "phone"] {
        let holder = Holder::new();
        let code = holder.house.code(app, "openid offline_access");
        let basic = holder.house.basic();
        let ask = |fields: &[(&str, &str)], proof: Option<String>| {
            let (mut fields, mut headers) = (fields.to_vec(), Vec::new());
            if app == "phone" {
                fields.push(("client_id", "phone"));
            } else {
                headers.push(("Authorization", basic.as_str()));
            }
            headers.extend(proof.as_deref().map(|proof| ("DPoP", proof)));
            holder.house.token(&fields, &headers)
        };
        let first = ask(&exchange(&code), Some(holder.proof(&json!({})))).json();
        let token = first["refresh_token"].as_str().unwrap();
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let thief = ClientKey::new("");
        let stolen = ask(&refresh, Some(thief.sign(&header(&thief), &holder.claims())));
        assert_eq!(error(&stolen), (400, "invalid_grant".to_owned()), "{app}");
        assert_eq!(error(&ask(&refresh, None)), (400, "invalid_grant".to_owned()), "{app}: no way back to Bearer");
        let second = ask(&refresh, Some(holder.proof(&json!({}))));
        assert_eq!((second.status, &second.json()["token_type"]), (200, &json!("DPoP")), "{app}: nothing was spent");
    }
}

#[test]
fn an_app_may_begin_to_use_a_key_and_cannot_stop() {
    let holder = Holder::new();
    let basic = holder.house.basic();
    let code = holder.house.code("photos", "openid offline_access");
    let first = holder.house.token(&exchange(&code), &[("Authorization", &basic)]).json();
    let refresh = |token: &Value, proof: Option<String>| {
        let mut headers = vec![("Authorization", basic.as_str())];
        headers.extend(proof.as_deref().map(|proof| ("DPoP", proof)));
        holder.house.token(&[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())], &headers)
    };
    let second = refresh(&first["refresh_token"], Some(holder.proof(&json!({})))).json();
    assert_eq!(second["token_type"], "DPoP");
    let old = first["access_token"].as_str().unwrap();
    assert_eq!(
        holder.house.server.send(&Call::get("/userinfo").bearer(old)).status,
        401,
        "what it had is bound as well"
    );
    assert_eq!(refresh(&second["refresh_token"], None).status, 400);
}

#[test]
fn an_app_that_must_prove_a_key_gets_and_uses_nothing_without() {
    let holder = Holder::new();
    let basic = holder.house.basic();
    let code = holder.house.code("photos", "openid");
    let before = holder.house.token(&exchange(&code), &[("Authorization", &basic)]).json();
    let before = before["access_token"].as_str().unwrap();
    holder.house.set("photos", AppAmendment { dpop_required: Some(true), ..AppAmendment::default() });
    assert_eq!(holder.house.server.send(&Call::get("/userinfo").bearer(before)).status, 401);
    let code = holder.house.code("photos", "openid");
    let bare = holder.house.token(&exchange(&code), &[("Authorization", &basic)]);
    assert_eq!(error(&bare), (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(holder.redeem(&code, &holder.proof(&json!({}))).status, 200);
}

#[test]
fn whoever_has_no_token_is_told_of_both_ways_and_a_browser_may_send_proofs() {
    let house = AtAnApp::new();
    let answer = house.server.send(&Call::get("/userinfo"));
    assert_eq!(answer.all("www-authenticate").len(), 2);
    let origin = url::Url::parse(at_an_app::REDIRECT).unwrap().origin().ascii_serialization();
    let preflight = house.server.send(&Call::new("OPTIONS", "/token").header("Origin", origin));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("DPoP"));
}

#[test]
fn a_request_that_was_pushed_with_a_proof_is_for_the_holder_of_that_key() {
    let holder = Holder::new();
    let challenge = hashed(at_an_app::VERIFIER);
    let push = |more: &[(&str, &str)], proof: &str| {
        let fields = [
            ("redirect_uri", at_an_app::REDIRECT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let fields: Vec<_> = fields.into_iter().chain(more.iter().copied()).collect();
        let call = Call::post("/par").header("Authorization", holder.house.basic()).header("DPoP", proof);
        holder.house.server.send(&call.form(&fields))
    };
    let at_par = || holder.proof(&json!({ "htu": "https://id.example/par" }));
    assert_eq!(error(&push(&[], &holder.proof(&json!({})))), (400, "invalid_dpop_proof".to_owned()), "for /token");
    let other = push(&[("dpop_jkt", &hashed("another key"))], &at_par());
    assert_eq!(error(&other), (400, "invalid_request".to_owned()));
    let code = || {
        let pushed = push(&[], &at_par());
        assert_eq!(pushed.status, 201, "{}", pushed.text());
        let pushed = pushed.json();
        holder.house.code_for(&[("client_id", "photos"), ("request_uri", pushed["request_uri"].as_str().unwrap())])
    };
    let bare = holder.house.token(&exchange(&code()), &[("Authorization", &holder.house.basic())]);
    assert_eq!(error(&bare), (400, "invalid_grant".to_owned()));
    let thief = Holder { key: ClientKey::new(""), house: AtAnApp::new(), next: Cell::new(900) };
    let stolen = thief.key.sign(&header(&thief.key), &holder.claims());
    assert_eq!(error(&holder.redeem(&code(), &stolen)), (400, "invalid_grant".to_owned()));
    assert_eq!(holder.redeem(&code(), &holder.proof(&json!({}))).status, 200);
}

#[test]
fn wrong_secrets_are_bounded_wherever_a_client_proves_itself() {
    let house = AtAnApp::new();
    for path in ["/par", "/device_authorization"] {
        let wrong = || Call::post(path).header("Authorization", "Basic cGhvdG9zOndyb25n").form(&[("scope", "openid")]);
        let answers: Vec<u16> = (0..40).map(|_| house.server.send(&wrong()).status).collect();
        assert_eq!(answers.iter().filter(|status| **status == 401).count(), 30, "{path}: {answers:?}");
        assert_eq!(answers.last(), Some(&429));
        house.server.clock.advance(120);
    }
}
