//! What an operation holds while it works: a `Reader`, or a `Writer` that reads as well.

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

/// One consistent state of the database.
pub struct Reader<'c> {
    connection: &'c Connection,
}

/// A transaction that writes.
pub struct Writer<'c> {
    reader: Reader<'c>,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection }
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
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { reader: Reader::new(connection) }
    }

    /// Runs one statement; tells how many rows it changed.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.reader.connection.prepare_cached(sql)?.execute(params)?)
    }
}

impl<'c> Deref for Writer<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}
