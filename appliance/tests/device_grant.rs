//! The device authorization grant over HTTP: what a television and a telephone see of it (RFC 8628).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/authenticator.rs"]
mod authenticator;
mod harness;

use authenticator::Authenticator;
use domain::account::AccountKind;
use domain::amend::Amendment;
use harness::{Answer, Call, START, Server};
use serde_json::{Value, json};
use service::{AppAmendment, AppKind, Context};

const COOKIE: &str = "__Host-latchkey";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The public app `films` on a television, and Anna's telephone, signed in.
struct House {
    server: Server,
    cookie: String,
}

impl House {
    fn new() -> Self {
        let server = Server::start();
        let link = server.operate(move |idp| {
            let (ctx, anna) = (Context::console(harness::steady(START)), "anna".parse().unwrap());
            idp.create_account(&ctx, AccountKind::Person, &anna, &Amendment::default()).unwrap();
            for (name, device) in [("films", true), ("photos", false)] {
                let amendment = AppAmendment {
                    display_name: Some("Film night".parse().unwrap()),
                    device: Some(device),
                    ..AppAmendment::default()
                };
                let name = name.parse().unwrap();
                idp.create_app(&ctx, &name, AppKind::Public, &amendment).unwrap();
                idp.allow_group(&ctx, &name, &"everyone".parse().unwrap()).unwrap();
            }
            idp.create_invite(&ctx, &anna, None, None).unwrap().url.expose().clone()
        });
        let issuer = server.issuer.clone();
        let path = link.strip_prefix(&issuer).unwrap();
        let asked = Call::post(format!("{path}/passkey/options")).origin(&issuer).header("Accept", "application/json");
        let options = server.send(&asked.form(&[("display_name", "Anna Bauer")])).json();
        let credential = Authenticator::new(&issuer).create(&options).to_string();
        let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
        let answer = server.send(&Call::post(format!("{path}/passkey")).origin(&issuer).form(&fields));
        let cookie = answer.set_cookie(COOKIE).unwrap().to_owned();
        Self { server, cookie }
    }

    fn ask(&self, fields: &[(&str, &str)]) -> Answer {
        self.server.send(&Call::post("/device_authorization").form(fields))
    }

    fn codes(&self, scope: &str) -> Value {
        let answer = self.ask(&[("client_id", "films"), ("scope", scope)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    fn poll(&self, codes: &Value) -> Answer {
        let code = codes["device_code"].as_str().unwrap();
        let fields = [("grant_type", GRANT), ("client_id", "films"), ("device_code", code)];
        self.server.send(&Call::post("/token").form(&fields))
    }

    fn error(&self, codes: &Value) -> String {
        let answer = self.poll(codes);
        assert_eq!(answer.status, 400, "{}", answer.text());
        answer.json()["error"].as_str().unwrap().to_owned()
    }

    fn get(&self, path: &str) -> Answer {
        self.server.send(&Call::get(path).cookie(COOKIE, &self.cookie).header("Accept", "text/html"))
    }

    fn answer(&self, codes: &Value, answer: &str) -> Answer {
        let fields = [("code", codes["user_code"].as_str().unwrap()), ("answer", answer)];
        let call = Call::post("/device").cookie(COOKIE, &self.cookie).origin(&self.server.issuer);
        self.server.send(&call.header("Accept", "text/html").form(&fields))
    }
}

fn path_of<'a>(house: &House, uri: &'a Value) -> &'a str {
    uri.as_str().unwrap().strip_prefix(&house.server.issuer).unwrap()
}

#[test]
fn a_person_lets_a_television_in_from_the_telephone() {
    let house = House::new();
    let answer = house.ask(&[("client_id", "films"), ("scope", "openid profile offline_access")]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), None, "a television is no page");
    let codes = answer.json();
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));
    assert_eq!(codes["verification_uri"], "https://id.example/device");
    let user_code = codes["user_code"].as_str().unwrap();
    assert_eq!(codes["verification_uri_complete"], format!("https://id.example/d/{user_code}"));
    assert_eq!(house.error(&codes), "authorization_pending");

    let page = house.get(&format!("/device?code={}", user_code.to_lowercase().replace('-', "+")));
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    for words in ["Let Film night in on another device?", user_code, "192.0.2.7", "Your name and picture"] {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
    assert!(house.answer(&codes, "allow").text().contains("Film night may come in"));

    house.server.clock.advance(5);
    let tokens = house.poll(&codes);
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, Some("no-store")));
    let tokens = tokens.json();
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string());
    let info = house.server.send(&Call::get("/userinfo").bearer(tokens["access_token"].as_str().unwrap())).json();
    assert_eq!(info["name"], "Anna Bauer");
    house.server.clock.advance(5);
    assert_eq!(house.error(&codes), "invalid_grant", "a device code works once");
    assert!(house.get("/account/apps").text().contains("Film night"));
}

#[test]
fn the_short_address_leads_a_stranger_to_the_door_and_back() {
    let house = House::new();
    let codes = house.codes("openid");
    let short = house.get(path_of(&house, &codes["verification_uri_complete"]));
    let page = short.header("location").unwrap().to_owned();
    assert_eq!(page, format!("/device?code={}", codes["user_code"].as_str().unwrap()));
    assert_eq!(house.get("/d").header("location"), Some("/device"));
    let evil = house.get("/d/%0d%0aSet-Cookie:x=%22%3E");
    assert_eq!(evil.header("location"), Some("/device?code=Set-Cookiex"));
    let door = house.server.send(&Call::get(&page).header("Accept", "text/html"));
    assert_eq!(door.status, 303);
    assert!(door.header("location").unwrap().starts_with("/signin?next=%2Fdevice%3Fcode%3D"));
    assert_eq!(house.get(&page).status, 200);
}

#[test]
fn a_no_and_silence_are_told_to_the_device() {
    let house = House::new();
    let (refused, forgotten) = (house.codes("openid"), house.codes("openid"));
    assert!(house.answer(&refused, "deny").text().contains("That device stays out"));
    assert_eq!(house.error(&refused), "access_denied");
    assert_eq!(house.answer(&refused, "allow").status, 403, "a no stays a no");
    house.server.clock.advance(600);
    assert_eq!(house.error(&forgotten), "expired_token");
    let page = house.get(&format!("/device?code={}", forgotten["user_code"].as_str().unwrap()));
    assert_eq!(page.status, 403);
    assert!(page.text().contains("This code is over"));
    house.server.clock.advance(300);
    assert_eq!(house.error(&forgotten), "invalid_grant");
}

#[test]
fn a_device_in_a_hurry_is_told_to_slow_down() {
    let house = House::new();
    let codes = house.codes("openid");
    assert_eq!(house.error(&codes), "authorization_pending");
    house.server.clock.advance(1);
    assert_eq!(house.error(&codes), "slow_down");
    house.server.clock.advance(5);
    assert_eq!(house.error(&codes), "slow_down", "the interval is ten seconds now");
    house.server.clock.advance(15);
    assert_eq!(house.error(&codes), "authorization_pending");
}

#[test]
fn guessing_codes_ends_after_five() {
    let house = House::new();
    let codes = house.codes("openid");
    for n in 0..5 {
        let page = house.get(&format!("/device?code=AAAA-AAA{n}"));
        assert_eq!(page.status, 403);
        assert!(page.text().contains("No device waits with this code"));
    }
    let right = format!("/device?code={}", codes["user_code"].as_str().unwrap());
    assert!(house.get(&right).text().contains("Too many wrong codes"));
    assert_eq!(house.answer(&codes, "allow").status, 403);
    house.server.clock.advance(599);
    assert!(house.get(&right).text().contains("in about 1 minute."));
    house.server.clock.advance(1);
    assert!(house.get(&right).text().contains("This code is over"));
}

#[test]
fn a_page_of_somebody_else_answers_no_device() {
    let house = House::new();
    let codes = house.codes("openid");
    let fields = [("code", codes["user_code"].as_str().unwrap()), ("answer", "allow")];
    let call = Call::post("/device").cookie(COOKIE, &house.cookie).origin("https://evil.example");
    assert_eq!(house.server.send(&call.form(&fields)).status, 403);
    assert_eq!(house.error(&codes), "authorization_pending");
}

#[test]
fn bad_requests_of_devices_are_named() {
    let house = House::new();
    for (fields, error) in [
        (vec![("client_id", "photos")], "unauthorized_client"),
        (vec![("client_id", "nobody")], "invalid_client"),
        (vec![("scope", "openid")], "invalid_client"),
        (vec![("client_id", "films"), ("client_secret", "x")], "invalid_client"),
        (vec![("client_id", "films"), ("scope", "\u{e9}")], "invalid_scope"),
        (vec![("client_id", "films"), ("scope", "a"), ("scope", "b")], "invalid_request"),
    ] {
        let answer = house.ask(&fields);
        assert_eq!(answer.json()["error"], error, "{fields:?}");
    }
    for fields in [vec![], vec![("device_code", "lk_d_x")]] {
        let fields = [vec![("grant_type", GRANT), ("client_id", "films")], fields].concat();
        assert_eq!(house.server.send(&Call::post("/token").form(&fields)).status, 400, "{fields:?}");
    }
}

#[test]
fn one_address_holds_sixteen_codes_and_waits_for_more() {
    let house = House::new();
    let codes: Vec<_> = (0..16).map(|_| house.codes("openid")).collect();
    let full = house.ask(&[("client_id", "films")]);
    assert_eq!(full.status, 503);
    assert!(full.header("retry-after").is_some());
    let other = Call::post("/device_authorization").form(&[("client_id", "films")]).from([192, 0, 2, 8].into());
    assert_eq!(house.server.send(&other).status, 200);
    assert_eq!(house.error(&codes[0]), "authorization_pending");
}

#[test]
fn apps_learn_of_it_from_the_metadata() {
    let house = House::new();
    let metadata = house.server.send(&Call::get("/.well-known/oauth-authorization-server")).json();
    assert_eq!(metadata["device_authorization_endpoint"], "https://id.example/device_authorization");
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
}
