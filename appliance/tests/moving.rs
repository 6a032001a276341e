//! A house that moves to another host name: what browsers, apps and admins see of it under both names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/authenticator.rs"]
mod authenticator;
mod harness;

use authenticator::Authenticator;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ConsentMode;
use harness::{Answer, Call, START, Server};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use service::{AppAmendment, AppKind, Context};

const COOKIE: &str = "__Host-latchkey";
const REDIRECT: &str = "https://photos.example.org/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const OLD: &str = "id.example";
const NEW: &str = "home.example.net";
const DAY: u32 = 86_400;

/// A house that Anna moved into when it was called `OLD`, with the app `photos`.
struct Moving {
    server: Server,
    device: Authenticator,
    /// Anna's cookie of the old name.
    cookie: String,
    secret: String,
}

impl Moving {
    fn new() -> Self {
        let server = Server::start();
        let (link, secret) = server.operate(move |idp| {
            let (ctx, anna, photos) =
                (Context::console(harness::steady(START)), "anna".parse().unwrap(), "photos".parse().unwrap());
            idp.create_account(&ctx, AccountKind::Person, &anna, &Amendment::default()).unwrap();
            let amendment = AppAmendment {
                redirect_uris: Some(vec![REDIRECT.parse().unwrap()]),
                consent: Some(ConsentMode::Skip),
                ..AppAmendment::default()
            };
            let made = idp.create_app(&ctx, &photos, AppKind::Confidential, &amendment).unwrap();
            idp.allow_group(&ctx, &photos, &"everyone".parse().unwrap()).unwrap();
            let link = idp.create_invite(&ctx, &anna, None, None).unwrap().url.expose().clone();
            (link, made.secret.unwrap().expose().clone())
        });
        let device = Authenticator::new(&origin(OLD));
        let mut house = Self { server, device, cookie: String::new(), secret };
        let path = link.strip_prefix(&origin(OLD)).unwrap();
        let options = house.post(OLD, &format!("{path}/passkey/options"), &[("display_name", "Anna")]).json();
        let credential = house.device.create(&options).to_string();
        let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
        let answer = house.post(OLD, &format!("{path}/passkey"), &fields);
        answer.set_cookie(COOKIE).unwrap().clone_into(&mut house.cookie);
        house
    }

    /// The same after the move, with the former name served for so many days.
    fn moved(days: u16) -> Self {
        let house = Self::new();
        assert_eq!(house.put(NEW, days).json(), json!({"change": "changed"}));
        house
    }

    fn put(&self, host: &str, days: u16) -> Answer {
        let call = Call::new("PUT", "/api/v1/domain").json(&json!({"host": host, "former_days": days}));
        self.server.send(&call.on_console())
    }

    fn send(&self, host: &str, call: Call) -> Answer {
        self.server.send(&call.header("Host", host))
    }

    fn get(&self, host: &str, path: &str) -> Answer {
        self.send(host, Call::get(path).header("Accept", "text/html"))
    }

    fn anna(&self, host: &str, path: &str) -> Answer {
        self.send(host, Call::get(path).header("Accept", "text/html").cookie(COOKIE, &self.cookie))
    }

    fn post(&self, host: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(host, Call::post(path).origin(&origin(host)).header("Accept", "text/html").form(fields))
    }

    /// Signs in with the old passkey on the page of that name; `of` is what the button's form says.
    fn sign_in(&mut self, host: &str, of: &str, next: &str) -> Answer {
        self.device.origin = origin(host);
        let asked = self.post(host, "/signin/passkey/options", &[("of", of)]).json();
        assert_eq!(asked["publicKey"]["rpId"], OLD);
        let credential = self.device.get(&asked).to_string();
        let ceremony = asked["ceremony"].as_str().unwrap();
        let fields = [("of", of), ("ceremony", ceremony), ("credential", &credential), ("next", next)];
        self.post(host, "/signin/passkey", &fields)
    }

    fn token(&self, host: &str, code: &str) -> Answer {
        let header = format!("Basic {}", STANDARD.encode(format!("photos:{}", self.secret)));
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.send(host, Call::post("/token").header("Authorization", header).form(&fields))
    }
}

fn origin(host: &str) -> String {
    format!("https://{host}")
}

fn authorize() -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let fields = [
        ("client_id", "photos"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    format!("/authorize?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn issuer_of(token: &Value) -> String {
    let body = token["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    claims["iss"].as_str().unwrap().to_owned()
}

#[test]
fn each_name_describes_itself_and_no_other() {
    let house = Moving::moved(90);
    for host in [OLD, NEW, OLD, NEW] {
        let document = house.get(host, "/.well-known/openid-configuration").json();
        assert_eq!(document["issuer"], origin(host));
        for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
            assert!(document[name].as_str().unwrap().starts_with(&origin(host)), "{name}");
        }
    }
    assert_eq!(house.get(OLD, "/.well-known/jwks.json").json(), house.get(NEW, "/.well-known/jwks.json").json());
}

#[test]
fn an_app_that_knows_the_old_issuer_goes_on_with_it_from_end_to_end() {
    let house = Moving::moved(90);
    let answer = house.anna(OLD, &authorize());
    let url = location(&answer);
    assert_eq!(parameter(url, "iss"), Some(origin(OLD)));
    let answer = house.token(OLD, &parameter(url, "code").unwrap());
    let token = answer.json();
    assert_eq!((answer.status, issuer_of(&token)), (200, origin(OLD)));
    let info = house.send(OLD, Call::get("/userinfo").bearer(token["access_token"].as_str().unwrap()));
    assert_eq!(info.json()["name"], "Anna");
}

#[test]
fn a_code_of_one_issuer_is_no_grant_at_the_other() {
    let house = Moving::moved(90);
    let answer = house.anna(OLD, &authorize());
    let code = parameter(location(&answer), "code").unwrap();
    let refused = house.token(NEW, &code);
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(house.token(OLD, &code).status, 400, "it is spent");
}

#[test]
fn pages_of_the_old_name_lead_to_the_new_one_but_those_that_an_app_needs() {
    let house = Moving::moved(90);
    for path in ["/", "/account", "/account/sign-in?said=proven", "/signin", "/signin?next=%2Faccount", "/recover"] {
        assert_eq!(location(&house.anna(OLD, path)), format!("https://{NEW}{path}"));
    }
    let door = house.get(OLD, &authorize());
    assert!(location(&door).starts_with("/signin?next="));
    let page = house.get(OLD, location(&door));
    assert_eq!(page.status, 200);
    assert!(page.text().contains(&format!("<strong>{OLD}</strong>")), "it says where a secret is typed");
    assert!(!page.text().contains("before the move"), "that button is for the new name");
}

#[test]
fn a_form_counts_only_on_the_name_that_it_stood_on() {
    let house = Moving::moved(90);
    for (host, from) in [(OLD, NEW), (NEW, OLD), (NEW, "evil.example")] {
        let call = Call::post("/signin/passkey/options").origin(&origin(from)).form(&[]);
        assert_eq!(house.send(host, call).status, 403, "{host} {from}");
    }
    assert_eq!(house.post(OLD, "/signin/passkey/options", &[]).status, 200);
}

#[test]
fn a_cookie_of_the_old_name_opens_nothing_under_the_new_one() {
    let house = Moving::moved(90);
    assert!(location(&house.anna(NEW, "/account")).starts_with("/signin"));
    assert!(location(&house.anna(NEW, &authorize())).starts_with("/signin"));
}

#[test]
fn browsers_learn_where_else_the_old_passkeys_may_be_used_and_only_there() {
    let house = Moving::new();
    assert_eq!(house.get(OLD, "/.well-known/webauthn").status, 404);
    assert_eq!(house.put(NEW, 90).status, 200);
    let answer = house.get(OLD, "/.well-known/webauthn");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.json(), json!({"origins": [origin(OLD), origin(NEW)]}));
    for host in [NEW, "evil.example"] {
        assert_eq!(house.get(host, "/.well-known/webauthn").status, 404, "{host}");
    }
}

#[test]
fn an_old_passkey_signs_in_on_the_old_page_for_an_app() {
    let mut house = Moving::moved(90);
    let next = authorize();
    let answer = house.sign_in(OLD, "", &next);
    assert_eq!(location(&answer), next);
    answer.set_cookie(COOKIE).unwrap().clone_into(&mut house.cookie);
    assert_eq!(parameter(location(&house.anna(OLD, &next)), "iss"), Some(origin(OLD)));
}

#[test]
fn an_old_passkey_signs_in_on_the_new_page_and_its_person_is_offered_a_new_one() {
    let mut house = Moving::moved(90);
    let door = house.get(NEW, "/signin").text();
    assert!(door.contains("My passkey is from before the move") && door.contains(OLD));
    let next = authorize();
    let answer = house.sign_in(NEW, "former", &next);
    answer.set_cookie(COOKIE).unwrap().clone_into(&mut house.cookie);
    let offer = location(&answer).to_owned();
    assert!(offer.starts_with("/moved?next=%2Fauthorize"), "{offer}");
    let page = house.anna(NEW, &offer).text();
    assert!(page.contains("Make a new passkey") && page.contains("Not now"), "{page}");
    assert!(house.anna(NEW, "/").text().contains("Latchkey has a new address"));
    // Nobody is forced.
    assert_eq!(parameter(location(&house.anna(NEW, &next)), "iss"), Some(origin(NEW)));

    let with = |call: Call| call.origin(&origin(NEW)).cookie(COOKIE, &house.cookie).header("Host", NEW);
    let options = house.server.send(&with(Call::post("/account/passkeys/options")).form(&[])).json();
    assert_eq!(options["publicKey"]["rp"]["id"], NEW);
    let credential = Authenticator::new(&origin(NEW)).create(&options).to_string();
    let ceremony = options["ceremony"].as_str().unwrap();
    let fields = [("ceremony", ceremony), ("credential", &credential), ("moved", &next)];
    let made = house.server.send(&with(Call::post("/account/passkeys")).form(&fields));
    let done = location(&made).to_owned();
    assert_eq!((&done[..6], parameter(&done, "next")), ("/moved", Some(next.clone())));
    assert!(house.anna(NEW, &done).text().contains("Go on"));
    assert_eq!(location(&house.anna(NEW, &offer)), next, "asked once only");
    assert!(!house.anna(NEW, "/").text().contains("Latchkey has a new address"));
}

#[test]
fn a_passkey_answer_from_another_page_is_refused() {
    let mut house = Moving::moved(90);
    for (host, says) in [(NEW, OLD), (NEW, "evil.example"), (OLD, NEW)] {
        let asked = house.post(host, "/signin/passkey/options", &[("of", "former")]).json();
        house.device.origin = origin(says);
        let credential = house.device.get(&asked).to_string();
        let ceremony = asked["ceremony"].as_str().unwrap();
        let fields = [("of", "former"), ("ceremony", ceremony), ("credential", &credential)];
        let refused = house.post(host, "/signin/passkey", &fields);
        assert_eq!((refused.status, refused.set_cookie(COOKIE)), (403, None), "{host} {says}");
    }
}

#[test]
fn after_the_last_day_the_old_name_says_where_the_house_is_and_nothing_more() {
    let house = Moving::moved(2);
    let answer = house.anna(OLD, &authorize());
    let code = parameter(location(&answer), "code").unwrap();
    house.server.clock.advance(2 * DAY);
    for back in [0, DAY] {
        house.server.clock.jump(-i64::from(back));
        for path in
            ["/.well-known/openid-configuration", "/.well-known/webauthn", "/.well-known/jwks.json", "/userinfo"]
        {
            let gone = house.send(OLD, Call::get(path));
            assert_eq!(gone.status, 410, "{path}");
            assert!(gone.text().contains("https://home.example.net"));
        }
        let page = house.anna(OLD, &authorize());
        assert_eq!(page.status, 410);
        assert!(page.text().contains("Latchkey has moved") && page.text().contains("https://home.example.net/"));
        assert_eq!(house.token(OLD, &code).status, 410);
        assert!(!house.get(NEW, "/signin").text().contains("before the move"));
        let asked = house.post(NEW, "/signin/passkey/options", &[("of", "former")]);
        assert_eq!(asked.status, 403);
    }
    assert_eq!(house.get(OLD, "/static/app.css").status, 200, "that page wears its style");
    assert_eq!(house.get("evil.example", "/signin").status, 421);
}

#[test]
fn admins_see_and_set_it_and_repeating_it_changes_nothing() {
    let house = Moving::new();
    let status = || house.server.send(&Call::get("/api/v1/domain").on_console()).json();
    assert_eq!(
        status(),
        json!({"host": OLD, "issuer": origin(OLD), "former": null, "must_enrol": [], "must_enrol_count": 0})
    );
    for (days, change) in [(90, "changed"), (90, "unchanged"), (30, "changed")] {
        assert_eq!(house.put(NEW, days).json()["change"], change);
    }
    let shown = status();
    assert_eq!(
        (&shown["host"], &shown["former"]["host"], &shown["former"]["served"]),
        (&json!(NEW), &json!(OLD), &json!(true))
    );
    assert_eq!(shown["must_enrol"], json!([{"name": "anna", "display_name": "Anna", "until": "2027-02-14T08:00:00Z"}]));
    for (host, days, status) in
        [("third.example", 90, 409), ("latchkey.local", 90, 409), (NEW, 401, 409), ("10.0.0.1", 9, 400)]
    {
        assert_eq!(house.put(host, days).status, status, "{host}");
    }
    let unknown = Call::new("PUT", "/api/v1/domain").json(&json!({"host": NEW, "former_days": 9, "force": true}));
    assert_eq!(house.server.send(&unknown.on_console()).status, 400);
    for change in ["removed", "unchanged"] {
        let ended = house.server.send(&Call::new("DELETE", "/api/v1/domain").on_console());
        assert_eq!(ended.json()["change"], change);
    }
    assert_eq!(house.get(OLD, "/").status, 410);
    assert_eq!(status()["must_enrol"][0]["until"], Value::Null);
    // Back again: what was made for the first name is good at once.
    assert_eq!(house.put(OLD, 1).json()["change"], "changed");
    assert_eq!(status()["must_enrol_count"], 0);
    assert_eq!(house.server.send(&Call::new("PUT", "/api/v1/domain")).status, 401);
}
