//! What was acknowledged stays, whatever happens to the process or the disk. The real binary, the real control socket.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Longer than any machine needs; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A household on disk whose server is a process of its own.
struct House {
    directory: PathBuf,
    ready: UnixDatagram,
}

impl House {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("latchkey-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("data")).unwrap();
        let config = format!(
            "host = \"localhost\"\nlisten = [\"127.0.0.1:0\"]\ndata_dir = {:?}\nsocket = {:?}\n",
            directory.join("data"),
            directory.join("control.sock"),
        );
        fs::write(directory.join("latchkey.toml"), config).unwrap();
        let ready = UnixDatagram::bind(directory.join("ready.sock")).unwrap();
        ready.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { directory, ready }
    }

    /// Starts a program that becomes the server, and waits until it says that it serves (`sd_notify`).
    fn start(&self, program: &mut Command) -> Server {
        let child = program
            .env("NOTIFY_SOCKET", self.directory.join("ready.sock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server(child);
        self.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let mut message = [0; 256];
        loop {
            let length = self.ready.recv(&mut message).expect("the server should say that it is ready");
            if message[..length].starts_with(b"READY=1") {
                return;
            }
        }
    }

    fn serve(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args(["serve", "--config"]).arg(self.directory.join("latchkey.toml"));
        command
    }

    fn connect(&self) -> Control {
        let stream = UnixStream::connect(self.directory.join("control.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Control(BufReader::new(stream))
    }

    /// The names of all persons.
    fn persons(&self) -> Vec<String> {
        let (mut control, mut names, mut after) = (self.connect(), Vec::new(), String::new());
        loop {
            let (status, body) = control.send("GET", &format!("/api/v1/persons?limit=200{after}"), "").unwrap();
            assert_eq!(status, 200, "{body}");
            let page: serde_json::Value = serde_json::from_str(&body).unwrap();
            let items = page["items"].as_array().unwrap();
            names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return names,
            }
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The process; it ends with the test.
struct Server(Child);

impl Server {
    /// As if somebody had pulled the plug on the process.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Tells the script in front of the server to go on.
    fn next(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One connection to the control socket.
struct Control(BufReader<UnixStream>);

impl Control {
    /// Sends a request and reads the answer; `None` when the server is gone.
    fn send(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(head.as_bytes()).ok()?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some((status, String::from_utf8(body).unwrap()))
    }

    fn create_person(&mut self, name: &str) -> Option<u16> {
        let (status, _) = self.send("POST", "/api/v1/persons", &format!("{{\"name\":\"{name}\"}}"))?;
        Some(status)
    }
}

fn assert_all_there(acknowledged: &[String], found: &[String]) {
    let lost: Vec<_> = acknowledged.iter().filter(|name| !found.contains(name)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged changes were lost: {lost:?}", lost.len(), acknowledged.len());
}

#[test]
fn a_kill_in_the_middle_of_a_thousand_writes_loses_nothing_acknowledged() {
    let house = House::new("kill");
    let mut server = Some(house.start(&mut house.serve()));
    let next = Arc::new(AtomicUsize::new(0));
    let (acknowledge, acknowledgements) = mpsc::channel();
    for mut control in (0..4).map(|_| house.connect()) {
        let (acknowledge, next) = (acknowledge.clone(), Arc::clone(&next));
        std::thread::spawn(move || {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let name = format!("person{number}");
                match (number < 1000).then(|| control.create_person(&name)).flatten() {
                    Some(200 | 201) => acknowledge.send(name).unwrap(),
                    Some(status) => panic!("status {status}"),
                    None => return,
                }
            }
        });
    }
    drop(acknowledge);
    let mut acknowledged = Vec::new();
    for name in acknowledgements {
        acknowledged.push(name);
        if acknowledged.len() == 500 {
            server.take().unwrap().kill();
        }
    }
    assert!(acknowledged.len() >= 500, "only {} writes went through", acknowledged.len());
    assert!(acknowledged.len() < 1000, "the kill came too late to mean anything");
    let _server = house.start(&mut house.serve());
    assert_all_there(&acknowledged, &house.persons());
}

/// Runs a script as the root of a mount namespace of its own, so that it can mount a small disk.
fn in_own_mounts(house: &House, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    // Root needs no user namespace, and has none to spare where they are switched off.
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.args(["--propagation", "private"]);
    } else {
        command.arg("--map-root-user");
    }
    command.args(["sh", "-eu", "-c", script, "sh", env!("CARGO_BIN_EXE_latchkey")]).arg(&house.directory);
    command
}

fn data(house: &House) -> PathBuf {
    house.directory.join("data")
}

#[test]
fn a_full_disk_is_answered_503_and_loses_nothing_acknowledged() {
    let house = House::new("full");
    // Each line from the test takes the script one step on: fill, make room, pull the plug and start again.
    let script = "mount -t tmpfs -o size=6m none \"$2/data\"
        setpriv --pdeathsig KILL \"$1\" serve --config \"$2/latchkey.toml\" & server=$!
        read -r _; head -c 16M /dev/zero > \"$2/data/filler\" 2>/dev/null || true; echo > \"$2/filled\"
        read -r _; rm \"$2/data/filler\"; echo > \"$2/roomy\"
        read -r _; kill -9 $server; wait $server || true
        exec \"$1\" serve --config \"$2/latchkey.toml\"";
    let mut server = house.start(&mut in_own_mounts(&house, script));
    let mut control = house.connect();
    let mut acknowledged = create_until(&mut control, "before", 50, 200);
    assert_eq!(acknowledged.len(), 50);
    step(&mut server, &house.directory.join("filled"));
    acknowledged.extend(create_until(&mut control, "during", 5000, 503));
    assert!(acknowledged.len() < 5050, "the disk was never full");
    assert_eq!(control.send("GET", "/api/v1/status", "").unwrap().0, 200, "reading goes on");
    step(&mut server, &house.directory.join("roomy"));
    assert!(matches!(control.create_person("afterwards"), Some(200 | 201)), "writing goes on once there is room");
    acknowledged.push("afterwards".to_owned());
    assert_all_there(&acknowledged, &house.persons());
    server.next();
    house.wait_until_ready();
    assert_all_there(&acknowledged, &house.persons());
}

#[test]
fn a_disk_that_cannot_be_written_is_named_at_the_start() {
    let house = House::new("readonly");
    drop(house.start(&mut house.serve()));
    let script = "mount --bind \"$2/data\" \"$2/data\"; mount -o remount,bind,ro \"$2/data\"
        exec \"$1\" serve --config \"$2/latchkey.toml\"";
    let before = files(&data(&house));
    let output = in_own_mounts(&house, script).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot be written") || said.contains("Read-only"), "{said}");
    assert_eq!(files(&data(&house)), before);
}

/// Creates persons until the server answers with that status, or `most` are made; those that were acknowledged.
fn create_until(control: &mut Control, prefix: &str, most: usize, stop: u16) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0..most {
        let name = format!("{prefix}{number}");
        match control.create_person(&name) {
            Some(200 | 201) => acknowledged.push(name),
            Some(status) if status == stop => break,
            other => panic!("{other:?} instead of {stop}"),
        }
    }
    acknowledged
}

/// Takes the script one step on and waits until the step is done.
fn step(server: &mut Server, done: &Path) {
    let fifo = Command::new("mkfifo").arg(done).status().unwrap();
    assert!(fifo.success());
    server.next();
    // Opening a pipe for reading waits until the script has opened it for writing.
    fs::read(done).unwrap();
}

fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    found.sort();
    found
}
