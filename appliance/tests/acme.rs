//! Certificates of a public authority: from Debian's pebble with its name server, and from an authority of our own that lies.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "support/fake_acme.rs"]
#[expect(unreachable_pub, reason = "the unit tests use its neighbours too")]
mod fake_acme;
#[path = "support/fake_http.rs"]
#[expect(unreachable_pub, reason = "the unit tests use it too")]
mod fake_http;
#[path = "support/moment.rs"]
#[expect(unreachable_pub, reason = "the unit tests use it too")]
mod moment;
#[path = "support/pebble.rs"]
#[expect(unreachable_pub, reason = "the unit tests use its neighbours too")]
mod pebble;
#[path = "support/seeded.rs"]
#[expect(unreachable_pub, reason = "the unit tests use it too")]
mod seeded;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use appliance::certificate::acme::{
    AcmeDeps, AcmeError, AcmeErrorKind, Issued, OutboundLimits, Pace, Providers, obtain, renewal_window,
};
use appliance::system::SystemClock;
use domain::certificate::{AcmeChoice, renew_at};
use domain::clock::{Moment, Trust};
use domain::host::Host;
use domain::time::{Span, Timestamp};
use fake_acme::{HOST, Lie};
use fake_http::{FakeHttp, Said};
use pebble::{Folder, NameServer, Pebble};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use seeded::SeededEntropy;
use serde_json::{Value, json};
use url::Url;

/// When the authority that lies gives its certificates.
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A house that orders.
struct House {
    folder: Folder,
    entropy: SeededEntropy,
    providers: Providers,
    moment: Moment,
    pace: Pace,
}

impl House {
    fn new(provider: &str, now: Timestamp) -> Self {
        let poll = Duration::from_millis(50);
        let limit = Duration::from_secs(30);
        Self {
            folder: Folder::new(),
            entropy: SeededEntropy::new(5),
            providers: Providers::all_at(&Url::parse(provider).unwrap()),
            moment: moment::steady(now),
            pace: Pace { look: poll, visible: limit, poll, decided: limit, program: limit },
        }
    }

    fn deps(&self) -> AcmeDeps<'_> {
        AcmeDeps {
            data_dir: &self.folder.0,
            entropy: &self.entropy,
            moment: self.moment,
            providers: &self.providers,
            pace: self.pace,
            limits: OutboundLimits::default(),
        }
    }

    fn order(&self, choice: &Value, replaces: Option<&str>) -> Result<Issued, AcmeError> {
        let choice: AcmeChoice = serde_json::from_value(choice.clone()).unwrap();
        let host: Host = HOST.parse().unwrap();
        smol::block_on(obtain(&choice, &host, &self.deps(), replaces))
    }
}

fn real_time() -> Timestamp {
    SystemClock.now()
}

fn choice(pebble: &Pebble, resolver: SocketAddr, dns: &Value) -> Value {
    json!({
        "directory": pebble.directory,
        "ca_file": pebble.ca_file,
        "contact": "anna@house.example",
        "resolver": resolver.to_string(),
        "dns": dns,
    })
}

fn cloudflare() -> Value {
    json!({"kind": "cloudflare", "token": "hush"})
}

/// That rustls takes the chain and the key together, as the listener will.
fn assert_usable(issued: &Issued) {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.expose().as_bytes()).unwrap();
    rustls::sign::CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).unwrap();
}

#[test]
fn a_certificate_comes_although_the_authority_refuses_some_nonces() {
    let folder = Folder::new();
    let names = NameServer::start(&folder);
    let provider = pebble::cloudflare(&names);
    let pebble = Pebble::start(&folder, names.address, 5);
    let house = House::new(&provider.url("/"), real_time());
    let choice = choice(&pebble, names.address, &cloudflare());
    let first = house.order(&choice, None).unwrap();
    assert_usable(&first);
    assert!(first.validity.not_before <= house.moment.now + Span::hours(1));

    let key_file = fs::read_dir(house.folder.0.join("tls")).unwrap().next().unwrap().unwrap();
    assert_eq!(key_file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let account_key = fs::read(key_file.path()).unwrap();
    let second = house.order(&choice, Some(&first.chain_pem)).unwrap();
    assert_eq!(fs::read(key_file.path()).unwrap(), account_key, "the account is kept");
    assert_ne!(first.key_pem.expose(), second.key_pem.expose(), "each certificate has a key of its own");

    assert!(provider.seen().iter().all(|asked| asked.authorization == "Bearer hush"));
    let lines: Vec<String> = provider.seen().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("POST")).count(), 2);
    assert_eq!(lines.iter().filter(|line| line.starts_with("DELETE")).count(), 2, "the records are gone again");
}

#[test]
fn the_proof_may_be_at_another_name_and_be_made_by_a_program() {
    let folder = Folder::new();
    let names = NameServer::start(&folder);
    let pebble = Pebble::start(&folder, names.address, 5);
    let alias = "_acme-challenge.delegated.example";
    names.command("set-cname", &json!({"host": format!("_acme-challenge.{HOST}."), "target": format!("{alias}.")}));
    // bash can talk to a port by itself; the program has no environment, so no PATH either.
    let port = names.management().port();
    let script = format!(
        "#!/bin/bash\nset -e\nbody=\"{{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$3\\\"}}\"\n\
         case $1 in present) command=set-txt ;; cleanup) command=clear-txt ;; esac\n\
         exec 3<>/dev/tcp/127.0.0.1/{port}\n\
         printf 'POST /%s HTTP/1.0\\r\\nContent-Length: %s\\r\\n\\r\\n%s' \"$command\" \"${{#body}}\" \"$body\" >&3\n\
         read -r answer <&3\n[[ $answer = *' 200 '* ]]\necho \"$1 $2\" >> {}/calls\n",
        folder.0.display()
    );
    let program = folder.0.join("hook");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();

    let house = House::new("http://127.0.0.1:9/", real_time());
    let mut choice = choice(&pebble, names.address, &json!({"kind": "exec", "program": program}));
    choice["challenge_alias"] = Value::from(alias);
    assert_usable(&house.order(&choice, None).unwrap());
    let calls = fs::read_to_string(folder.0.join("calls")).unwrap();
    assert_eq!(calls, format!("present {alias}\ncleanup {alias}\n"));
}

#[test]
fn nothing_is_ordered_while_the_name_does_not_lead_to_where_the_proof_will_be() {
    let folder = Folder::new();
    let names = NameServer::start(&folder);
    let authority = fake_acme::start(Lie::Honest);
    let house = House::new("http://127.0.0.1:9/", NOW);
    let choice = json!({
        "directory": authority.url("/directory"),
        "resolver": names.address.to_string(),
        "challenge_alias": "_acme-challenge.delegated.example",
        "dns": cloudflare(),
    });
    let error = house.order(&choice, None).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::NotDelegated);
    assert!(error.to_string().contains("CNAME"), "{error}");
    assert!(authority.seen().iter().all(|asked| !asked.line.contains("order")));
}

#[test]
fn a_proof_that_the_authority_does_not_see_is_refused_and_its_record_goes() {
    let folder = Folder::new();
    let (ours, theirs) = (NameServer::start(&folder), NameServer::start(&folder));
    let provider = pebble::cloudflare(&ours);
    let pebble = Pebble::start(&folder, theirs.address, 5);
    let house = House::new(&provider.url("/"), real_time());
    let error = house.order(&choice(&pebble, ours.address, &cloudflare()), None).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::ProofRefused, "{error}");
    assert!(provider.seen().iter().any(|asked| asked.line.starts_with("DELETE")), "the record is gone again");
}

#[test]
fn a_record_that_does_not_become_visible_is_taken_away_before_the_authority_looks() {
    let folder = Folder::new();
    let (ours, theirs) = (NameServer::start(&folder), NameServer::start(&folder));
    let provider = pebble::cloudflare(&theirs);
    let pebble = Pebble::start(&folder, theirs.address, 5);
    let mut house = House::new(&provider.url("/"), real_time());
    house.pace.visible = Duration::from_millis(200);
    let error = house.order(&choice(&pebble, ours.address, &cloudflare()), None).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::NotVisible, "{error}");
    assert!(provider.seen().iter().any(|asked| asked.line.starts_with("DELETE")), "the record is gone again");
}

#[test]
fn an_order_that_was_called_off_does_not_stand_in_the_way_of_the_next() {
    let folder = Folder::new();
    let (names, empty) = (NameServer::start(&folder), NameServer::start(&folder));
    let provider = pebble::cloudflare(&names);
    let pebble = Pebble::start(&folder, names.address, 5);
    let house = House::new(&provider.url("/"), real_time());
    let waiting: AcmeChoice = serde_json::from_value(choice(&pebble, empty.address, &cloudflare())).unwrap();
    let host: Host = HOST.parse().unwrap();
    smol::block_on(async {
        let deps = house.deps();
        let mut order = Box::pin(obtain(&waiting, &host, &deps, None));
        // It waits for a record that this name server will never show; then it is dropped.
        while !provider.seen().iter().any(|asked| asked.line.starts_with("POST")) {
            let turn = futures_lite::future::or(async { Some(order.as_mut().await) }, async {
                futures_lite::future::yield_now().await;
                None
            });
            assert!(turn.await.is_none(), "it ended by itself");
        }
    });
    assert_usable(&house.order(&choice(&pebble, names.address, &cloudflare()), None).unwrap());
}

#[test]
fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
    let folder = Folder::new();
    let names = NameServer::start(&folder);
    let provider = pebble::cloudflare(&names);
    let pebble = Pebble::start(&folder, names.address, 5);
    let mut house = House::new(&provider.url("/"), real_time());
    let choice = choice(&pebble, names.address, &cloudflare());
    let first = house.order(&choice, None).unwrap();
    // This pebble has no opinion of its own.
    assert_eq!(first.window, None);
    let due = renew_at(first.validity.not_before, first.validity.not_after, first.window, 7);
    let left = first.validity.not_after.since(due).as_seconds();
    let life = first.validity.not_after.since(first.validity.not_before).as_seconds();
    assert_eq!(left, life / 3);
    house.moment = moment::steady(due);
    let second = house.order(&choice, Some(&first.chain_pem)).unwrap();
    assert_usable(&second);
    assert_ne!(first.chain_pem, second.chain_pem);
    // A clock that is past the end of what pebble gives would show a certificate that nobody can use: it is refused.
    house.moment = moment::steady(second.validity.not_after + Span::days(1));
    assert_eq!(house.order(&choice, None).unwrap_err().kind, AcmeErrorKind::BadCertificate);
}

#[test]
fn an_authority_that_is_not_trusted_gets_no_request() {
    let folder = Folder::new();
    let names = NameServer::start(&folder);
    let pebble = Pebble::start(&folder, names.address, 0);
    let mut choice = choice(&pebble, names.address, &cloudflare());
    choice.as_object_mut().unwrap().remove("ca_file");
    let error = House::new("http://127.0.0.1:9/", real_time()).order(&choice, None).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::AuthorityDown);
    assert!(error.to_string().contains("certificate"), "{error}");
}

/// What an owner is told when the authority does that.
fn told(lie: Lie) -> AcmeError {
    let authority = fake_acme::start(lie);
    let mut house = House::new("http://127.0.0.1:9/", NOW);
    house.pace.decided = Duration::from_millis(300);
    house.order(&json!({"directory": authority.url("/directory"), "dns": cloudflare()}), None).unwrap_err()
}

fn problem(kind: &str, status: u16, headers: &[&str], detail: &str) -> Lie {
    let headers = headers.iter().map(|header| (*header).to_owned()).collect();
    Lie::Problem(status, headers, json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail}))
}

#[test]
fn what_the_authority_sends_is_checked_before_it_is_used() {
    for (lie, words) in [
        (Lie::WrongKey, "another key"),
        (Lie::WrongName, "not for id.house.example"),
        (Lie::Ended, "not good at this time"),
        (Lie::Garbage, "no certificate"),
    ] {
        let error = told(lie);
        assert_eq!(error.kind, AcmeErrorKind::BadCertificate);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn an_authority_that_never_ends_does_not_fill_the_memory_or_hold_us_up() {
    for lie in [Lie::EndlessChain, Lie::EndlessDirectory, Lie::NeverReady, Lie::BadNonces] {
        let error = told(lie);
        assert_eq!(error.kind, AcmeErrorKind::AuthorityDown, "{error}");
    }
}

#[test]
fn an_authority_that_sends_us_elsewhere_is_not_followed() {
    let error = told(Lie::Elsewhere);
    assert_eq!(error.kind, AcmeErrorKind::AuthorityDown);
    assert!(error.to_string().contains("another server"), "{error}");
}

#[test]
fn an_authority_that_asks_to_wait_is_waited_for() {
    let error = told(problem("rateLimited", 429, &["Retry-After: 3600"], "too many <b>certificates</b>\u{7}"));
    assert_eq!((error.kind, error.retry_after), (AcmeErrorKind::RateLimited, Some(Span::hours(1))));
    let words = error.to_string();
    assert!(words.contains("too many") && !words.contains(['<', '\u{7}']), "{words}");
}

#[test]
fn a_problem_is_told_in_words_that_say_what_to_do() {
    for (kind, status, expected, words) in [
        ("caa", 403, AcmeErrorKind::AuthorityRefused, "CAA record"),
        ("rejectedIdentifier", 400, AcmeErrorKind::AuthorityRefused, "another name"),
        ("serverInternal", 500, AcmeErrorKind::AuthorityDown, "again later"),
        ("userActionRequired", 403, AcmeErrorKind::AuthorityRefused, "terms"),
    ] {
        let error = told(problem(kind, status, &[], "no"));
        assert_eq!(error.kind, expected);
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = told(Lie::OwnAccounts);
    assert!(error.to_string().contains("external account"), "{error}");
}

#[test]
fn an_authority_that_is_down_is_said_to_be() {
    let house = House::new("http://127.0.0.1:9/", NOW);
    let error = house.order(&json!({"directory": "http://127.0.0.1:9/dir", "dns": cloudflare()}), None).unwrap_err();
    assert_eq!(error.kind, AcmeErrorKind::AuthorityDown);
    assert!(error.kind.passes());
}

#[test]
fn an_authority_that_keeps_silent_does_not_hold_us_up() {
    let authority = FakeHttp::start(|_| Said::Nothing);
    let house = House::new("http://127.0.0.1:9/", NOW);
    let mut deps = house.deps();
    deps.limits.time = Duration::from_millis(200);
    let choice = json!({"directory": authority.url("/directory"), "dns": cloudflare()});
    let choice: AcmeChoice = serde_json::from_value(choice).unwrap();
    let host: Host = HOST.parse().unwrap();
    let order = obtain(&choice, &host, &deps, None);
    assert!(size_of_val(&order) < 8 * 1024, "the state of an order is small: worker threads have small stacks");
    assert_eq!(smol::block_on(order).unwrap_err().kind, AcmeErrorKind::AuthorityDown);
}

#[test]
fn nothing_is_ordered_while_the_clock_is_not_trusted() {
    let authority = fake_acme::start(Lie::Honest);
    let mut house = House::new("http://127.0.0.1:9/", NOW);
    for trust in [Trust::Floor, Trust::Plausible] {
        house.moment.trust = trust;
        let choice = json!({"directory": authority.url("/directory"), "dns": cloudflare()});
        assert_eq!(house.order(&choice, None).unwrap_err().kind, AcmeErrorKind::ClockNotTrusted);
    }
    assert!(authority.seen().is_empty(), "nobody was asked");
}

#[test]
fn the_authority_says_when_to_renew_and_which_certificate_is_replaced() {
    let authority = fake_acme::start(Lie::Honest);
    let house = House::new("http://127.0.0.1:9/", NOW);
    let choice = json!({"directory": authority.url("/directory"), "dns": cloudflare()});
    let first = house.order(&choice, None).unwrap();
    let window = first.window.unwrap();
    assert_eq!((window.start.unix(), window.end.unix()), (1_801_440_000, 1_801_612_800));
    let due = renew_at(first.validity.not_before, first.validity.not_after, first.window, 99);
    assert!(window.start <= due && due <= window.end);

    let parsed: AcmeChoice = serde_json::from_value(choice.clone()).unwrap();
    let again = smol::block_on(renewal_window(&parsed, &first.chain_pem, &house.deps())).unwrap().unwrap();
    assert_eq!((again.window, again.ask_again), (window, Some(Span::hours(6))));

    house.order(&choice, Some(&first.chain_pem)).unwrap();
    let orders: Vec<Value> =
        authority.seen().iter().filter(|asked| asked.line == "POST /order").map(fake_acme::payload).collect();
    let asked = authority.seen();
    let id = asked.iter().find_map(|asked| asked.line.strip_prefix("GET /renewal/")).unwrap();
    assert_eq!((orders[0].get("replaces"), &orders[1]["replaces"]), (None, &Value::from(id)));
}

#[test]
fn an_authority_that_saw_the_certificate_replaced_already_still_gives_a_new_one() {
    let honest = fake_acme::start(Lie::Honest);
    let house = House::new("http://127.0.0.1:9/", NOW);
    let first = house.order(&json!({"directory": honest.url("/directory"), "dns": cloudflare()}), None).unwrap();
    let authority = fake_acme::start(Lie::Replaced);
    let choice = json!({"directory": authority.url("/directory"), "dns": cloudflare()});
    assert_usable(&house.order(&choice, Some(&first.chain_pem)).unwrap());
}
