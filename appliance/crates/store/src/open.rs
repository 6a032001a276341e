//! Opens connections: everything that only SQLite has is said here.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::tx::{Ending, Reader, Writer};
use crate::{Fault, OpenError, migrate};

/// `Ltch`: the file says whose it is (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x4c74_6368;

/// Readers beside the one writer. Each costs its page cache.
const READERS: usize = 2;

/// Page caches in KiB; together 2 MiB.
const WRITER_CACHE: u32 = 1024;
const READER_CACHE: u32 = 512;

/// The database: one writer, a few readers, at most 16 MiB of memory in all.
pub struct Store {
    /// Dropped before the writer: the connection that closes last checkpoints, and a reader cannot.
    readers: Readers,
    writer: Mutex<Connection>,
    /// Counts the changes of accounts, groups and apps.
    directory: AtomicU64,
}

struct Readers {
    /// Empty for a database in memory, which has but one connection.
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    count: usize,
}

impl Store {
    /// Opens the file, makes it if there is none, and brings it up to date.
    ///
    /// A file that is damaged, foreign, newer or not writable is refused and left as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make_private(path)?;
        let mut writer = Connection::open_with_flags(path, OpenFlags::default())?;
        inspect(&writer)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        configure(&writer, WRITER_CACHE)?;
        migrate::run(&mut writer)?;
        let readers = (0..READERS).map(|_| reader(path)).collect::<Result<Vec<_>, _>>()?;
        let count = readers.len();
        Ok(Self {
            readers: Readers { idle: Mutex::new(readers), returned: Condvar::new(), count },
            writer: Mutex::new(writer),
            directory: AtomicU64::new(0),
        })
    }

    /// A database that is gone when it is dropped.
    pub fn in_memory() -> Result<Self, OpenError> {
        let mut writer = Connection::open_in_memory()?;
        configure(&writer, WRITER_CACHE)?;
        migrate::run(&mut writer)?;
        Ok(Self {
            readers: Readers { idle: Mutex::new(Vec::new()), returned: Condvar::new(), count: 0 },
            writer: Mutex::new(writer),
            directory: AtomicU64::new(0),
        })
    }

    /// Runs `work` on one consistent state of the database.
    pub fn read<T, E: From<Fault>>(&self, work: impl FnOnce(&Reader<'_>) -> Result<T, E>) -> Result<T, E> {
        if self.readers.count == 0 {
            return self.snapshot(&lock(&self.writer), work);
        }
        match &self.readers.lend().connection {
            Some(connection) => self.snapshot(connection, work),
            None => self.snapshot(&lock(&self.writer), work),
        }
    }

    /// Writes a whole, consistent copy into an empty file, while others read and write.
    pub fn copy_to(&self, file: &Path) -> Result<(), Fault> {
        let name = file.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(file.to_owned()))?;
        let copy = |connection: &Connection| connection.execute("VACUUM INTO ?1", [name]).map(drop);
        if self.readers.count == 0 {
            return Ok(copy(&lock(&self.writer))?);
        }
        match &self.readers.lend().connection {
            Some(connection) => Ok(copy(connection)?),
            None => Ok(copy(&lock(&self.writer))?),
        }
    }

    /// Runs `work` in one transaction and ends it as `work` says.
    pub fn write<T>(&self, work: impl FnOnce(&Writer<'_>) -> Ending<T>) -> Result<T, Fault> {
        let mut connection = lock(&self.writer);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let writer = Writer::new(&transaction, self.directory.load(Ordering::Acquire));
        match work(&writer) {
            Ending::Commit(value) => {
                let touched = writer.touched_directory();
                transaction.commit()?;
                if touched {
                    // Before anybody is told that it is done, and before the next one writes.
                    self.directory.fetch_add(1, Ordering::Release);
                }
                Ok(value)
            }
            Ending::Rollback(value) => {
                transaction.rollback()?;
                Ok(value)
            }
        }
    }
}

impl Store {
    fn snapshot<T, E: From<Fault>>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // Asked before the state is fixed: it may turn out newer than this says, never older.
        let directory = self.directory.load(Ordering::Acquire);
        // Unchecked: the mutex or the loan already makes this the connection's only transaction.
        let transaction = connection.unchecked_transaction().map_err(Fault::from)?;
        let value = work(&Reader::new(&transaction, directory))?;
        transaction.commit().map_err(Fault::from)?;
        Ok(value)
    }
}

impl Readers {
    /// One of them, as soon as one is free.
    fn lend(&self) -> Lent<'_> {
        let mut idle = lock(&self.idle);
        let connection = loop {
            match idle.pop() {
                Some(connection) => break connection,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        };
        Lent { connection: Some(connection), home: self }
    }
}

/// A reader that goes home when dropped, also while a panic unwinds.
struct Lent<'s> {
    connection: Option<Connection>,
    home: &'s Readers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.home.idle).push(connection);
            self.home.returned.notify_one();
        }
    }
}

/// A panic in another operation leaves no transaction behind (it rolled back), so the connection is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new file is for its owner only; SQLite gives the files beside it the same mode.
fn make_private(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::File(error)),
    }
}

/// Looks before anything is written.
fn inspect(connection: &Connection) -> Result<(), OpenError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if connection.is_readonly("main")? {
        return Err(OpenError::ReadOnly);
    }
    if tables == 0 && owner == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        return Ok(());
    }
    if owner != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    migrate::check_version(connection)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Corrupt(verdict)) }
}

fn reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection, READER_CACHE)?;
    Ok(connection)
}

fn configure(connection: &Connection, cache_kib: u32) -> Result<(), OpenError> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -{cache_kib};
         PRAGMA journal_size_limit = 4194304;
         PRAGMA busy_timeout = 5000;
         PRAGMA soft_heap_limit = 8388608;
         PRAGMA hard_heap_limit = 16777216;"
    ))?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(())
}

impl Reader<'_> {
    /// A number that SQLite knows about the file.
    pub(crate) fn pragma(&self, name: &str) -> Result<i64, Fault> {
        Ok(self.connection().pragma_query_value(None, name, |row| row.get(0))?)
    }

    /// Looks at every page; what is wrong, if anything.
    pub fn trouble(&self) -> Result<Option<String>, Fault> {
        let verdict: String = self.connection().query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok((verdict != "ok").then_some(verdict))
    }

    /// The schema's number.
    pub fn schema(&self) -> Result<i64, Fault> {
        self.pragma("user_version")
    }
}
