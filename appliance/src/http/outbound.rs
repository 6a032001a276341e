//! Questions to servers of the outside world, such as a certificate authority, and to the apps of the house: HTTPS with the system's
//! roots, one request a connection, no redirects, and a bound on the size and the time of each answer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::secret::Secret;
use domain::time::{Span, Timestamp};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use smol::net::TcpStream;
use tide::http;
use url::{Host, Url};

use super::client::{self, ClientError};
use super::request::Method;

/// To find the name, and again to agree on TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// To connect to one address, and how many are tried.
const ADDRESS_LIMIT: Duration = Duration::from_secs(5);
const MAX_ADDRESSES: usize = 6;
/// What we call ourselves (RFC 8555 section 6.1 wants it).
const USER_AGENT: &str = concat!("latchkey/", env!("CARGO_PKG_VERSION"));
/// Most of a header's value that is looked at.
const MAX_VALUE: usize = 2048;

/// Asks servers of the outside world.
pub(crate) struct Outbound {
    config: Arc<ClientConfig>,
    limits: OutboundLimits,
    guard: Option<Guard>,
}

/// Says whether an address may be asked, with TLS or without. It is the address itself that is connected to, so no name can be one
/// thing when it is looked at and another when it is asked.
pub(crate) type Guard = Box<dyn Fn(bool, SocketAddr) -> bool + Send + Sync>;

/// Bounds of one answer.
#[derive(Clone, Copy, Debug)]
pub struct OutboundLimits {
    /// The longest answer, head and body, in bytes.
    pub bytes: u64,
    /// To ask and get the whole answer.
    pub time: Duration,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self { bytes: 128 * 1024, time: Duration::from_secs(30) }
    }
}

/// One question.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// `https`, or `http` to this same machine or where a guard lets it.
    pub(crate) url: &'a Url,
    /// The whole `Authorization` header.
    pub(crate) authorization: Option<&'a Secret<String>>,
    /// The media type and bytes of the body.
    pub(crate) body: Option<(&'a str, Vec<u8>)>,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// `Location`, `Replay-Nonce` and `Retry-After` (RFC 8555, RFC 9110).
    pub(crate) location: Option<String>,
    pub(crate) replay_nonce: Option<String>,
    retry_after: Option<String>,
}

impl Reply {
    /// Whether it is a 2xx.
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How long the server asks us to wait, given as seconds or as a date (RFC 9110 section 10.2.3).
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Span> {
        let raw = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = raw.parse::<u32>() {
            return Some(Span::seconds(seconds.into()));
        }
        let date = jiff::fmt::rfc2822::parse(raw).ok()?;
        Some(Timestamp::from_unix(date.timestamp().as_second()).since(now))
    }
}

/// Why there is no answer that can be used.
#[derive(Debug)]
pub(crate) enum OutboundError {
    /// No such name.
    Unresolved(String),
    /// Nobody answers there, or its certificate is not trusted.
    Unreachable(String, io::Error),
    /// An address that is not asked: neither `https` nor this machine.
    Insecure(String),
    /// A place that is not asked.
    OffLimits(String),
    /// It broke off, is too long or is no HTTP.
    Broken(String, String),
    /// It took too long.
    Slow(String),
    /// There are no certificates to trust.
    Roots(ClientError),
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(host) => {
                write!(f, "the name {host} cannot be found; check this box's way to the internet")
            }
            Self::Unreachable(host, error) => write!(f, "{host} cannot be reached: {error}"),
            Self::Insecure(host) => write!(f, "the address at {host} is not an https address"),
            Self::OffLimits(host) => write!(
                f,
                "{host} is a place that is not asked: without TLS only this machine and private addresses are, and this server \
                 itself never"
            ),
            Self::Broken(host, why) => write!(f, "the answer of {host} cannot be read: {why}"),
            Self::Slow(host) => write!(f, "{host} does not answer in time"),
            Self::Roots(error) => error.fmt(f),
        }
    }
}

impl Outbound {
    /// Trusts the certificates in `roots`, or else those of the system.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn new(roots: Option<&Path>, limits: OutboundLimits) -> Result<Self, OutboundError> {
        let config = Arc::new(client::trust(roots).map_err(OutboundError::Roots)?);
        Ok(Self { config, limits, guard: None })
    }

    /// Trusts the certificates of the system and these authorities, and asks only where the guard says so, there without TLS too.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub(crate) fn guarded(
        authorities: Vec<CertificateDer<'static>>,
        limits: OutboundLimits,
        guard: Guard,
    ) -> Result<Self, OutboundError> {
        let config = Arc::new(client::trust_also(authorities).map_err(OutboundError::Roots)?);
        Ok(Self { config, limits, guard: Some(guard) })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When there is none that can be used. A status that is no success is an answer.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Result<Reply, OutboundError> {
        // The state of a TLS connection is large, and it is not to be part of everything that asks.
        Box::pin(self.converse(question)).await
    }

    async fn converse(&self, question: Question<'_>) -> Result<Reply, OutboundError> {
        let host = question.url.host().ok_or_else(|| OutboundError::Insecure(String::new()))?;
        let here = match &host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => *name == "localhost",
        };
        let name = host.to_string();
        let (bare, port) = (bare(&host), question.url.port_or_known_default().unwrap_or(443));
        let secure = question.url.scheme() == "https";
        let open = question.url.scheme() == "http" && (here || self.guard.is_some());
        if !secure && !open {
            return Err(OutboundError::Insecure(name));
        }
        let request = request(question);
        let stream = self.connect(&name, &bare, (port, secure)).await?;
        let time = self.limits.time;
        let limit = self.limits.bytes;
        let answer = if secure {
            let handshake = Box::pin(client::wrap_tls(&bare, stream, &self.config));
            let stream = in_time(&name, CONNECT_LIMIT, handshake).await?;
            let stream = stream.map_err(|error| OutboundError::Unreachable(name.clone(), error))?;
            in_time(&name, time, Box::pin(client::converse(stream, request, limit))).await?
        } else {
            in_time(&name, time, Box::pin(client::converse(stream, request, limit))).await?
        };
        reply(answer.map_err(|error| OutboundError::Broken(name, error.to_string()))?)
    }

    /// Tries the addresses of that name, each for a while: a house may have IPv6 that leads nowhere.
    async fn connect(&self, name: &str, bare: &str, (port, secure): (u16, bool)) -> Result<TcpStream, OutboundError> {
        let found = in_time(name, CONNECT_LIMIT, smol::net::resolve((bare, port))).await?;
        let mut addresses: Vec<SocketAddr> = found.map_err(|_| OutboundError::Unresolved(name.to_owned()))?;
        let mut failed = OutboundError::Unresolved(name.to_owned());
        if let Some(guard) = &self.guard
            && !addresses.is_empty()
        {
            addresses.retain(|address| guard(secure, *address));
            failed = OutboundError::OffLimits(name.to_owned());
        }
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match in_time(name, ADDRESS_LIMIT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = OutboundError::Unreachable(name.to_owned(), error),
                Err(late) => failed = late,
            }
        }
        Err(failed)
    }
}

fn bare(host: &Host<&str>) -> String {
    match host {
        Host::Domain(name) => (*name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

async fn in_time<T>(host: &str, limit: Duration, work: impl Future<Output = T>) -> Result<T, OutboundError> {
    client::within(limit, work).await.map_err(|_| OutboundError::Slow(host.to_owned()))
}

fn request(question: Question<'_>) -> http::Request {
    let mut request = http::Request::new(client::to_http(question.method), question.url.clone());
    request.insert_header("accept", "application/json, */*;q=0.1");
    request.insert_header("connection", "close");
    request.insert_header("user-agent", USER_AGENT);
    if let Some(authorization) = question.authorization {
        request.insert_header("authorization", authorization.expose().as_str());
    }
    if let Some((media_type, bytes)) = question.body {
        request.set_body(bytes);
        request.insert_header("content-type", media_type);
    }
    request
}

fn reply((response, body): (http::Response, Vec<u8>)) -> Result<Reply, OutboundError> {
    let header = |name: &str| {
        let value = response.header(name)?.last().as_str();
        (value.len() <= MAX_VALUE).then(|| value.to_owned())
    };
    Ok(Reply {
        status: response.status().into(),
        location: header("location"),
        replay_nonce: header("replay-nonce"),
        retry_after: header("retry-after"),
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(784_111_777);

    fn asked_to_wait(value: &str) -> Option<Span> {
        let retry_after = Some(value.to_owned());
        Reply { status: 429, body: Vec::new(), location: None, replay_nonce: None, retry_after }.retry_after(NOW)
    }

    #[test]
    fn a_wait_is_a_number_of_seconds_or_a_date() {
        assert_eq!(asked_to_wait("120"), Some(Span::seconds(120)));
        assert_eq!(asked_to_wait("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Span::minutes(1)));
        assert_eq!(asked_to_wait("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Span::seconds(0)), "it is over");
        assert_eq!(asked_to_wait("soon"), None);
        assert_eq!(asked_to_wait("-1"), None);
    }

    #[test]
    fn plain_http_goes_nowhere_but_to_this_machine() {
        let url = Url::parse("http://ca.example/directory").unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let outbound = Outbound { config: Arc::new(config), limits: OutboundLimits::default(), guard: None };
        let question = Question { method: Method::Get, url: &url, authorization: None, body: None };
        let refused = smol::block_on(outbound.ask(question));
        assert!(matches!(refused, Err(OutboundError::Insecure(_))));
    }

    /// A server of TLS on this machine that answers one request, with a certificate for `localhost` of an authority of its own.
    fn app_of_an_authority() -> (SocketAddr, CertificateDer<'static>, std::thread::JoinHandle<()>) {
        use futures_lite::{AsyncReadExt, AsyncWriteExt};

        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        let private = rustls_pki_types::PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        let listener = smol::block_on(smol::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let served = std::thread::spawn(move || {
            smol::block_on(async {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = futures_rustls::TlsAcceptor::from(Arc::new(config));
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.close().await;
            });
        });
        (address, authority.der().clone(), served)
    }

    #[test]
    fn an_authority_that_is_named_is_trusted_beside_the_public_ones_and_no_other() {
        for named in [true, false] {
            let (address, authority, served) = app_of_an_authority();
            let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
            let authorities = if named { vec![authority] } else { Vec::new() };
            let guard: Guard = Box::new(|secure, address| secure && address.is_ipv4());
            let outbound = Outbound::guarded(authorities, OutboundLimits::default(), guard).unwrap();
            let question = Question { method: Method::Post, url: &url, authorization: None, body: None };
            match smol::block_on(outbound.ask(question)) {
                Ok(reply) => assert!(named && reply.is_good()),
                Err(error) => assert!(!named && matches!(error, OutboundError::Unreachable(..)), "{error}"),
            }
            served.join().unwrap();
        }
    }
}
