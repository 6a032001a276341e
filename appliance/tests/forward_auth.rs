//! Forward auth: what a reverse proxy, a browser and an attacker see of it. The proxies themselves run in `reverse_proxy.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/anna.rs"]
#[expect(unreachable_pub, dead_code, reason = "each test file uses its own part")]
mod anna;
#[path = "support/authenticator.rs"]
mod authenticator;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use anna::{Anna, address, parameter};
use appliance::system::Clock;
use harness::{Answer, Call, Server};
use service::{AppAmendment, Context};

const APP: &str = "photos.example.org";
const PASS: &str = "__Host-latchkey-pass";
const STATE: &str = "__Host-latchkey-enter";

fn behind(host: &str) -> AppAmendment {
    AppAmendment { forward_hosts: Some(vec![host.parse().unwrap()]), ..AppAmendment::default() }
}

fn anna() -> Anna {
    Anna::at(Server::start(), behind(APP))
}

/// What Traefik and Caddy ask.
fn asked(host: &str, uri: &str, cookies: &str) -> Call {
    Call::get("/forward-auth")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", host)
        .header("X-Forwarded-Uri", uri)
        .header("X-Forwarded-Method", "GET")
        .header("Accept", "text/html")
        .header("Cookie", cookies)
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}

/// Path and query of an address.
fn path(url: &str) -> &str {
    &url[url.match_indices('/').nth(2).unwrap().0..]
}

/// The way of a browser that is signed in, through the proxy to the house and back: the cookie that it gets.
fn fetch(anna: &Anna, uri: &str) -> (String, String) {
    let sent = anna.server.send(&asked(APP, uri, ""));
    let state = sent.set_cookie(STATE).unwrap().to_owned();
    let start = path(location(&sent)).to_owned();
    let call = Call::get(start).cookie(moving_in::COOKIE, &anna.cookie).header("Sec-Fetch-Site", "same-site");
    let handed = anna.server.send(&call.header("Accept", "text/html"));
    let callback = location(&handed).to_owned();
    assert!(callback.starts_with(&format!("https://{APP}/.latchkey/callback?")), "{callback}");
    let arrived = anna.server.send(&asked(APP, path(&callback), &format!("{STATE}={state}")));
    assert_eq!(arrived.set_cookie(STATE), Some(""));
    (arrived.set_cookie(PASS).unwrap().to_owned(), location(&arrived).to_owned())
}

#[test]
fn a_browser_fetches_a_pass_and_the_app_learns_who_it_is() {
    let anna = anna();
    let (pass, back) = fetch(&anna, "/album?year=2026&x=%20");
    assert_eq!(back, "https://photos.example.org/album?year=2026&x=%20");
    let through = anna.server.send(&asked(APP, "/", &format!("a=b; {PASS}={pass}")));
    assert_eq!(through.status, 200);
    let said = ["remote-user", "remote-groups", "remote-email", "remote-name"].map(|name| through.header(name));
    assert_eq!(said, [Some("anna"), Some("everyone"), Some(""), Some("Anna Bauer")]);
    let reloaded = format!("/.latchkey/callback?pass={pass}&to=/album");
    let again = anna.server.send(&asked(APP, &reloaded, &format!("{PASS}={pass}")));
    assert_eq!(location(&again), "https://photos.example.org/album");
}

#[test]
fn signing_out_shuts_the_app_at_once() {
    let anna = anna();
    let (pass, _) = fetch(&anna, "/");
    anna.post("/signout", &[]);
    let call = asked(APP, "/", &format!("{PASS}={pass}"));
    assert!(location(&anna.server.send(&call)).starts_with("https://id.example/forward-auth/start?"));
}

#[test]
fn who_is_not_signed_in_is_asked_to_and_goes_on_by_a_page_of_ours() {
    let anna = anna();
    let sent = anna.server.send(&asked(APP, "/album", ""));
    let start = path(location(&sent)).to_owned();
    let stranger = anna.server.send(&Call::get(&start).header("Accept", "text/html"));
    let door = location(&stranger);
    assert_eq!(parameter(door, "next").as_deref(), Some(start.as_str()));
    assert!(door.starts_with("/signin?"));
    // After the form of the sign-in no redirect leads out of the house: browsers hold it against form-action.
    let page = anna.get(&start);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("http-equiv=\"refresh\"") && page.text().contains("/.latchkey/callback?"));
}

#[test]
fn a_pass_of_somebody_else_cannot_be_brought_to_a_browser() {
    let anna = anna();
    let sent = anna.server.send(&asked(APP, "/", ""));
    let handed = anna.server.send(
        &Call::get(path(location(&sent)))
            .cookie(moving_in::COOKIE, &anna.cookie)
            .header("Sec-Fetch-Site", "cross-site"),
    );
    let callback = path(location(&handed)).to_owned();
    let other = anna.server.send(&asked(APP, "/", "")).set_cookie(STATE).unwrap().to_owned();
    for cookies in [String::new(), format!("{STATE}={other}"), format!("{STATE}=x")] {
        let refused = anna.server.send(&asked(APP, &callback, &cookies));
        assert_eq!((refused.status, refused.set_cookie(PASS)), (400, None), "{cookies}");
    }
}

#[test]
fn a_pass_is_good_for_one_name_whatever_else_a_request_says() {
    let anna = anna();
    anna.server.operate(|idp| {
        let ctx = Context::console(harness::steady(harness::START));
        let name = "notes".parse().unwrap();
        idp.create_app(&ctx, &name, service::AppKind::Confidential, &behind("notes.example.org")).unwrap();
    });
    let (pass, _) = fetch(&anna, "/");
    let cookies = format!("{PASS}={pass}");
    let other = asked("notes.example.org", "/", &cookies);
    let elsewhere = other.clone().header("X-Original-URL", format!("https://{APP}/"));
    for call in [other, elsewhere] {
        assert_eq!(anna.server.send(&call).status, 303);
    }
    let by_nginx = Call::get("/forward-auth/nginx").header("Cookie", cookies);
    let by_nginx = by_nginx.header("X-Forwarded-Proto", "https").header("X-Forwarded-Host", APP);
    assert_eq!(anna.server.send(&by_nginx.header("X-Forwarded-Uri", "/")).status, 400);
}

#[test]
fn what_is_no_page_gets_an_answer_and_no_redirect() {
    let anna = anna();
    let call = |method: &str, accept: &str| {
        Call::get("/forward-auth")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Host", APP)
            .header("X-Forwarded-Uri", "/")
            .header("X-Forwarded-Method", method)
            .header("Accept", accept)
    };
    for (method, accept) in [("POST", "text/html"), ("GET", "application/json"), ("DELETE", "*/*")] {
        let answer = anna.server.send(&call(method, accept));
        assert_eq!((answer.status, answer.header("location")), (401, None), "{method} {accept}");
        assert!(answer.header("www-authenticate").is_some());
    }
}

#[test]
fn requests_that_cannot_be_checked_are_refused_with_words() {
    let anna = anna();
    for (proto, host, uri, status) in [
        ("https", "unknown.example.org", "/", 403),
        ("https", "id.example", "/", 403),
        ("http", APP, "/", 400),
        ("https", "", "/", 400),
        ("https", "192.0.2.1", "/", 400),
        ("https", "photos.example.org/@evil.example", "/", 400),
        ("https", APP, "no-slash", 400),
    ] {
        let call = Call::get("/forward-auth")
            .header("X-Forwarded-Proto", proto)
            .header("X-Forwarded-Host", host)
            .header("X-Forwarded-Uri", uri)
            .header("Accept", "text/html");
        let answer = anna.server.send(&call);
        assert_eq!((answer.status, answer.header("location")), (status, None), "{proto} {host} {uri}");
        assert!(answer.text().len() > 10);
    }
    assert_eq!(anna.server.send(&Call::get("/forward-auth")).status, 400);
    assert_eq!(anna.server.send(&Call::get("/forward-auth/nginx")).status, 400);
}

#[test]
fn the_house_hands_nothing_over_to_a_name_that_it_does_not_know() {
    let anna = anna();
    let state = service::forward_digest("x");
    for to in ["https://evil.example/", "http://photos.example.org/", "//evil.example", "javascript:alert(1)", ""] {
        let answer = anna.get(&address("/forward-auth/start", &[("to", to), ("state", &state)]));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{to}");
        assert!(!answer.text().contains("http-equiv"));
    }
    let good = format!("https://{APP}/");
    assert_eq!(anna.get(&address("/forward-auth/start", &[("to", &good), ("state", "x")])).status, 400);
}

#[test]
fn who_may_not_use_the_app_is_told_so() {
    let anna = anna();
    let (pass, _) = fetch(&anna, "/");
    let moment = anna.server.clock.moment();
    anna.server.operate(move |idp| {
        idp.deny_group(&Context::console(moment), &"photos".parse().unwrap(), &"everyone".parse().unwrap()).unwrap();
    });
    assert_eq!(anna.server.send(&asked(APP, "/", &format!("{PASS}={pass}"))).status, 403);
    let sent = anna.server.send(&asked(APP, "/", ""));
    let page = anna.get(path(location(&sent)));
    assert_eq!(page.status, 403);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
}
