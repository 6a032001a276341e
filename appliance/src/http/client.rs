//! The other side: a small blocking client for the command line, over the control socket or over TLS. One request a
//! connection; async-h1 writes and reads, as it does for the server.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_h1::client::{Encoder, decode};
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, FutureExt, io as async_io_copy};
use futures_rustls::TlsConnector;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use smol::net::TcpStream;
use smol::net::unix::UnixStream;
use tide::http;
use url::Url;

use super::request::Method;
use crate::system;

/// To connect, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// To get the whole answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The longest answer.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;
/// Where Linux systems keep the certificates that they trust.
const SYSTEM_ROOTS: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A server to talk to.
pub(crate) struct Client {
    way: Way,
    base: Url,
    token: Option<String>,
}

enum Way {
    Socket(PathBuf),
    Tls { host: String, port: u16, config: Arc<ClientConfig> },
    At { host: String, address: SocketAddr, config: Arc<ClientConfig> },
}

/// One request.
pub(crate) struct Call<'a> {
    /// What to do.
    pub(crate) method: Method,
    /// The path with its query, already percent-encoded.
    pub(crate) path: &'a str,
    /// The media type and bytes of the body.
    pub(crate) body: Option<(&'a str, Vec<u8>)>,
}

/// What the server answered.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The media type without its parameters.
    pub(crate) media_type: String,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The control socket cannot be opened.
    Socket(PathBuf, io::Error),
    /// Nobody answers at that address.
    Connect(String, io::Error),
    /// The address is wrong.
    Address(String),
    /// A file with certificates cannot be used.
    Roots(PathBuf, String),
    /// The conversation broke off.
    Broken(String),
    /// It took too long.
    Slow,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path, error) => write!(f, "cannot reach the server at {}: {error}", path.display()),
            Self::Connect(address, error) => write!(f, "cannot reach {address}: {error}"),
            Self::Address(why) => f.write_str(why),
            Self::Roots(path, why) => write!(f, "cannot use the certificates in {}: {why}", path.display()),
            Self::Broken(why) => write!(f, "the conversation with the server broke off: {why}"),
            Self::Slow => f.write_str("the server does not answer"),
        }
    }
}

impl Client {
    /// Over the control socket of this machine.
    ///
    /// # Errors
    /// Never in practice; the address is a constant.
    pub(crate) fn socket(path: PathBuf) -> Result<Self, ClientError> {
        let base = Url::parse("http://localhost").map_err(|error| ClientError::Address(error.to_string()))?;
        Ok(Self { way: Way::Socket(path), base, token: None })
    }

    /// Over TLS, with a bearer token, trusting the certificates in `roots` or else those of the system.
    ///
    /// # Errors
    /// When the address is not `https://host` or `https://host:port`, or there are no certificates to trust.
    pub(crate) fn tls(address: &str, token: String, roots: Option<&Path>) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(format!("{address:?} is not an address such as https://id.example.net"));
        let base = Url::parse(address).map_err(|_| wrong())?;
        let host = base.host_str().ok_or_else(wrong)?.to_owned();
        let bare =
            base.path() == "/" && base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if base.scheme() != "https" || !bare {
            return Err(wrong());
        }
        let port = base.port().unwrap_or(443);
        let config = Arc::new(trust(roots)?);
        Ok(Self { way: Way::Tls { host, port, config }, base, token: Some(token) })
    }

    /// Over TLS to one address, whatever the name of the house leads to, with trust of the caller's own.
    ///
    /// # Errors
    /// When that is no name.
    pub(crate) fn at(host: &str, port: u16, address: SocketAddr, trust: ClientConfig) -> Result<Self, ClientError> {
        let base = Url::parse(&format!("https://{host}:{port}"));
        let base = base.map_err(|error| ClientError::Address(error.to_string()))?;
        let way = Way::At { host: host.to_owned(), address, config: Arc::new(trust) };
        Ok(Self { way, base, token: None })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When the server cannot be reached, breaks off, or takes too long.
    pub(crate) fn call(&self, call: Call<'_>) -> Result<Answer, ClientError> {
        self.call_within(call, ANSWER_LIMIT)
    }

    /// The same with another limit for the answer.
    ///
    /// # Errors
    /// When the server cannot be reached, breaks off, or takes longer.
    pub(crate) fn call_within(&self, call: Call<'_>, limit: Duration) -> Result<Answer, ClientError> {
        smol::block_on(self.converse(call, limit))
    }

    async fn converse(&self, call: Call<'_>, limit: Duration) -> Result<Answer, ClientError> {
        let request = self.request(call)?;
        match &self.way {
            Way::Socket(path) => {
                let failed = |error| ClientError::Socket(path.clone(), error);
                let stream = within(CONNECT_LIMIT, UnixStream::connect(path)).await?.map_err(failed)?;
                within(limit, exchange(stream, request)).await?
            }
            Way::At { host, address, config } => {
                let failed = |error| ClientError::Connect(address.to_string(), error);
                let connected = async { wrap_tls(host, TcpStream::connect(address).await?, config).await };
                let stream = within(CONNECT_LIMIT, connected).await?.map_err(failed)?;
                within(limit, exchange(stream, request)).await?
            }
            Way::Tls { host, port, config } => {
                let failed = |error| ClientError::Connect(format!("https://{host}:{port}"), error);
                let stream = within(CONNECT_LIMIT, connect_tls(host, *port, config)).await?.map_err(failed)?;
                within(limit, exchange(stream, request)).await?
            }
        }
    }

    fn request(&self, call: Call<'_>) -> Result<http::Request, ClientError> {
        let url = self.base.join(call.path).map_err(|error| ClientError::Address(error.to_string()))?;
        let mut request = http::Request::new(to_http(call.method), url);
        request.insert_header("accept", "application/json");
        request.insert_header("connection", "close");
        if let Some(token) = &self.token {
            request.insert_header("authorization", format!("Bearer {token}"));
        }
        if let Some((media_type, bytes)) = call.body {
            request.set_body(bytes);
            request.insert_header("content-type", media_type);
        }
        Ok(request)
    }
}

pub(super) fn trust(roots: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let path = match roots {
        Some(path) => path,
        None => SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists()).ok_or_else(|| {
            let why = "there is no such file; install the package ca-certificates or give --ca-file";
            ClientError::Roots(PathBuf::from("/etc/ssl/certs"), why.to_owned())
        })?,
    };
    let failed = |why: String| ClientError::Roots(path.to_owned(), why);
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        let added = store.add(certificate);
        // The system's own bundle may hold an old one that rustls does not read; a file that was named may not.
        if roots.is_some() {
            added.map_err(|error| failed(error.to_string()))?;
        }
    }
    if store.is_empty() {
        return Err(failed("there is no certificate in it".to_owned()));
    }
    trusting(store).map_err(|error| failed(error.to_string()))
}

/// Trusts what the system does, as far as it says so, and these authorities.
pub(super) fn trust_also(more: Vec<CertificateDer<'static>>) -> Result<ClientConfig, ClientError> {
    let mut store = RootCertStore::empty();
    if let Some(path) = SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists()) {
        let failed = |error: &dyn fmt::Display| ClientError::Roots(path.to_owned(), error.to_string());
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
        store.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    store.add_parsable_certificates(more);
    trusting(store).map_err(|error| ClientError::Broken(error.to_string()))
}

fn trusting(store: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

async fn connect_tls(
    host: &str,
    port: u16,
    config: &Arc<ClientConfig>,
) -> io::Result<futures_rustls::client::TlsStream<TcpStream>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port)).await?;
    wrap_tls(bare, stream, config).await
}

/// TLS over a connection to that name or address.
pub(super) async fn wrap_tls(
    bare: &str,
    stream: TcpStream,
    config: &Arc<ClientConfig>,
) -> io::Result<futures_rustls::client::TlsStream<TcpStream>> {
    let name = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

async fn exchange<S>(stream: S, request: http::Request) -> Result<Answer, ClientError>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    let (response, body) = converse(stream, request, MAX_ANSWER).await?;
    let media_type = response.header("content-type").map_or("", |value| value.as_str());
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(Answer { status: response.status().into(), media_type, body })
}

/// Sends the request and reads an answer of at most `limit` bytes; what is longer breaks off.
pub(super) async fn converse<S>(
    mut stream: S,
    request: http::Request,
    limit: u64,
) -> Result<(http::Response, Vec<u8>), ClientError>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    let broken = |error: &dyn fmt::Display| ClientError::Broken(error.to_string());
    // A server that refuses a long body answers and closes before it has read all of it: the answer still counts.
    let written = async_io_copy::copy(&mut Encoder::new(request), &mut stream).await;
    let decoded = decode(stream.take(limit)).await;
    let mut response = match (decoded, written) {
        (Ok(response), _) => response,
        (Err(_), Err(error)) => return Err(broken(&error)),
        (Err(error), Ok(_)) => return Err(broken(&error)),
    };
    let promised = response.header("content-length").and_then(|value| value.as_str().parse::<u64>().ok());
    if promised.is_some_and(|length| length > limit) {
        return Err(ClientError::Broken(format!("it is longer than {limit} bytes")));
    }
    let body = response.body_bytes().await.map_err(|error| broken(&error))?;
    if promised.is_some_and(|length| body.len() as u64 != length) {
        return Err(ClientError::Broken("it ends too early".to_owned()));
    }
    Ok((response, body))
}

pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, ClientError> {
    let late = async {
        system::after(limit).await;
        Err(ClientError::Slow)
    };
    async { Ok(work.await) }.or(late).await
}

pub(super) fn to_http(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::Get,
        Method::Post => http::Method::Post,
        Method::Put => http::Method::Put,
        Method::Patch => http::Method::Patch,
        Method::Delete => http::Method::Delete,
        Method::Options => http::Method::Options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_https_address_is_a_server() {
        for bad in [
            "",
            "id.example.net",
            "http://id.example.net",
            "https://",
            "https://id.example.net/api",
            "https://id.example.net/?a=b",
            "https://me@id.example.net",
        ] {
            assert!(matches!(Client::tls(bad, String::new(), None), Err(ClientError::Address(_))), "{bad}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let refused = Client::tls("https://id.example.net", String::new(), Some(&file));
        assert!(matches!(refused, Err(ClientError::Roots(..))));
    }
}
