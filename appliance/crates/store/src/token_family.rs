//! Families of tokens: one row for each, keyed by account and number, so that a refresh dirties one page.

use domain::claim::RequestedClaims;
use domain::grant::authorization_code::{Authentication, Granted};
use domain::grant::refresh_token::{MAX_FAMILIES, TokenFamily};
use domain::id::{AccountId, ClientId, FamilyNumber, SessionNumber};
use domain::secret::Digest;
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{blob, json, parsed, time, to_json};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "token_family";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT account_id, number, client_id, session_number, scopes, strength, factors, auth_time, generation,
             refresh_digest, previous_digest, refreshed_at, key_thumbprint, claims, created_at, expires_at FROM token_family ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> Result<TokenFamily, Fault> {
    let digest = |column| {
        Ok::<_, Fault>(if present(row, column)? { Some(Digest::from_bytes(blob(row, column, TABLE)?)) } else { None })
    };
    let previous = digest("previous_digest")?;
    Ok(TokenFamily {
        number: FamilyNumber(row.get("number")?),
        granted: Granted {
            account: AccountId(row.get("account_id")?),
            client: ClientId(row.get("client_id")?),
            scopes: parsed(row, "scopes", TABLE)?,
            authentication: Authentication {
                session: row.get::<_, Option<i64>>("session_number")?.map(SessionNumber),
                strength: parsed(row, "strength", TABLE)?,
                factors: parsed(row, "factors", TABLE)?,
                at: time(row, "auth_time")?,
            },
            claims: if present(row, "claims")? { json(row, "claims", TABLE)? } else { RequestedClaims::default() },
        },
        generation: row.get("generation")?,
        refresh: digest("refresh_digest")?,
        previous: match previous {
            Some(previous) => Some((previous, time(row, "refreshed_at")?)),
            None => None,
        },
        bound_to: digest("key_thumbprint")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

fn present(row: &Row<'_>, column: &str) -> Result<bool, Fault> {
    Ok(row.get_ref(column)?.data_type() != rusqlite::types::Type::Null)
}

fn bytes(digest: Option<&Digest>) -> Option<&[u8]> {
    digest.map(|digest| digest.as_bytes().as_slice())
}

impl Reader<'_> {
    /// The family of that number.
    pub fn token_family(&self, account: AccountId, number: FamilyNumber) -> Result<Option<TokenFamily>, Fault> {
        self.one(select!("WHERE account_id = ?1 AND number = ?2"), [account.0, number.0], read)
    }

    /// What apps hold of the account, the newest first.
    pub fn token_families(&self, account: AccountId) -> Result<Vec<TokenFamily>, Fault> {
        self.all(select!("WHERE account_id = ?1 ORDER BY created_at DESC, number"), [account.0], read)
    }
}

impl Writer<'_> {
    /// Adds the family.
    pub fn insert_token_family(&self, family: &TokenFamily) -> Result<(), Fault> {
        let Granted { authentication, claims, .. } = &family.granted;
        self.run(
            "INSERT INTO token_family (account_id, number, client_id, session_number, scopes, strength, factors, auth_time,
             generation, refresh_digest, key_thumbprint, claims, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            rusqlite::params![
                family.granted.account.0,
                family.number.0,
                family.granted.client.0,
                authentication.session.map(|session| session.0),
                family.granted.scopes.to_string(),
                authentication.strength.as_str(),
                authentication.factors.to_string(),
                authentication.at.unix(),
                family.generation,
                bytes(family.refresh.as_ref()),
                bytes(family.bound_to.as_ref()),
                if claims.is_empty() { None } else { Some(to_json(claims, TABLE)?) },
                family.created_at.unix(),
                family.expires_at.unix(),
            ],
        )?;
        Ok(())
    }

    /// Writes what a refresh changes.
    pub fn update_token_family(&self, family: &TokenFamily) -> Result<(), Fault> {
        self.run(
            "UPDATE token_family SET generation = ?3, refresh_digest = ?4, previous_digest = ?5, refreshed_at = ?6, expires_at = ?7,
             key_thumbprint = ?8 WHERE account_id = ?1 AND number = ?2",
            (
                family.granted.account.0,
                family.number.0,
                family.generation,
                bytes(family.refresh.as_ref()),
                bytes(family.previous.as_ref().map(|(digest, _)| digest)),
                family.previous.as_ref().map(|(_, at)| at.unix()),
                family.expires_at.unix(),
                bytes(family.bound_to.as_ref()),
            ),
        )?;
        Ok(())
    }

    /// Ends the family; tells whether there was one.
    pub fn delete_token_family(&self, account: AccountId, number: FamilyNumber) -> Result<bool, Fault> {
        let sql = "DELETE FROM token_family WHERE account_id = ?1 AND number = ?2";
        Ok(self.run(sql, [account.0, number.0])? > 0)
    }

    /// Ends what the app holds of that account.
    pub fn delete_token_families_for(&self, account: AccountId, client: ClientId) -> Result<usize, Fault> {
        self.run("DELETE FROM token_family WHERE account_id = ?1 AND client_id = ?2", [account.0, client.0])
    }

    /// Ends what apps hold of the account, but what grew from that session.
    pub fn delete_token_families_beside(&self, account: AccountId, session: SessionNumber) -> Result<usize, Fault> {
        let sql = "DELETE FROM token_family WHERE account_id = ?1 AND session_number IS NOT ?2";
        self.run(sql, (account.0, session.0))
    }

    /// Ends everything that the app holds.
    pub fn delete_token_families_of_client(&self, client: ClientId) -> Result<usize, Fault> {
        self.run("DELETE FROM token_family WHERE client_id = ?1", [client.0])
    }

    /// Forgets the account's families that are over, and the oldest of too many, which are those with the lowest numbers. Looks
    /// at all of them, so not at each exchange.
    pub fn trim_token_families(&self, account: AccountId, now: Timestamp) -> Result<usize, Fault> {
        let kept = i64::try_from(MAX_FAMILIES).unwrap_or(i64::MAX);
        let many = self.run(
            "DELETE FROM token_family WHERE account_id = ?1 AND number <= (
                 SELECT number FROM token_family WHERE account_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
            [account.0, kept],
        )?;
        let over =
            self.run("DELETE FROM token_family WHERE account_id = ?1 AND expires_at <= ?2", [account.0, now.unix()])?;
        Ok(over + many)
    }

    /// Forgets every family that is over.
    pub fn delete_expired_token_families(&self, now: Timestamp) -> Result<usize, Fault> {
        self.run("DELETE FROM token_family WHERE expires_at <= ?1", [now.unix()])
    }
}
