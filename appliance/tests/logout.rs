//! Signing out over HTTP: what a browser, an app and an attacker see of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/anna.rs"]
#[expect(unreachable_pub, reason = "each test file uses its own part")]
mod anna;
#[path = "support/authenticator.rs"]
mod authenticator;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/fake_http.rs"]
#[expect(unreachable_pub, reason = "each test file uses its own part")]
mod fake_http;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anna::{Anna, REDIRECT, VERIFIER, address, field, parameter};
use appliance::system::Clock;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::logout::LogoutReport;
use fake_http::{Asked, FakeHttp, Said};
use harness::{Call, Server};
use moving_in::COOKIE;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use service::{AppAmendment, Context, Whose};

const BYE: &str = "https://photos.example.org/bye";

fn leaving() -> AppAmendment {
    AppAmendment { post_logout_redirect_uris: Some(vec![BYE.parse().unwrap()]), ..AppAmendment::default() }
}

fn anna() -> Anna {
    Anna::at(Server::start(), leaving())
}

/// Anna opens the app: its ID token.
fn id_token(anna: &Anna, cookie: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let fields = [
        ("client_id", "photos"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let answer = anna.get_as(cookie, &address("/authorize", &fields));
    let code = parameter(answer.header("location").unwrap(), "code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let header = format!("Basic {}", STANDARD.encode(format!("photos:{}", anna.secret)));
    let tokens = anna.server.send(&Call::post("/token").header("Authorization", header).form(&fields));
    tokens.json()["id_token"].as_str().unwrap().to_owned()
}

#[test]
fn an_app_signs_its_person_out_and_gets_them_back() {
    let anna = anna();
    let token = id_token(&anna, &anna.cookie);
    let fields = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "a b")];
    let answer = anna.get(&address("/logout", &fields));
    assert_eq!((answer.status, answer.header("location")), (303, Some("https://photos.example.org/bye?state=a+b")));
    assert_eq!(answer.set_cookie(COOKIE), Some(""));
    assert!(!anna.is_in(&anna.cookie));
}

#[test]
fn without_an_address_to_go_back_to_there_is_a_page() {
    let anna = anna();
    let token = id_token(&anna, &anna.cookie);
    let answer = anna.get(&address("/logout", &[("id_token_hint", &token)]));
    assert_eq!((answer.status, answer.header("location")), (200, None));
    assert!(answer.text().contains("You are signed out"));
}

#[test]
fn a_crafted_link_signs_nobody_out_without_a_click() {
    let anna = anna();
    let other = anna.another_browser();
    let token = id_token(&anna, &other);
    for fields in [
        vec![],
        vec![("client_id", "photos"), ("post_logout_redirect_uri", BYE)],
        // Anna's own token, but of another session: what an attacker who is Anna's guest may have seen.
        vec![("id_token_hint", token.as_str()), ("post_logout_redirect_uri", BYE)],
    ] {
        let page = anna.get(&address("/logout", &fields));
        assert_eq!(page.status, 200, "{fields:?}");
        assert!(anna.is_in(&anna.cookie) && page.set_cookie(COOKIE).is_none(), "{fields:?}");
        assert!(page.text().contains("Sign out here too?"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(policy.contains("form-action 'self' https://photos.example.org"), !fields.is_empty(), "{policy}");
    }
    let request = address("/logout", &[("client_id", "photos")]);
    let forged = Call::post("/logout/confirm").cookie(COOKIE, &anna.cookie).origin("https://evil.example");
    assert_eq!(anna.server.send(&forged.form(&[("request", &request)])).status, 403);
    let bare = Call::post("/logout/confirm").cookie(COOKIE, &anna.cookie);
    assert_eq!(
        anna.server.send(&bare.form(&[("request", &request)])).status,
        403,
        "a client that says nothing of itself"
    );
    assert!(anna.is_in(&anna.cookie));
}

#[test]
fn a_click_signs_out_this_browser_and_no_other() {
    let anna = anna();
    let other = anna.another_browser();
    let fields = [("client_id", "photos"), ("post_logout_redirect_uri", BYE), ("state", "\"<x>&")];
    let page = anna.get(&address("/logout", &fields));
    assert!(page.text().contains("Photos") && !page.text().contains("<x>"));
    let answer = anna.post("/logout/confirm", &[("request", &field(&page.text(), "request"))]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(parameter(answer.header("location").unwrap(), "state").as_deref(), Some("\"<x>&"));
    assert_eq!(answer.set_cookie(COOKIE), Some(""));
    assert!(!anna.is_in(&anna.cookie) && anna.is_in(&other));
}

#[test]
fn an_address_that_is_not_registered_is_never_gone_to() {
    let anna = anna();
    let token = id_token(&anna, &anna.cookie);
    let evil = ("post_logout_redirect_uri", "https://evil.example/");
    for fields in [
        vec![("id_token_hint", token.as_str()), evil],
        vec![("client_id", "photos"), evil],
        vec![evil],
        vec![("client_id", "nobody"), evil],
        vec![("id_token_hint", "eyJhbGciOiJub25lIn0.e30."), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", token.as_str()), ("client_id", "notes"), ("post_logout_redirect_uri", BYE)],
    ] {
        let path = address("/logout", &fields);
        let posted = anna.post("/logout/confirm", &[("request", &path)]);
        for answer in [anna.get(&path), posted] {
            assert_eq!((answer.status, answer.header("location")), (400, None), "{fields:?}");
            assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        }
        assert!(anna.is_in(&anna.cookie), "{fields:?}");
    }
    for nonsense in ["", "/", "//evil.example/logout", "/logoutx?a=b", "/authorize?client_id=photos"] {
        let answer = anna.post("/logout/confirm", &[("request", nonsense)]);
        assert_eq!(answer.status, 400, "{nonsense}");
    }
    assert!(anna.is_in(&anna.cookie));
}

#[test]
fn an_app_may_post_its_wish_to_sign_out() {
    let anna = anna();
    let query = "client_id=photos&state=x";
    let call = Call::post("/logout").header("Origin", "https://photos.example.org");
    let answer = anna.server.send(&call.clone().body("application/x-www-form-urlencoded", query));
    assert_eq!((answer.status, answer.header("location").unwrap()), (303, "/logout?client_id=photos&state=x"));
    let long = format!("state={}", "x".repeat(8000));
    assert_eq!(anna.server.send(&call.body("application/x-www-form-urlencoded", long)).status, 400);
}

#[test]
fn the_discovery_document_names_the_ways_out() {
    let found = Server::start().send(&Call::get("/.well-known/openid-configuration")).json();
    assert_eq!(found["end_session_endpoint"], "https://id.example/logout");
    assert_eq!(found["backchannel_logout_supported"], true);
    assert_eq!(found["backchannel_logout_session_supported"], true);
}

/// An app that hears of sign-outs, and what it heard.
fn told(answer: impl Fn(&Asked) -> Said + Send + 'static) -> (FakeHttp, Receiver<Asked>) {
    let (heard, hears) = channel();
    let app = FakeHttp::start(move |asked| {
        let said = answer(asked);
        heard.send(asked.clone()).unwrap();
        said
    });
    (app, hears)
}

fn yes(_: &Asked) -> Said {
    Said::This(200, Vec::new(), Vec::new())
}

fn telling(uri: &str) -> AppAmendment {
    AppAmendment { backchannel_logout_uri: Some(Some(uri.parse().unwrap())), ..leaving() }
}

fn heard(hears: &Receiver<Asked>) -> Asked {
    hears.recv_timeout(Duration::from_secs(30)).unwrap()
}

/// Waits until the last delivery went as wanted.
fn report(server: &Server, wanted: impl Fn(&LogoutReport) -> bool) -> LogoutReport {
    let moment = server.clock.moment();
    loop {
        let view =
            server.operate(move |idp| idp.show_app(&Context::console(moment), &"photos".parse().unwrap()).unwrap());
        match view.last_logout {
            Some(report) if wanted(&report) => return report,
            Some(_) | None => std::thread::yield_now(),
        }
    }
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn the_app_is_told_by_itself_that_the_person_has_signed_out() {
    let (app, hears) = told(yes);
    let anna = Anna::at(Server::listen(), telling(&app.url("/told?house=1")));
    let id_token = claims(&id_token(&anna, &anna.cookie));
    assert_eq!(anna.post("/signout", &[]).status, 200);
    let asked = heard(&hears);
    assert_eq!((asked.line.as_str(), asked.authorization.as_str()), ("POST /told?house=1", ""));
    let token = claims(asked.body.strip_prefix("logout_token=").unwrap());
    for same in ["iss", "sub", "aud", "sid"] {
        assert_eq!(token[same], id_token[same], "{same}");
    }
    assert_eq!(token["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert_eq!(report(&anna.server, |_| true).trouble, None);
}

#[test]
fn an_app_that_fails_is_left_alone_for_a_while_and_told_later() {
    let failing = std::sync::atomic::AtomicBool::new(true);
    let (app, hears) = told(move |asked| match failing.swap(false, std::sync::atomic::Ordering::SeqCst) {
        true => Said::This(500, Vec::new(), Vec::new()),
        false => yes(asked),
    });
    let anna = Anna::at(Server::listen(), telling(&app.url("/told")));
    let (second, third) = (anna.another_browser(), anna.another_browser());
    for cookie in [&anna.cookie, &second, &third] {
        id_token(&anna, cookie);
    }
    let leave = |cookie: &str| {
        let call = Call::post("/signout").cookie(COOKIE, cookie).origin(&anna.server.issuer);
        assert_eq!(anna.server.send(&call.form(&[])).status, 200);
    };
    leave(&anna.cookie);
    heard(&hears);
    assert_eq!(report(&anna.server, |_| true).trouble.as_deref(), Some("it answered 500"));
    leave(&second);
    assert!(hears.try_recv().is_err(), "it rests");
    anna.server.clock.advance(16);
    leave(&third);
    let sids: Vec<Value> = (0..3).map(|_| claims(&heard(&hears).body)["sid"].clone()).collect();
    assert!(sids[0] != sids[1] && sids[1] != sids[2], "all three are told");
    report(&anna.server, |report| report.trouble.is_none());
}

#[test]
fn an_app_that_redirects_or_never_ends_is_not_followed() {
    let (elsewhere, asked_elsewhere) = told(yes);
    let to = elsewhere.url("/");
    for (said, why) in [(0, "it answered 302"), (1, "cannot be read")] {
        let to = to.clone();
        let (app, hears) = told(move |_| match said {
            0 => Said::This(302, vec![format!("Location: {to}")], Vec::new()),
            _ => Said::Endless,
        });
        let anna = Anna::at(Server::listen(), telling(&app.url("/told")));
        id_token(&anna, &anna.cookie);
        anna.post("/signout", &[]);
        heard(&hears);
        let trouble = report(&anna.server, |_| true).trouble.unwrap();
        assert!(trouble.contains(why), "{trouble}");
    }
    assert!(asked_elsewhere.try_recv().is_err());
}

#[test]
fn the_server_is_never_led_to_itself_or_to_places_that_are_no_app() {
    let places = |server: &Server| {
        let port = server.address().port();
        vec![
            format!("https://127.0.0.1:{port}/api/v1/apps"),
            format!("http://localhost:{port}/logout"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "http://192.0.2.1/".to_owned(),
            "http://0.0.0.0:80/".to_owned(),
        ]
    };
    for index in 0..5 {
        let server = Server::listen();
        let place = places(&server).swap_remove(index);
        let anna = Anna::at(server, telling(&place));
        id_token(&anna, &anna.cookie);
        anna.post("/signout", &[]);
        let trouble = report(&anna.server, |_| true).trouble.unwrap();
        assert!(trouble.contains("a place that is not asked"), "{place}: {trouble}");
    }
}

#[test]
fn an_admin_sees_whether_the_app_was_told() {
    let (app, hears) = told(yes);
    let anna = Anna::at(Server::listen(), telling(&app.url("/told")));
    let show = || anna.server.send(&Call::get("/api/v1/apps/photos").on_console()).json();
    id_token(&anna, &anna.cookie);
    assert_eq!(show().get("last_backchannel_logout"), None);
    let moment = anna.server.clock.moment();
    anna.server.operate(move |idp| {
        idp.revoke_sessions(&Context::console(moment), &Whose::Of("anna".parse().unwrap()), None).unwrap();
    });
    heard(&hears);
    report(&anna.server, |_| true);
    assert_eq!(show()["last_backchannel_logout"]["told"], true);
}
