//! Accounts.

use std::collections::BTreeSet;

use domain::account::{Account, AccountKind};
use domain::id::{AccountId, Subject};
use domain::name::Username;
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{blob, json, optional_time, parsed, time, to_json};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "account";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, kind, name, attributes, valid_from, valid_until, locked, created_at, updated_at FROM account ",
            $rest
        )
    };
}

/// Reads the columns of an account, whatever else the row holds.
pub(crate) fn read(row: &Row<'_>) -> Result<Account, Fault> {
    Ok(Account {
        id: AccountId(row.get("id")?),
        subject: Subject::from_bytes(blob(row, "subject", TABLE)?),
        kind: parsed(row, "kind", TABLE)?,
        name: parsed(row, "name", TABLE)?,
        attributes: json(row, "attributes", TABLE)?,
        valid_from: optional_time(row, "valid_from")?,
        valid_until: optional_time(row, "valid_until")?,
        locked: row.get("locked")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Reader<'_> {
    /// The account of that row.
    pub fn account(&self, id: AccountId) -> Result<Option<Account>, Fault> {
        self.one(select!("WHERE id = ?1"), [id.0], read)
    }

    /// The account of that name.
    pub fn account_by_name(&self, name: &Username) -> Result<Option<Account>, Fault> {
        self.one(select!("WHERE name = ?1"), [name.as_str()], read)
    }

    /// The account of that `sub`.
    pub fn account_by_subject(&self, subject: Subject) -> Result<Option<Account>, Fault> {
        self.one(select!("WHERE subject = ?1"), [subject.as_bytes().as_slice()], read)
    }

    /// Whose mail address that is; in lower case.
    pub fn account_by_mail(&self, address: &str) -> Result<Option<AccountId>, Fault> {
        self.one("SELECT account_id FROM account_mail WHERE address = ?1", [address], |row| Ok(AccountId(row.get(0)?)))
    }

    /// Accounts of that kind whose name begins with `prefix` and comes after `after`, by name.
    pub fn accounts(&self, kind: AccountKind, prefix: &str, after: &str, limit: u32) -> Result<Vec<Account>, Fault> {
        self.all(
            // No name holds a `~`, and every character of a name comes before it.
            select!("WHERE kind = ?1 AND name >= ?2 AND name < ?2 || '~' AND name > ?3 ORDER BY name LIMIT ?4"),
            (kind.as_str(), prefix, after, limit),
            read,
        )
    }

    /// How many accounts of that kind there are.
    pub fn count_accounts(&self, kind: AccountKind) -> Result<u32, Fault> {
        let count = self.one("SELECT count(*) FROM account WHERE kind = ?1", [kind.as_str()], |row| Ok(row.get(0)?))?;
        Ok(count.unwrap_or(0))
    }
}

impl Reader<'_> {
    /// When the account's picture was put there, if it has one.
    pub fn picture_updated_at(&self, account: AccountId) -> Result<Option<Timestamp>, Fault> {
        self.one("SELECT updated_at FROM picture WHERE account_id = ?1", [account.0], |row| time(row, "updated_at"))
    }
}

impl Writer<'_> {
    /// Adds the account; its `id` is ignored and the new one returned.
    pub fn insert_account(&self, account: &Account) -> Result<AccountId, Fault> {
        let id = self.one(
            "INSERT INTO account (subject, kind, name, attributes, valid_from, valid_until, locked, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
            (
                account.subject.as_bytes().as_slice(),
                account.kind.as_str(),
                account.name.as_str(),
                to_json(&account.attributes, TABLE)?,
                account.valid_from.map(|at| at.unix()),
                account.valid_until.map(|at| at.unix()),
                account.locked,
                account.created_at.unix(),
                account.updated_at.unix(),
            ),
            |row| Ok(AccountId(row.get(0)?)),
        )?;
        let id = id.ok_or_else(|| Fault::Corrupt { table: TABLE, row: "no id for a new row".to_owned() })?;
        self.insert_mails(id, &account.mails())?;
        Ok(id)
    }

    /// Writes everything of the account but its row, kind and `sub`.
    pub fn update_account(&self, account: &Account) -> Result<(), Fault> {
        self.run(
            "UPDATE account SET name = ?2, attributes = ?3, valid_from = ?4, valid_until = ?5, locked = ?6, updated_at = ?7
             WHERE id = ?1",
            (
                account.id.0,
                account.name.as_str(),
                to_json(&account.attributes, TABLE)?,
                account.valid_from.map(|at| at.unix()),
                account.valid_until.map(|at| at.unix()),
                account.locked,
                account.updated_at.unix(),
            ),
        )?;
        let known = self.all(
            "SELECT address FROM account_mail WHERE account_id = ?1 ORDER BY address",
            [account.id.0],
            |row| Ok(row.get::<_, String>(0)?),
        )?;
        let mails = account.mails();
        if !mails.iter().eq(&known) {
            self.run("DELETE FROM account_mail WHERE account_id = ?1", [account.id.0])?;
            self.insert_mails(account.id, &mails)?;
        }
        Ok(())
    }

    fn insert_mails(&self, id: AccountId, mails: &BTreeSet<String>) -> Result<(), Fault> {
        for mail in mails {
            self.run("INSERT INTO account_mail (address, account_id) VALUES (?1, ?2)", (mail, id.0))?;
        }
        Ok(())
    }

    /// Removes the account and all that hangs on it.
    pub fn delete_account(&self, id: AccountId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM account WHERE id = ?1", [id.0])? > 0)
    }

    /// Ends every token family of the account; tells how many there were.
    pub fn delete_token_families_of(&self, id: AccountId) -> Result<usize, Fault> {
        self.run("DELETE FROM token_family WHERE account_id = ?1", [id.0])
    }
}
