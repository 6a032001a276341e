//! Sessions of browsers.

use domain::id::{AccountId, SessionNumber};
use domain::session::Session;
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{digest, parsed, time};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "session";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT account_id, number, digest, strength, factors, device, address, created_at, authenticated_at,
                    last_seen_at, expires_at FROM session ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> Result<Session, Fault> {
    Ok(Session {
        account: AccountId(row.get("account_id")?),
        number: SessionNumber(row.get("number")?),
        digest: digest(row, "digest", TABLE)?,
        strength: parsed(row, "strength", TABLE)?,
        factors: parsed(row, "factors", TABLE)?,
        device: row.get("device")?,
        address: row.get("address")?,
        created_at: time(row, "created_at")?,
        authenticated_at: time(row, "authenticated_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

impl Reader<'_> {
    /// The session of that number.
    pub fn session(&self, account: AccountId, number: SessionNumber) -> Result<Option<Session>, Fault> {
        self.one(select!("WHERE account_id = ?1 AND number = ?2"), (account.0, number.0), read)
    }

    /// All sessions of the account, the one that was used last first.
    pub fn sessions(&self, account: AccountId) -> Result<Vec<Session>, Fault> {
        self.all(select!("WHERE account_id = ?1 ORDER BY last_seen_at DESC, number"), [account.0], read)
    }
}

impl Writer<'_> {
    /// Adds the session.
    pub fn insert_session(&self, session: &Session) -> Result<(), Fault> {
        self.run(
            "INSERT INTO session (account_id, number, digest, strength, factors, device, address, created_at,
                                  authenticated_at, last_seen_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            (
                session.account.0,
                session.number.0,
                session.digest.as_bytes().as_slice(),
                session.strength.as_str(),
                session.factors.to_string(),
                &session.device,
                &session.address,
                session.created_at.unix(),
                session.authenticated_at.unix(),
                session.last_seen_at.unix(),
                session.expires_at.unix(),
            ),
        )?;
        Ok(())
    }

    /// Writes a renewed proof: a new digest, strength and time of authentication.
    pub fn update_session(&self, session: &Session) -> Result<(), Fault> {
        self.run(
            "UPDATE session SET digest = ?3, strength = ?4, factors = ?5, device = ?6, address = ?7,
                                authenticated_at = ?8, last_seen_at = ?9
             WHERE account_id = ?1 AND number = ?2",
            (
                session.account.0,
                session.number.0,
                session.digest.as_bytes().as_slice(),
                session.strength.as_str(),
                session.factors.to_string(),
                &session.device,
                &session.address,
                session.authenticated_at.unix(),
                session.last_seen_at.unix(),
            ),
        )?;
        Ok(())
    }

    /// Writes down that it was used.
    pub fn session_seen(&self, account: AccountId, number: SessionNumber, now: Timestamp) -> Result<(), Fault> {
        self.run(
            "UPDATE session SET last_seen_at = ?3 WHERE account_id = ?1 AND number = ?2",
            (account.0, number.0, now.unix()),
        )?;
        Ok(())
    }

    /// Ends the session and the apps' tokens that grew from it.
    pub fn delete_session(&self, account: AccountId, number: SessionNumber) -> Result<bool, Fault> {
        self.run("DELETE FROM token_family WHERE account_id = ?1 AND session_number = ?2", (account.0, number.0))?;
        Ok(self.run("DELETE FROM session WHERE account_id = ?1 AND number = ?2", (account.0, number.0))? > 0)
    }

    /// Forgets sessions that are over. The apps' tokens have an expiry of their own.
    pub fn purge_sessions(&self, now: Timestamp, idle_since: Timestamp) -> Result<usize, Fault> {
        self.run("DELETE FROM session WHERE expires_at <= ?1 OR last_seen_at <= ?2", (now.unix(), idle_since.unix()))
    }
}
