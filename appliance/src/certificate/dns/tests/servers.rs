//! Name servers: the one that takes updates, and those that are asked what the world sees.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::certificate::DnsChoice;
use domain::secret::Secret;
use serde_json::json;
use simple_dns::rdata::{CNAME, RData, TXT};
use simple_dns::{CLASS, Name, Packet, ResourceRecord};

use super::super::{Record, check_delegation, tsig, wait_visible};
use super::{Ground, NOW, VALUE, choice, name, round};
use crate::certificate::acme::AcmeErrorKind;

const NAME: &str = "_acme-challenge.id.example.org";

/// A name server that takes so many updates over TCP and answers each with what `answer` makes of it.
fn update_server(
    updates: usize,
    answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for _ in 0..updates {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut request).unwrap();
            let answer = answer(&request);
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            let _ = stream.write_all(&[&length, answer.as_slice()].concat());
            seen.push(request);
        }
        seen
    });
    (address, thread)
}

fn key(byte: u8) -> Secret<Vec<u8>> {
    Secret::new(vec![byte; 32])
}

fn update_choice(server: SocketAddr, key: &Secret<Vec<u8>>) -> DnsChoice {
    choice(json!({
        "kind": "rfc2136",
        "server": server.to_string(),
        "zone": "example.org",
        "key_name": "latchkey",
        "key": STANDARD.encode(key.expose()),
    }))
}

#[test]
fn an_update_is_signed_and_names_the_record() {
    let (server, seen) = update_server(2, |request| tsig::tests::answer(request, &name("latchkey"), &key(1), 0));
    round(&update_choice(server, &key(1)), NAME, &Ground::nowhere().world()).unwrap();
    let seen = seen.join().unwrap();
    for request in &seen {
        assert!(tsig::tests::is_signed_by(request, &name("latchkey"), &key(1)));
        assert!(!tsig::tests::is_signed_by(request, &name("latchkey"), &key(2)));
        let text = String::from_utf8_lossy(request).into_owned();
        assert!(text.contains(VALUE) && text.contains("_acme-challenge"));
        assert_eq!(request[2] >> 3, 5, "the operation is UPDATE");
    }
    // Class IN adds; class NONE takes this one record away.
    let class = |request: &[u8]| {
        let at = request.windows(2).position(|two| two == [0, 16]).unwrap();
        request[at + 3]
    };
    assert_eq!((class(&seen[0]), class(&seen[1])), (1, 254));
}

#[test]
fn a_wrong_key_is_said_to_be_one() {
    // A server that does not know the key answers NOTAUTH with an unsigned TSIG record that says BADKEY or BADSIG.
    for error in [16, 17] {
        let (server, seen) = update_server(2, move |request| {
            let mut answer = tsig::tests::answer(request, &name("latchkey"), &key(2), 9);
            let end = answer.len();
            answer[end - 3] = error;
            answer
        });
        let error = round(&update_choice(server, &key(1)), NAME, &Ground::nowhere().world()).unwrap_err();
        assert_eq!(error.kind, AcmeErrorKind::ProviderRefused);
        assert!(error.to_string().contains("TSIG key"), "{error}");
        seen.join().unwrap();
    }
}

#[test]
fn an_answer_that_another_key_signed_is_not_believed() {
    let (server, seen) = update_server(2, |request| tsig::tests::answer(request, &name("latchkey"), &key(2), 0));
    let error = round(&update_choice(server, &key(1)), NAME, &Ground::nowhere().world()).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::ProviderRefused);
    seen.join().unwrap();
}

#[test]
fn what_the_server_refuses_is_explained() {
    for (rcode, kind) in [
        (5, AcmeErrorKind::ProviderRefused),
        (9, AcmeErrorKind::ZoneNotFound),
        (10, AcmeErrorKind::ZoneNotFound),
        (2, AcmeErrorKind::ProviderDown),
    ] {
        let (server, seen) =
            update_server(2, move |request| tsig::tests::answer(request, &name("latchkey"), &key(1), rcode));
        let error = round(&update_choice(server, &key(1)), NAME, &Ground::nowhere().world()).unwrap_err();
        assert_eq!(error.kind, kind, "{rcode}: {error}");
        seen.join().unwrap();
    }
}

#[test]
fn garbage_from_a_name_server_is_an_error() {
    for garbage in [vec![], vec![0; 3], vec![0xff; 40]] {
        let (server, seen) = update_server(2, move |_| garbage.clone());
        let error = round(&update_choice(server, &key(1)), NAME, &Ground::nowhere().world()).unwrap_err();
        assert_eq!(error.kind, AcmeErrorKind::ProviderDown, "{error}");
        seen.join().unwrap();
    }
    let elsewhere = round(&update_choice(([127, 0, 0, 1], 9).into(), &key(1)), "a.example", &Ground::nowhere().world());
    assert_eq!(elsewhere.unwrap_err().kind, AcmeErrorKind::ZoneNotFound);
}

/// A resolver that gives these answers, one after the other, the last one for ever. It ends with the test.
struct Resolver {
    address: SocketAddr,
    asked: Arc<Mutex<usize>>,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    fn start(answers: Vec<Vec<RData<'static>>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(0));
        let counting = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                if length == 0 {
                    return;
                }
                let mut count = counting.lock().unwrap();
                let records = answers.get(*count).or(answers.last()).cloned().unwrap_or_default();
                *count += 1;
                let mut answer = Packet::parse(&buffer[..length]).unwrap().into_reply();
                let owner = answer.questions[0].qname.clone();
                for rdata in records {
                    answer.answers.push(ResourceRecord::new(owner.clone(), CLASS::IN, 60, rdata));
                }
                // First something that answers another question: it must be ignored.
                let mut other = answer.build_bytes_vec().unwrap();
                other[0] ^= 0xff;
                socket.send_to(&other, from).unwrap();
                socket.send_to(&answer.build_bytes_vec().unwrap(), from).unwrap();
            }
        });
        Self { address, asked, thread: Some(thread) }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[], self.address).unwrap();
        let _ = self.thread.take().unwrap().join();
    }
}

fn text(value: &'static str) -> RData<'static> {
    RData::TXT(TXT::new().with_string(value).unwrap())
}

fn alias(target: &'static str) -> RData<'static> {
    RData::CNAME(CNAME(Name::new(target).unwrap()))
}

#[test]
fn a_record_is_waited_for_until_it_is_visible() {
    let resolver = Resolver::start(vec![vec![], vec![text("an old one")], vec![text("an old one"), text(VALUE)]]);
    let mut ground = Ground::nowhere();
    ground.resolver = Some(resolver.address);
    let name = name(NAME);
    smol::block_on(wait_visible(Record { name: &name, value: VALUE }, &ground.world())).unwrap();
    assert_eq!(resolver.asked(), 3);
}

#[test]
fn a_record_that_never_comes_is_explained() {
    let resolver = Resolver::start(vec![vec![]]);
    let mut ground = Ground::nowhere();
    ground.resolver = Some(resolver.address);
    let mut world = ground.world();
    world.pace.visible = Duration::from_millis(60);
    let name = name(NAME);
    let error = smol::block_on(wait_visible(Record { name: &name, value: VALUE }, &world)).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::NotVisible);
    assert!(error.to_string().contains(NAME) && error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn an_alias_must_lead_to_where_the_record_is_made() {
    let (from, to) = (name(NAME), name("_acme-challenge.house.dedyn.io"));
    for (records, kind) in [
        (vec![alias("_acme-challenge.house.dedyn.io")], None),
        (vec![alias("elsewhere.example")], Some(AcmeErrorKind::NotDelegated)),
        (vec![], Some(AcmeErrorKind::NotDelegated)),
    ] {
        let resolver = Resolver::start(vec![records]);
        let mut ground = Ground::nowhere();
        ground.resolver = Some(resolver.address);
        let checked = smol::block_on(check_delegation(&from, &to, &ground.world()));
        assert_eq!(checked.err().map(|error| error.kind), kind);
    }
}

#[test]
fn a_time_that_the_server_does_not_share_is_named() {
    let (server, seen) = update_server(2, |request| {
        let mut answer = tsig::tests::answer(request, &name("latchkey"), &key(1), 9);
        let end = answer.len();
        answer[end - 3] = 18;
        answer
    });
    let error = round(&update_choice(server, &key(1)), NAME, &Ground::nowhere().world()).unwrap_err();
    assert!(error.to_string().contains("clock"), "{error} at {}", NOW.unix());
    seen.join().unwrap();
}
