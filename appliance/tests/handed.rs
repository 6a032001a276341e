//! Sockets that systemd hands over, and what systemd is told: the real binary with descriptors 3, 4 and 5.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Longer than any machine needs; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Standard streams are what a test can hand to a child; the shell moves them to where systemd puts sockets, and becomes the server.
const WRAPPER: &str = "exec 3<&0 4<&1 5<&2 </dev/null >/dev/null 2>\"$LOG\"; LISTEN_PID=$$ exec \"$@\"";

struct Machine {
    directory: PathBuf,
    told: UnixDatagram,
    https: TcpListener,
    http: TcpListener,
    control: UnixListener,
}

impl Machine {
    fn new(name: &str, lines: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("latchkey-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        // An address that this machine does not have: binding it would fail.
        let config = format!(
            "host = \"localhost\"\nlisten = [\"192.0.2.1:443\"]\nplain = [\"192.0.2.1:80\"]\ndata_dir = {:?}\n{lines}\n",
            directory.join("data"),
        );
        fs::write(directory.join("latchkey.toml"), config).unwrap();
        let told = UnixDatagram::bind(directory.join("ready.sock")).unwrap();
        told.set_read_timeout(Some(PATIENCE)).unwrap();
        let control = UnixListener::bind(directory.join("control.sock")).unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        Self { told, https: free(), http: free(), control, directory }
    }

    fn spawn(&self, sockets: [OwnedFd; 3], words: &[(&str, &str)]) -> Server {
        let [third, fourth, fifth] = sockets.map(Stdio::from);
        let child = Command::new("sh")
            .args(["-c", WRAPPER, "sh", env!("CARGO_BIN_EXE_latchkey"), "serve", "--config"])
            .arg(self.directory.join("latchkey.toml"))
            .env("LOG", self.log())
            .env("NOTIFY_SOCKET", self.directory.join("ready.sock"))
            .envs(words.iter().copied())
            .stdin(third)
            .stdout(fourth)
            .stderr(fifth)
            .spawn()
            .unwrap();
        Server(child)
    }

    fn start(&self, words: &[(&str, &str)]) -> Server {
        let named = [("LISTEN_FDS", "3"), ("LISTEN_FDNAMES", "https:http:control")];
        self.spawn(self.sockets(), &[&named, words].concat())
    }

    fn sockets(&self) -> [OwnedFd; 3] {
        [
            self.https.try_clone().unwrap().into(),
            self.http.try_clone().unwrap().into(),
            self.control.try_clone().unwrap().into(),
        ]
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Waits until systemd is told something that begins so.
    fn hear(&self, begin: &str) -> String {
        let mut message = [0; 512];
        loop {
            let length = self.told.recv(&mut message).unwrap_or_else(|error| {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                panic!("systemd was not told {begin}: {error}\n{log}")
            });
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            if text.starts_with(begin) {
                return text;
            }
        }
    }

    /// Why a server that does not start says so.
    fn refused(&self, sockets: [OwnedFd; 3], words: &[(&str, &str)]) -> String {
        let mut server = self.spawn(sockets, words);
        assert!(!server.0.wait().unwrap().success());
        fs::read_to_string(self.log()).unwrap()
    }

    fn ask_control(&self, path: &str) -> String {
        let stream = UnixStream::connect(self.directory.join("control.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(stream, path)
    }

    fn ask_http(&self, path: &str) -> String {
        let stream = TcpStream::connect(self.http.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(stream, path)
    }

    /// What `latchkey health` says.
    fn health(&self, words: &[&str]) -> (bool, String, String) {
        let said = Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .args(["health", "--address", &self.https.local_addr().unwrap().to_string(), "--socket"])
            .arg(self.directory.join("control.sock"))
            .args(words)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (said.status.success(), text(said.stdout), text(said.stderr))
    }

    /// Whether somebody speaks TLS there: the first byte of an answer to a greeting that is none is that of an alert.
    fn speaks_tls(&self) -> bool {
        let mut stream = TcpStream::connect(self.https.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).is_ok() && first == [21]
    }
}

fn ask(mut stream: impl Read + Write, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct Server(Child);

impl Server {
    fn terminate(&mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_systemd_hands_over_is_served_and_left_in_place() {
    let house = Machine::new("handed", "");
    let mut server = house.start(&[]);
    assert!(house.hear("READY=1").contains("STATUS=Serving"));
    assert!(house.speaks_tls());
    assert!(house.ask_http("/").starts_with("HTTP/1.1 200"));
    let status = house.ask_control("/api/v1/status");
    assert!(status.starts_with("HTTP/1.1 200") && status.contains("\"you\":\"console\""), "{status}");
    assert!(!house.directory.join("data/control").exists(), "a second control socket was made");
    server.terminate();
    assert!(house.hear("STOPPING=1").contains("STATUS="));
    assert!(house.directory.join("control.sock").exists(), "the file belongs to systemd");
}

#[test]
fn what_is_not_handed_over_is_opened_as_configured() {
    let house = Machine::new("mixed", "");
    let config = house.directory.join("latchkey.toml");
    let text = fs::read_to_string(&config).unwrap().replace("plain = [\"192.0.2.1:80\"]", "plain = []");
    fs::write(&config, text).unwrap();
    let null = || OwnedFd::from(fs::File::open("/dev/null").unwrap());
    let [https, ..] = house.sockets();
    let _server = house.spawn([https, null(), null()], &[("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", "https")]);
    house.hear("READY=1");
    assert!(house.speaks_tls());
    assert!(Path::new(&house.directory.join("data/control/latchkey.sock")).exists());
}

#[test]
fn the_page_of_a_fault_and_the_house_after_it_come_from_the_same_sockets() {
    let house = Machine::new("mended", "");
    let data = house.directory.join("data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("claimed"), "").unwrap();
    let _server = house.start(&[]);
    assert!(house.hear("READY=1").contains("Fault 1"));
    let status = house.ask_control("/api/v1/status");
    assert!(status.starts_with("HTTP/1.1 500") && status.contains("Fault 1"), "{status}");
    assert!(house.speaks_tls());
    let page = house.ask_http("/setup");
    assert!(page.starts_with("HTTP/1.1 503") && page.contains("Fault 1"), "{page}");
    let (well, out, why) = house.health(&[]);
    assert!(!well && out.is_empty() && why.contains("Fault 1") && why.lines().count() == 1, "{out}{why}");
    fs::remove_file(data.join("claimed")).unwrap();
    assert!(house.hear("READY=1").contains("STATUS=Serving"));
    assert!(house.ask_control("/api/v1/status").starts_with("HTTP/1.1 200"));
    assert!(house.speaks_tls());
}

#[test]
fn a_server_that_answers_inside_says_that_it_is_alive() {
    let house = Machine::new("alive", "");
    let _server = house.start(&[("WATCHDOG_USEC", "1000000")]);
    house.hear("READY=1");
    for _ in 0..3 {
        house.hear("WATCHDOG=1");
    }
}

#[test]
fn a_box_without_an_owner_is_well_for_as_long_as_somebody_looks_on() {
    let house = Machine::new("well", "clock = \"trusted\"");
    let mut server = house.start(&[]);
    house.hear("READY=1");
    let said = house.health(&["--stable", "1"]);
    assert_eq!(said, (true, "healthy for 1 s\n".to_owned(), String::new()));
    let (_, out, _) = house.health(&["--output", "json"]);
    assert!(out.contains("\"healthy\": true"), "{out}");
    server.terminate();
    // The socket of systemd is still there, and nobody behind it: the time limit of the command is what ends it. Closing it is quicker.
    drop(fs::remove_file(house.directory.join("control.sock")));
    let (well, _, why) = house.health(&[]);
    assert!(!well && why.contains("cannot reach the server"), "{why}");
}

#[test]
fn a_box_whose_clock_is_not_trusted_is_well() {
    let house = Machine::new("timeless", "clock = \"check\"");
    let _server = house.start(&[]);
    house.hear("READY=1");
    let (well, _, why) = house.health(&[]);
    assert!(well, "{why}");
}

#[test]
fn what_is_no_listening_socket_of_a_known_name_is_refused() {
    let house = Machine::new("strange", "");
    let named = |names: &'static str| [("LISTEN_FDS", "3"), ("LISTEN_FDNAMES", names)];
    let [_, http, control] = house.sockets();
    let udp = OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
    let said = house.refused([udp, http, control], &named("https:http:control"));
    assert!(said.contains("https") && said.contains("not a valid tcp socket"), "{said}");
    let file = OwnedFd::from(fs::File::open("/dev/null").unwrap());
    let [_, http, control] = house.sockets();
    let said = house.refused([file, http, control], &named("https:http:control"));
    assert!(said.contains("not a socket"), "{said}");
    for (words, expected) in [
        (named("https:http:ftp"), "the names are https, http and control"),
        (named("https:http"), "LISTEN_FDNAMES"),
        ([("LISTEN_FDS", "many"), ("LISTEN_FDNAMES", "https")], "LISTEN_FDS=\"many\""),
        ([("LISTEN_FDS", "4000000000"), ("LISTEN_FDNAMES", "https")], "LISTEN_FDS=\"4000000000\""),
    ] {
        let said = house.refused(house.sockets(), &words);
        assert!(said.contains(expected), "{said}");
    }
}
