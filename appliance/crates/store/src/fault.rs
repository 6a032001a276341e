//! What can go wrong with a database on an SD card.

use std::fmt;

use rusqlite::ErrorCode;

/// An accident while reading or writing. Nothing of the transaction was kept.
#[derive(Debug)]
pub enum Fault {
    /// No space left on the card.
    Full,
    /// The card refuses to be written.
    ReadOnly,
    /// A row that cannot be read as what it should be.
    Corrupt {
        /// The table.
        table: &'static str,
        /// What was found there.
        row: String,
    },
    /// Anything else that SQLite says.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { table: "database", row: error.to_string() }
            }
            Some(_) | None => Self::Sqlite(error),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk is full"),
            Self::ReadOnly => f.write_str("the disk cannot be written"),
            Self::Corrupt { table, row } => write!(f, "corrupt row in {table}: {row}"),
            Self::Sqlite(error) => write!(f, "database: {error}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Why a database could not be opened. It was left as it was.
#[derive(Debug)]
pub enum OpenError {
    /// Not a database, or damaged.
    Corrupt(String),
    /// A database, but not Latchkey's.
    Foreign,
    /// Written by a newer version.
    Newer {
        /// Its schema.
        found: u32,
        /// The newest that this version knows.
        known: u32,
    },
    /// The file or its directory cannot be written.
    ReadOnly,
    /// The file could not be made.
    File(std::io::Error),
    /// Anything else.
    Fault(Fault),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(what) => write!(f, "the database is damaged ({what}); restore a backup"),
            Self::Foreign => f.write_str("the file is a database of another program; choose another data directory"),
            Self::Newer { found, known } => write!(
                f,
                "the database was written by a newer version (schema {found}, this version knows {known}); install that version"
            ),
            Self::ReadOnly => f.write_str("the database cannot be written; check the file's owner and the disk"),
            Self::File(error) => write!(f, "the database file cannot be made: {error}"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Corrupt { row, .. } => Self::Corrupt(row),
            Fault::ReadOnly => Self::ReadOnly,
            Fault::Full | Fault::Sqlite(_) => Self::Fault(fault),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Fault::from(error).into()
    }
}
