//! Pictures of persons.

use domain::id::{AccountId, Subject};
use domain::picture::Picture;
use rusqlite::Row;

use crate::row::time;
use crate::{Fault, Reader, Writer};

fn read(row: &Row<'_>) -> Result<Picture, Fault> {
    Ok(Picture { media_type: row.get("media_type")?, bytes: row.get("bytes")?, updated_at: time(row, "updated_at")? })
}

impl Reader<'_> {
    /// The account's picture.
    pub fn picture(&self, account: AccountId) -> Result<Option<Picture>, Fault> {
        self.one("SELECT media_type, bytes, updated_at FROM picture WHERE account_id = ?1", [account.0], read)
    }

    /// The picture of the account with that `sub`.
    pub fn picture_by_subject(&self, subject: Subject) -> Result<Option<Picture>, Fault> {
        self.one(
            "SELECT p.media_type, p.bytes, p.updated_at FROM picture p JOIN account a ON a.id = p.account_id
             WHERE a.subject = ?1",
            [subject.as_bytes().as_slice()],
            read,
        )
    }

    /// Whether the account has a picture.
    pub fn has_picture(&self, account: AccountId) -> Result<bool, Fault> {
        let found = self.one("SELECT 1 FROM picture WHERE account_id = ?1", [account.0], |_| Ok(()))?;
        Ok(found.is_some())
    }
}

impl Writer<'_> {
    /// Puts the picture in place of the one there.
    pub fn put_picture(&self, account: AccountId, picture: &Picture) -> Result<(), Fault> {
        self.run(
            "INSERT INTO picture (account_id, media_type, bytes, updated_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account_id) DO UPDATE SET media_type = ?2, bytes = ?3, updated_at = ?4",
            (account.0, &picture.media_type, &picture.bytes, picture.updated_at.unix()),
        )?;
        Ok(())
    }

    /// Removes the picture; tells whether there was one.
    pub fn delete_picture(&self, account: AccountId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM picture WHERE account_id = ?1", [account.0])? > 0)
    }
}
