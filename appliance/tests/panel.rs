//! The panel against a real server on its control socket: what the LED says, and what the button's stand-ins do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod harness;

use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use appliance::cli::{self, Terminal};
use domain::time::Timestamp;
use harness::{Call, SeededEntropy, Server};
use serde_json::{Value, json};

/// Runs a command with something typed; its exit code and what it printed.
fn run(socket: &Path, line: &str, typed: impl BufRead + Send) -> (u8, String, String) {
    let (mut out, mut err, mut typed) = (Vec::new(), Vec::new(), typed);
    let mut terminal = Terminal {
        out: &mut out,
        err: &mut err,
        input: &mut typed,
        interactive: false,
        screen: false,
        width: None,
        now: Timestamp::from_unix(1_800_000_000),
        entropy: &SeededEntropy::new(7),
    };
    let words = ["latchkey", "--socket", socket.to_str().unwrap()].into_iter().chain(line.split(' '));
    let code = cli::run(words.map(Into::into), &mut terminal);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// One request on the control socket; status and JSON.
fn ask(socket: &Path, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

#[test]
fn the_state_of_the_box_is_the_same_everywhere() {
    let server = Server::listen_with_control();
    let (status, panel) = ask(&server.socket(), "GET", "panel", "");
    assert_eq!((status, &panel["state"]), (200, &panel["states"][0]["name"]));
    let (code, out, _) = run(&server.socket(), "status", Cursor::new(""));
    assert_eq!(code, 0);
    assert!(out.contains(panel["text"].as_str().unwrap()), "{out}");
}

#[test]
fn the_panel_is_answered_as_soon_as_there_is_news() {
    let server = Server::listen_with_control();
    let socket = server.socket();
    let (_, panel) = ask(&socket, "GET", "panel", "");
    let seen = panel["version"].as_str().unwrap().to_owned();
    let waiting = std::thread::spawn({
        let socket = socket.clone();
        move || ask(&socket, "GET", &format!("panel?seen={seen}"), "").1
    });
    let told = json!({"states": ["degraded-stuck-button"]});
    assert_eq!(ask(&socket, "PUT", "panel", &told.to_string()), (200, told));
    let news = waiting.join().unwrap();
    assert_eq!(news["told"], json!(["degraded-stuck-button"]));
    assert!(news["states"].as_array().unwrap().iter().any(|state| state["name"] == "degraded-stuck-button"), "{news}");
}

#[test]
fn the_panel_cannot_tell_what_is_not_its_own() {
    let server = Server::listen_with_control();
    for bad in [r#"{"states": ["healthy"]}"#, r#"{"states": ["on-fire"]}"#, r#"{"stats": []}"#, "{"] {
        let (status, problem) = ask(&server.socket(), "PUT", "panel", bad);
        assert_eq!(status, 400, "{bad}: {problem}");
    }
    let (_, panel) = ask(&server.socket(), "GET", "panel", "");
    assert_eq!(panel["told"], json!([]));
}

#[test]
fn strangers_on_the_network_learn_nothing_of_the_panel() {
    let server = Server::start();
    for call in [Call::get("/api/v1/panel"), Call::get("/api/v1/panel?seen=x")] {
        assert_eq!(server.send(&call).status, 401);
    }
}

#[test]
fn a_tap_opens_the_claim_window_and_the_led_says_so() {
    let server = Server::unclaimed_with_control();
    let state = || ask(&server.socket(), "GET", "panel", "").1["state"].as_str().unwrap().to_owned();
    assert_eq!(state(), "unclaimed");
    let (code, out, err) = run(&server.socket(), "panel press tap", Cursor::new(""));
    assert_eq!((code, out.as_str()), (0, "the claim window is open for two minutes\n"), "{err}");
    assert_eq!(state(), "window-open");
    server.clock.advance(120);
    assert_eq!(state(), "unclaimed");
    let (code, _, err) = run(&server.socket(), "panel press hold", Cursor::new(""));
    assert!(code == 1 && err.contains("opens nothing now"), "{code} {err}");
}

#[test]
fn a_hold_opens_a_recovery_window_of_a_house_that_has_an_owner() {
    let server = Server::listen_with_control();
    let (code, out, err) = run(&server.socket(), "panel press hold", Cursor::new(""));
    assert_eq!((code, out.as_str()), (0, "a recovery window is open for two minutes\n"), "{err}");
    assert_eq!(ask(&server.socket(), "GET", "panel", "").1["state"], "window-open");
    let (code, _, err) = run(&server.socket(), "panel press tap", Cursor::new(""));
    assert!(code == 1 && err.contains("opens nothing now"), "{code} {err}");
}

#[test]
fn a_computer_without_gpio_has_a_panel_of_keys() {
    let server = Server::unclaimed_with_control();
    // The input ends only after the panel has shown what the server said.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (shown, mut look) = UnixStream::pair().unwrap();
    let socket = server.socket();
    let panel = std::thread::spawn(move || {
        let mut terminal = Terminal {
            out: &mut &shown,
            err: &mut std::io::sink(),
            input: &mut BufReader::new(theirs),
            interactive: false,
            screen: false,
            width: None,
            now: Timestamp::from_unix(1_800_000_000),
            entropy: &SeededEntropy::new(7),
        };
        let words = ["latchkey", "--socket", socket.to_str().unwrap(), "panel", "--keys"];
        cli::run(words.map(Into::into), &mut terminal)
    });
    let mut lines = BufReader::new(&mut look).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("unclaimed: ")));
    (&ours).write_all(b"\n").unwrap();
    assert!(lines.any(|line| line.starts_with("window-open: ")), "a tap of the key opens the window");
    drop(ours);
    assert_eq!(panel.join().unwrap(), 0);
}

#[test]
fn a_panel_works_only_at_its_box() {
    let (code, _, err) = run(Path::new("/nowhere"), "--url https://id.example panel press tap", Cursor::new(""));
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(Path::new("/nowhere/latchkey.sock"), "panel press tap", Cursor::new(""));
    assert_eq!(code, 3, "{err}");
}

#[test]
fn a_machine_without_gpio_says_so_once_and_the_process_ends_when_told() {
    let server = Server::unclaimed_with_control();
    let config = server.data_dir().join("latchkey.toml");
    std::fs::write(&config, "[panel]\nled = \"NOLINE17\"\nbutton = \"NOLINE27\"\n").unwrap();
    let mut panel = Command::new(env!("CARGO_BIN_EXE_latchkey"))
        .arg("--socket")
        .arg(server.socket())
        .args(["panel", "--config"])
        .arg(&config)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(panel.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut before = Vec::new();
    for line in said.by_ref() {
        before.push(line);
        if before.last().unwrap().contains("Nobody owns this box yet") {
            break;
        }
    }
    assert_eq!(before.iter().filter(|line| line.contains("no panel")).count(), 1, "{before:?}");
    assert!(Command::new("kill").arg(panel.id().to_string()).status().unwrap().success());
    assert_eq!(panel.wait().unwrap().code(), Some(0));
    assert_eq!(said.filter(|line| line.contains("no panel")).count(), 0);
}
