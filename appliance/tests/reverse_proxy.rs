//! Forward auth with the real programs: what the examples of the docs say, an nginx does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/anna.rs"]
#[expect(unreachable_pub, dead_code, reason = "each test file uses its own part")]
mod anna;
#[path = "support/authenticator.rs"]
mod authenticator;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/fake_http.rs"]
#[expect(unreachable_pub, reason = "each test file uses its own part")]
mod fake_http;
mod harness;
#[path = "support/moving_in.rs"]
mod moving_in;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anna::Anna;
use fake_http::{FakeHttp, Said};
use harness::{Answer, Call, Server, TlsClient};
use service::AppAmendment;

const PASS: &str = "__Host-latchkey-pass";
const STATE: &str = "__Host-latchkey-enter";

fn behind(host: &str) -> AppAmendment {
    AppAmendment { forward_hosts: Some(vec![host.parse().unwrap()]), ..AppAmendment::default() }
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}

/// A running nginx with the example of the docs.
struct Nginx {
    child: Child,
    to: SocketAddr,
    certificate: String,
    _folder: tempdir::Folder,
}

mod tempdir {
    //! A folder that is gone when it is dropped.

    pub(super) struct Folder(pub(super) std::path::PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            let path = std::env::temp_dir().join(format!("latchkey-nginx-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

impl Nginx {
    /// Shows that app as `photos.localhost`, with the example of the docs.
    fn start(program: &str, house: &Server, app: &str) -> Self {
        let folder = tempdir::Folder::new();
        let file = |name: &str| folder.0.join(name).display().to_string();
        let made = rcgen::generate_simple_self_signed(vec!["photos.localhost".to_owned()]).unwrap();
        let certificate = made.cert.pem();
        std::fs::write(file("cert.pem"), &certificate).unwrap();
        std::fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(file("house.pem"), house.certificate()).unwrap();
        let to: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = example(&[
            ("listen 443 ssl", &format!("listen {to} ssl")),
            ("https://paper.example.org", &format!("https://photos.localhost:{}", to.port())),
            ("paper.example.org", "photos.localhost"),
            ("/etc/ssl/paper.pem", &file("cert.pem")),
            ("/etc/ssl/paper.key", &file("key.pem")),
            ("/etc/ssl/latchkey-ca.crt", &file("house.pem")),
            ("http://127.0.0.1:8080", app),
            ("id.example.org", &house.authority()),
        ]);
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {};\n", file(kind)))
            .collect();
        let config = format!(
            "daemon off; master_process off; pid {}; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{temporary}{server} }}",
            file("pid")
        );
        std::fs::write(file("nginx.conf"), config).unwrap();
        let child = Command::new(program)
            .args(["-p", &file(""), "-c", &file("nginx.conf")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self { child, to, certificate, _folder: folder };
        while TcpStream::connect(to).is_err() {
            assert!(nginx.child.try_wait().unwrap().is_none(), "nginx does not start");
            std::thread::yield_now();
        }
        nginx
    }

    fn authority(&self) -> String {
        format!("photos.localhost:{}", self.to.port())
    }

    /// What a browser asks that says of itself that it is root.
    fn ask(&self, path: &str, cookies: &str) -> Answer {
        let call = Call::get(path).header("Accept", "text/html").header("Remote-User", "root");
        let call = if cookies.is_empty() { call } else { call.header("Cookie", cookies) };
        TlsClient::connect(self.to, self.certificate.as_bytes(), &self.authority()).send(&call)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example of the docs, for these addresses.
fn example(changes: &[(&str, &str)]) -> String {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forward-auth.md")).unwrap();
    let mut text = docs.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

#[test]
fn nginx_of_debian_lets_in_whom_the_house_lets_in() {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let program =
        program.unwrap_or_else(|| panic!("there is no nginx here; appliance/tools/prepare.sh test installs it"));
    let app = FakeHttp::start(|_| Said::This(200, Vec::new(), "the app".into()));
    let anna = Anna::at(Server::listen(), behind("photos.localhost"));
    let nginx = Nginx::start(program, &anna.server, &app.url(""));
    let authority = nginx.authority();
    let ask = |path: &str, cookies: &str| nginx.ask(path, cookies);

    let sent = ask("/album?year=2026", "");
    let start = location(&sent).strip_prefix(&anna.server.issuer).unwrap().to_owned();
    let state = sent.set_cookie(STATE).unwrap().to_owned();
    assert!(app.seen().is_empty(), "nothing of it gets to the app");
    let call = Call::get(start).cookie(moving_in::COOKIE, &anna.cookie).header("Sec-Fetch-Site", "cross-site");
    let callback = location(&anna.server.send(&call)).to_owned();
    let arrived = ask(callback.strip_prefix(&format!("https://{authority}")).unwrap(), &format!("{STATE}={state}"));
    assert_eq!(location(&arrived), format!("https://{authority}/album?year=2026"));
    let pass = format!("{PASS}={}", arrived.set_cookie(PASS).unwrap());

    let shown = ask("/album?year=2026", &pass);
    assert_eq!((shown.status, shown.text().as_str()), (200, "the app"));
    let seen = app.seen().remove(0);
    let said = |name: &str| {
        let values = seen.headers.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(seen.line, "GET /album?year=2026");
    assert_eq!(said("remote-user"), ["anna"], "and not what the browser says of itself");
    assert_eq!(said("remote-name"), ["Anna Bauer"]);
    anna.post("/signout", &[]);
    assert_eq!(ask("/", &pass).status, 303);
    assert_eq!(app.seen().len(), 1);
}
