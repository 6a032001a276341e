//! A real port under bad manners: slow, endless, many, silent, and gone in the middle.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use appliance::listen::Timeouts;
use harness::{Call, Server, TlsClient};

const GET: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Patience of a few milliseconds in one place, endless in the others.
fn patience() -> Timeouts {
    // Whoever waits for it has failed, and is seen to hang.
    let long = Duration::from_secs(3600);
    Timeouts { head: long, idle: long, body: long, write: long, drain: Duration::from_secs(2), shutdown: long }
}

#[test]
fn a_slow_head_is_told_so_and_closed() {
    let server = Server::listen_with("", Timeouts { head: Duration::from_millis(300), ..patience() });
    let mut client = server.connect();
    client.write(b"GET /health HTTP/1.1\r\nHo");
    assert_eq!(client.answer().status, 408);
    assert!(client.rest().is_empty());
}

#[test]
fn a_body_that_does_not_come_is_told_so_and_closed() {
    let server = Server::listen_with("", Timeouts { body: Duration::from_millis(50), ..patience() });
    let mut client = server.connect();
    client.write(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(client.answer().status, 408);
    assert!(client.rest().is_empty());
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = Server::listen_with("", Timeouts { idle: Duration::from_millis(50), ..patience() });
    let mut client = server.connect();
    assert!(client.rest().is_empty());
}

#[test]
fn a_peer_that_never_begins_tls_is_closed() {
    let server = Server::listen_with("", Timeouts { head: Duration::from_millis(50), ..patience() });
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    assert_eq!(tcp.read(&mut [0; 16]).unwrap_or(0), 0);
}

#[test]
fn plain_http_on_the_tls_port_gets_no_page() {
    let server = Server::listen();
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    tcp.write_all(GET.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{}", answer.escape_ascii());
}

#[test]
fn ten_thousand_connections_of_one_peer_do_no_harm() {
    let server = Server::listen_with("[limits]\nconnections = 40\nper_peer = 8\n", patience());
    let open = || TcpStream::connect(server.address()).unwrap();
    let mut kept: Vec<TcpStream> = (0..200).map(|_| open()).collect();
    for _ in kept.len()..10_000 {
        drop(open());
    }
    // Peers are let in or turned away in their order: when the last one knows, all do.
    assert_eq!(open().read(&mut [0; 1]).unwrap_or(0), 0);
    let silent = |mut tcp: &TcpStream| {
        tcp.set_nonblocking(true).unwrap();
        matches!(tcp.read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let refused = kept.iter().filter(|tcp| !silent(tcp)).count();
    assert!(kept.len() - refused <= 8, "{} of 200 connections were kept", kept.len() - refused);
    kept.clear();
    // The places come back, and the server still answers.
    let mut client = again(&server);
    assert_eq!(client.send(&Call::get("/health")).status, 200);
}

/// Connects until the server has seen that the others are gone.
fn again(server: &Server) -> TlsClient {
    loop {
        let tcp = TcpStream::connect(server.address()).unwrap();
        if let Ok(client) = TlsClient::over(tcp, server.certificate(), &server.authority()) {
            return client;
        }
    }
}

#[test]
fn a_peer_over_its_share_gets_a_place_when_one_is_free() {
    let server = Server::listen_with("[limits]\nper_peer = 2\n", patience());
    let (mut first, second) = (server.connect(), server.connect());
    let third = TcpStream::connect(server.address()).unwrap();
    assert!(TlsClient::over(third, server.certificate(), &server.authority()).is_err());
    drop(second);
    assert_eq!(again(&server).send(&Call::get("/health")).status, 200);
    assert_eq!(first.send(&Call::get("/health")).status, 200);
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let server = Server::listen();
    let mut client = server.connect();
    let head = "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    client.write(head.as_bytes());
    assert_eq!(client.interim(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write(b"abc");
    assert_eq!(client.answer().status, 405);
    assert_eq!(client.send(&Call::get("/health")).status, 200, "the connection is kept");
}

#[test]
fn a_client_that_waits_before_a_body_that_is_too_long_is_refused_at_once() {
    let server = Server::listen();
    let mut client = server.connect();
    let head = "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n";
    client.write(head.as_bytes());
    assert_eq!(client.answer().status, 413);
    assert!(client.rest().is_empty());
}

/// The head of an upload of a megabyte; with [`LET_IN`], the server has made room for it when it says to go on.
fn upload(method: &str, lines: &str) -> String {
    format!(
        "{method} /api/v1/persons/x/picture HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\
        Expect: 100-continue\r\n{lines}\r\n"
    )
}

const LET_IN: &str = "Authorization: Bearer x\r\n";

#[test]
fn many_long_uploads_at_once_are_told_to_wait_and_the_room_comes_back() {
    let server = Server::listen_with("", patience());
    let mut first: Vec<TlsClient> = (0..2).map(|_| server.connect()).collect();
    for client in &mut first {
        client.write(upload("PUT", LET_IN).as_bytes());
        assert_eq!(client.interim(), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    for _ in 0..8 {
        let mut late = server.connect();
        late.write(upload("PUT", LET_IN).as_bytes());
        let answer = late.answer();
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
        assert!(late.rest().is_empty(), "the connection stays open");
    }
    assert_eq!(server.connect().send(&Call::get("/health")).status, 200, "short requests wait too");
    first[0].write(&vec![b'x'; 1_048_576]);
    assert_ne!(first[0].answer().status, 503);
    let mut next = server.connect();
    next.write(upload("PUT", LET_IN).as_bytes());
    assert_eq!(next.interim(), "HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn a_stranger_or_another_method_sends_no_long_body() {
    let server = Server::listen_with("", patience());
    for head in [upload("PUT", ""), upload("POST", LET_IN), upload("GET", LET_IN), upload("DELETE", LET_IN)] {
        let mut client = server.connect();
        client.write(head.as_bytes());
        assert_eq!(client.answer().status, 413, "{head}");
        assert!(client.rest().is_empty());
    }
    // Chunks do not say how long they will be.
    let mut client = server.connect();
    let head = upload("PUT", "").replace("Content-Length: 1048576", "Transfer-Encoding: chunked");
    client.write(head.as_bytes());
    assert_eq!(client.answer().status, 413);
}

#[test]
fn the_answer_to_a_body_that_is_too_long_arrives_while_the_body_is_still_sent() {
    let server = Server::listen();
    let mut client = server.connect();
    client.write(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 150000\r\n\r\n");
    client.write(&[b'x'; 150_000]);
    assert_eq!(client.answer().status, 413);
}

#[test]
fn a_thousand_requests_fit_on_one_connection() {
    let server = Server::listen();
    let mut client = server.connect();
    for _ in 0..1000 {
        assert_eq!(client.send(&Call::get("/static/robots.txt")).status, 200);
    }
}

#[test]
fn pipelined_requests_over_tls_are_answered_in_order() {
    let server = Server::listen();
    let mut client = server.connect();
    client.write(GET.repeat(50).as_bytes());
    for _ in 0..50 {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_head_in_single_bytes_is_understood() {
    let server = Server::listen();
    let mut client = server.connect();
    for byte in GET.bytes() {
        client.write(&[byte]);
    }
    assert_eq!(client.answer().status, 200);
}

#[test]
fn connection_close_is_honoured() {
    let server = Server::listen();
    let mut client = server.connect();
    let answer = client.send(&Call::get("/health").header("Connection", "close"));
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(client.rest().is_empty());
}

#[test]
fn a_server_that_stops_closes_idle_connections_and_ends() {
    let mut server = Server::listen_with("", patience());
    let mut client = server.connect();
    assert_eq!(client.send(&Call::get("/health")).status, 200);
    // Its own patience with an idle connection would outlast every test.
    server.stop();
    assert!(client.rest().is_empty());
    assert!(TcpStream::connect(server.address()).is_err());
}

#[test]
fn a_request_under_way_is_answered_before_the_server_ends() {
    let mut server = Server::listen_with("", patience());
    let mut client = server.connect();
    let head = "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    client.write(head.as_bytes());
    client.interim(); // Now the request is under way.
    server.begin_stop();
    client.write(b"abc");
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (405, Some("close")));
    server.stop();
}

#[test]
fn a_request_that_never_ends_does_not_hold_up_the_end_for_ever() {
    let mut server = Server::listen_with("", Timeouts { shutdown: Duration::from_millis(50), ..patience() });
    let mut client = server.connect();
    client.write(b"GET /health HTTP/1.1\r\n");
    server.stop();
}

#[test]
fn clients_that_vanish_in_the_middle_give_their_places_back() {
    let server = Server::listen_with("[limits]\nper_peer = 3\n", patience());
    for sent in [&b"GET"[..], b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03"] {
        for _ in 0..3 {
            let mut client = again(&server);
            client.write(sent);
        }
    }
    assert_eq!(again(&server).send(&Call::get("/health")).status, 200);
}

#[test]
fn tls_speaks_1_3_and_http_1_1_only() {
    let server = Server::listen();
    let client = server.connect();
    assert_eq!(client.protocol(), (Some(rustls::ProtocolVersion::TLSv1_3), Some(b"http/1.1".to_vec())));
}

#[test]
fn tls_sessions_are_resumed_in_both_versions() {
    let server = Server::listen();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let config = harness::client::client_config(server.certificate(), &[version]);
        let connect = || {
            let tcp = TcpStream::connect(server.address()).unwrap();
            let mut client = TlsClient::with(tcp, config.clone(), &server.authority()).unwrap();
            assert_eq!(client.send(&Call::get("/health")).status, 200);
            client.resumed()
        };
        assert_eq!((connect(), connect()), (false, true), "{version:?}");
    }
}

#[test]
fn a_peer_that_does_not_take_its_answers_loses_its_place() {
    let server = Server::listen_with(
        "[limits]\nper_peer = 1\n",
        Timeouts { write: Duration::from_millis(100), drain: Duration::from_millis(100), ..patience() },
    );
    let mut deaf = server.connect();
    // Far more answers than the kernel keeps for a peer that does not read.
    deaf.write("GET /static/app.css HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2000).as_bytes());
    assert_eq!(again(&server).send(&Call::get("/health")).status, 200);
}

#[test]
fn the_control_socket_knows_who_calls() {
    let server = Server::listen_with_control();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(server.socket()).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = std::os::unix::net::UnixStream::connect(server.socket()).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: control\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(harness::Answer::parse(&answer).status, 200);
}
