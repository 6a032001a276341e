//! Links that let their holder add a passkey.

use domain::id::AccountId;
use domain::invite::Invite;
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{digest, parsed, time};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "invite";

fn read(row: &Row<'_>) -> Result<Invite, Fault> {
    Ok(Invite {
        account: AccountId(row.get("account_id")?),
        number: row.get("number")?,
        digest: digest(row, "digest", TABLE)?,
        purpose: parsed(row, "purpose", TABLE)?,
        created_at: time(row, "created_at")?,
        created_by: row.get("created_by")?,
        expires_at: time(row, "expires_at")?,
    })
}

impl Reader<'_> {
    /// The invite of that number.
    pub fn invite(&self, account: AccountId, number: i64) -> Result<Option<Invite>, Fault> {
        self.one(
            "SELECT account_id, number, digest, purpose, created_at, created_by, expires_at FROM invite
             WHERE account_id = ?1 AND number = ?2",
            (account.0, number),
            read,
        )
    }

    /// The account's open invites.
    pub fn invites(&self, account: AccountId) -> Result<Vec<Invite>, Fault> {
        self.all(
            "SELECT account_id, number, digest, purpose, created_at, created_by, expires_at FROM invite
             WHERE account_id = ?1 ORDER BY created_at",
            [account.0],
            read,
        )
    }
}

impl Writer<'_> {
    /// Adds the invite.
    pub fn insert_invite(&self, invite: &Invite) -> Result<(), Fault> {
        self.run(
            "INSERT INTO invite (account_id, number, digest, purpose, created_at, created_by, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                invite.account.0,
                invite.number,
                invite.digest.as_bytes().as_slice(),
                invite.purpose.as_str(),
                invite.created_at.unix(),
                &invite.created_by,
                invite.expires_at.unix(),
            ),
        )?;
        Ok(())
    }

    /// Voids all invites of the account; tells how many there were.
    pub fn delete_invites(&self, account: AccountId) -> Result<usize, Fault> {
        self.run("DELETE FROM invite WHERE account_id = ?1", [account.0])
    }

    /// Forgets invites that are void.
    pub fn purge_invites(&self, now: Timestamp) -> Result<usize, Fault> {
        self.run("DELETE FROM invite WHERE expires_at <= ?1", [now.unix()])
    }
}
