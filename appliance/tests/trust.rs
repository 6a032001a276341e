//! Port 80 and the name check: what comes in the clear gets the page about trust, the authority and a way to TLS, and nothing
//! else whatever it brings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::client::client_config;
use harness::{Answer, Call, Server};
use rustls::ClientConnection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

const HOST: &str = "id.house.test";
const PLAIN: &str = "plain = [\"127.0.0.1:0\"]\n";

/// A house with an owner, and an authority of its own.
fn house() -> Server {
    Server::listen_as(HOST, PLAIN)
}

/// A box without an owner.
fn new_box() -> Server {
    Server::with_control(HOST, PLAIN)
}

fn plain(path: &str) -> Call {
    Call::get(path).in_the_clear().header("Host", HOST)
}

fn person(call: Call) -> Call {
    call.header("Accept", "text/html")
}

/// Every page in the clear: no cookie, no word about TLS for ever, the strict policy.
fn get(server: &Server, call: &Call) -> Answer {
    let answer = server.send(call);
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("strict-transport-security"), None);
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    }
    answer
}

#[test]
fn everything_else_goes_on_to_the_same_path_with_tls() {
    let server = house();
    for path in [
        "/signin",
        "/authorize?client_id=a&state=b%20c",
        "/account/devices",
        "/api/v1/status",
        "//evil.example/x",
        "/health",
    ] {
        for host in [HOST, "ID.house.test:80", "latchkey.local", "127.0.0.1", "[::1]:80"] {
            let call = Call::get(path).in_the_clear().header("Host", host);
            let answer = get(&server, &call);
            assert_eq!(answer.status, 308, "{host}{path}");
            assert_eq!(answer.header("location"), Some(format!("{}{path}", server.issuer).as_str()), "{host}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[test]
fn a_name_that_is_not_ours_leads_to_our_front_door_only() {
    let server = house();
    for host in
        ["evil.example", "id.house.test.evil.example", "192.0.2.250", "id.house.test@evil.example", "evil.example:443"]
    {
        for path in ["/", "/signin", "/trust", "/trust/latchkey.crt", "//evil.example/", "/static/app.css"] {
            let call = Call::get(path).in_the_clear().header("Host", host);
            let answer = server.send(&call);
            if answer.status != 400 {
                assert_eq!(answer.status, 308, "{host}{path}");
                assert_eq!(answer.header("location"), Some(format!("{}/", server.issuer).as_str()), "{host}{path}");
            }
        }
    }
}

#[test]
fn a_form_in_the_clear_is_refused_with_words_and_sent_nowhere() {
    let server = house();
    for path in ["/signin", "/", "/trust", "/token", "/api/v1/persons", "/setup/claim"] {
        let call = Call::post(path).in_the_clear().header("Host", HOST).form(&[("password", "secret")]);
        let answer = get(&server, &call);
        assert_eq!((answer.status, answer.header("location")), (405, None), "{path}");
        assert!(answer.text().contains("without encryption"), "{}", answer.text());
        let page = get(&server, &person(call));
        assert!(page.text().contains("That came without encryption"), "{}", page.text());
        assert_eq!((page.status, page.header("location")), (405, None));
    }
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let call = Call::new(method, "/trust").in_the_clear().header("Host", HOST);
        assert_eq!(get(&server, &call).status, 405, "{method}");
    }
}

#[test]
fn cookies_and_tokens_in_the_clear_are_worth_nothing() {
    let server = house();
    let call = plain("/api/v1/status").bearer("anything").cookie("__Host-latchkey", "anything");
    assert_eq!(get(&server, &call).status, 308, "the admin API is not there");
    let call = plain("/account/devices").cookie("__Host-latchkey", "anything");
    assert_eq!(get(&server, &call).status, 308);
}

#[test]
fn a_box_without_an_owner_says_why_the_browser_is_about_to_warn_and_claims_nothing() {
    let server = new_box();
    let answer = get(&server, &person(plain("/")));
    let text = answer.text();
    assert_eq!(answer.status, 200);
    assert!(text.contains("will warn you once") && text.contains(&format!("{}/", server.issuer)), "{text}");
    for path in ["/setup", "/claim", "/signin"] {
        let answer = get(&server, &plain(path));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{path}");
        let claimed = get(&server, &Call::post(path).in_the_clear().header("Host", HOST).form(&[("code", "123")]));
        assert_eq!(claimed.status, 405, "{path}");
    }
}

/// What a browser is shown that trusts the house's authority.
fn certificate(server: &Server) -> Vec<u8> {
    let config = client_config(server.certificate(), rustls::ALL_VERSIONS);
    let mut connection = ClientConnection::new(config, HOST.try_into().unwrap()).unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).unwrap();
    }
    connection.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn the_fingerprint_in_the_clear_is_that_of_the_certificate_that_comes() {
    let server = new_box();
    let text = get(&server, &person(plain("/"))).text();
    let shown: String = text.split("data-fingerprint>").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
    let shown: String = shown.replace("<span>", "").replace("</span>", "").split_whitespace().collect();
    let hash = ring::digest::digest(&ring::digest::SHA256, &certificate(&server));
    let comes: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(shown, comes);
}

#[test]
fn the_authority_is_handed_out_byte_for_byte_and_never_its_key() {
    let server = house();
    let authority = CertificateDer::from_pem_slice(server.certificate()).unwrap();
    for in_the_clear in [true, false] {
        let call = |path: &str| {
            let call = Call::get(path).header("Host", server.authority());
            if in_the_clear { plain(path) } else { call }
        };
        let crt = server.send(&call("/trust/latchkey.crt"));
        assert_eq!((crt.status, crt.header("content-type")), (200, Some("application/x-x509-ca-cert")));
        assert_eq!(crt.body, authority.as_ref());
        let pem = server.send(&call("/trust/latchkey.pem"));
        assert_eq!(pem.header("content-type"), Some("application/x-pem-file"));
        assert_eq!(CertificateDer::from_pem_slice(&pem.body).unwrap(), authority);
        assert!(!pem.text().contains("PRIVATE"));
    }
}

/// Reads one value of a property list; the reader knows as much XML as the profile has.
fn value<'a>(plist: &'a str, key: &str, place: usize) -> &'a str {
    let after = plist.split(&format!("<key>{key}</key>")).nth(place + 1).unwrap().trim_start();
    after.split('>').nth(1).unwrap().split('<').next().unwrap()
}

/// Every element is closed in its turn.
fn is_well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        match tag.strip_prefix('/') {
            Some(name) => {
                if open.pop() != Some(name) {
                    return false;
                }
            }
            None if tag.starts_with(['?', '!']) || tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    let texts = xml.split('&').skip(1).all(|rest| rest.split(';').next().unwrap().len() <= 5);
    open.is_empty() && texts
}

#[test]
fn the_profile_is_a_property_list_with_the_authority_and_stays_the_same() {
    let server = house();
    let answer = get(&server, &plain("/trust/latchkey.mobileconfig"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-apple-aspen-config")));
    let text = answer.text();
    assert!(is_well_formed(&text), "{text}");
    let data: String =
        text.split("<data>").nth(1).unwrap().split("</data>").next().unwrap().split_whitespace().collect();
    let authority = CertificateDer::from_pem_slice(server.certificate()).unwrap();
    assert_eq!(STANDARD.decode(data).unwrap(), authority.as_ref());
    assert_eq!(value(&text, "PayloadType", 0), "com.apple.security.root");
    assert_eq!(value(&text, "PayloadType", 1), "Configuration");
    assert_eq!(value(&text, "PayloadIdentifier", 1), "test.house.id.latchkey.trust");
    let uuids = [value(&text, "PayloadUUID", 0), value(&text, "PayloadUUID", 1)];
    assert_ne!(uuids[0], uuids[1]);
    assert_eq!(get(&server, &plain("/trust/latchkey.mobileconfig")).text(), text, "installing it again replaces it");
    let other = house();
    let theirs = get(&other, &plain("/trust/latchkey.mobileconfig")).text();
    assert_ne!(value(&theirs, "PayloadUUID", 0), uuids[0], "another authority is another payload");
}

#[test]
fn every_device_gets_its_own_steps_and_may_choose_others_without_a_script() {
    let server = house();
    for (user_agent, steps) in [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "Certificate Trust Settings"),
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/140.0", "Install anyway"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0", "Trusted Root Certification Authorities"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Trust this CA to identify websites"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "Always Trust"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)", "On a Chromebook"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "nssdb"),
        ("something new", "Which device is this?"),
    ] {
        for path in ["/", "/trust"] {
            let answer = get(&server, &person(plain(path)).header("User-Agent", user_agent));
            let text = answer.text();
            assert!(answer.status == 200 && text.contains(steps), "{user_agent}");
            assert!(text.contains("href=\"/trust?for=android#steps\""), "{user_agent}");
        }
    }
    let chosen = get(&server, &person(plain("/trust?for=windows")).header("User-Agent", "iPhone")).text();
    assert!(chosen.contains("Trusted Root Certification Authorities"));
    for bad in ["/trust?for=beos", "/trust?for=windows&for=mac", "/trust?for=%3Cscript%3E"] {
        let text = get(&server, &person(plain(bad)).header("User-Agent", "iPhone")).text();
        assert!(text.contains("Certificate Trust Settings") && !text.contains("<script>"), "{bad}");
    }
}

#[test]
fn over_tls_the_same_page_says_that_its_number_is_right() {
    let server = house();
    let call = person(Call::get("/trust").header("User-Agent", "iPhone"));
    let sure = server.send(&call).text();
    let unsure = get(&server, &person(plain("/trust")).header("User-Agent", "iPhone")).text();
    let number = |text: &str| text.split("data-fingerprint>").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
    assert_eq!(number(&sure), number(&unsure));
    assert!(sure.contains("This page came with encryption") && unsure.contains("This page came without encryption"));
}

#[test]
fn where_nothing_is_to_be_installed_the_page_says_so_and_hands_out_nothing() {
    let server = Server::start();
    let plain = |path: &str| Call::get(path).in_the_clear().header("Host", "id.example");
    assert!(get(&server, &person(plain("/trust"))).text().contains("Nothing has to be installed"));
    assert_eq!(get(&server, &plain("/")).header("location"), Some("https://id.example/"));
    for name in ["crt", "pem", "mobileconfig"] {
        assert_eq!(get(&server, &plain(&format!("/trust/latchkey.{name}"))).status, 404, "{name}");
    }
}

fn nonce(server: &Server) -> String {
    server.send(&Call::get("/reach/begin")).json()["nonce"].as_str().unwrap().to_owned()
}

fn verify(server: &Server, answer: &Value) -> Answer {
    let field = |name: &str| answer[name].as_str().unwrap().to_owned();
    let (nonce, scheme, host, seal) = (field("nonce"), field("scheme"), field("host"), field("seal"));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("nonce", nonce), ("scheme", scheme), ("host", host), ("seal", seal)])
        .finish();
    server.send(&Call::get(format!("/reach/verify?{query}")))
}

#[test]
fn a_name_that_leads_here_is_proven_once() {
    let server = house();
    for scheme in ["https", "http"] {
        let asked = Call::get(format!("/reach?nonce={}", nonce(&server)));
        let asked = if scheme == "http" { asked.in_the_clear() } else { asked };
        let answer = server.send(&asked.header("Host", "new.house.test:8443"));
        assert_eq!(answer.status, 200, "any name is answered: it is what is being checked");
        let answer = answer.json();
        let verified = verify(&server, &answer);
        assert_eq!((verified.status, verified.json()["host"].as_str()), (200, Some("new.house.test:8443")));
        assert_eq!(verified.json()["scheme"].as_str(), Some(scheme));
        assert_eq!(verify(&server, &answer).status, 403, "a second time it proves nothing");
    }
}

#[test]
fn nobody_else_proves_anything() {
    let (server, other) = (house(), Server::another());
    for bad in ["", "unknown", "AAAA", &nonce(&other)] {
        assert_eq!(server.send(&Call::get(format!("/reach?nonce={bad}"))).status, 403, "{bad}");
    }
    let theirs = other.send(&Call::get(format!("/reach?nonce={}", nonce(&other)))).json();
    assert_eq!(verify(&server, &theirs).status, 403, "another box answered");
    let ours = server.send(&Call::get(format!("/reach?nonce={}", nonce(&server)))).json();
    server.clock.advance(121);
    assert_eq!(verify(&server, &ours).status, 403, "two minutes are over");
    assert_eq!(server.send(&Call::get("/reach/verify?nonce=a&scheme=gopher&host=b&seal=c")).status, 403);
}

#[test]
fn only_pages_of_this_box_may_read_the_answer() {
    let server = house();
    let ask = |origin: &str| {
        let call = Call::get(format!("/reach?nonce={}", nonce(&server))).header("Origin", origin);
        server.send(&call).header("access-control-allow-origin").map(str::to_owned)
    };
    for ours in ["http://id.house.test", "https://latchkey.local", "http://127.0.0.1:8080", &server.issuer] {
        assert_eq!(ask(ours).as_deref(), Some(ours));
    }
    for others in [
        "https://evil.example",
        "null",
        "http://id.house.test.evil.example",
        "http://id.house.test/x",
        "ftp://id.house.test",
    ] {
        assert_eq!(ask(others), None, "{others}");
    }
    assert_eq!(
        server
            .send(&Call::get("/reach/begin").header("Origin", "https://evil.example"))
            .header("access-control-allow-origin"),
        None
    );
}

#[test]
fn the_box_says_what_its_name_leads_to_and_looks_up_no_other() {
    let server = Server::listen();
    let seen = server.send(&Call::get("/reach/lookup?name=evil.example")).json();
    assert_eq!(seen["name"].as_str(), Some("localhost"));
    assert_eq!(seen["finding"].as_str(), Some("itself"));
    let checked = server.send(&Call::get("/api/v1/domain/check").on_console()).json();
    assert_eq!((checked["finding"].as_str(), checked["certificate_fits"].as_bool()), (Some("itself"), Some(true)));
    assert_eq!(server.send(&Call::get("/api/v1/domain/check?name=no%20name").on_console()).status, 400);
    assert_eq!(server.send(&Call::get("/api/v1/domain/check")).status, 401, "not for everybody");
}

#[test]
fn port_80_keeps_the_bounds_of_the_other_ports() {
    let server = house();
    let mut stream = TcpStream::connect(server.plain_address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /trust HTTP/1.1\r\nHost: id.house.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(Answer::parse(&bytes).status, 200);
    let mut stream = TcpStream::connect(server.plain_address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&[b'a'; 9000]).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.starts_with(b"HTTP/1.1 431"), "{}", bytes.escape_ascii());
    let peer: IpAddr = [192, 0, 2, 9].into();
    assert_eq!(server.send(&plain("/trust").from(peer)).status, 200);
}
