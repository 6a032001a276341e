//! What becomes of tokens after they were issued, over HTTP: introspection, revocation, JWT access tokens, signed userinfo, pages of
//! other origins, and who tries too often.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/authenticator.rs"]
mod authenticator;
mod harness;

use authenticator::Authenticator;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::{AccessTokenFormat, Algorithm, ConsentMode};
use harness::{Answer, Call, PEER, START, Server};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use service::{AppAmendment, AppKind, Context, Idp};

const COOKIE: &str = "__Host-latchkey";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const SPA: &str = "https://spa.example.org";

/// Anna's browser, signed in, the app `photos` with a secret, and the app `spa` that lives in browsers.
struct Flow {
    server: Server,
    cookie: String,
    secret: String,
}

fn console() -> Context {
    Context::console(harness::steady(START))
}

fn make(idp: &Idp, name: &str, kind: AppKind) -> Option<String> {
    let amendment = AppAmendment {
        redirect_uris: Some(vec![redirect(name).parse().unwrap()]),
        consent: Some(ConsentMode::Skip),
        ..AppAmendment::default()
    };
    let made = idp.create_app(&console(), &name.parse().unwrap(), kind, &amendment).unwrap();
    idp.allow_group(&console(), &name.parse().unwrap(), &"everyone".parse().unwrap()).unwrap();
    made.secret.map(|secret| secret.expose().clone())
}

fn redirect(app: &str) -> String {
    format!("https://{app}.example.org/cb")
}

impl Flow {
    fn new() -> Self {
        let server = Server::start();
        let (link, secret) = server.operate(move |idp| {
            let anna = "anna".parse().unwrap();
            idp.create_account(&console(), AccountKind::Person, &anna, &Amendment::default()).unwrap();
            make(idp, "spa", AppKind::Public);
            let secret = make(idp, "photos", AppKind::Confidential).unwrap();
            (idp.create_invite(&console(), &anna, None, None).unwrap().url.expose().clone(), secret)
        });
        let path = link.strip_prefix(&server.issuer).unwrap().to_owned();
        let mut device = Authenticator::new(&server.issuer);
        let post = |path: String| Call::post(path).origin(&server.issuer).header("Accept", "application/json");
        let asked = post(format!("{path}/passkey/options")).form(&[("display_name", "Anna Bauer")]);
        let options = server.send(&asked).json();
        let credential = device.create(&options).to_string();
        let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
        let answer = server.send(&post(format!("{path}/passkey")).form(&fields));
        let cookie = answer.set_cookie(COOKIE).unwrap().to_owned();
        Self { server, cookie, secret }
    }

    fn set(&self, amendment: AppAmendment) {
        self.server.operate(move |idp| idp.set_app(&console(), &"photos".parse().unwrap(), &amendment).unwrap());
    }

    /// A request of that app, which proves itself as it can.
    fn call(&self, app: &str, path: &str, fields: &[(&str, &str)]) -> Call {
        if app == "photos" {
            let header = format!("Basic {}", STANDARD.encode(format!("photos:{}", self.secret)));
            return Call::post(path).header("Authorization", header).form(fields);
        }
        Call::post(path).form(&[fields, &[("client_id", app)]].concat())
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.server.send(&self.call("photos", path, fields))
    }

    fn code(&self, app: &str, scope: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", app),
                ("redirect_uri", &redirect(app)),
                ("response_type", "code"),
                ("scope", scope),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let answer = self.server.send(&Call::get(format!("/authorize?{query}")).cookie(COOKIE, &self.cookie));
        let location = answer.header("location").unwrap().split_once('?').unwrap().1.to_owned();
        form_urlencoded::parse(location.as_bytes()).find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    fn exchange(&self, app: &str, code: &str) -> Call {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect(app)),
            ("code_verifier", VERIFIER),
        ];
        self.call(app, "/token", &fields)
    }

    fn tokens_of(&self, app: &str) -> Value {
        let answer = self.server.send(&self.exchange(app, &self.code(app, "openid profile offline_access")));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn tokens(&self) -> (String, String) {
        let tokens = self.tokens_of("photos");
        (text(&tokens["access_token"]), text(&tokens["refresh_token"]))
    }

    fn userinfo(&self, token: &str) -> Answer {
        self.server.send(&Call::get("/userinfo").bearer(token))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, text(&answer.json()["error"]))
}

fn body(jwt: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn an_app_asks_about_its_tokens() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens();
    for token in [&access, &refresh] {
        let answer = flow.post("/introspect", &[("token", token), ("token_type_hint", "access_token")]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let said = answer.json();
        assert_eq!(
            (&said["active"], &said["username"], &said["client_id"]),
            (&json!(true), &json!("anna"), &json!("photos"))
        );
    }
    assert_eq!(flow.post("/introspect", &[("token", "x")]).json(), json!({ "active": false }));
    let no_token = flow.post("/introspect", &[]);
    assert_eq!(error(&no_token), (400, "invalid_request".to_owned()));
    let twice = flow.post("/introspect", &[("token", "x"), ("token", "y")]);
    assert_eq!(error(&twice), (400, "invalid_request".to_owned()));
    let unproven = flow.server.send(&Call::post("/introspect").form(&[("client_id", "spa"), ("token", &access)]));
    assert_eq!(error(&unproven), (401, "invalid_client".to_owned()));
    let wrong = Call::post("/introspect").header("Authorization", format!("Basic {}", STANDARD.encode("photos:x")));
    let wrong = flow.server.send(&wrong.form(&[("token", &access)]));
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (401, Some("Basic realm=\"latchkey\"")));
    let bearer = flow.server.send(&Call::post("/introspect").bearer(&access).form(&[("token", &access)]));
    assert_eq!(error(&bearer), (401, "invalid_client".to_owned()), "a token proves no client");
    assert_eq!(flow.server.send(&Call::get(format!("/introspect?token={access}"))).status, 405);
}

#[test]
fn an_app_gives_a_token_back_and_all_of_its_family_ends() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens();
    let answer = flow.post("/revoke", &[("token", &refresh), ("token_type_hint", "refresh_token")]);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(flow.userinfo(&access).status, 401);
    assert_eq!(flow.post("/introspect", &[("token", &access)]).json(), json!({ "active": false }));
    assert_eq!(flow.post("/revoke", &[("token", &refresh)]).status, 200, "again");
    assert_eq!(flow.post("/revoke", &[("token", "unknown")]).status, 200);
    assert_eq!(error(&flow.post("/revoke", &[("token", "lk_c_x")])), (400, "unsupported_token_type".to_owned()));
    assert_eq!(error(&flow.post("/revoke", &[])), (400, "invalid_request".to_owned()));
    let json = flow.server.send(&Call::post("/revoke").json(&json!({ "token": "x" })));
    assert_eq!(error(&json), (400, "invalid_request".to_owned()));
    let (access, _) = flow.tokens();
    let other = flow.server.send(&flow.call("spa", "/revoke", &[("token", &access)]));
    assert_eq!(error(&other), (400, "invalid_grant".to_owned()));
    assert_eq!(flow.userinfo(&access).status, 200);
}

#[test]
fn a_jwt_access_token_is_read_by_others_and_works_here() {
    let flow = Flow::new();
    flow.set(AppAmendment { access_token: Some(AccessTokenFormat::Jwt), ..AppAmendment::default() });
    let tokens = flow.tokens_of("photos");
    let (access, id_token) = (text(&tokens["access_token"]), text(&tokens["id_token"]));
    let claims = body(&access);
    assert_eq!((&claims["iss"], &claims["client_id"]), (&json!(flow.server.issuer), &json!("photos")));
    assert_eq!(flow.userinfo(&access).json()["preferred_username"], "anna");
    assert_eq!(flow.post("/introspect", &[("token", &access)]).json()["active"], true);
    assert_eq!(flow.userinfo(&id_token).status, 401, "an ID token opens nothing");
    flow.server.clock.advance(900);
    assert_eq!(flow.userinfo(&access).status, 401);
}

#[test]
fn userinfo_is_signed_for_an_app_that_wants_it_so() {
    let flow = Flow::new();
    flow.set(AppAmendment { userinfo: Some(Some(Algorithm::Es256)), ..AppAmendment::default() });
    let answer = flow.userinfo(&flow.tokens().0);
    assert_eq!(answer.header("content-type"), Some("application/jwt"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let claims = body(&answer.text());
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(flow.server.issuer), &json!("photos")));
    assert_eq!(claims["name"], "Anna Bauer");
}

#[test]
fn a_token_in_an_address_opens_nothing() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens();
    let userinfo = format!("/userinfo?access_token={access}");
    for call in [Call::get(&userinfo), Call::post(&userinfo)] {
        assert_eq!(flow.server.send(&call).status, 401);
    }
    let revoke = flow.server.send(&flow.call("photos", &format!("/revoke?token={refresh}"), &[]));
    assert_eq!(error(&revoke), (400, "invalid_request".to_owned()));
    let query = format!("/token?grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(error(&flow.server.send(&flow.call("photos", &query, &[]))), (400, "invalid_request".to_owned()));
    assert_eq!(flow.userinfo(&access).status, 200);
}

#[test]
fn nothing_that_bears_a_token_is_kept_anywhere() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens();
    let renewed = flow.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
    let answers = [
        renewed,
        flow.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]),
        flow.post("/introspect", &[("token", &access)]),
        flow.post("/revoke", &[("token", "x")]),
        flow.userinfo(&access),
        flow.userinfo("x"),
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text());
    }
}

#[test]
fn an_app_whose_answer_was_lost_asks_once_more() {
    let flow = Flow::new();
    let (_, first) = flow.tokens();
    let refresh = |token: &str| flow.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    assert_eq!(refresh(&first).status, 200, "lost");
    flow.server.clock.advance(9);
    let again = refresh(&first);
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(error(&refresh(&first)), (400, "invalid_grant".to_owned()), "once");
    assert_eq!(error(&refresh(&text(&again.json()["refresh_token"]))), (400, "invalid_grant".to_owned()), "all ended");
}

#[test]
fn only_pages_of_an_app_in_browsers_are_told_that_they_may_ask() {
    let flow = Flow::new();
    for path in ["/token", "/userinfo", "/revoke"] {
        let ask = |origin: &str| flow.server.send(&Call::new("OPTIONS", path).header("Origin", origin));
        let yes = ask(SPA);
        assert_eq!((yes.status, yes.header("access-control-allow-origin")), (204, Some(SPA)), "{path}");
        assert_eq!(yes.header("access-control-allow-methods"), Some("GET, POST"));
        assert_eq!((yes.header("vary"), yes.header("access-control-allow-credentials")), (Some("Origin"), None));
        for other in ["https://evil.example", "https://photos.example.org", "http://spa.example.org", "null", "*", ""] {
            let no = ask(other);
            assert_eq!(
                (no.header("access-control-allow-origin"), no.header("vary")),
                (None, Some("Origin")),
                "{other}"
            );
        }
    }
    assert_eq!(flow.server.send(&Call::new("OPTIONS", "/introspect").header("Origin", SPA)).status, 405);
}

#[test]
fn a_page_reads_the_answers_of_its_own_app_only() {
    let flow = Flow::new();
    flow.server.operate(|idp| drop(make(idp, "other", AppKind::Public)));
    let from = |origin: &str, call: Call| {
        let answer = flow.server.send(&call.header("Origin", origin));
        assert_eq!(answer.header("vary"), Some("Origin"));
        (answer.status, answer.header("access-control-allow-origin").map(str::to_owned))
    };
    let (spa, nobody) = (Some(SPA.to_owned()), None::<String>);
    let other = "https://other.example.org";
    let code = || flow.code("spa", "openid");
    assert_eq!(from(SPA, flow.exchange("spa", &code())), (200, spa.clone()));
    assert_eq!(from(SPA, flow.exchange("spa", "wrong")), (400, spa.clone()), "and what went wrong");
    assert_eq!(from(other, flow.exchange("spa", &code())), (200, nobody.clone()));
    assert_eq!(from("https://photos.example.org", flow.exchange("photos", &flow.code("photos", "openid"))).1, nobody);
    let access = text(&flow.tokens_of("spa")["access_token"]);
    let ask = |token: &str| Call::get("/userinfo").bearer(token);
    assert_eq!(from(SPA, ask(&access)), (200, spa.clone()));
    assert_eq!(from(other, ask(&access)), (200, nobody.clone()));
    assert_eq!(from(SPA, ask("over")), (401, spa.clone()));
    assert_eq!(from("https://evil.example", ask("over")), (401, nobody.clone()));
    assert_eq!(from(other, flow.call("spa", "/revoke", &[("token", "x")])), (200, nobody.clone()));
    assert_eq!(from(SPA, flow.call("spa", "/revoke", &[("token", &access)])), (200, spa));
    let asked = flow.post("/introspect", &[("token", &access)]);
    assert_eq!(asked.header("access-control-allow-origin"), None);
}

#[test]
fn whoever_is_wrong_too_often_waits_and_nobody_else_does() {
    let flow = Flow::new();
    let (access, refresh) = flow.tokens();
    let wrong = format!("Basic {}", STANDARD.encode("photos:wrong"));
    for path in ["/token", "/introspect", "/revoke"] {
        let guess = || {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("token", &access)];
            flow.server.send(&Call::post(path).header("Authorization", wrong.clone()).form(&fields))
        };
        for _ in 0..30 {
            assert_eq!(guess().status, 401);
        }
        let told = guess();
        assert_eq!((told.status, told.header("retry-after")), (429, Some("2")), "{path}");
        assert!(text(&told.json()["error_description"]).contains("try again in 2 seconds"));
        // What is right is not held up: another app, or this one with the right secret, may be at the same address.
        assert_eq!(flow.post("/introspect", &[("token", &access)]).json()["active"], true);
        let elsewhere = flow.call("photos", "/introspect", &[("token", &access)]);
        let elsewhere = flow.server.send(&elsewhere.from("198.51.100.1".parse().unwrap()));
        assert_eq!(elsewhere.status, 200, "the app at its own address");
        flow.server.clock.advance(120);
    }
    assert_eq!(flow.post("/introspect", &[("token", &access)]).json()["active"], true);
}

#[test]
fn good_traffic_and_strange_tokens_at_introspection_are_not_limited() {
    let flow = Flow::new();
    let (access, _) = flow.tokens();
    for _ in 0..200 {
        assert_eq!(flow.post("/introspect", &[("token", &access)]).status, 200);
        assert_eq!(flow.post("/introspect", &[("token", "lk_a_strange")]).status, 200);
    }
    let bad = |app: &str| flow.server.send(&flow.exchange(app, "lk_c_wrong").from(PEER)).status;
    let answers: Vec<u16> = (0..40).map(|_| bad("spa")).collect();
    assert_eq!(answers.iter().filter(|status| **status == 400).count(), 30, "codes that are wrong are counted");
    assert_eq!(bad("photos"), 400, "and for that app only");
}

#[test]
fn discovery_names_the_endpoints_and_their_methods() {
    let server = Server::start();
    let document = server.send(&Call::get("/.well-known/openid-configuration")).json();
    assert_eq!(document["introspection_endpoint"], json!(format!("{}/introspect", server.issuer)));
    assert_eq!(document["revocation_endpoint"], json!(format!("{}/revoke", server.issuer)));
    assert_eq!(
        document["introspection_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "private_key_jwt"])
    );
    assert_eq!(
        document["revocation_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"])
    );
    assert_eq!(document["subject_types_supported"], json!(["public", "pairwise"]));
    assert_eq!(document["userinfo_signing_alg_values_supported"], json!(["ES256", "RS256"]));
}
