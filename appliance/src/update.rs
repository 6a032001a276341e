//! Updates of the whole system. Root of the image installs them and writes down how that stands; the server reads it, so that the LED,
//! `latchkey status` and the owners' page can tell. It is never written here.

pub(crate) mod helper;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use domain::indicator::{Active, DegradedReason, Indicator};
use domain::time::Timestamp;
use serde::Deserialize;

use crate::api::{Slot, Time, Update, UpdateState};

/// The longest state.
pub(crate) const MAX_STATE: u64 = 4096;
/// The longest name of a version.
const MAX_VERSION: usize = 64;

/// How the update stands, where that is written down.
///
/// # Errors
/// When it is there and cannot be read or understood.
pub(crate) fn read(folder: Option<&Path>) -> Result<Option<Update>, String> {
    let Some(path) = folder.map(|folder| folder.join("state.json")) else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.and_then(|file| file.take(MAX_STATE + 1).read_to_end(&mut bytes)),
    };
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    read.map_err(|error| wrong(&error))?;
    parse(&bytes).map(Some).map_err(|why| wrong(&why))
}

/// As root writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    slot: Slot,
    version: String,
    state: UpdateState,
    other_version: String,
    reason: String,
    at: i64,
}

/// Understands the JSON of one state.
///
/// # Errors
/// In words, when it is not that.
pub(crate) fn parse(bytes: &[u8]) -> Result<Update, String> {
    if bytes.len() as u64 > MAX_STATE {
        return Err(format!("longer than {MAX_STATE} bytes"));
    }
    let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Written { slot, version, state, other_version, reason, at } = written;
    for name in [&version, &other_version] {
        if name.len() > MAX_VERSION || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{name:?} is no name of a version"));
        }
    }
    if version.is_empty() || at < 0 {
        return Err("it says neither which version runs nor since when".to_owned());
    }
    // Nothing that a failed version said may move somebody's cursor.
    let reason = reason.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let reason = reason.collect::<Vec<_>>().join(" ");
    Ok(Update { slot, version, state, other_version, reason, at: Time(Timestamp::from_unix(at)) })
}

/// What the LED says about it.
pub(crate) fn indicated(update: Option<&Update>) -> Active {
    match update.map(|update| update.state) {
        Some(UpdateState::Installing | UpdateState::Trial) => Active::NONE.with(Indicator::Updating),
        Some(UpdateState::RolledBack) => Active::NONE.with(Indicator::Degraded(DegradedReason::RolledBack)),
        Some(UpdateState::Committed | UpdateState::Ready) | None => Active::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    const GOOD: &str =
        r#"{"slot":"A","version":"0.1.0","state":"rolled-back","other_version":"0.2.0","reason":"no luck","at":1}"#;

    #[test]
    fn each_state_has_its_words_and_its_light() {
        let updating = Active::NONE.with(Indicator::Updating);
        for (state, words, light) in [
            ("committed", "none under way", Active::NONE),
            ("trial", "version 0.1.0 is on trial", updating),
            ("installing", "being written", updating),
            ("ready", "version 0.2.0 is installed", Active::NONE),
            (
                "rolled-back",
                "version 0.2.0 was taken back: no luck",
                Active::NONE.with(Indicator::Degraded(DegradedReason::RolledBack)),
            ),
        ] {
            let update = parse(GOOD.replace("rolled-back", state).as_bytes()).unwrap();
            assert!(update.words().contains(words), "{}", update.words());
            assert_eq!(indicated(Some(&update)), light, "{state}");
        }
        assert_eq!(indicated(None), Active::NONE);
    }

    #[test]
    fn wrong_values_are_refused() {
        for (part, bad) in [
            ("\"A\"", "\"C\""),
            ("\"A\"", "1"),
            ("\"0.1.0\"", "\"\""),
            ("\"0.1.0\"", "\"0.1 \\n\""),
            ("0.2.0", &"9".repeat(65)),
            ("rolled-back", "rolling"),
            ("\"at\":1", "\"at\":-1"),
            ("\"at\":1", "\"at\":\"now\""),
            ("\"at\":1", "\"at\":1,\"more\":2"),
            (",\"at\":1", ""),
            ("no luck", &"x".repeat(4096)),
            (GOOD, ""),
            (GOOD, "[]"),
        ] {
            assert!(parse(GOOD.replace(part, bad).as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\xff\xfe").is_err());
    }

    #[test]
    fn a_reason_is_one_line_of_plain_text() {
        let update = parse(GOOD.replace("no luck", "no\\n\\u001b[2J  luck").as_bytes()).unwrap();
        assert_eq!(update.reason, "no [2J luck");
    }

    #[test]
    fn a_machine_that_is_not_updated_this_way_has_no_state() {
        let folder = Folder::new();
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(Some(folder.path())), Ok(None));
        std::fs::write(folder.path().join("state.json"), GOOD).unwrap();
        assert!(read(Some(folder.path())).unwrap().is_some());
        std::fs::write(folder.path().join("state.json"), vec![b' '; 9000]).unwrap();
        assert!(read(Some(folder.path())).unwrap_err().contains("longer"));
        std::fs::remove_file(folder.path().join("state.json")).unwrap();
        std::fs::create_dir(folder.path().join("state.json")).unwrap();
        assert!(read(Some(folder.path())).is_err());
    }
}
