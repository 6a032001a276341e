//! Certificates in files: how they are read and checked, and how ours are written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use domain::clock::Moment;
use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::Held;
use super::facts::{Facts, is_for};
use super::trouble::Trouble;

/// More than any sensible chain or key.
const MAX_FILE: u64 = 64 * 1024;

const LOOK_AT_PATHS: &str = "check the path, and that the server's user may read it";

/// A chain and its key; both may be in the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The chain, PEM, the server's own certificate first.
    pub(crate) chain: PathBuf,
    /// The private key, PEM.
    pub(crate) key: PathBuf,
}

impl Pair {
    /// A chain and a key in one file, so that one rename replaces both.
    pub(super) fn single(path: PathBuf) -> Self {
        Self { chain: path.clone(), key: path }
    }
}

/// When the two files were written.
pub(super) type Stamp = (SystemTime, SystemTime);

/// When the files were written; nothing when one of them is not there.
pub(super) fn stamp(pair: &Pair) -> Option<Stamp> {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    Some((written(&pair.chain)?, written(&pair.key)?))
}

/// Reads a chain and its key.
pub(super) fn load(pair: &Pair) -> Result<Held, Trouble> {
    let text = read(&pair.chain)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| {
        Trouble::of_file(&pair.chain, format!("no certificate can be read from it: {error}"), "give a file in PEM form")
    })?;
    let Some(facts) = chain.first().map(|leaf| Facts::read(leaf)) else {
        return Err(Trouble::of_file(&pair.chain, "there is no certificate in it", "give a file in PEM form"));
    };
    let facts = facts.ok_or_else(|| {
        Trouble::of_file(&pair.chain, "its first certificate cannot be read", "ask for a new one where it came from")
    })?;
    let key = PrivateKeyDer::from_pem_slice(&read(&pair.key)?).map_err(|_| {
        Trouble::of_file(&pair.key, "there is no private key in it", "give a key in PEM form without a password")
    })?;
    let length = chain.len();
    let key = CertifiedKey::from_der(chain, key, &provider::default_provider()).map_err(|error| {
        if let rustls::Error::InconsistentKeys(_) = error {
            let what = format!("the key is not the one of the certificate in {}", pair.chain.display());
            return Trouble::of_file(&pair.key, what, "give the two files that were made together");
        }
        Trouble::of_file(&pair.key, format!("the key cannot be used: {error}"), "use an ECDSA or RSA key")
    })?;
    Ok(Held { key: Arc::new(key), facts, length })
}

/// Whether browsers would take it now.
pub(super) fn check(held: &Held, pair: &Pair, host: &str, at: Moment) -> Result<(), Trouble> {
    let validity = held.facts.validity;
    let path = &pair.chain;
    let when = |time| crate::api::Time(time).short();
    if validity.is_over(at.now) {
        let what = format!("the certificate ended on {} UTC", when(validity.not_after));
        return Err(Trouble::of_file(path, what, "renew it where it came from"));
    }
    if validity.lies_ahead(at.now, at.trust) {
        let what = format!("the certificate begins on {} UTC only", when(validity.not_before));
        return Err(Trouble::of_file(path, what, "check the clock of the machine that made it"));
    }
    match held.leaf() {
        Some(leaf) if is_for(leaf, host) => Ok(()),
        Some(_) | None => {
            let what = format!("the certificate is not for {host}");
            Err(Trouble::of_file(path, what, format!("ask for one whose names include {host}")))
        }
    }
}

/// What an owner should know of files that work.
pub(super) fn warnings(held: &Held, pair: &Pair) -> Vec<Trouble> {
    let mut warnings = Vec::new();
    let mode = fs::metadata(&pair.key).map_or(0, |file| file.permissions().mode());
    if mode & 0o007 != 0 {
        let what = "everybody on this machine can read the private key";
        warnings.push(Trouble::of_file(&pair.key, what, format!("chmod o= {}", pair.key.display())));
    }
    if held.length == 1 && held.facts.issuer != held.facts.subject {
        let what =
            "there is only the server's own certificate in it; phones may want those between it and its authority";
        warnings.push(Trouble::of_file(&pair.chain, what, "give the full chain (often called fullchain.pem)"));
    }
    warnings
}

/// The bytes of a file; they may be a key.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let failed = |error: io::Error| Trouble::of_file(path, format!("cannot be read: {error}"), LOOK_AT_PATHS);
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Trouble::of_file(path, "is longer than 64 KiB", "check that it is the right file"));
    }
    Ok(bytes)
}

/// Writes a file that only its owner can read; behind an error the old one is still there.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Trouble> {
    let write = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        let _ = fs::remove_file(&fresh);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        let hint = "make room on the card, and look at the rights of the folder";
        Trouble::of_file(path, format!("cannot be written: {error}"), hint)
    })
}
