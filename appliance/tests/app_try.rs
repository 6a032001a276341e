//! `latchkey app try`: the admin sees what an app would get and why, or why the sign-in is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "support/authenticator.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod authenticator;
mod harness;

use std::io::{self, Cursor, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use appliance::cli::{self, Terminal};
use appliance::system::Clock;
use authenticator::Authenticator;
use domain::time::Timestamp;
use harness::{Call, SeededEntropy, Server};
use url::Url;

/// A command that is running, and what it has said so far.
struct Running {
    said: Receiver<String>,
    ended: JoinHandle<(u8, String)>,
}

/// A stream that somebody reads while it is written.
struct Told(Sender<String>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn begin(server: &Server, line: &str) -> Running {
    let socket = server.socket().to_str().unwrap().to_owned();
    let mut words = vec!["latchkey".to_owned(), "--socket".to_owned(), socket];
    words.extend(line.split_whitespace().map(str::to_owned));
    let (sender, said) = mpsc::channel();
    let ended = thread::spawn(move || {
        let mut out = Vec::new();
        let mut terminal = Terminal {
            out: &mut out,
            err: &mut Told(sender),
            input: &mut Cursor::new(Vec::new()),
            interactive: false,
            screen: false,
            width: None,
            now: Timestamp::from_unix(1_800_000_000),
            entropy: &SeededEntropy::new(7),
        };
        let code = cli::run(words.into_iter().map(Into::into), &mut terminal);
        (code, String::from_utf8(out).unwrap())
    });
    Running { said, ended }
}

impl Running {
    /// The link to open in a browser.
    fn link(&self) -> Url {
        let mut heard = String::new();
        for part in &self.said {
            heard.push_str(&part);
            if let Some(line) = heard.lines().find(|line| line.starts_with("  https://"))
                && heard.contains(&format!("{line}\n"))
            {
                return Url::parse(line.trim()).unwrap();
            }
        }
        panic!("no link: {heard}");
    }

    fn end(self) -> (u8, String, String) {
        let (code, out) = self.ended.join().unwrap();
        (code, out, self.said.iter().collect())
    }
}

fn ok(server: &Server, line: &str) {
    let (code, _, err) = begin(server, line).end();
    assert_eq!(code, 0, "{line}: {err}");
}

/// Anna's browser: she comes in by her link and has a session.
fn session(server: &Server) -> String {
    let ctx = service::Context::console(server.clock.moment());
    let url = server.operate(move |idp| {
        let made = idp.create_invite(&ctx, &"anna".parse().unwrap(), None, None).unwrap();
        made.url.expose().clone()
    });
    let link = url.strip_prefix(&server.issuer).unwrap().to_owned();
    let mut device = Authenticator::new(&server.issuer);
    let call = |path: &str| Call::post(format!("{link}{path}")).origin(&server.issuer);
    let asked = call("/passkey/options").header("Accept", "application/json");
    let options = server.send(&asked.form(&[("display_name", "Anna")])).json();
    let credential = device.create(&options).to_string();
    let fields = [("ceremony", options["ceremony"].as_str().unwrap()), ("credential", &credential)];
    let answer = server.send(&call("/passkey").form(&fields));
    answer.set_cookie("__Host-latchkey").unwrap().to_owned()
}

/// Where Anna's browser is sent when it opens the link.
fn open(server: &Server, cookie: &str, link: &Url) -> String {
    let target = link.as_str().strip_prefix(&server.issuer).unwrap();
    let answer = server.send(&Call::get(target).cookie("__Host-latchkey", cookie).header("Accept", "text/html"));
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// The browser goes where it was sent.
fn land(address: &str) -> String {
    let url = Url::parse(address).unwrap();
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap();
    let target = &address[url.origin().ascii_serialization().len()..];
    write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn house() -> Server {
    let server = Server::listen_with_control();
    ok(&server, "group create family");
    ok(&server, "person create anna --mail anna@example.org --group family");
    ok(&server, "app create wiki --consent skip --allow family");
    ok(&server, "app claim set wiki role --group family=editor");
    server
}

#[test]
fn a_trial_shows_each_claim_and_the_rule_behind_it() {
    let server = house();
    let cookie = session(&server);
    let trial = begin(&server, "app try wiki");
    let address = open(&server, &cookie, &trial.link());
    assert!(land(&address).contains("200 OK"));
    let (code, out, err) = trial.end();
    assert_eq!(code, 0, "{out}{err}");
    for part in ["anna can sign in", "anna@example.org", "role", "editor", "group family", "preferred_username"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn a_trial_of_somebody_who_may_not_says_why() {
    let server = house();
    ok(&server, "app deny wiki family");
    let cookie = session(&server);
    let trial = begin(&server, "app try wiki");
    let address = open(&server, &cookie, &trial.link());
    assert!(address.contains("error=access_denied"), "{address}");
    land(&address);
    let (code, out, err) = trial.end();
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("refused: ") && err.contains("access_denied"), "{err}");
}

#[test]
fn a_browser_that_asks_for_something_else_does_not_end_a_trial() {
    let server = house();
    let cookie = session(&server);
    let trial = begin(&server, "app try wiki");
    let link = trial.link();
    let redirect = link.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    for other in ["/favicon.ico", "/trial", "/trial?foo=bar"] {
        let base = Url::parse(&redirect).unwrap();
        assert!(land(base.join(other).unwrap().as_str()).contains("404 Not Found"), "{other}");
    }
    land(&open(&server, &cookie, &link));
    assert_eq!(trial.end().0, 0);
}

#[test]
fn an_answer_with_another_state_is_not_believed() {
    let server = house();
    let trial = begin(&server, "app try wiki");
    let link = trial.link();
    let redirect = link.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    land(&format!("{redirect}?code=stolen&state=guessed"));
    let (code, _, err) = trial.end();
    assert_eq!(code, 1);
    assert!(err.contains("another attempt"), "{err}");
}

#[test]
fn a_preview_needs_nobody_to_sign_in() {
    let server = house();
    let (code, out, err) = begin(&server, "app preview wiki anna").end();
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("editor") && out.contains("group family"), "{out}");
    ok(&server, "person create ben");
    let (code, out, err) = begin(&server, "app preview wiki ben").end();
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("refused"), "{err}");
    assert_eq!(begin(&server, "app preview wiki nobody.here").end().0, 4);
    assert_eq!(begin(&server, "app try nothing").end().0, 4);
}

#[test]
fn nobody_waits_for_ever() {
    let server = house();
    let (code, _, err) = begin(&server, "app try wiki --wait 0s").end();
    assert_eq!(code, 1);
    assert!(err.contains("in time"), "{err}");
}
