//! Keys: those that sign ID tokens, and those that never leave the house.

use domain::client::Algorithm;
use domain::secret::Secret;
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{blob, optional_time, parsed, time};
use crate::{Fault, Reader, Writer};

/// A signing key as stored. It signs until it is retired and is published until it expires.
#[derive(Clone, Debug)]
pub struct SigningKeyRow {
    /// Its public name (RFC 7515 section 4.1.4).
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// PKCS #8.
    pub private_key: Secret<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs nothing.
    pub retired_at: Option<Timestamp>,
    /// From when on nobody needs it.
    pub expires_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<SigningKeyRow, Fault> {
    Ok(SigningKeyRow {
        kid: row.get("kid")?,
        algorithm: parsed(row, "algorithm", "signing_key")?,
        private_key: Secret::new(row.get("private_key")?),
        created_at: time(row, "created_at")?,
        retired_at: optional_time(row, "retired_at")?,
        expires_at: optional_time(row, "expires_at")?,
    })
}

impl Reader<'_> {
    /// All signing keys, the oldest first.
    pub fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, Fault> {
        self.all(
            "SELECT kid, algorithm, private_key, created_at, retired_at, expires_at FROM signing_key ORDER BY created_at, kid",
            [],
            read,
        )
    }

    /// The key for that purpose.
    pub fn symmetric_key(&self, purpose: &str) -> Result<Option<Secret<[u8; 32]>>, Fault> {
        self.one("SELECT bytes FROM symmetric_key WHERE purpose = ?1", [purpose], |row| {
            Ok(Secret::new(blob(row, "bytes", "symmetric_key")?))
        })
    }
}

impl Writer<'_> {
    /// Adds the signing key.
    pub fn insert_signing_key(&self, key: &SigningKeyRow) -> Result<(), Fault> {
        self.run(
            "INSERT INTO signing_key (kid, algorithm, private_key, created_at, retired_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                &key.kid,
                key.algorithm.as_str(),
                key.private_key.expose(),
                key.created_at.unix(),
                key.retired_at.map(Timestamp::unix),
                key.expires_at.map(Timestamp::unix),
            ),
        )?;
        Ok(())
    }

    /// From `retired_at` on the key signs nothing, from `expires_at` on it is not published.
    pub fn retire_signing_key(&self, kid: &str, retired_at: Timestamp, expires_at: Timestamp) -> Result<(), Fault> {
        self.run(
            "UPDATE signing_key SET retired_at = ?2, expires_at = ?3 WHERE kid = ?1",
            (kid, retired_at.unix(), expires_at.unix()),
        )?;
        Ok(())
    }

    /// Forgets the signing key.
    pub fn delete_signing_key(&self, kid: &str) -> Result<(), Fault> {
        self.run("DELETE FROM signing_key WHERE kid = ?1", [kid])?;
        Ok(())
    }

    /// Forgets the signing keys that nobody needs any more.
    pub fn delete_expired_signing_keys(&self, now: Timestamp) -> Result<usize, Fault> {
        self.run("DELETE FROM signing_key WHERE expires_at IS NOT NULL AND expires_at <= ?1", [now.unix()])
    }

    /// Puts the key for that purpose in its place; one that was there is gone.
    pub fn put_symmetric_key(&self, purpose: &str, bytes: &Secret<[u8; 32]>, now: Timestamp) -> Result<(), Fault> {
        self.run(
            "INSERT INTO symmetric_key (purpose, bytes, created_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (purpose) DO UPDATE SET bytes = ?2, created_at = ?3",
            (purpose, bytes.expose().as_slice(), now.unix()),
        )?;
        Ok(())
    }
}
