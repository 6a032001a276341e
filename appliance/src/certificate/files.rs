//! Certificates in files: how they are read, and how ours are written.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::config::Tls;

/// The certificate cannot be used; the text says which file and why.
#[derive(Debug)]
pub struct TlsError {
    path: PathBuf,
    what: String,
}

impl TlsError {
    pub(crate) fn new(path: &Path, what: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), what: what.to_string() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for TlsError {}

/// When the two files were written.
pub(super) type Stamp = (SystemTime, SystemTime);

/// When the files were written; nothing when one of them is not there.
pub(super) fn stamp(files: &Tls) -> Option<Stamp> {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    Some((written(&files.certificate)?, written(&files.key)?))
}

/// Reads a chain and its key.
pub(super) fn load(files: &Tls) -> Result<CertifiedKey, TlsError> {
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

/// Writes a file that only its owner can read; behind an error the old one is still there.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
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
