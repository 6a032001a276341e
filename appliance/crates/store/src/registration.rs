//! Dynamic client registration: the tokens of admins, and the apps that came by them.

use domain::id::{ClientId, GroupId, RegistrationTokenNumber};
use domain::registration::{Registration, RegistrationToken};
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{digest, parsed, time};
use crate::{Fault, Reader, Writer};

const TOKEN: &str = "registration_token";
const REGISTRATION: &str = "client_registration";

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT number, digest, group_id, uses_left, created_at, expires_at FROM registration_token ", $rest)
    };
}

fn read_token(row: &Row<'_>) -> Result<RegistrationToken, Fault> {
    Ok(RegistrationToken {
        number: RegistrationTokenNumber(row.get("number")?),
        digest: digest(row, "digest", TOKEN)?,
        group: GroupId(row.get("group_id")?),
        uses_left: row.get("uses_left")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

impl Reader<'_> {
    /// The token of that number.
    pub fn registration_token(&self, number: RegistrationTokenNumber) -> Result<Option<RegistrationToken>, Fault> {
        self.one(select!("WHERE number = ?1"), [number.0], read_token)
    }

    /// All tokens, the oldest first.
    pub fn registration_tokens(&self) -> Result<Vec<RegistrationToken>, Fault> {
        self.all(select!("ORDER BY created_at, number"), [], read_token)
    }

    /// What the app holds, if it registered itself.
    pub fn client_registration(&self, client: ClientId) -> Result<Option<Registration>, Fault> {
        let sql = "SELECT client_id, digest, authentication, uses_codes FROM client_registration WHERE client_id = ?1";
        self.one(sql, [client.0], |row| {
            Ok(Registration {
                client: ClientId(row.get("client_id")?),
                digest: digest(row, "digest", REGISTRATION)?,
                authentication: parsed(row, "authentication", REGISTRATION)?,
                uses_codes: row.get("uses_codes")?,
            })
        })
    }
}

impl Writer<'_> {
    /// Writes the token in place of the one of the same number.
    pub fn put_registration_token(&self, token: &RegistrationToken) -> Result<(), Fault> {
        self.run(
            "INSERT INTO registration_token (number, digest, group_id, uses_left, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (number) DO UPDATE SET digest = ?2, group_id = ?3, uses_left = ?4, created_at = ?5, expires_at = ?6",
            (
                token.number.0,
                token.digest.as_bytes().as_slice(),
                token.group.0,
                token.uses_left,
                token.created_at.unix(),
                token.expires_at.unix(),
            ),
        )?;
        Ok(())
    }

    /// Removes the token; tells whether there was one.
    pub fn delete_registration_token(&self, number: RegistrationTokenNumber) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM registration_token WHERE number = ?1", [number.0])? > 0)
    }

    /// Forgets the tokens that are over.
    pub fn delete_expired_registration_tokens(&self, now: Timestamp) -> Result<usize, Fault> {
        self.run("DELETE FROM registration_token WHERE expires_at <= ?1 OR uses_left = 0", [now.unix()])
    }

    /// Takes from the app what it holds: it cannot look at its registration any more.
    pub fn delete_client_registration(&self, client: ClientId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM client_registration WHERE client_id = ?1", [client.0])? > 0)
    }

    /// Writes what the app holds, in place of what it held.
    pub fn put_client_registration(&self, registration: &Registration) -> Result<(), Fault> {
        self.run(
            "INSERT INTO client_registration (client_id, digest, authentication, uses_codes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (client_id) DO UPDATE SET digest = ?2, authentication = ?3, uses_codes = ?4",
            (
                registration.client.0,
                registration.digest.as_bytes().as_slice(),
                registration.authentication.as_str(),
                registration.uses_codes,
            ),
        )?;
        Ok(())
    }
}
