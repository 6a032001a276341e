//! What an operation holds while it works: a `Reader`, or a `Writer` that reads as well.

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::Fault;

/// How a transaction ends.
#[derive(Debug)]
pub enum Ending<T> {
    /// Everything written stays.
    Commit(T),
    /// Nothing of it does.
    Rollback(T),
}

/// Tables that say nothing about who is who and which app may know what. Writing to any other makes whatever was remembered of
/// the directory stale, also to one that is added later and forgotten here.
const APART: [&str; 14] = [
    "api_token",
    "consent",
    "credential",
    "event",
    "invite",
    "logout_delivery",
    "logout_report",
    "session",
    "session_client",
    "setting",
    "signing_key",
    "ssh_key",
    "symmetric_key",
    "token_family",
];

/// One consistent state of the database.
pub struct Reader<'c> {
    connection: &'c Connection,
    directory: u64,
    /// Whether this transaction has written to the directory itself.
    touched: Cell<bool>,
}

/// A transaction that writes.
pub struct Writer<'c> {
    reader: Reader<'c>,
}

impl<'c> Reader<'c> {
    /// `directory` is the version that was current before the state was fixed.
    pub(crate) fn new(connection: &'c Connection, directory: u64) -> Self {
        Self { connection, directory, touched: Cell::new(false) }
    }

    /// Which version of accounts, groups and apps this state shows, or a later one. What was read under a version is good as
    /// long as this answers the same. `None` where the transaction itself has changed them.
    pub fn directory_version(&self) -> Option<u64> {
        (!self.touched.get()).then_some(self.directory)
    }

    /// The connection, for what only `open` says to it.
    pub(crate) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row(params, |row| Ok(read(row))).optional()?.transpose()
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }
}

impl<'c> Writer<'c> {
    pub(crate) fn new(connection: &'c Connection, directory: u64) -> Self {
        Self { reader: Reader::new(connection, directory) }
    }

    /// Whether accounts, groups or apps were written to.
    pub(crate) fn touched_directory(&self) -> bool {
        self.reader.touched.get()
    }

    /// The first row of a statement that may write (`RETURNING`), if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.watch(sql);
        self.reader.one(sql, params, read)
    }

    /// Runs one statement; tells how many rows it changed.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        self.watch(sql);
        Ok(self.reader.connection.prepare_cached(sql)?.execute(params)?)
    }
}

impl Writer<'_> {
    fn watch(&self, sql: &str) {
        if writes_directory(sql) {
            self.reader.touched.set(true);
        }
    }
}

/// Whether the statement writes to anything but the tables apart.
fn writes_directory(sql: &str) -> bool {
    let mut words = sql.split_ascii_whitespace();
    let table = match (words.next(), words.next()) {
        (Some("SELECT"), _) => return false,
        (Some("INSERT"), Some("INTO")) | (Some("DELETE"), Some("FROM")) => words.next(),
        (Some("UPDATE"), table) => table,
        (_, _) => None,
    };
    table.is_none_or(|table| !APART.contains(&table))
}

impl<'c> Deref for Writer<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_known_to_be_apart_changes_the_directory() {
        for sql in [
            "INSERT INTO account (id) VALUES (1)",
            "UPDATE client SET name = 1",
            "DELETE FROM group_account WHERE 1",
            "WITH a AS (SELECT 1) DELETE FROM event",
            "REPLACE INTO event VALUES (1)",
            "INSERT INTO brand_new VALUES (1)",
            "",
        ] {
            assert!(writes_directory(sql), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "INSERT INTO event (at) VALUES (1)",
            "UPDATE token_family SET generation = 1",
            "DELETE FROM session WHERE 1",
        ] {
            assert!(!writes_directory(sql), "{sql}");
        }
    }
}
