//! TLS: the owner's certificate, read again when its files change, or a self-made one.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use domain::time::{Span, Timestamp};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

use crate::config::{Config, Tls};
use crate::system;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);
/// Sessions that TLS 1.2 clients without tickets may resume; tickets need no memory.
const SESSIONS: usize = 64;
/// A self-made certificate is made anew at a start after this time, long before it ends.
const RENEW: Span = Span::days(365);
/// How long a self-made certificate is good: what Apple's systems accept at most.
const LIFE: Span = Span::days(820);

/// The certificate cannot be used; the text says which file and why.
#[derive(Debug)]
pub struct TlsError {
    path: PathBuf,
    what: String,
}

impl TlsError {
    fn new(path: &Path, what: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), what: what.to_string() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for TlsError {}

/// The certificate that is shown to browsers.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: Tls,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Option<Stamp>>,
}

/// When the two files were written.
type Stamp = (SystemTime, SystemTime);

impl Certificates {
    /// Reads the configured files, or those of a self-made certificate, which is made when it is missing or old.
    ///
    /// # Errors
    /// When the files cannot be read, made or used.
    pub(crate) fn open(config: &Config, now: Timestamp) -> Result<Arc<Self>, TlsError> {
        let files = match &config.tls {
            Some(files) => files.clone(),
            None => self_made(config, now)?,
        };
        let seen = Mutex::new(stamp(&files));
        let current = RwLock::new(Arc::new(load(&files)?));
        Ok(Arc::new(Self { files, current, seen }))
    }

    /// The file with the chain, for tests and for `make demo`.
    pub(crate) fn chain_file(&self) -> &Path {
        &self.files.certificate
    }

    /// The settings of the TLS side: versions 1.2 and 1.3, HTTP/1.1 only.
    ///
    /// # Errors
    /// When the machine gives no random bytes for the ticket key.
    pub(crate) fn server_config(self: Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let path = self.files.certificate.clone();
        let failed = |error| TlsError::new(&path, error);
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(self);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = provider::Ticketer::new().map_err(failed)?;
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    /// Reads the files again whenever they change. A pair that cannot be used is logged, and the old one stays.
    pub(crate) async fn keep_fresh(&self) {
        loop {
            system::after(LOOK).await;
            self.refresh();
        }
    }

    fn refresh(&self) {
        let found = stamp(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_none() || *seen == found {
            return;
        }
        match load(&self.files) {
            Ok(key) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                *seen = found;
                tracing::info!("the certificate was read again");
            }
            Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the old one stays"),
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn stamp(files: &Tls) -> Option<Stamp> {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    Some((written(&files.certificate)?, written(&files.key)?))
}

fn load(files: &Tls) -> Result<CertifiedKey, TlsError> {
    let broken = |error| TlsError::new(&files.certificate, error);
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| TlsError::new(&files.certificate, error))?;
    if chain.is_empty() {
        return Err(TlsError::new(&files.certificate, "no certificate in this file"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::new(&files.key, error))?;
    CertifiedKey::from_der(chain, key, &provider::default_provider()).map_err(broken)
}

/// The files of the self-made certificate for this host.
fn self_made(config: &Config, now: Timestamp) -> Result<Tls, TlsError> {
    let folder = config.data_dir.join("tls");
    let files = Tls {
        certificate: folder.join(format!("self-made-{}.crt", config.host.as_str())),
        key: folder.join(format!("self-made-{}.key", config.host.as_str())),
    };
    if stamp(&files).is_some_and(|(_, written)| written > moment(now - RENEW)) {
        return Ok(files);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| TlsError::new(&folder, error))?;
    let (certificate, key) =
        make(config.host.as_str(), now).map_err(|error| TlsError::new(&files.certificate, error))?;
    write_private(&files.key, &key)?;
    write_private(&files.certificate, &certificate)?;
    Ok(files)
}

fn moment(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.unix()).unwrap_or(0))
}

fn make(host: &str, now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, host);
    if let (Some((y1, m1, d1)), Some((y2, m2, d2))) = (day(now - Span::days(1)), day(now + LIFE)) {
        params.not_before = rcgen::date_time_ymd(y1, m1, d1);
        params.not_after = rcgen::date_time_ymd(y2, m2, d2);
    }
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Year, month and day in UTC, as rcgen wants them.
fn day(time: Timestamp) -> Option<(i32, u8, u8)> {
    let moment = jiff::Timestamp::from_second(time.unix()).ok()?;
    let date = jiff::tz::TimeZone::UTC.to_datetime(moment).date();
    Some((date.year().into(), u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?))
}

fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
    let write = || -> io::Result<()> {
        let fresh = path.with_extension("new");
        let _ = fs::remove_file(&fresh);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|error| TlsError::new(path, error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::Folder;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn config(folder: &Folder) -> Config {
        let mut config = Config::parse("host = \"id.example\"").unwrap();
        config.data_dir = folder.path().to_owned();
        config
    }

    fn shown(certificates: &Certificates) -> CertificateDer<'static> {
        certificates.current.read().unwrap().cert.first().unwrap().clone()
    }

    #[test]
    fn a_self_made_certificate_is_private_and_kept() {
        let folder = Folder::new();
        let config = config(&folder);
        let first = Certificates::open(&config, NOW).unwrap();
        let mode = fs::metadata(&first.files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Certificates::open(&config, Timestamp::from_unix(0)).unwrap();
        assert_eq!(shown(&first), shown(&second));
    }

    #[test]
    fn an_old_self_made_certificate_is_made_anew() {
        let folder = Folder::new();
        let config = config(&folder);
        let first = Certificates::open(&config, NOW).unwrap();
        let much_later = Certificates::open(&config, NOW + Span::days(4000)).unwrap();
        assert_ne!(shown(&first), shown(&much_later));
    }

    #[test]
    fn files_that_change_are_read_again_and_broken_ones_are_not_used() {
        let folder = Folder::new();
        let certificates = Certificates::open(&config(&folder), NOW).unwrap();
        let old = shown(&certificates);
        let touch = |seconds| {
            let file = fs::File::options().write(true).open(&certificates.files.certificate).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        fs::write(&certificates.files.certificate, "no certificate").unwrap();
        touch(1);
        certificates.refresh();
        assert_eq!(shown(&certificates), old);
        let (chain, key) = make("id.example", NOW).unwrap();
        fs::write(&certificates.files.key, key).unwrap();
        fs::write(&certificates.files.certificate, chain).unwrap();
        touch(2);
        certificates.refresh();
        assert_ne!(shown(&certificates), old);
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = Folder::new();
        let mut config = config(&folder);
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (chain, key) = make("id.example", NOW).unwrap();
        let (_, other_key) = make("id.example", NOW).unwrap();
        let (chain, key) = (file("chain.pem", &chain), file("key.pem", &key));
        let other_key = file("other.pem", &other_key);
        let empty = file("empty.pem", "");
        let nowhere = folder.path().join("nowhere.pem");
        for (certificate, key, named) in [
            (&nowhere, &key, "nowhere.pem"),
            (&chain, &nowhere, "nowhere.pem"),
            (&empty, &key, "empty.pem"),
            (&chain, &empty, "empty.pem"),
            (&chain, &other_key, "chain.pem"),
        ] {
            config.tls = Some(Tls { certificate: certificate.clone(), key: key.clone() });
            let error = Certificates::open(&config, NOW).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        config.tls = Some(Tls { certificate: chain, key });
        Certificates::open(&config, NOW).unwrap();
    }
}
