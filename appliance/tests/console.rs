//! The console at the end of a cable: socat is the cable, the test is the person. Pulling the cable out ends socat.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod harness;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use harness::Server;

/// The program at the box, with its server; it ends with the test.
struct Console {
    server: Server,
    program: Child,
    device: PathBuf,
}

impl Console {
    fn start() -> Self {
        Self::at(Server::listen_with_control())
    }

    fn at(server: Server) -> Self {
        let device = server.data_dir().join("serial0");
        let restart = server.data_dir().join("restart.sh");
        let told = server.data_dir().join("restarted");
        assert!(Command::new("mkfifo").arg(&told).status().unwrap().success());
        std::fs::write(&restart, format!("#!/bin/sh\necho restarting > {}\n", told.display())).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&restart).status().unwrap().success());
        let program = Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .arg("--socket")
            .arg(server.socket())
            .args(["console", "--device"])
            .arg(&device)
            .arg("--restart")
            .arg(&restart)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { server, program, device }
    }

    /// Runs a command of the command line.
    fn admin(&self, line: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.arg("--socket").arg(self.server.socket()).args(line.split(' '));
        assert!(command.output().unwrap().status.success(), "{line}");
    }

    fn plug_in(&self) -> Cable {
        Cable::new(&self.device)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A cable with a person at its far end.
struct Cable {
    socat: Child,
    far: ChildStdout,
    keys: ChildStdin,
}

impl Cable {
    fn new(device: &Path) -> Self {
        let mut socat = Command::new("socat")
            .args(["-d", "-d", &format!("pty,raw,echo=0,link={}", device.display()), "stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("socat, which `make test` installs");
        let mut said = BufReader::new(socat.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains("starting data transfer loop")));
        // Somebody has to go on listening, or socat could not tell anything any more.
        std::thread::spawn(move || said.for_each(drop));
        let (far, keys) = (socat.stdout.take().unwrap(), socat.stdin.take().unwrap());
        Self { socat, far, keys }
    }

    /// Reads until that is on the screen; what was.
    fn until(&mut self, wanted: &str) -> String {
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while !seen.ends_with(wanted.as_bytes()) {
            assert_eq!(self.far.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        String::from_utf8(seen).unwrap()
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a line; what is shown up to the next prompt.
    fn types(&mut self, line: &str, prompt: &str) -> String {
        self.press(format!("{line}\r").as_bytes());
        self.until(prompt)
    }

    fn unplug(mut self) {
        self.socat.kill().unwrap();
        self.socat.wait().unwrap();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.socat.kill();
        let _ = self.socat.wait();
    }
}

const MENU: &str = "1-5> ";

#[test]
fn a_banner_and_a_menu_are_at_the_end_of_the_cable() {
    let console = Console::start();
    let mut cable = console.plug_in();
    let banner = cable.until(MENU);
    for part in ["Latchkey", "state", &console.server.issuer, "certificate", "1  status"] {
        assert!(banner.contains(part), "{part}: {banner}");
    }
    let status = cable.types("1", MENU);
    assert!(status.contains("persons") && status.contains("database"), "{status}");
    let network = cable.types("2", MENU);
    assert!(network.contains("this machine"), "{network}");
    let clock = cable.types("4", "time> ");
    assert!(clock.contains("UTC") && clock.contains("trusted"), "{clock}");
    assert!(cable.types("noon", MENU).contains("That is no time"));
    cable.types("4", "time> ");
    let later = cable.types("2030-01-01T12:00:00Z", MENU);
    assert!(later.contains("is set to 2030-01-01 12:00 UTC"), "{later}");
    assert!(cable.types("", MENU).contains("1  status"));
    assert!(cable.types("help", MENU).contains("Type a number"));
}

#[test]
fn a_box_without_an_owner_shows_its_claim_code() {
    let console = Console::at(Server::unclaimed_with_control());
    let mut cable = console.plug_in();
    let banner = cable.until(MENU);
    let (_, code) = banner.split_once("claim code").unwrap();
    let code = code.split_whitespace().next().unwrap();
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-', "{banner}");
    assert!(cable.types("3", MENU).contains("Nobody owns"));
}

#[test]
fn an_owner_gets_back_in_after_an_explicit_yes() {
    let console = Console::start();
    console.admin("person create anna");
    console.admin("group add owners anna");
    let mut cable = console.plug_in();
    cable.until(MENU);
    assert!(cable.types("3", "who> ").contains("1  anna"));
    assert!(cable.types("1", "yes?> ").contains("anna, an owner"));
    assert!(cable.types("no", MENU).contains("Nothing was done"));
    cable.types("3", "who> ");
    cable.types("1", "yes?> ");
    let link = cable.types("yes", MENU);
    assert!(link.contains(&format!("{}/invite/", console.server.issuer)) && link.contains('█'), "{link}");
}

#[test]
fn a_restart_wants_a_yes() {
    let console = Console::start();
    let mut cable = console.plug_in();
    cable.until(MENU);
    cable.types("5", "yes?> ");
    assert!(cable.types("yes", MENU).contains("The box restarts"));
    // Waits until the program that stands for the restart has said so.
    let told = std::fs::read_to_string(console.server.data_dir().join("restarted")).unwrap();
    assert_eq!(told, "restarting\n");
}

#[test]
fn garbage_on_the_line_does_no_harm() {
    let console = Console::start();
    let mut cable = console.plug_in();
    cable.until(MENU);
    let noise: Vec<u8> = (0..=255u8).filter(|byte| !matches!(byte, b' '..=b'~' | b'\r' | b'\n')).collect();
    cable.press(&noise);
    cable.press(b"\x1b[A\x1b[1;5C\x1bOP");
    assert!(cable.types("4", "time> ").contains("trusted"));
    assert!(cable.types("", MENU).contains("Nothing was done"));
    cable.press(&[b'z'; 500]);
    assert!(cable.types("", MENU).contains("Type a number"));
    assert!(cable.types("1", MENU).contains("persons"));
}

#[test]
fn a_flood_is_answered_a_few_times_and_then_the_person_is() {
    let console = Console::start();
    let mut cable = console.plug_in();
    cable.until(MENU);
    let flood = b"9\r".repeat(400);
    cable.press(&flood);
    // More than is taken in one second, so that what follows comes in a later one.
    cable.press(&[b'x'; 1100]);
    cable.press(b"\r4\r");
    let seen = cable.until("trusted");
    let answers = seen.matches("Type a number").count();
    assert!((1..=50).contains(&answers), "{answers}");
}

#[test]
fn a_cable_that_was_pulled_out_works_when_it_is_plugged_in_again() {
    let console = Console::start();
    for _ in 0..3 {
        let mut cable = console.plug_in();
        assert!(cable.until(MENU).contains("Latchkey"));
        cable.press(b"5\rye");
        cable.until("yes?> ");
        cable.unplug();
    }
    let mut cable = console.plug_in();
    cable.until(MENU);
    assert!(cable.types("s", MENU).contains("Type a number"), "what was typed before is forgotten");
}

#[test]
fn a_server_that_is_gone_is_told_and_the_console_goes_on() {
    let mut console = Console::start();
    let mut cable = console.plug_in();
    cable.until(MENU);
    console.server.stop();
    assert!(cable.types("1", MENU).contains("That did not work"));
    assert!(cable.types("", MENU).contains("does not answer"));
    assert!(cable.types("2", MENU).contains("this machine"));
}

#[test]
fn what_is_no_line_is_refused_at_once() {
    let file = std::env::temp_dir().join(format!("latchkey-no-line-{}", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_latchkey")).args(["console", "--device"]).arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the console cannot use"));
    let ended =
        Command::new(env!("CARGO_BIN_EXE_latchkey")).args(["console", "--tty"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
}

#[test]
fn the_screen_of_the_box_shows_the_same_menu() {
    let server = Server::listen_with_control();
    let program = format!("{} --socket {} console --tty", env!("CARGO_BIN_EXE_latchkey"), server.socket().display());
    let mut socat = Command::new("socat")
        .args(["stdio", &format!("exec:{program},pty,setsid,ctty")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("socat, which `make test` installs");
    let (far, keys) = (socat.stdout.take().unwrap(), socat.stdin.take().unwrap());
    let mut screen = Cable { socat, far, keys };
    assert!(screen.until(MENU).contains("Latchkey"));
    screen.press(b"1\n");
    assert!(screen.until(MENU).contains("persons"));
}
