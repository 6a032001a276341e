//! A database that cannot be trusted is refused and left as it was.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use store::{OpenError, Store};

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("latchkey-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("latchkey.db")
    }

    /// Every file with its bytes.
    fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refused_untouched(scratch: &Scratch, path: &Path) -> OpenError {
    let before = scratch.contents();
    let error = Store::open(path).err().expect("the database should be refused");
    assert!(scratch.contents() == before, "opening changed something");
    error
}

fn made(scratch: &Scratch) -> PathBuf {
    drop(Store::open(&scratch.database()).unwrap());
    scratch.database()
}

#[test]
fn a_database_opens_again() {
    let scratch = Scratch::new("again");
    let path = made(&scratch);
    Store::open(&path).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused_and_untouched() {
    let scratch = Scratch::new("rubbish");
    fs::write(scratch.database(), "not a database, only a text that is long enough to be read as one".repeat(80))
        .unwrap();
    assert!(matches!(refused_untouched(&scratch, &scratch.database()), OpenError::Corrupt(_)));
}

#[test]
fn a_damaged_page_is_refused_and_untouched() {
    let scratch = Scratch::new("damaged");
    let path = made(&scratch);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..12288].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(refused_untouched(&scratch, &path), OpenError::Corrupt(_)));
}

#[test]
fn a_truncated_database_is_refused_and_untouched() {
    let scratch = Scratch::new("truncated");
    let path = made(&scratch);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(refused_untouched(&scratch, &path), OpenError::Corrupt(_)));
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_untouched() {
    let scratch = Scratch::new("newer");
    let path = made(&scratch);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    connection.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(connection);
    let error = refused_untouched(&scratch, &path);
    assert!(matches!(error, OpenError::Newer { found: 99, .. }));
    assert!(error.to_string().contains("newer version"));
}

#[test]
fn a_database_of_another_program_is_refused_and_untouched() {
    let scratch = Scratch::new("foreign");
    let connection = rusqlite::Connection::open(scratch.database()).unwrap();
    connection.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(connection);
    assert!(matches!(refused_untouched(&scratch, &scratch.database()), OpenError::Foreign));
}

#[test]
fn a_missing_directory_is_an_error_and_not_a_new_place() {
    let scratch = Scratch::new("missing");
    assert!(Store::open(&scratch.0.join("nowhere/latchkey.db")).is_err());
    assert!(!scratch.0.join("nowhere").exists());
}

#[test]
fn only_the_owner_can_read_a_new_database() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("private");
    let path = made(&scratch);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn a_copy_is_whole_and_opens_by_itself() {
    let scratch = Scratch::new("copy");
    let store = Store::open(&scratch.database()).unwrap();
    let folder = Scratch::new("copy-to");
    let copy = folder.database();
    fs::write(&copy, "").unwrap();
    store.copy_to(&copy).unwrap();
    assert!(store.copy_to(&copy).is_err(), "what is there already is not overwritten");
    assert!(store.copy_to(Path::new("/nowhere/latchkey.db")).is_err());
    let opened = Store::open(&copy).unwrap();
    assert_eq!(opened.read(|reader| reader.trouble()).unwrap(), None);
    assert_eq!(opened.read(|reader| reader.schema()).unwrap(), i64::from(store::NEWEST_SCHEMA));
}
