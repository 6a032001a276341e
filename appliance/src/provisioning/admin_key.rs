//! An SSH key that comes with the claim. Whoever claims a box may say who administers it over SSH, but only the claim that is completed
//! counts: until then the key waits beside the link that it was given with, and it goes with another link. A claim at the console, or by
//! another browser, never takes over what an earlier one left behind.

use std::io;
use std::path::{Path, PathBuf};

use domain::secret::Digest;
use domain::ssh_key::ParsedKey;
use serde::{Deserialize, Serialize};

use super::{files, steps};

/// What waits, in the data directory.
const WAITING: &str = "admin-key.json";

/// A key and the link that has to be followed to the end first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    link: Vec<u8>,
    key: String,
}

/// Keeps the key for when the link is followed to the end; without one, whatever waited before is forgotten.
///
/// # Errors
/// When the card cannot be written.
pub(crate) fn keep_for(data: &Path, link: &str, key: Option<&ParsedKey>) -> io::Result<()> {
    let path = data.join(WAITING);
    let Some(key) = key else { return forget(&path) };
    let waiting = Waiting { link: digest(link), key: steps::key_line(key) };
    files::write(&path, &serde_json::to_string(&waiting)?, 0o600)
}

/// The house is claimed by that link: the key that waited for it lets its owner in, beside those that came with the card. Answers the
/// key, if it is new.
///
/// # Errors
/// When the card cannot be read or written.
pub(crate) fn take(data: &Path, link: &str) -> io::Result<Option<ParsedKey>> {
    let path = data.join(WAITING);
    let Some(bytes) = files::read(&path)? else { return Ok(None) };
    let waiting = serde_json::from_slice::<Waiting>(bytes.expose()).ok().filter(|waiting| waiting.link == digest(link));
    let key = waiting.and_then(|waiting| waiting.key.parse::<ParsedKey>().ok());
    let taken = key.map(|key| add(data, &key).map(|added| added.then_some(key))).transpose()?.flatten();
    forget(&path)?;
    Ok(taken)
}

/// Adds a key for `admin`; whether it was not there already.
fn add(data: &Path, key: &ParsedKey) -> io::Result<bool> {
    let there = files::read(&authorized_keys(data))?.map(|bytes| String::from_utf8_lossy(bytes.expose()).into_owned());
    let mut text = there.unwrap_or_default();
    if text.lines().any(|line| line.starts_with(&key.public_key)) {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&steps::key_line(key));
    steps::put_system(data, steps::AUTHORIZED_KEYS, &text, 0o600)?;
    Ok(true)
}

fn authorized_keys(data: &Path) -> PathBuf {
    data.join(steps::SYSTEM).join(steps::AUTHORIZED_KEYS)
}

fn digest(link: &str) -> Vec<u8> {
    Digest::of(link.as_bytes()).as_bytes().to_vec()
}

fn forget(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::Folder;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGMBwr0iwjSCUcqCo/WXRpnhgJKINJyTaazk+t1zt1UY anna@laptop";

    fn key() -> ParsedKey {
        KEY.parse().unwrap()
    }

    #[test]
    fn a_key_counts_when_its_own_link_is_followed_to_the_end() {
        let folder = Folder::new();
        let data = folder.path();
        keep_for(data, "one", Some(&key())).unwrap();
        assert!(!authorized_keys(data).exists());
        assert_eq!(take(data, "one").unwrap(), Some(key()));
        assert_eq!(fs::read_to_string(authorized_keys(data)).unwrap(), format!("{KEY}\n"));
        assert_eq!(fs::metadata(authorized_keys(data)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(take(data, "one").unwrap(), None, "once");
    }

    #[test]
    fn a_key_of_another_link_is_forgotten() {
        let folder = Folder::new();
        let data = folder.path();
        keep_for(data, "one", Some(&key())).unwrap();
        assert_eq!(take(data, "two").unwrap(), None);
        assert_eq!(take(data, "one").unwrap(), None);
        keep_for(data, "one", Some(&key())).unwrap();
        keep_for(data, "one", None).unwrap();
        assert_eq!(take(data, "one").unwrap(), None);
        assert!(!authorized_keys(data).exists());
    }

    #[test]
    fn keys_from_the_card_stay_and_none_comes_twice() {
        let folder = Folder::new();
        let data = folder.path();
        steps::put_system(data, steps::AUTHORIZED_KEYS, "ssh-ed25519 other", 0o600).unwrap();
        for expected in [Some(key()), None] {
            keep_for(data, "one", Some(&key())).unwrap();
            assert_eq!(take(data, "one").unwrap(), expected);
        }
        assert_eq!(fs::read_to_string(authorized_keys(data)).unwrap(), format!("ssh-ed25519 other\n{KEY}\n"));
    }

    #[test]
    fn what_waits_and_is_damaged_lets_nobody_in() {
        let folder = Folder::new();
        for bad in ["", "{", "{\"link\":[],\"key\":\"x\"}", "\u{fffd}"] {
            fs::write(folder.path().join(WAITING), bad).unwrap();
            assert_eq!(take(folder.path(), "").unwrap(), None, "{bad}");
        }
    }
}
