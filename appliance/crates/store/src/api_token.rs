//! API tokens of service accounts.

use domain::api_token::ApiToken;
use domain::id::{AccountId, ApiTokenNumber};
use domain::time::Timestamp;
use rusqlite::Row;

use crate::row::{digest, parsed, time};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "api_token";

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT account_id, number, digest, label, created_at, expires_at FROM api_token ", $rest)
    };
}

fn read(row: &Row<'_>) -> Result<ApiToken, Fault> {
    Ok(ApiToken {
        account: AccountId(row.get("account_id")?),
        number: ApiTokenNumber(row.get("number")?),
        digest: digest(row, "digest", TABLE)?,
        label: parsed(row, "label", TABLE)?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

impl Reader<'_> {
    /// The token of that number.
    pub fn api_token(&self, account: AccountId, number: ApiTokenNumber) -> Result<Option<ApiToken>, Fault> {
        self.one(select!("WHERE account_id = ?1 AND number = ?2"), (account.0, number.0), read)
    }

    /// All tokens of the account, the oldest first.
    pub fn api_tokens(&self, account: AccountId) -> Result<Vec<ApiToken>, Fault> {
        self.all(select!("WHERE account_id = ?1 ORDER BY created_at, number"), [account.0], read)
    }
}

impl Writer<'_> {
    /// Adds the token.
    pub fn insert_api_token(&self, token: &ApiToken) -> Result<(), Fault> {
        self.run(
            "INSERT INTO api_token (account_id, number, digest, label, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                token.account.0,
                token.number.0,
                token.digest.as_bytes().as_slice(),
                token.label.as_str(),
                token.created_at.unix(),
                token.expires_at.unix(),
            ),
        )?;
        Ok(())
    }

    /// Removes the token; tells whether there was one.
    pub fn delete_api_token(&self, account: AccountId, number: ApiTokenNumber) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM api_token WHERE account_id = ?1 AND number = ?2", (account.0, number.0))? > 0)
    }

    /// Removes all tokens of the account; tells how many there were.
    pub fn delete_api_tokens(&self, account: AccountId) -> Result<usize, Fault> {
        self.run("DELETE FROM api_token WHERE account_id = ?1", [account.0])
    }

    /// Forgets the account's tokens that are over.
    pub fn delete_expired_api_tokens(&self, account: AccountId, now: Timestamp) -> Result<usize, Fault> {
        self.run("DELETE FROM api_token WHERE account_id = ?1 AND expires_at <= ?2", (account.0, now.unix()))
    }
}
