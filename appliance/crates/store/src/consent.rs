//! Consents: one for each person and app.

use domain::consent::Consent;
use domain::id::{AccountId, ClientId};
use rusqlite::Row;

use crate::row::{parsed, time};
use crate::{Fault, Reader, Writer};

fn read(row: &Row<'_>) -> Result<Consent, Fault> {
    Ok(Consent {
        client: ClientId(row.get("client_id")?),
        scopes: parsed(row, "scopes", "consent")?,
        granted_at: time(row, "granted_at")?,
    })
}

impl Reader<'_> {
    /// What the person agreed to for that app.
    pub fn consent(&self, account: AccountId, client: ClientId) -> Result<Option<Consent>, Fault> {
        self.one(
            "SELECT client_id, scopes, granted_at FROM consent WHERE account_id = ?1 AND client_id = ?2",
            [account.0, client.0],
            read,
        )
    }

    /// Everything that the person agreed to.
    pub fn consents(&self, account: AccountId) -> Result<Vec<Consent>, Fault> {
        self.all(
            "SELECT client_id, scopes, granted_at FROM consent WHERE account_id = ?1 ORDER BY client_id",
            [account.0],
            read,
        )
    }
}

impl Writer<'_> {
    /// Writes the consent in place of the one for the same app.
    pub fn put_consent(&self, account: AccountId, consent: &Consent) -> Result<(), Fault> {
        self.run(
            "INSERT INTO consent (account_id, client_id, scopes, granted_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account_id, client_id) DO UPDATE SET scopes = ?3, granted_at = ?4",
            (account.0, consent.client.0, consent.scopes.to_string(), consent.granted_at.unix()),
        )?;
        Ok(())
    }

    /// Forgets the consent; tells whether there was one.
    pub fn delete_consent(&self, account: AccountId, client: ClientId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM consent WHERE account_id = ?1 AND client_id = ?2", [account.0, client.0])? > 0)
    }

    /// Forgets what everybody agreed to for that app.
    pub fn delete_consents_of_client(&self, client: ClientId) -> Result<(), Fault> {
        self.run("DELETE FROM consent WHERE client_id = ?1", [client.0])?;
        Ok(())
    }
}
