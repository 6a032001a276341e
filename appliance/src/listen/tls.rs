//! The TLS side of the server: which versions, what is offered, how sessions are resumed.

use std::sync::Arc;

use rustls::crypto::ring as provider;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};
use rustls::{ServerConfig, version};

/// Sessions that TLS 1.2 clients without tickets may resume; tickets need no memory.
const SESSIONS: usize = 64;

/// The settings of the TLS side: versions 1.2 and 1.3, HTTP/1.1 only. Every handshake asks `certificates` anew.
///
/// # Errors
/// When the machine gives no random bytes for the ticket key.
pub(crate) fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = provider::Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}
