//! Connections to the server under test: keep-alive, one request at a time, over TLS or the control socket.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Answer, Call};

/// Trusts the certificate that the server made itself.
pub fn trust(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("TLS versions").with_root_certificates(roots).with_no_client_auth())
}

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

pub struct Connection {
    wire: Box<dyn Wire>,
    authority: String,
    input: Vec<u8>,
}

impl Connection {
    pub fn tls(config: &Arc<ClientConfig>, port: u16) -> io::Result<Self> {
        Self::tls_from(Ipv4Addr::LOCALHOST, config, port)
    }

    /// From another address of this machine: 127.0.0.0/8 is all its own.
    pub fn tls_from(from: Ipv4Addr, config: &Arc<ClientConfig>, port: u16) -> io::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddrV4::new(from, 0))?;
        connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        let tcp = TcpStream::from(socket);
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(Duration::from_secs(60)))?;
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Self::over(Box::new(StreamOwned::new(tls, tcp)), format!("localhost:{port}")))
    }

    pub fn control(socket: &Path) -> io::Result<Self> {
        Ok(Self::over(Box::new(UnixStream::connect(socket)?), "localhost".to_owned()))
    }

    fn over(wire: Box<dyn Wire>, authority: String) -> Self {
        Self { wire, authority, input: Vec::new() }
    }

    /// Where it leads to.
    pub fn origin(&self) -> String {
        format!("https://{}", self.authority)
    }

    /// Sends one request and reads its answer.
    pub fn send(&mut self, call: &Call) -> io::Result<Answer> {
        self.wire.write_all(&call.to_bytes(&self.authority))?;
        self.wire.flush()?;
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some((answer, rest)) = Answer::split(&self.input) {
                self.input = rest.to_vec();
                return Ok(answer);
            }
            match self.wire.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                some => self.input.extend_from_slice(&chunk[..some]),
            }
        }
    }

    /// The same, when the answer must have this status.
    pub fn ask(&mut self, call: &Call, status: u16) -> Answer {
        let answer = self.send(call).expect("an answer");
        assert_eq!(answer.status, status, "{call:?}\n{:?}\n{}", answer.headers, answer.text());
        answer
    }
}
