//! HTTP as a peer sees it: what is answered, what is refused, and what never happens.

mod harness;

use std::sync::LazyLock;

use harness::{Answer, Call, Server};
use proptest::prelude::*;

fn statuses(server: &Server, bytes: &[u8]) -> Vec<u16> {
    Answer::parse_all(&server.exchange(bytes)).iter().map(|answer| answer.status).collect()
}

#[test]
fn health_says_that_the_store_can_be_read() {
    let answer = Server::start().send(&Call::get("/health"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), serde_json::json!({ "status": "ok", "store": "ok", "clock": "synchronised" }));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn health_is_answered_over_tls() {
    let server = Server::listen();
    let mut client = server.connect();
    assert_eq!(client.send(&Call::get("/health")).status, 200);
    assert_eq!(client.send(&Call::get("/health")).status, 200, "the connection is kept");
}

#[test]
fn an_address_that_is_not_there_is_404_and_a_wrong_method_405() {
    let server = Server::start();
    assert_eq!(server.send(&Call::get("/nowhere")).status, 404);
    let answer = server.send(&Call::post("/health"));
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET"));
}

#[test]
fn static_files_are_cached_for_ever_under_their_digest_only() {
    let server = Server::start();
    let plain = server.send(&Call::get("/static/robots.txt"));
    assert_eq!(plain.header("cache-control"), Some("no-cache"));
    assert_eq!(server.send(&Call::get("/static/robots.txt?v=0")).header("cache-control"), Some("no-cache"));
    assert_eq!(server.send(&Call::get("/static/..%2fCargo.toml")).status, 404);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start();
    let one = "GET /health HTTP/1.1\r\nHost: id.example\r\n\r\n";
    let two = "GET /nowhere HTTP/1.1\r\nHost: id.example\r\n\r\n";
    let three = "POST /health HTTP/1.1\r\nHost: id.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(statuses(&server, format!("{one}{three}{two}{one}").as_bytes()), [200, 405, 404, 200]);
}

#[test]
fn after_a_doubtful_head_nothing_more_is_read() {
    let server = Server::start();
    let smuggled = "GET /health HTTP/1.1\r\nHost: id.example\r\n\r\n";
    for lines in
        ["Content-Length: 44\r\nTransfer-Encoding: chunked", "Content-Length: 0\r\nContent-Length: 44", "A : b"]
    {
        let bytes = format!("POST /health HTTP/1.1\r\nHost: id.example\r\n{lines}\r\n\r\n{smuggled}");
        let answers = Answer::parse_all(&server.exchange(bytes.as_bytes()));
        assert_eq!(answers.len(), 1, "{lines}");
        assert_eq!((answers[0].status, answers[0].header("connection")), (400, Some("close")), "{lines}");
    }
}

#[test]
fn an_over_long_head_is_refused() {
    let server = Server::start();
    let bytes = format!("GET /health HTTP/1.1\r\nHost: id.example\r\nA: {}\r\n\r\n", "b".repeat(9000));
    assert_eq!(statuses(&server, bytes.as_bytes()), [431]);
}

#[test]
fn an_over_long_body_is_refused_before_it_is_read() {
    let server = Server::start();
    let said = "POST /health HTTP/1.1\r\nHost: id.example\r\nContent-Length: 65537\r\n\r\n";
    assert_eq!(statuses(&server, said.as_bytes()), [413]);
    let chunked = "POST /health HTTP/1.1\r\nHost: id.example\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n";
    assert_eq!(statuses(&server, chunked.as_bytes()), [413]);
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let server = Server::start();
    let bytes =
        "HEAD /static/robots.txt HTTP/1.1\r\nHost: id.example\r\n\r\nGET /health HTTP/1.1\r\nHost: id.example\r\n\r\n";
    let answers = server.exchange(bytes.as_bytes());
    let (head, rest) = Answer::head(&answers).unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("26")));
    assert_eq!(Answer::parse(rest).status, 200);
}

#[test]
fn a_body_that_never_comes_whole_gets_no_answer() {
    let server = Server::start();
    let bytes = "POST /health HTTP/1.1\r\nHost: id.example\r\nContent-Length: 10\r\n\r\nabc";
    assert!(server.exchange(bytes.as_bytes()).is_empty());
}

#[test]
fn broken_queries_are_refused() {
    let server = Server::start();
    for query in ["a=%ff", "a=%c3", "a=%", "a=%zz"] {
        assert_eq!(server.send(&Call::get(format!("/health?{query}"))).status, 400, "{query}");
    }
    assert_eq!(server.send(&Call::get(format!("/health?{}", "a=1&".repeat(200)))).status, 400);
}

/// Pieces of requests, good and bad.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &'static str| Just(text.as_bytes().to_vec());
    prop_oneof![
        text("GET /health HTTP/1.1\r\nHost: id.example\r\n\r\n"),
        text("POST /health HTTP/1.1\r\nHost: id.example\r\nContent-Length: 3\r\n\r\nabc"),
        text("POST /x HTTP/1.1\r\nHost: id.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
        text("Expect: 100-continue\r\n"),
        text("Content-Length: 5\r\n"),
        text("HEAD / HTTP/1.1\r\n"),
        text("\r\n\r\n"),
        proptest::collection::vec(any::<u8>(), 0..30),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_bytes_get_well_formed_answers_or_none(pieces in proptest::collection::vec(piece(), 0..8)) {
        static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
        let answers = SERVER.exchange(&pieces.concat());
        prop_assert!(answers.is_empty() || answers.starts_with(b"HTTP/1.1 "));
        prop_assert!(!answers.windows(13).any(|window| window == b"HTTP/1.1 500 "));
    }
}

#[test]
fn the_usual_port_may_be_said_as_well_and_no_other() {
    let server = Server::start();
    let status = |authority: &str| server.send_to(authority, &Call::get("/signin")).status;
    let host = server.authority();
    assert_eq!((status(&host), status(&format!("{host}:443"))), (200, 200));
    for other in [format!("{host}:80"), "evil.example:443".to_owned()] {
        assert_eq!(status(&other), 421, "{other}");
    }
}
