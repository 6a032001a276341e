//! Copies of the database on the same card or on a stick, made while the server runs. A copy is whole or not there: it is written under
//! another name, brought to the card, and only then called what it is. The newest are kept.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use domain::time::{Span, Timestamp};
use service::{Context, Idp, OpError, Refusal};

use crate::api::Time;

/// What a copy is called until it is whole.
const UNFINISHED: &str = ".latchkey-backup.unfinished";
/// A newest copy that is older is told.
const OLD: Span = Span::days(8);
/// Other files beside the copies are looked through up to this number.
const MOST_FILES: usize = 10_000;

/// Copies are made one after the other, so that they do not take each other's name.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A copy that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// Its file name.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was written.
    pub(crate) at: Timestamp,
    /// The day and the number in its name.
    order: (String, u32),
}

/// A copy that was made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// How many older ones went.
    pub(crate) removed: usize,
}

/// Why there is no copy.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The folder cannot be used.
    Folder(PathBuf, io::Error),
    /// The database said no.
    Op(OpError<Refusal>),
}

impl From<OpError<Refusal>> for Trouble {
    fn from(error: OpError<Refusal>) -> Self {
        Self::Op(error)
    }
}

/// Where copies lie unless somebody says otherwise.
pub(crate) fn usual_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("backups")
}

/// Makes the folder, for the server alone.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Trouble> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Trouble::Folder(folder.to_owned(), error))
}

/// Makes a copy in the folder, and keeps the newest so many.
///
/// # Errors
/// When the caller may not, or the folder or the database cannot be used; then nothing is left of it.
pub(crate) fn create(idp: &Idp, ctx: &Context, folder: &Path, keep: usize) -> Result<Made, Trouble> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = |error| Trouble::Folder(folder.to_owned(), error);
    let unfinished = folder.join(UNFINISHED);
    let made = begin(&unfinished).map_err(failed).and_then(|()| {
        idp.copy_database(ctx, &unfinished)?;
        finish(&unfinished, folder, ctx.now).map_err(failed)
    });
    let (name, bytes) = match made {
        Ok(made) => made,
        Err(trouble) => {
            // If that fails too, the next copy begins with it.
            drop(fs::remove_file(&unfinished));
            return Err(trouble);
        }
    };
    idp.note_backup(ctx, &name, bytes)?;
    let removed = prune(folder, keep, &name).map_err(failed)?;
    Ok(Made { path: folder.join(name), bytes, removed })
}

/// An empty file for the server alone; one that was left by a plug that was pulled goes.
fn begin(unfinished: &Path) -> io::Result<()> {
    match fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished).map(drop)
}

/// Brings the copy to the card and gives it its name.
fn finish(unfinished: &Path, folder: &Path, now: Timestamp) -> io::Result<(String, u64)> {
    let file = File::open(unfinished)?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    let name = next_name(&list(folder)?, now);
    fs::rename(unfinished, folder.join(&name))?;
    File::open(folder)?.sync_all()?;
    Ok((name, bytes))
}

/// `latchkey-2026-08-01-1.db`: the day in UTC, and the next number of that day.
fn next_name(there: &[Backup], now: Timestamp) -> String {
    let day: String = Time(now).to_string().chars().take(10).collect();
    let last = there.iter().filter(|backup| backup.order.0 == day).map(|backup| backup.order.1).max();
    format!("latchkey-{day}-{}.db", last.unwrap_or(0) + 1)
}

/// The day and the number in the name of a copy.
fn order(name: &str) -> Option<(String, u32)> {
    let (day, number) = name.strip_prefix("latchkey-")?.strip_suffix(".db")?.rsplit_once('-')?;
    let is_day = day.len() == 10
        && day
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let number =
        number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() < 7)?;
    is_day.then(|| (day.to_owned(), number))
}

/// The copies that are there, the newest first; none where there is no folder.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Backup>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries.take(MOST_FILES) {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(order) = order(&name) else { continue };
        let about = entry.metadata()?;
        if about.is_file() {
            let since = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let at = Timestamp::from_unix(i64::try_from(since).unwrap_or(i64::MAX));
            found.push(Backup { name, bytes: about.len(), at, order });
        }
    }
    found.sort_by(|one, other| other.order.cmp(&one.order));
    Ok(found)
}

/// Removes what is older than the newest so many; never the one that was made just now, which a clock that is wrong may call old.
fn prune(folder: &Path, keep: usize, made: &str) -> io::Result<usize> {
    let mut removed = 0;
    let others = list(folder)?.into_iter().filter(|backup| backup.name != made);
    for old in others.skip(keep.saturating_sub(1)) {
        fs::remove_file(folder.join(&old.name))?;
        removed += 1;
    }
    Ok(removed)
}

/// Whether there are copies, and the newest is too old.
pub(crate) fn is_old(folder: &Path, now: Timestamp) -> bool {
    let newest = list(folder).ok().and_then(|backups| backups.into_iter().map(|backup| backup.at).max());
    newest.is_some_and(|newest| newest + OLD < now)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Config;
    use crate::testing::{self, Folder, NOW, steady};

    fn idp() -> Idp {
        testing::idp(&Config::parse("host = \"id.example\"").unwrap())
    }

    fn console(now: Timestamp) -> Context {
        Context::console(steady(now))
    }

    fn names(folder: &Folder) -> Vec<String> {
        list(folder.path()).unwrap().into_iter().map(|backup| backup.name).collect()
    }

    #[test]
    fn a_copy_opens_as_the_house_that_it_was_made_of() {
        let folder = Folder::new();
        let open = |path: &Path, seed| {
            let settings = Config::parse("host = \"id.example\"").unwrap().names();
            Idp::open(path, settings, std::sync::Arc::new(testing::seeded(seed)), steady(NOW)).unwrap()
        };
        let idp = open(&folder.path().join("latchkey.db"), 1);
        idp.claim_here(&console(NOW)).unwrap();
        let made = create(&idp, &console(NOW), folder.path(), 7).unwrap();
        assert_eq!(fs::metadata(&made.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&made.path).unwrap().len(), made.bytes);
        let again = open(&made.path, 9);
        assert!(again.nameplate().claimed());
        assert_eq!(again.examine(&console(NOW)).unwrap().trouble, None);
    }

    #[test]
    fn the_newest_are_kept_and_other_files_are_left_alone() {
        let (folder, idp) = (Folder::new(), idp());
        fs::write(folder.path().join("latchkey-mine.db"), "").unwrap();
        fs::write(folder.path().join(UNFINISHED), "half").unwrap();
        for day in 0..3 {
            for _ in 0..2 {
                create(&idp, &console(NOW + Span::days(day)), folder.path(), 3).unwrap();
            }
        }
        assert_eq!(
            names(&folder),
            ["latchkey-2027-01-17-2.db", "latchkey-2027-01-17-1.db", "latchkey-2027-01-16-2.db"]
        );
        assert!(folder.path().join("latchkey-mine.db").exists() && !folder.path().join(UNFINISHED).exists());
        // A clock that fell back.
        let made = create(&idp, &console(NOW - Span::days(100)), folder.path(), 2).unwrap();
        assert!(made.path.exists() && made.removed == 2);
    }

    #[test]
    fn ten_comes_after_nine() {
        let there = |number| Backup {
            name: String::new(),
            bytes: 0,
            at: NOW,
            order: order(&format!("latchkey-2027-01-15-{number}.db")).unwrap(),
        };
        assert_eq!(next_name(&[there(9), there(10)], NOW), "latchkey-2027-01-15-11.db");
        for bad in
            ["", "latchkey-.db", "latchkey-2027-01-15.db", "latchkey-2027-01-15-+1.db", "latchkey-2027-1-15-1.db"]
        {
            assert_eq!(order(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_copy_that_cannot_be_made_leaves_nothing() {
        let (folder, idp) = (Folder::new(), idp());
        let stranger = Context::anonymous(steady(NOW), service::Origin::default());
        assert!(matches!(create(&idp, &stranger, folder.path(), 7), Err(Trouble::Op(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(matches!(create(&idp, &console(NOW), Path::new("/nowhere"), 7), Err(Trouble::Folder(..))));
    }

    #[test]
    fn the_newest_copy_may_be_a_week_old_and_a_house_without_copies_is_not_told() {
        let folder = Folder::new();
        assert!(!is_old(folder.path(), NOW) && !is_old(Path::new("/nowhere"), NOW));
        create(&idp(), &console(NOW), folder.path(), 7).unwrap();
        let at = list(folder.path()).unwrap()[0].at;
        assert!(!is_old(folder.path(), at + Span::days(8)) && is_old(folder.path(), at + Span::days(9)));
    }
}
