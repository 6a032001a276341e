//! The certificate of a running server: chosen, made anew and shown, while people go on talking to it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "support/fake_http.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests of orders use the rest")]
mod fake_http;
mod harness;
#[path = "support/pebble.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests of orders use the rest")]
mod pebble;

use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use appliance::cli::{self, Terminal};
use domain::clock::Trust;
use domain::time::Timestamp;
use harness::{Answer, Call, SeededEntropy, Server, TlsClient};
use serde_json::{Value, json};

const HOST: &str = "id.example.org";

struct House {
    server: Server,
}

/// What a command said, and how it left.
struct Ran {
    code: u8,
    out: String,
    err: String,
}

impl House {
    fn new() -> Self {
        Self { server: Server::listen_as(HOST, "house = \"Bauer\"\n") }
    }

    fn run(&self, line: &str, input: &str) -> Ran {
        let socket = self.server.socket().to_str().unwrap().to_owned();
        let words = ["latchkey".to_owned(), "--socket".to_owned(), socket].into_iter();
        let words = words.chain(line.split_whitespace().map(str::to_owned));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut terminal = Terminal {
            out: &mut out,
            err: &mut err,
            input: &mut Cursor::new(input.as_bytes().to_vec()),
            interactive: false,
            screen: false,
            width: None,
            now: Timestamp::from_unix(1_800_000_000),
            entropy: &SeededEntropy::new(7),
        };
        let code = cli::run(words.map(Into::into), &mut terminal);
        Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }

    fn ok(&self, line: &str) -> Ran {
        let ran = self.run(line, "");
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
        ran
    }

    fn fails(&self, code: u8, line: &str, said: &str) {
        let ran = self.run(line, "");
        assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{line}: {}", ran.err);
    }

    fn status(&self) -> Value {
        self.server.send(&Call::get("/api/v1/certificate").on_console()).json()
    }

    fn put(&self, choice: &Value) -> Answer {
        self.server.send(&Call::new("PUT", "/api/v1/certificate").json(choice).on_console())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.server.data_dir().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A certificate that signs itself, in two files.
    fn pair(&self, host: &str) -> (PathBuf, PathBuf) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap().self_signed(&key).unwrap();
        let (name, private) = (format!("{host}.crt"), format!("{host}.key"));
        (self.file(&name, &certificate.pem()), self.file(&private, &key.serialize_pem()))
    }
}

fn health(client: &mut TlsClient) -> u16 {
    client.send(&Call::get("/health")).status
}

#[test]
fn a_phone_that_trusts_the_authority_trusts_the_server_after_every_renewal() {
    let house = House::new();
    let mut early = house.server.connect();
    assert_eq!(health(&mut early), 200);
    let ran = house.ok("cert renew");
    assert_eq!(ran.out, format!("changed certificate {HOST}\n"));
    assert!(ran.err.contains("Latchkey Bauer (id.example.org)"), "{}", ran.err);
    let mut late = house.server.connect();
    assert_ne!(early.shown(), late.shown(), "a new handshake gets the new certificate");
    assert_eq!((health(&mut early), health(&mut late)), (200, 200), "the old connection goes on");
}

#[test]
fn the_status_tells_all_and_no_key() {
    let house = House::new();
    let status = house.status();
    assert_eq!((&status["kind"], &status["health"]), (&json!("own-ca"), &json!("good")));
    assert_eq!((&status["host"], &status["issuer"]), (&json!(HOST), &json!("Latchkey Bauer (id.example.org)")));
    assert_eq!(status["authority"]["fingerprint"].as_str().unwrap().len(), 95);
    assert_eq!((&status["last_failure"], &status["choice"]), (&Value::Null, &json!({"kind": "own-ca"})));
    let shown = house.ok("cert status").out;
    for part in [HOST, "the house's own authority", "good until", "next renewal", "SHA-256"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!format!("{status}{shown}").contains("PRIVATE"));
    assert!(house.ok("status").out.contains("the house's own authority, until"));
}

#[test]
fn nobody_but_an_owner_changes_it_and_strangers_see_nothing() {
    let house = House::new();
    for call in [
        Call::get("/api/v1/certificate"),
        Call::new("PUT", "/api/v1/certificate").json(&json!({"kind": "own-ca"})),
        Call::post("/api/v1/certificate/renew").json(&json!({"new_ca": true})),
    ] {
        assert_eq!(house.server.send(&call).status, 401);
    }
    house.ok("service-account create backup");
    house.ok("group add people_admins backup");
    let token = house.ok("service-account token create backup").out.trim().to_owned();
    let before = house.status();
    assert_eq!(house.server.send(&Call::get("/api/v1/certificate").bearer(&token)).status, 200);
    let renew = Call::post("/api/v1/certificate/renew").json(&json!({"new_ca": true})).bearer(&token);
    assert_eq!(house.server.send(&renew).status, 403);
    let choose = Call::new("PUT", "/api/v1/certificate").json(&json!({"kind": "own-ca"})).bearer(&token);
    assert_eq!(house.server.send(&choose).status, 403);
    assert_eq!(house.status(), before);
}

#[test]
fn files_that_work_are_taken_and_others_leave_everything_as_it_was() {
    let house = House::new();
    let (chain, key) = house.pair(HOST);
    let (other, other_key) = house.pair("bank.example");
    let line = |chain: &PathBuf, key: &PathBuf| format!("cert use files {} {}", chain.display(), key.display());
    let before = house.status();
    house.fails(1, &line(&chain, &other_key), "not the one of the certificate");
    house.fails(1, &line(&other, &other_key), "not for id.example.org");
    house.fails(1, &line(&chain, &PathBuf::from("/nowhere/key.pem")), "/nowhere/key.pem");
    assert_eq!(house.status(), before);
    assert_eq!(house.ok(&line(&chain, &key)).out, format!("changed certificate {HOST}\n"));
    assert_eq!(house.ok(&line(&chain, &key)).out, format!("unchanged certificate {HOST}\n"));
    let pem = std::fs::read(&chain).unwrap();
    let mut client = TlsClient::connect(house.server.address(), &pem, &house.server.authority());
    assert_eq!(health(&mut client), 200);
    assert_eq!(house.status()["choice"], json!({"kind": "files", "certificate": chain, "key": key}));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    house.ok("cert renew");
    assert_eq!(house.status()["warnings"], json!([]));
    house.ok("cert use own-ca");
    assert_eq!(health(&mut house.server.connect()), 200, "the authority is the one that phones know");
}

#[test]
fn a_new_authority_is_made_only_when_somebody_insists() {
    let house = House::new();
    let before = house.status()["authority"]["fingerprint"].clone();
    house.fails(2, "cert renew --new-ca", "--yes");
    house.ok("cert renew");
    assert_eq!(house.status()["authority"]["fingerprint"], before);
    house.ok("cert renew --new-ca --yes");
    assert_ne!(house.status()["authority"]["fingerprint"], before);
    let log = house.ok("audit").out;
    assert!(log.contains("certificate.renew") && log.contains("certificate.new_authority"), "{log}");
}

#[test]
fn requests_that_mean_nothing_are_refused() {
    let house = House::new();
    let before = house.status();
    for bad in [
        json!({}),
        json!({"kind": "magic"}),
        json!({"kind": "own-ca", "days": 3}),
        json!({"kind": "files", "certificate": "relative.pem", "key": "/k"}),
        json!({"kind": "acme", "dns": {"kind": "desec"}}),
        json!([]),
    ] {
        assert_eq!(house.put(&bad).status, 400, "{bad}");
    }
    let renew = Call::post("/api/v1/certificate/renew").json(&json!({"new-ca": true})).on_console();
    assert_eq!(house.server.send(&renew).status, 400);
    house.fails(2, "cert use acme --dns desec", "token");
    house.fails(2, "cert use acme --dns desec --token-file /dev/null", "no token");
    house.fails(2, "cert use acme --dns exec --program /bin/true --staging --directory https://a.b/", "--staging");
    assert_eq!(house.status(), before);
}

#[test]
fn an_authority_that_cannot_be_reached_changes_nothing_and_its_token_is_nowhere() {
    let house = House::new();
    let before = house.status();
    // Nobody listens on this port of this machine.
    let line = "cert use acme --dns desec --token-file - --directory http://127.0.0.1:1/dir";
    let ran = house.run(line, "hush-hush\n");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("authority cannot be used"), "{}", ran.err);
    let after = house.status();
    assert_eq!((&after["fingerprint"], &after["choice"]), (&before["fingerprint"], &before["choice"]));
    assert_eq!((&after["health"], &after["trial"]["running"]), (&json!("good"), &json!(false)));
    let said = format!("{}{}{after}{}", ran.out, ran.err, house.ok("audit").out);
    assert!(!said.contains("hush-hush"), "{said}");
}

#[test]
fn no_order_is_made_while_the_clock_is_not_trusted() {
    let house = House::new();
    house.server.clock.set_trust(Trust::Plausible);
    let choice = json!({"kind": "acme", "dns": {"kind": "desec", "token": "hush"}});
    let answer = house.put(&choice);
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("clock"), "{}", answer.text());
}

#[test]
fn a_name_of_no_one_house_has_nothing_to_choose() {
    let server = Server::listen_with_control();
    let put = |choice: Value| server.send(&Call::new("PUT", "/api/v1/certificate").json(&choice).on_console());
    let answer = put(json!({"kind": "own-ca"}));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("localhost"), "{}", answer.text());
}

#[test]
fn the_configuration_wins() {
    let folder = House::new();
    let (chain, key) = folder.pair(HOST);
    let lines = format!("[tls]\ncertificate = {chain:?}\nkey = {key:?}\n");
    let house = House { server: Server::listen_as(HOST, &lines) };
    assert_eq!(house.status()["configured"], true);
    assert_eq!(health(&mut house.server.connect()), 200);
    house.fails(1, "cert use own-ca", "configuration");
    house.ok("cert renew");
}

#[test]
fn openssl_trusts_the_authority_for_this_name_only() {
    let house = House::new();
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let roots = house.file("roots.pem", std::str::from_utf8(house.server.certificate()).unwrap());
    let address = house.server.address().to_string();
    let connect = |name: &str| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &address, "-servername", name, "-verify_hostname", name]);
        command.args(["-no-CApath", "-verify_return_error", "-CAfile"]).arg(&roots);
        let run = command.stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned()
    };
    let said = connect(HOST);
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    assert!(connect("bank.example").contains("hostname mismatch"));
}

#[test]
fn a_public_authority_is_asked_once_and_what_it_gave_is_kept() {
    let house = House::new();
    let folder = pebble::Folder::new();
    let names = pebble::NameServer::start(&folder);
    let authority = pebble::Pebble::start(&folder, names.address, 0);
    let management = names.management();
    let script = format!(
        "#!/bin/sh\ncase $1 in present) command=set-txt;; *) command=clear-txt;; esac\n\
         exec curl -sS -d \"{{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$3\\\"}}\" http://{management}/$command\n"
    );
    let program = house.file("hook", &script);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (program, roots) = (program.display(), authority.ca_file.display());
    let acme = format!("cert use acme --dns exec --program {program} --directory {}", authority.directory);
    let line = format!("{acme} --directory-ca {roots} --resolver {}", names.address);
    let mut early = house.server.connect();
    assert_eq!(house.ok(&line).out, format!("changed certificate {HOST}\n"));
    let status = house.status();
    assert_eq!((&status["kind"], &status["health"]), (&json!("acme"), &json!("good")));
    assert!(status["issuer"].as_str().unwrap().contains("Pebble"), "{status}");
    assert_eq!(health(&mut early), 200, "the old connection goes on");
    assert_eq!(house.ok(&line).out, format!("unchanged certificate {HOST}\n"));
    assert_eq!(house.ok("cert renew").out, format!("unchanged certificate {HOST}\n"), "authorities count");
    assert_eq!(house.status()["fingerprint"], status["fingerprint"]);
    house.ok("cert use own-ca");
    assert_eq!(health(&mut house.server.connect()), 200);
}
