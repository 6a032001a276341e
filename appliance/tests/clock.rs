//! Before the clock is trusted nothing that depends on the time is issued or checked, and everything goes on by itself the moment
//! that it is. A clock that jumps revives nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/authenticator.rs"]
mod authenticator;
mod harness;

use appliance::system::Clock;
use authenticator::Authenticator;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::account::AccountKind;
use domain::amend::Amendment;
use domain::client::ConsentMode;
use domain::clock::Trust;
use harness::{Answer, Call, START, Server};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use service::{AppAmendment, AppKind, Context};

const COOKIE: &str = "__Host-latchkey";
const REDIRECT: &str = "https://photos.example.org/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const DAY: i64 = 86_400;

/// Anna's phone, signed in, an app and a program.
struct House {
    server: Server,
    device: Authenticator,
    cookie: String,
    link: String,
    secret: String,
    robot: String,
}

impl House {
    fn new() -> Self {
        let server = Server::start();
        let (anna, bob, secret, robot) = server.operate(|idp| {
            let ctx = Context::console(harness::steady(START));
            let person = |name: &str| {
                let name = name.parse().unwrap();
                idp.create_account(&ctx, AccountKind::Person, &name, &Amendment::default()).unwrap();
                idp.create_invite(&ctx, &name, None, None).unwrap().url.expose().clone()
            };
            let (anna, bob) = (person("anna"), person("bob"));
            let amendment = AppAmendment {
                redirect_uris: Some(vec![REDIRECT.parse().unwrap()]),
                consent: Some(ConsentMode::Skip),
                ..AppAmendment::default()
            };
            let photos = "photos".parse().unwrap();
            let app = idp.create_app(&ctx, &photos, AppKind::Confidential, &amendment).unwrap();
            idp.allow_group(&ctx, &photos, &"everyone".parse().unwrap()).unwrap();
            let robot = "robot".parse().unwrap();
            idp.create_account(&ctx, AccountKind::Service, &robot, &Amendment::default()).unwrap();
            let member = service::Member::Account(robot.clone());
            idp.add_member(&ctx, &"owners".parse().unwrap(), &member).unwrap();
            let token = idp.create_api_token(&ctx, &robot, &"cron".parse().unwrap(), None).unwrap();
            (anna, bob, app.secret.unwrap().expose().clone(), token.token.expose().clone())
        });
        let path = |url: &str| url.strip_prefix(&server.issuer).unwrap().to_owned();
        let (anna, link) = (path(&anna), path(&bob));
        let device = Authenticator::new(&server.issuer);
        let mut house = Self { server, device, cookie: String::new(), link, secret, robot };
        let options = house.post(&format!("{anna}/passkey/options"), &[("display_name", "Anna")]).json();
        let credential = house.device.create(&options).to_string();
        let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
        let answer = house.post(&format!("{anna}/passkey"), &fields);
        answer.set_cookie(COOKIE).unwrap().clone_into(&mut house.cookie);
        house
    }

    fn get(&self, path: &str) -> Answer {
        self.server.send(&Call::get(path).cookie(COOKIE, &self.cookie).header("Accept", "text/html"))
    }

    /// As the scripts of our pages do.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let call = Call::post(path).origin(&self.server.issuer).header("Accept", "application/json");
        let call = if self.cookie.is_empty() { call } else { call.cookie(COOKIE, &self.cookie) };
        self.server.send(&call.form(fields))
    }

    fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("client_id", "photos"), ("client_secret", self.secret.as_str())];
        all.extend_from_slice(fields);
        self.server.send(&Call::post("/token").form(&all))
    }

    fn exchange(&self, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
    }

    fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    fn code(&self) -> String {
        let answer = self.get(&authorize());
        assert_eq!(answer.status, 303, "{}", answer.text());
        let url = answer.header("location").unwrap();
        let query = url.split_once('?').unwrap().1;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "code").unwrap().1.into_owned()
    }

    fn tokens(&self) -> (String, String) {
        let tokens = self.exchange(&self.code()).json();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    fn userinfo(&self, access: &str) -> Answer {
        self.server.send(&Call::get("/userinfo").bearer(access))
    }

    fn api(&self, path: &str) -> Answer {
        self.server.send(&Call::get(path).bearer(&self.robot))
    }

    fn signed_in(&self) -> bool {
        self.get("/").status == 200
    }

    fn console(&self, call: Call) -> Answer {
        self.server.send(&call.on_console())
    }

    fn sign_in(&mut self) -> Answer {
        let options = self.post("/signin/passkey/options", &[]).json();
        let credential = self.device.get(&options).to_string();
        let ceremony = options["ceremony"].as_str().unwrap().to_owned();
        self.post("/signin/passkey", &[("ceremony", &ceremony), ("credential", &credential)])
    }
}

fn authorize() -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let fields = [
        ("client_id", "photos"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    format!("/authorize?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

#[track_caller]
fn waits(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")), "{}", answer.text());
}

#[test]
fn people_are_told_why_and_the_page_looks_again_by_itself() {
    let house = House::new();
    for level in [Trust::Floor, Trust::Plausible] {
        house.server.clock.set_trust(level);
        for path in ["/", "/signin", "/account/sign-in", "/recover", &house.link, &authorize()] {
            let page = house.get(path);
            waits(&page);
            let text = page.text();
            assert!(text.contains("Waiting for the clock") && text.contains("latchkey time"), "{path}: {text}");
            let again = path.replace('&', "&#38;");
            assert!(
                text.contains(&format!("<meta http-equiv=\"refresh\" content=\"10; url={again}\">")),
                "{path}: {text}"
            );
        }
    }
    house.server.clock.set_trust(Trust::Synchronised);
    assert!(house.signed_in());
    assert_eq!(house.get(&authorize()).status, 303);
}

#[test]
fn nobody_gets_in_by_any_form() {
    let house = House::new();
    house.server.clock.set_trust(Trust::Plausible);
    for (path, fields) in [
        ("/signin/passkey", &[("ceremony", "x"), ("credential", "{}")][..]),
        ("/signin/password", &[("username", "anna"), ("password", "secret secret")]),
        ("/signin/second", &[("attempt", "x"), ("code", "123456")]),
        ("/recover", &[("username", "anna"), ("code", "AAAA-BBBB")]),
        ("/account/passkeys/options", &[]),
        ("/account/authenticator", &[("ceremony", "x"), ("code", "123456")]),
        ("/consent", &[("request", "/authorize?x"), ("answer", "allow")]),
        ("/signout", &[]),
    ] {
        let answer = house.post(path, fields);
        waits(&answer);
        assert!(answer.set_cookie(COOKIE).is_none(), "{path}");
    }
    waits(&house.post(&format!("{}/passkey/options", house.link), &[]));
}

#[test]
fn apps_hear_that_it_is_temporary_and_lose_nothing() {
    let house = House::new();
    let (access, refresh) = house.tokens();
    let code = house.code();
    house.server.clock.set_trust(Trust::Floor);
    for answer in [house.exchange(&code), house.refresh(&refresh), house.userinfo(&access)] {
        waits(&answer);
        assert_eq!(answer.json()["error"], "temporarily_unavailable");
        assert_eq!(answer.header("vary"), Some("Origin"), "a page of the app would hear it too");
        assert_eq!(answer.header("www-authenticate"), None, "the token is not called bad");
    }
    house.server.clock.set_trust(Trust::Synchronised);
    assert_eq!(house.userinfo(&access).status, 200);
    assert_eq!(house.exchange(&code).status, 200);
    assert_eq!(house.refresh(&refresh).status, 200);
}

#[test]
fn programs_with_a_token_wait_and_the_console_works() {
    let house = House::new();
    house.server.clock.set_trust(Trust::Floor);
    let answer = house.api("/api/v1/status");
    waits(&answer);
    assert_eq!(answer.json()["code"], "clock_not_set");
    let answer = house.console(Call::get("/api/v1/status"));
    assert_eq!((answer.status, &answer.json()["clock"]), (200, &json!("floor")));
    let answer = house.console(Call::post("/api/v1/persons/bob/invites").json(&json!({})));
    waits(&answer);
    house.server.clock.set_trust(Trust::Synchronised);
    assert_eq!(house.api("/api/v1/status").status, 200);
}

#[test]
fn what_needs_no_time_is_served_all_along() {
    let house = House::new();
    house.server.clock.set_trust(Trust::Floor);
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        assert_eq!(house.get(path).status, 200, "{path}");
    }
    let health = house.get("/health");
    assert_eq!((health.status, health.json()), (200, json!({"status": "waiting", "store": "ok", "clock": "floor"})));
    house.server.clock.set_trust(Trust::Synchronised);
    assert_eq!(house.get("/health").json(), json!({"status": "ok", "store": "ok", "clock": "synchronised"}));
}

#[test]
fn a_session_is_neither_lengthened_nor_ended_while_nobody_knows_the_time() {
    let house = House::new();
    house.server.clock.set_trust(Trust::Plausible);
    house.server.clock.advance(3 * 86_400);
    waits(&house.get("/"));
    house.server.clock.set_trust(Trust::Synchronised);
    assert!(house.signed_in());
    house.server.clock.advance(7 * 86_400);
    assert!(!house.signed_in(), "a week after it was last used");
}

#[test]
fn a_clock_a_year_ahead_makes_nothing_that_outlives_it() {
    let mut house = House::new();
    let (access, refresh) = house.tokens();
    house.server.clock.jump(365 * DAY);
    assert!(!house.signed_in());
    assert_eq!(house.userinfo(&access).status, 401);
    assert_eq!(house.refresh(&refresh).status, 400);
    let before = house.cookie.clone();
    let answer = house.sign_in();
    answer.set_cookie(COOKIE).unwrap().clone_into(&mut house.cookie);
    let (ahead_access, ahead_refresh) = house.tokens();
    let ahead_code = house.code();

    house.server.clock.jump(-365 * DAY);
    assert!(!house.signed_in(), "that session would live for a year and a month");
    assert_eq!(house.userinfo(&ahead_access).status, 401);
    assert_eq!(house.refresh(&ahead_refresh).status, 400);
    assert_eq!(house.exchange(&ahead_code).status, 400);
    house.cookie = before;
    assert!(house.signed_in(), "what was good before the jump still is");
    assert_eq!(house.userinfo(&access).status, 200);
}

#[test]
fn a_clock_a_day_back_revives_nothing() {
    let mut house = House::new();
    let code = house.code();
    let (access, refresh) = house.tokens();
    house.server.clock.advance(120);
    house.server.clock.jump(-DAY);
    assert!(!house.signed_in());
    assert_eq!(house.exchange(&code).status, 400, "a code that was over");
    assert_eq!(house.userinfo(&access).status, 401);
    assert_eq!(house.refresh(&refresh).status, 400);
    assert_eq!(house.api("/api/v1/status").status, 401);
    assert!(house.get(&house.link).text().contains("This link does not work"));
    // Whoever has a passkey gets in by it, at the time that there is.
    assert!(house.sign_in().set_cookie(COOKIE).is_some());
}

#[test]
fn a_ceremony_lasts_by_uptime_whatever_the_clock_does() {
    let house = House::new();
    let mut device = house.device;
    let server = house.server;
    let ask = || {
        let call = Call::post("/signin/passkey/options").origin(&server.issuer).header("Accept", "application/json");
        server.send(&call.form(&[])).json()
    };
    let mut answer = |options: &Value| {
        let credential = device.get(options).to_string();
        let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
        let call = Call::post("/signin/passkey").origin(&server.issuer).header("Accept", "application/json");
        server.send(&call.form(&fields))
    };
    let asked = ask();
    server.clock.jump(365 * DAY);
    assert!(answer(&asked).set_cookie(COOKIE).is_some());
    let asked = ask();
    server.clock.advance(3600);
    server.clock.jump(-3600);
    assert!(answer(&asked).set_cookie(COOKIE).is_none(), "an hour passed, though the wall clock says none did");
}

#[test]
fn the_console_sets_the_clock_and_everything_goes_on() {
    let house = House::new();
    house.server.clock.set_trust(Trust::Floor);
    let shown = house.console(Call::get("/api/v1/time")).json();
    assert_eq!((&shown["level"], &shown["trust"]), (&json!(0), &json!("floor")));
    assert!(shown["advice"].as_str().unwrap().contains("latchkey time set"));
    let set = Call::new("PUT", "/api/v1/time").json(&json!({"now": "2027-01-15T09:00:00Z"}));
    let answer = house.console(set);
    assert_eq!((answer.status, answer.json()), (200, json!({"now": "2027-01-15T09:00:00Z", "machine": false})));
    assert_eq!(house.server.clock.trust(), Trust::Synchronised);
    assert!(house.signed_in());
    assert_eq!(house.console(Call::get("/api/v1/time")).json()["level"], 2);
    let events = house.console(Call::get("/api/v1/audit")).json();
    let set = events["items"].as_array().unwrap().iter().find(|event| event["action"] == "clock.set").unwrap();
    assert_eq!(set["actor"], "console");
}

#[test]
fn nobody_sets_the_clock_from_afar_nor_to_a_time_that_cannot_be() {
    let house = House::new();
    let set = |now: Value| Call::new("PUT", "/api/v1/time").json(&json!({ "now": now }));
    let answer = house.server.send(&set("2027-06-01T00:00:00Z".into()).bearer(&house.robot));
    assert_eq!(answer.status, 403, "an owner's token is not enough: {}", answer.text());
    assert_eq!(house.server.clock.now(), START);
    for bad in [json!("1970-01-01T00:00:00Z"), json!("tomorrow"), json!(5), json!(null), json!("2027-06-01")] {
        let answer = house.console(set(bad.clone()));
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
    }
    let extra = Call::new("PUT", "/api/v1/time").json(&json!({"now": "2027-06-01T00:00:00Z", "zone": "UTC"}));
    assert_eq!(house.console(extra).status, 400);
    assert_eq!(house.server.clock.now(), START);
}
