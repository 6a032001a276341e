//! The rules that hold for every route, shown on routes of the tests' own.

use std::sync::Arc;

use domain::clock::Basis;
use serde_json::Value;

use super::form::Repeated;
use super::*;
use crate::listen::{Site, Timeouts, Wire, converse};
use crate::testing;

const TABLE: Table = &[&[
    Route::get(Kind::Page, "/page", handler!(page)),
    Route::post(Kind::Page, "/page", handler!(form)),
    Route::post(Kind::Protocol, "/token", handler!(form)),
    Route::post(Kind::Admin, "/json", handler!(json)).body(100_000),
    Route::get(Kind::Public, "/panic", handler!(panics)),
    Route::get(Kind::Public, "/panic/below", handler!(panics_below)),
    Route::get(Kind::Public, "/split", handler!(split)),
    Route::get(Kind::Public, "/who/:name", handler!(who)),
    Route::get(Kind::Public, "/long", handler!(long)),
]];

async fn page(_: Arc<App>, request: Request) -> Response {
    let cookie = request.cookie("__Host-s").unwrap_or("none").to_owned();
    Response::html(200, cookie).set_cookie(&Cookie::new("__Host-s", "new")).form_target("https://app.home")
}

async fn form(_: Arc<App>, request: Request) -> Response {
    match request.form() {
        Ok(form) => match form.one("a") {
            Ok(value) => Response::text(200, value.unwrap_or("nothing")),
            Err(Repeated) => Response::text(400, "repeated"),
        },
        Err(bad) => bad.into(),
    }
}

async fn json(_: Arc<App>, request: Request) -> Response {
    match request.json::<Value>() {
        Ok(value) => Response::json(200, &value),
        Err(bad) => bad.into(),
    }
}

async fn panics(_: Arc<App>, _: Request) -> Response {
    panic!("on purpose, with a secret")
}

async fn panics_below(app: Arc<App>, _: Request) -> Response {
    match app.bridge.run(|_| panic!("on purpose, with a secret")).await {
        Ok(()) => Response::text(200, "no"),
        Err(busy) => busy.into(),
    }
}

async fn split(_: Arc<App>, request: Request) -> Response {
    Response::redirect303(request.query.one("to").unwrap().unwrap())
}

async fn who(_: Arc<App>, request: Request) -> Response {
    Response::text(200, request.params.get("name"))
}

async fn long(_: Arc<App>, _: Request) -> Response {
    Response::owned("application/octet-stream", vec![b'x'; 100_000])
}

struct House(Site);

impl House {
    fn new() -> Self {
        Self(Site::new(Router::new(testing::app(), TABLE, Transport::Tls), Timeouts::default()))
    }

    fn ask(&self, peer: Peer, request: &str) -> String {
        let wire = Wire::new(request.as_bytes());
        let answers = wire.answers();
        let (_sender, stop) = smol::channel::bounded(1);
        smol::block_on(converse(&self.0, wire, peer, stop));
        String::from_utf8(answers.take()).unwrap()
    }

    fn network(&self, request: &str) -> String {
        self.ask(Peer::Network([192, 0, 2, 1].into()), request)
    }

    fn post(&self, path: &str, lines: &str, body: &str) -> String {
        let length = body.len();
        self.network(&format!(
            "POST {path} HTTP/1.1\r\nHost: id.example\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn get(&self, path: &str) -> String {
        self.network(&format!("GET {path} HTTP/1.1\r\nHost: id.example\r\n\r\n"))
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json; charset=utf-8\r\n";

#[test]
fn a_form_from_another_site_is_refused() {
    let house = House::new();
    for origin in [
        "",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://id.example\r\n",
        "Origin: https://id.example.evil\r\n",
        "Origin: https://id.example:8443\r\n",
        "Origin: https://evil.example\r\nSec-Fetch-Site: same-origin\r\n",
        "Origin: https://id.example\r\nOrigin: https://evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: none\r\n",
    ] {
        assert_eq!(status(&house.post("/page", &format!("{FORM}{origin}"), "a=1")), 403, "{origin}");
    }
    for origin in ["Origin: https://id.example\r\n", "Sec-Fetch-Site: same-origin\r\n"] {
        assert_eq!(status(&house.post("/page", &format!("{FORM}{origin}"), "a=1")), 200, "{origin}");
    }
}

#[test]
fn an_app_needs_no_origin() {
    assert_eq!(status(&House::new().post("/token", FORM, "a=1")), 200);
}

#[test]
fn another_host_name_is_told_the_right_one() {
    let house = House::new();
    let answer = house.network("GET /page HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(status(&answer), 421);
    assert!(answer.contains("https://id.example"));
    assert_eq!(status(&house.network("GET /page HTTP/1.1\r\nHost: ID.example\r\n\r\n")), 200);
}

#[test]
fn the_control_socket_serves_no_pages() {
    let house = House::new();
    let console = Peer::Control { uid: 0, console: true };
    assert_eq!(status(&house.ask(console, "GET /page HTTP/1.1\r\nHost: x\r\n\r\n")), 404);
    assert_eq!(status(&house.ask(console, "GET /who/me HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
}

#[test]
fn a_page_carries_every_security_header() {
    let answer = House::new().get("/page");
    for line in [
        "content-security-policy: default-src 'none'; script-src 'self';",
        "form-action 'self' https://app.home\r\n",
        "frame-ancestors 'none'",
        "strict-transport-security: max-age=31536000\r\n",
        "x-content-type-options: nosniff\r\n",
        "referrer-policy: same-origin\r\n",
        "cache-control: no-store\r\n",
        "set-cookie: __Host-s=new; Path=/; Secure; HttpOnly; SameSite=Lax\r\n",
    ] {
        assert!(answer.contains(line), "{line} is missing in {answer}");
    }
    assert!(!answer.contains("unsafe-inline"));
}

#[test]
fn wrong_content_types_are_refused() {
    let house = House::new();
    for lines in ["", JSON, "Content-Type: text/plain\r\n", "Content-Type: multipart/form-data\r\n"] {
        assert_eq!(status(&house.post("/token", lines, "a=1")), 415, "{lines}");
    }
    for lines in ["", FORM, "Content-Type: text/json\r\n", "Content-Type: application/jsonx\r\n"] {
        assert_eq!(status(&house.post("/json", lines, "{}")), 415, "{lines}");
    }
    let twice = format!("{FORM}{JSON}");
    assert_eq!(status(&house.post("/token", &twice, "a=1")), 415);
}

#[test]
fn a_repeated_parameter_is_seen() {
    let answer = House::new().post("/token", FORM, "a=1&b=2&a=3");
    assert!(status(&answer) == 400 && answer.ends_with("repeated\n"), "{answer}");
}

#[test]
fn broken_utf8_in_a_form_is_refused() {
    assert_eq!(status(&House::new().post("/token", FORM, "a=%ff")), 400);
}

#[test]
fn json_that_is_deep_huge_or_broken_is_refused() {
    let house = House::new();
    assert_eq!(status(&house.post("/json", JSON, "{\"a\":[1,2]}")), 200);
    assert_eq!(status(&house.post("/json", JSON, &"[".repeat(50_000))), 400);
    assert_eq!(status(&house.post("/json", JSON, &format!("{}{}", "[".repeat(100), "]".repeat(100)))), 400);
    assert_eq!(status(&house.post("/json", JSON, "{\"a\":")), 400);
    assert_eq!(status(&house.post("/json", JSON, "{} {}")), 400);
    assert_eq!(status(&house.post("/json", JSON, &format!("\"{}\"", "x".repeat(100_000)))), 413);
}

#[test]
fn a_route_may_take_longer_bodies_than_the_others() {
    let house = House::new();
    let body = format!("\"{}\"", "x".repeat(90_000));
    let known = format!("{JSON}Authorization: Bearer x\r\n");
    assert_eq!(status(&house.post("/json", &known, &body)), 200);
    assert_eq!(status(&house.post("/json", JSON, &body)), 413, "from a stranger");
    assert_eq!(status(&house.post("/token", FORM, &body)), 413);
}

#[test]
fn a_panic_is_one_answer_and_the_server_goes_on() {
    let house = House::new();
    for path in ["/panic", "/panic/below", "/panic"] {
        let answer = house.get(path);
        assert_eq!(status(&answer), 500);
        assert!(answer.contains("fault ") && !answer.contains("secret"), "{answer}");
    }
    assert_eq!(status(&house.get("/who/me")), 200);
    let both = "GET /panic HTTP/1.1\r\nHost: x\r\n\r\nGET /who/me HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(house.network(both).ends_with("me\n"), "the connection goes on too");
}

#[test]
fn a_redirect_cannot_split_the_answer() {
    let house = House::new();
    let answer = house.get("/split?to=https://a.b/%0d%0aSet-Cookie:%20x=y%0d%0a%0d%0a%3Chtml%3E");
    assert_eq!(status(&answer), 500);
    assert!(!answer.to_lowercase().contains("set-cookie") && !answer.contains("<html>"), "{answer}");
    assert!(house.get("/split?to=https://a.b/c").contains("location: https://a.b/c\r\n"));
}

#[test]
fn a_part_of_the_path_is_decoded_once() {
    let house = House::new();
    assert!(house.get("/who/a%2Fb%2541").ends_with("a/b%41\n"));
    assert_eq!(status(&house.get("/who/%ff")), 404);
}

#[test]
fn a_long_answer_comes_whole() {
    let answer = House::new().get("/long");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 100000"));
    assert_eq!(body.len(), 100_000);
}

#[test]
fn a_cookie_comes_back() {
    let house = House::new();
    let ask = |cookies: &str| house.network(&format!("GET /page HTTP/1.1\r\nHost: id.example\r\n{cookies}\r\n"));
    assert!(ask("Cookie: a=b; __Host-s=mine\r\n").ends_with("mine"));
    assert!(ask("Cookie: __Host-s=mine; __Host-s=theirs\r\n").ends_with("none"));
}

#[test]
fn every_path_of_the_table_is_there_once() {
    let mut seen = std::collections::HashSet::new();
    for route in ROUTES.iter().copied().flatten() {
        assert!(route.path.starts_with('/'), "{}", route.path);
        assert!(seen.insert((format!("{:?}", route.method), route.path)), "{} comes twice", route.path);
    }
}

#[test]
fn every_page_waits_for_the_clock_before_it_asks_for_anything() {
    let site = Site::new(Router::new(testing::app_by(Basis::Saved), ROUTES, Transport::Tls), Timeouts::default());
    let house = House(site);
    for route in ROUTES.iter().copied().flatten().filter(|route| route.kind == Kind::Page) {
        let path: Vec<&str> =
            route.path.split('/').map(|part| if part.starts_with(':') { "1" } else { part }).collect();
        let lines = "Host: id.example\r\nOrigin: https://id.example\r\nAccept: text/html\r\n";
        let method = format!("{:?}", route.method).to_uppercase();
        let answer = house.network(&format!("{method} {} HTTP/1.1\r\n{lines}\r\n", path.join("/")));
        assert_eq!(status(&answer), 503, "{}", route.path);
        assert!(answer.contains("Waiting for the clock"), "{}: {answer}", route.path);
    }
}
