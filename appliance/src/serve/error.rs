//! Why the server does not start, in words that say where and what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use service::StartError;

use crate::certificate::Trouble;
use crate::config::ConfigError;
use crate::listen::HandedError;
use crate::system::NoEntropy;

/// Why the server does not start.
#[derive(Debug)]
pub enum ServeError {
    /// The configuration cannot be used.
    Config(ConfigError),
    /// The kernel gives no random bytes.
    Entropy(NoEntropy),
    /// A folder, file or socket cannot be had.
    Path(PathBuf, io::Error),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// What systemd hands over cannot be used.
    Handed(HandedError),
    /// The machine has no more threads.
    Threads(io::Error),
    /// The certificate cannot be used.
    Tls(Trouble),
    /// TLS cannot be set up.
    Handshakes(rustls::Error),
    /// Nothing could be done before it began.
    Busy,
    /// The household cannot be opened.
    Store(StartError),
    /// The database knows no owner, though this file says that there was one.
    OwnerLost(PathBuf),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Entropy(error) => error.fmt(f),
            Self::Path(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "cannot listen on {address}: another program does; stop it or change `listen` (`plain` without TLS)"
                )
            }
            Self::Listen(address, error) if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "cannot listen on {address}: ports below 1024 need CAP_NET_BIND_SERVICE")
            }
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Handed(error) => error.fmt(f),
            Self::Threads(error) => write!(f, "cannot start a thread: {error}"),
            Self::Tls(error) => write!(f, "the certificate cannot be used: {error}"),
            Self::Handshakes(error) => write!(f, "TLS cannot be set up: {error}"),
            Self::Busy => f.write_str("the server is busy before it began"),
            Self::Store(error) => error.fmt(f),
            Self::OwnerLost(marker) => write!(
                f,
                "this house had an owner ({} says so), but its database knows none: put the right database back, or remove that \
                 file to begin anew",
                marker.display()
            ),
        }
    }
}

impl std::error::Error for ServeError {}

impl From<ConfigError> for ServeError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<HandedError> for ServeError {
    fn from(error: HandedError) -> Self {
        Self::Handed(error)
    }
}

impl From<NoEntropy> for ServeError {
    fn from(error: NoEntropy) -> Self {
        Self::Entropy(error)
    }
}

impl From<Trouble> for ServeError {
    fn from(error: Trouble) -> Self {
        Self::Tls(error)
    }
}

impl From<StartError> for ServeError {
    fn from(error: StartError) -> Self {
        Self::Store(error)
    }
}
