//! The certificate that browsers are shown: the owner's files, read again when they change, or a self-made one.

pub mod acme;
mod dns;
mod files;
mod self_made;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::host::Host;
use domain::time::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::{Config, Tls};
use crate::system;

pub use files::TlsError;
use files::{Stamp, load, stamp};
use self_made::self_made;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// The certificate that is shown to browsers.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: Tls,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Option<Stamp>>,
}

impl Certificates {
    /// Reads the configured files, or those of a self-made certificate, which is made when it is missing or old.
    ///
    /// # Errors
    /// When the files cannot be read, made or used.
    pub(crate) fn open(config: &Config, host: &Host, now: Timestamp) -> Result<Arc<Self>, TlsError> {
        let files = match &config.tls {
            Some(files) => files.clone(),
            None => self_made(config, host, now)?,
        };
        let seen = Mutex::new(stamp(&files));
        let current = RwLock::new(Arc::new(load(&files)?));
        Ok(Arc::new(Self { files, current, seen }))
    }

    /// The file with the chain, for tests and for `make demo`.
    pub(crate) fn chain_file(&self) -> &Path {
        &self.files.certificate
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use domain::time::Span;
    use rustls::pki_types::CertificateDer;

    use super::self_made::make;
    use super::*;
    use crate::testing::Folder;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn config(folder: &Folder) -> Config {
        let mut config = Config::parse("").unwrap();
        config.data_dir = folder.path().to_owned();
        config
    }

    fn host() -> Host {
        "id.example".parse().unwrap()
    }

    fn shown(certificates: &Certificates) -> CertificateDer<'static> {
        certificates.current.read().unwrap().cert.first().unwrap().clone()
    }

    #[test]
    fn a_self_made_certificate_is_private_and_kept() {
        let folder = Folder::new();
        let config = config(&folder);
        let first = Certificates::open(&config, &host(), NOW).unwrap();
        let mode = fs::metadata(&first.files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Certificates::open(&config, &host(), Timestamp::from_unix(0)).unwrap();
        assert_eq!(shown(&first), shown(&second));
    }

    #[test]
    fn an_old_self_made_certificate_is_made_anew() {
        let folder = Folder::new();
        let config = config(&folder);
        let first = Certificates::open(&config, &host(), NOW).unwrap();
        let much_later = Certificates::open(&config, &host(), NOW + Span::days(4000)).unwrap();
        assert_ne!(shown(&first), shown(&much_later));
    }

    #[test]
    fn files_that_change_are_read_again_and_broken_ones_are_not_used() {
        let folder = Folder::new();
        let certificates = Certificates::open(&config(&folder), &host(), NOW).unwrap();
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
            let error = Certificates::open(&config, &host(), NOW).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        config.tls = Some(Tls { certificate: chain, key });
        Certificates::open(&config, &host(), NOW).unwrap();
    }
}
