//! A small HTTP client for tests: over the harness or over TLS, blocking, no more clever than needed.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use appliance::serve::Via;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion};

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    peer: Option<IpAddr>,
    console: bool,
    plain: bool,
}

impl Call {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// A POST without a body yet.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// Any method.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            peer: None,
            console: false,
            plain: false,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a cookie.
    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.header("Cookie", format!("{name}={value}"))
    }

    /// The `Origin` that a browser would send from the server's own pages.
    pub fn origin(self, issuer: &str) -> Self {
        self.header("Origin", issuer)
    }

    /// `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// A form as the body.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", text)
    }

    /// JSON as the body.
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// Anything as the body.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", content_type)
    }

    /// From another address.
    pub fn from(mut self, peer: IpAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// As root on the control socket.
    pub fn on_console(mut self) -> Self {
        self.console = true;
        self
    }

    /// Without TLS, as on port 80.
    pub fn in_the_clear(mut self) -> Self {
        self.plain = true;
        self
    }

    pub(super) fn via(&self) -> Via {
        let peer = self.peer.unwrap_or(super::PEER);
        match (self.console, self.plain) {
            (true, _) => Via::Console,
            (false, true) => Via::Plain(peer),
            (false, false) => Via::Network(peer),
        }
    }

    /// The bytes of the request.
    pub fn to_bytes(&self, authority: &str) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str(&format!("Host: {authority}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads one answer that is there as a whole; its body must be as long as it says.
    pub fn parse(bytes: &[u8]) -> Self {
        let (answer, rest) = Self::split(bytes).unwrap_or_else(|| panic!("no answer: {}", bytes.escape_ascii()));
        assert!(rest.is_empty(), "more than one answer: {}", bytes.escape_ascii());
        answer
    }

    /// Reads every answer, one after the other (none of them to a HEAD).
    pub fn parse_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut answers = Vec::new();
        while let Some((answer, rest)) = Self::split(bytes) {
            answers.push(answer);
            bytes = rest;
        }
        assert!(bytes.is_empty(), "half an answer: {}", bytes.escape_ascii());
        answers
    }

    /// The first answer and what follows it; `None` when it is not whole yet.
    pub fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (mut answer, rest) = Self::head(bytes)?;
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = rest.get(..length)?.to_vec();
        Some((answer, &rest[length..]))
    }

    /// The head alone, for answers to HEAD, and what follows it.
    pub fn head(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_ascii_lowercase(), value.to_owned())
            })
            .collect();
        Some((Self { status, headers, body: Vec::new() }, &bytes[end + 4..]))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a cookie that is set.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        self.all("set-cookie").into_iter().find_map(|line| {
            let (key, rest) = line.split_once('=')?;
            (key == name).then(|| rest.split(';').next().unwrap_or_default())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body.escape_ascii()))
    }
}

/// One TLS connection.
pub struct TlsClient {
    stream: StreamOwned<ClientConnection, TcpStream>,
    authority: String,
    input: Vec<u8>,
}

impl TlsClient {
    /// Connects, trusting this one certificate.
    pub fn connect(address: SocketAddr, certificate: &[u8], authority: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        Self::over(stream, certificate, authority).unwrap()
    }

    /// The same over a TCP connection that is there; the handshake is done when this returns.
    pub fn over(stream: TcpStream, certificate: &[u8], authority: &str) -> std::io::Result<Self> {
        Self::with(stream, client_config(certificate, rustls::ALL_VERSIONS), authority)
    }

    /// The same with settings of the test's own; two connections with the same settings may resume a session.
    pub fn with(stream: TcpStream, config: Arc<ClientConfig>, authority: &str) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        let host = authority.split(':').next().unwrap().to_owned();
        let name = ServerName::try_from(host).unwrap();
        let mut connection = ClientConnection::new(config, name).unwrap();
        let mut tcp = stream;
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp)?;
        }
        Ok(Self { stream: StreamOwned::new(connection, tcp), authority: authority.to_owned(), input: Vec::new() })
    }

    /// Whether the handshake resumed an earlier session.
    pub fn resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The certificate that the server has shown.
    pub fn shown(&self) -> CertificateDer<'static> {
        self.stream.conn.peer_certificates().unwrap()[0].clone()
    }

    /// The TLS version and the ALPN protocol that were agreed on.
    pub fn protocol(&self) -> (Option<rustls::ProtocolVersion>, Option<Vec<u8>>) {
        let connection = &self.stream.conn;
        (connection.protocol_version(), connection.alpn_protocol().map(<[u8]>::to_vec))
    }

    /// Sends a call and waits for its answer.
    pub fn send(&mut self, call: &Call) -> Answer {
        let bytes = call.to_bytes(&self.authority);
        self.write(&bytes);
        self.answer()
    }

    /// Writes raw bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// Waits for one answer.
    pub fn answer(&mut self) -> Answer {
        loop {
            if let Some((answer, rest)) = Answer::split(&self.input) {
                self.input = rest.to_vec();
                return answer;
            }
            assert!(self.read_more(), "the connection ended within an answer: {}", self.input.escape_ascii());
        }
    }

    /// Waits for a line such as `HTTP/1.1 100 Continue` and its empty line.
    pub fn interim(&mut self) -> String {
        loop {
            if let Some(end) = self.input.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.input.split_off(end + 4);
                return String::from_utf8(std::mem::replace(&mut self.input, rest)).unwrap();
            }
            assert!(self.read_more(), "the connection ended");
        }
    }

    /// Waits for the end of the connection; what came before it.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.input)
    }

    fn read_more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(n) => {
                self.input.extend_from_slice(&chunk[..n]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the server says nothing"),
            Err(_) => false,
        }
    }
}

/// Trusts this one certificate.
pub fn client_config(certificate: &[u8], versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}
