//! Debian's pebble, a certificate authority for tests, and the name server that comes with it. Both run on ports of 127.0.0.1
//! that were free a moment ago, and are stopped by the number that they were started with.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::fake_http::{Asked, FakeHttp, Said};

/// How often a port that was free may be taken by somebody else before us.
const ATTEMPTS: u32 = 5;

/// A program that ends with the test.
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new one.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("latchkey-acme-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The name server; records are set through its management port.
pub struct NameServer {
    pub address: SocketAddr,
    management: SocketAddr,
    _program: Program,
}

impl NameServer {
    pub fn start(folder: &Folder) -> Self {
        let (program, (address, management)) = start("pebble-challtestsrv", folder, |ports| {
            let [dns, management] = ports;
            let off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""].map(str::to_owned);
            let on = ["-dns01".to_owned(), dns.to_string(), "-management".to_owned(), management.to_string()];
            ([off.to_vec(), on.to_vec()].concat(), management, (dns, management))
        });
        Self { address, management, _program: program }
    }

    /// One command of its management interface.
    pub fn command(&self, command: &str, body: &Value) {
        tell(self.management, command, body);
    }

    /// Where commands go.
    pub fn management(&self) -> SocketAddr {
        self.management
    }
}

fn tell(management: SocketAddr, command: &str, body: &Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(management).unwrap();
    let head = format!("POST /{command} HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
}

/// A Cloudflare whose records are shown by that name server.
pub fn cloudflare(server: &NameServer) -> FakeHttp {
    let management = server.management;
    let mut name = String::new();
    FakeHttp::start(move |asked: &Asked| {
        let good = |result: Value| Said::json(200, &json!({"success": true, "result": result}));
        let line = asked.line.as_str();
        if line == "GET /zones?name=house.example" {
            good(json!([{"id": "zone1", "name": "house.example"}]))
        } else if line.starts_with("POST /zones/zone1/dns_records") {
            let sent: Value = serde_json::from_str(&asked.body).unwrap();
            name = format!("{}.", sent["name"].as_str().unwrap());
            let value = sent["content"].as_str().unwrap().trim_matches('"');
            tell(management, "set-txt", &json!({"host": name, "value": value}));
            good(json!({"id": "record1"}))
        } else if line.starts_with("DELETE /zones/zone1/dns_records/record1") {
            tell(management, "clear-txt", &json!({"host": name}));
            good(json!({}))
        } else {
            good(json!([]))
        }
    })
}

/// The authority.
pub struct Pebble {
    pub directory: String,
    pub ca_file: PathBuf,
    _program: Program,
}

impl Pebble {
    /// One that asks that name server, and refuses so many of a hundred nonces.
    pub fn start(folder: &Folder, dns: SocketAddr, refused: u32) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        let (ca_file, key_file) = (folder.0.join("pebble.crt"), folder.0.join("pebble.key"));
        fs::write(&ca_file, certificate.pem()).unwrap();
        fs::write(&key_file, key.serialize_pem()).unwrap();
        let config = folder.0.join("pebble.json");
        let refused = refused.to_string();
        let (program, address) = start("pebble", folder, |ports| {
            let [listen, management] = ports;
            let text = json!({"pebble": {
                "listenAddress": listen.to_string(),
                "managementListenAddress": management.to_string(),
                "certificate": ca_file,
                "privateKey": key_file,
                "httpPort": 9,
                "tlsPort": 9,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": false,
            }});
            fs::write(&config, text.to_string()).unwrap();
            let environment = format!("NONCEREJECT={refused}");
            let arguments = ["-strict", "-config", path(&config), "-dnsserver", &dns.to_string(), &environment];
            (arguments.map(str::to_owned).to_vec(), listen, listen)
        });
        Self { directory: format!("https://{address}/dir"), ca_file, _program: program }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Starts a program with what `plan` makes of two free addresses: its arguments, where it will listen, and what to give back.
fn start<T>(
    name: &str,
    folder: &Folder,
    plan: impl Fn([SocketAddr; 2]) -> (Vec<String>, SocketAddr, T),
) -> (Program, T) {
    for _ in 0..ATTEMPTS {
        let (mut arguments, listen, result) = plan([free(), free()]);
        let log = folder.0.join(format!("{name}.log"));
        // So that it ends with us even when we are cut down.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", name]).env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        if let Some(refused) = arguments.last().and_then(|last| last.strip_prefix("NONCEREJECT=")) {
            command.env("PEBBLE_WFE_NONCEREJECT", refused);
            arguments.pop();
        }
        command.args(&arguments).stdin(Stdio::null()).stderr(File::create(&log).unwrap()).stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("setpriv (util-linux) does not start: {error}"));
        let mut program = Program(child);
        if listens(&mut program, listen) {
            return (program, result);
        }
    }
    let log = fs::read_to_string(folder.0.join(format!("{name}.log"))).unwrap();
    panic!("{name} does not run. It is in Debian's package pebble: `apt-get install pebble`, or `make test`. {log}");
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until it listens there; not when it has ended.
fn listens(program: &mut Program, address: SocketAddr) -> bool {
    while program.0.try_wait().unwrap().is_none() {
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
