//! SSH public keys.

use domain::id::AccountId;
use domain::ssh_key::SshKey;
use rusqlite::Row;

use crate::row::{parsed, time};
use crate::{Fault, Reader, Writer};

fn read(row: &Row<'_>) -> Result<SshKey, Fault> {
    Ok(SshKey {
        fingerprint: row.get("fingerprint")?,
        label: parsed(row, "label", "ssh_key")?,
        public_key: row.get("public_key")?,
        created_at: time(row, "created_at")?,
    })
}

impl Reader<'_> {
    /// The account's keys, by fingerprint.
    pub fn ssh_keys(&self, account: AccountId) -> Result<Vec<SshKey>, Fault> {
        self.all(
            "SELECT fingerprint, label, public_key, created_at FROM ssh_key WHERE account_id = ?1 ORDER BY fingerprint",
            [account.0],
            read,
        )
    }
}

impl Writer<'_> {
    /// Adds the key, or gives the one of that fingerprint its label.
    pub fn put_ssh_key(&self, account: AccountId, key: &SshKey) -> Result<(), Fault> {
        self.run(
            "INSERT INTO ssh_key (account_id, fingerprint, label, public_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (account_id, fingerprint) DO UPDATE SET label = ?3",
            (account.0, &key.fingerprint, key.label.as_str(), &key.public_key, key.created_at.unix()),
        )?;
        Ok(())
    }

    /// Removes the key; tells whether there was one.
    pub fn delete_ssh_key(&self, account: AccountId, fingerprint: &str) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM ssh_key WHERE account_id = ?1 AND fingerprint = ?2", (account.0, fingerprint))? > 0)
    }
}
