//! Reverse proxies that run with the examples of the docs, on a port of 127.0.0.1 that was free a moment ago, with all their files in
//! a folder that goes with the test. They are ended by the number that they were started with.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::harness::client::client_config;
use crate::harness::{Call, Server, TlsClient};

/// What the app is called at the proxy.
pub const NAME: &str = "photos.localhost";

/// How many other answers a proxy may give before the first that it was started for.
const PATIENCE: u32 = 20_000;

/// Debian's nginx.
pub fn nginx(place: Place) -> Proxy {
    let to = place.to;
    let server = place.example(
        "nginx",
        &[
            ("listen 443 ssl", &format!("listen {to} ssl")),
            ("https://paper.example.org", &format!("https://{}", place.authority())),
            ("paper.example.org", NAME),
            ("/etc/ssl/paper.pem", &place.file("cert.pem")),
            ("/etc/ssl/paper.key", &place.file("key.pem")),
        ],
    );
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {};\n", place.file(kind)))
        .collect();
    let config = format!(
        "daemon off; master_process off; pid {}; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{temporary}{server} }}",
        place.file("pid")
    );
    let mut command = Command::new(installed("nginx"));
    command.args(["-p", &place.file(""), "-c", &place.write("nginx.conf", &config)]);
    Proxy::start(place, command)
}

/// Debian's Caddy, without its port for orders, the one that leads to https, and certificates of anybody's.
pub fn caddy(place: Place) -> Proxy {
    let own = format!("https://{} {{\n    tls {} {}", place.authority(), place.file("cert.pem"), place.file("key.pem"));
    let site = place.example("caddyfile", &[("paper.example.org {", &own), ("paper.example.org", &place.authority())]);
    let global = "{\n    admin off\n    auto_https off\n    default_bind 127.0.0.1\n    servers {\n        protocols h1 h2\n    }\n}\n";
    let mut command = Command::new(installed("caddy"));
    command.args(["run", "--adapter", "caddyfile", "--config", &place.write("Caddyfile", &format!("{global}{site}"))]);
    for kept in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(kept, place.file("home"));
    }
    Proxy::start(place, command)
}

/// Traefik, wherever `TRAEFIK` says that it is. It tells its makers nothing, and asks them nothing.
pub fn traefik(place: Place) -> Proxy {
    let example = place.example("yaml", &[("paper.example.org", NAME)]);
    let (cert, key) = (place.file("cert.pem"), place.file("key.pem"));
    let own = format!("tls:\n  certificates: [{{ certFile: {cert}, keyFile: {key} }}]\n");
    let routes = place.write("routes.yaml", &format!("{example}{own}"));
    let settings = [
        "global: { checkNewVersion: false, sendAnonymousUsage: false }",
        &format!("entryPoints: {{ https: {{ address: \"{}\" }} }}", place.to),
        &format!("providers: {{ file: {{ filename: {routes}, watch: false }} }}"),
    ];
    let mut command = Command::new(std::env::var_os("TRAEFIK").ok_or("TRAEFIK says where it is").unwrap());
    command.arg("--configFile").arg(place.write("settings.yaml", &settings.join("\n")));
    Proxy::start(place, command)
}

/// Where Debian puts it.
fn installed(program: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
    let found = places.into_iter().find(|path| path.exists());
    found.ok_or_else(|| format!("there is no {program} here; appliance/tools/prepare.sh test installs it")).unwrap()
}

/// Where a proxy will be: its files, its port, and the two that it stands between.
pub struct Place {
    folder: Folder,
    to: SocketAddr,
    certificate: String,
    house: String,
    app: String,
}

impl Place {
    /// Between that house and that app.
    pub fn new(house: &Server, app: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        let to = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = Folder::new(to.port());
        let place = Self {
            folder,
            to,
            certificate: made.cert.pem(),
            house: house.authority(),
            app: app.trim_start_matches("http://").to_owned(),
        };
        place.write("cert.pem", &place.certificate);
        place.write("key.pem", &made.signing_key.serialize_pem());
        place.write("house.pem", std::str::from_utf8(house.certificate()).unwrap());
        place
    }

    fn authority(&self) -> String {
        format!("{NAME}:{}", self.to.port())
    }

    fn file(&self, name: &str) -> String {
        self.folder.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.0.join(name), text).unwrap();
        self.file(name)
    }

    /// The example of the docs in that language, for the addresses of this place.
    fn example(&self, language: &str, changes: &[(&str, &str)]) -> String {
        let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forward-auth.md")).unwrap();
        let mut text = docs.split(&format!("```{language}\n")).nth(1).unwrap().split("```").next().unwrap().to_owned();
        let house = self.file("house.pem");
        let common = [
            ("/etc/ssl/latchkey-ca.crt", house.as_str()),
            ("127.0.0.1:8080", &self.app),
            ("id.example.org", &self.house),
        ];
        for (from, to) in changes.iter().chain(&common) {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        text
    }
}

/// A proxy that runs.
pub struct Proxy {
    child: Child,
    place: Place,
}

impl Proxy {
    /// Starts it, and waits until it refuses who is not signed in: it may listen before it has read whom it is to ask.
    fn start(place: Place, mut command: Command) -> Self {
        let log = File::create(place.file("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut proxy = Self { child: command.spawn().unwrap(), place };
        let refused = (0..PATIENCE).any(|_| proxy.refuses_a_stranger());
        assert!(refused, "the proxy does not ask the house: {}", proxy.log());
        proxy
    }

    fn refuses_a_stranger(&mut self) -> bool {
        while TcpStream::connect(self.place.to).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "the proxy does not start: {}", self.log());
            std::thread::yield_now();
        }
        self.connect().is_ok_and(|mut client| client.send(&Call::get("/")).status == 401)
    }

    /// A browser's connection to it.
    pub fn connect(&self) -> std::io::Result<TlsClient> {
        let mut config = client_config(self.place.certificate.as_bytes(), rustls::ALL_VERSIONS);
        Arc::make_mut(&mut config).alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsClient::with(TcpStream::connect(self.place.to)?, config, &self.authority())
    }

    /// Its name and port.
    pub fn authority(&self) -> String {
        self.place.authority()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.file("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(port: u16) -> Self {
        let path = std::env::temp_dir().join(format!("latchkey-proxy-{}-{port}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
