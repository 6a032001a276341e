//! What proxies say of the requests that they ask about (forward auth), with one app behind them: whatever they say, nobody gets
//! through without a pass, and nobody is led anywhere but to the house and back to the app.
#![no_main]

#[path = "../shared/desk.rs"]
mod desk;
#[path = "../shared/pick.rs"]
#[expect(dead_code, reason = "each target uses its own part")]
mod pick;

use std::sync::LazyLock;

use appliance::serve::Desk;
use form_urlencoded::{Serializer, parse};
use libfuzzer_sys::fuzz_target;
use pick::{Pick, word};
use service::{AppAmendment, AppKind};
use url::Url;

const HOST: &str = "films.example.org";
const START: &str = "https://id.example/forward-auth/start?";
const WORDS: [&str; 12] = [
    HOST,
    "films.example.org:8443",
    "id.example",
    "https",
    "wss",
    "http",
    "/",
    "/.latchkey/callback?pass=x&to=%2Fa",
    "https://films.example.org/x?y#z",
    "https://films.example.org/.latchkey/callback?pass=x&to=//evil.example",
    "__Host-latchkey-pass=x",
    "__Host-latchkey-enter=AAAAAAAAAAAAAAAAAAAAAA",
];

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let desk = desk::desk();
    let made = desk.operate(|idp| {
        let hosts = vec![HOST.parse().expect("a name")];
        let amendment = AppAmendment { forward_hosts: Some(hosts), ..AppAmendment::default() };
        idp.create_app(&desk::console(), &"films".parse().expect("a name"), AppKind::Confidential, &amendment)
    });
    made.expect("a free thread").expect("an app");
    desk
});

#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    proto: &'a str,
    host: &'a str,
    uri: &'a str,
    cookie: &'a str,
}

fuzz_target!(|input: (u8, [Pick<'_>; 4])| {
    let (way, picks) = input;
    let [proto, host, uri, cookie] = picks.map(|pick| word(pick, &WORDS));
    let said = Said { proto, host, uri, cookie };
    // What is no text of a header, HTTP refuses: that is the target `http`.
    if [proto, host, uri, cookie].iter().any(|text| !text.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
        return;
    }
    let answer = DESK.exchange(desk::SOMEWHERE, request(way, said).as_bytes());
    let answer = std::str::from_utf8(&answer).expect("text");
    let status = answer.get(9..12).expect("an answer");
    assert!(["303", "400", "401", "403"].contains(&status), "{answer}");
    let location = answer.lines().filter_map(|line| line.split_once(": "));
    let location = location.filter(|(name, _)| name.eq_ignore_ascii_case("location")).map(|(_, value)| value).next();
    assert_eq!(location.is_some(), status == "303", "{answer}");
    let Some(location) = location else { return };
    if way % 4 == 3 {
        assert!(location.starts_with("/signin?"), "{location}");
        return;
    }
    let query = location.strip_prefix(START).unwrap_or_else(|| panic!("to {location}"));
    let (_, to) = parse(query.as_bytes()).find(|(name, _)| name == "to").expect("where from");
    let to = Url::parse(&to).expect("an address");
    assert_eq!((to.scheme(), to.host_str(), to.username()), ("https", Some(HOST), ""));
});

fn request(way: u8, Said { proto, host, uri, cookie }: Said<'_>) -> String {
    let forwarded = format!("X-Forwarded-Proto: {proto}\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-Uri: {uri}\r\n");
    let (path, headers) = match way % 4 {
        0 => ("/forward-auth".to_owned(), forwarded),
        1 => ("/forward-auth/nginx".to_owned(), format!("X-Original-URL: {uri}\r\n")),
        2 => ("/forward-auth/nginx/enter".to_owned(), format!("X-Original-URL: {uri}\r\n")),
        _ => {
            let query = Serializer::new(String::new()).extend_pairs([("to", uri), ("state", host)]).finish();
            (format!("/forward-auth/start?{query}"), String::new())
        }
    };
    format!("GET {path} HTTP/1.1\r\nHost: id.example\r\nAccept: text/html\r\nCookie: {cookie}\r\n{headers}\r\n")
}
