//! The admin API as a program sees it: who gets in, and what is said to bad requests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use harness::{Answer, Call, Server};
use serde_json::{Value, json};

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body.escape_ascii());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = body(answer);
    assert_eq!(problem["code"], code);
    assert_eq!(problem["status"], status);
    assert!(problem["detail"].as_str().is_some_and(|text| !text.is_empty()));
}

#[test]
fn nobody_gets_in_without_a_token() {
    let server = Server::start();
    for path in ["persons", "persons/anna", "groups", "service-accounts", "audit", "status"] {
        let answer = server.send(&Call::get(format!("/api/v1/{path}")));
        problem(&answer, 401, "not_signed_in");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_cookie_opens_nothing_here() {
    let server = Server::start();
    let call = Call::post("/api/v1/persons").cookie("__Host-session", "lk_s_whatever").origin(&server.issuer);
    problem(&server.send(&call.json(&json!({"name": "eve"}))), 401, "not_signed_in");
}

#[test]
fn a_bad_token_is_no_token() {
    let server = Server::start();
    for token in ["", "x", "lk_t_AAAA", &format!("lk_t_{}", "A".repeat(64)), &format!("lk_s_{}", "A".repeat(64))] {
        problem(&server.send(&Call::get("/api/v1/status").bearer(token)), 401, "not_signed_in");
    }
}

#[test]
fn a_misspelt_field_is_an_error() {
    let server = Server::start();
    let post = |value: Value| server.send(&Call::post("/api/v1/persons").json(&value).on_console());
    problem(&post(json!({"name": "anna", "or_updat": true})), 400, "invalid");
    problem(&post(json!({"name": "anna", "set": {"lockd": true}})), 400, "invalid");
    problem(&post(json!({"name": "anna", "set": {"attributes": {"colour": "red"}}})), 400, "invalid");
    problem(&post(json!({"name": 7})), 400, "invalid");
    problem(&post(json!([])), 400, "invalid");
    assert_eq!(post(json!({"name": "anna"})).status, 200);
}

#[test]
fn a_body_that_is_no_json_is_refused() {
    let server = Server::start();
    let post = |content_type: &str, bytes: &[u8]| {
        server.send(&Call::post("/api/v1/persons").body(content_type, bytes).on_console())
    };
    problem(&post("text/plain", b"{\"name\":\"anna\"}"), 415, "invalid");
    problem(&post("application/json", b"{\"name\":\"anna\""), 400, "invalid");
    problem(&post("application/json", b"{\"name\":\"\xff\"}"), 400, "invalid");
    problem(&post("application/json", "[".repeat(1000).as_bytes()), 400, "invalid");
    problem(&post("application/json", b""), 400, "invalid");
}

#[test]
fn bad_names_and_queries_are_refused() {
    let server = Server::start();
    for path in [
        "persons/%00",
        "persons/no%20body",
        "persons/root",
        "groups/%C3%A9",
        "persons?limit=many",
        "persons?limit=1&limit=2",
        "audit?since=yesterday",
        "audit?outcome=maybe",
        "audit?after=x",
        "groups/everyone/members?reach=far",
    ] {
        problem(&server.send(&Call::get(format!("/api/v1/{path}")).on_console()), 400, "invalid");
    }
    problem(&server.send(&Call::get("/api/v1/persons/anna").on_console()), 404, "not_found");
}

#[test]
fn null_clears_and_absence_keeps() {
    let server = Server::start();
    let send = |call: Call, value: Value| server.send(&call.json(&value).on_console());
    let set = json!({"attributes": {"locale": "de"}, "valid_until": "2030-01-01T00:00:00Z"});
    assert_eq!(send(Call::post("/api/v1/persons"), json!({"name": "anna", "set": set})).status, 200);
    let patch = |value: Value| body(&send(Call::new("PATCH", "/api/v1/persons/anna"), value));
    assert_eq!(patch(json!({})), json!({"change": "unchanged"}));
    assert_eq!(patch(json!({"valid_until": null})), json!({"change": "changed"}));
    assert_eq!(patch(json!({"attributes": {"locale": null}})), json!({"change": "changed"}));
    let shown = body(&server.send(&Call::get("/api/v1/persons/anna").on_console()));
    assert_eq!((&shown["valid_until"], &shown["attributes"]), (&Value::Null, &json!({})));
}
