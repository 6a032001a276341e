//! Credentials of every kind.

use domain::credential::{Credential, CredentialKind, StoredCredential};
use domain::id::{AccountId, CredentialNumber};
use domain::lockout::Lockout;
use rusqlite::Row;

use crate::row::{optional_time, parsed, time};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "credential";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT account_id, number, kind, label, data, failures, blocked_until, created_at, last_used_at FROM credential ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> Result<StoredCredential, Fault> {
    let kind: CredentialKind = parsed(row, "kind", TABLE)?;
    let data: String = row.get("data")?;
    let number: i64 = row.get("number")?;
    let credential = Credential::from_data(kind, &data)
        .map_err(|why| Fault::Corrupt { table: TABLE, row: format!("{number}: {why}") })?;
    Ok(StoredCredential {
        account: AccountId(row.get("account_id")?),
        number: CredentialNumber(number),
        label: parsed(row, "label", TABLE)?,
        credential,
        lockout: Lockout { failures: row.get("failures")?, blocked_until: optional_time(row, "blocked_until")? },
        created_at: time(row, "created_at")?,
        last_used_at: optional_time(row, "last_used_at")?,
    })
}

fn data(stored: &StoredCredential) -> Result<String, Fault> {
    stored.credential.to_data().map_err(|why| Fault::Corrupt { table: TABLE, row: format!("{}: {why}", stored.number) })
}

impl Reader<'_> {
    /// All credentials of the account, the oldest first.
    pub fn credentials(&self, account: AccountId) -> Result<Vec<StoredCredential>, Fault> {
        self.all(select!("WHERE account_id = ?1 ORDER BY created_at, number"), [account.0], read)
    }

    /// The passkey of that `credential_id`.
    pub fn passkey(&self, credential_id: &[u8]) -> Result<Option<StoredCredential>, Fault> {
        self.one(select!("WHERE lookup = ?1"), [credential_id], read)
    }
}

impl Writer<'_> {
    /// Adds the credential.
    pub fn insert_credential(&self, stored: &StoredCredential) -> Result<(), Fault> {
        self.run(
            "INSERT INTO credential (account_id, number, kind, label, lookup, data, failures, blocked_until, created_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                stored.account.0,
                stored.number.0,
                stored.credential.kind().as_str(),
                stored.label.as_str(),
                stored.credential.lookup(),
                data(stored)?,
                stored.lockout.failures,
                stored.lockout.blocked_until.map(|at| at.unix()),
                stored.created_at.unix(),
                stored.last_used_at.map(|at| at.unix()),
            ),
        )?;
        Ok(())
    }

    /// Writes all that may change of it: label, data, failures, last use.
    pub fn update_credential(&self, stored: &StoredCredential) -> Result<(), Fault> {
        self.run(
            "UPDATE credential SET label = ?3, data = ?4, failures = ?5, blocked_until = ?6, last_used_at = ?7
             WHERE account_id = ?1 AND number = ?2",
            (
                stored.account.0,
                stored.number.0,
                stored.label.as_str(),
                data(stored)?,
                stored.lockout.failures,
                stored.lockout.blocked_until.map(|at| at.unix()),
                stored.last_used_at.map(|at| at.unix()),
            ),
        )?;
        Ok(())
    }

    /// Removes the credential.
    pub fn delete_credential(&self, account: AccountId, number: CredentialNumber) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM credential WHERE account_id = ?1 AND number = ?2", (account.0, number.0))? > 0)
    }
}
