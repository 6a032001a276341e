//! The provisioning file on the boot partition, applied once at a start of a box without an owner.
//!
//! All of it is checked before any of it is applied. Then one step follows the other, each of which can be done again: a power cut
//! at any of them leaves either the file as it was, or a record in the data directory that the card still has to be cleaned; the
//! next start takes it up from there. Who has the card has the box, so after the claim a file is refused, and says so.
//!
//! The secrets leave the card: zeros are written over the file, then its text without them, and only then it is renamed. That is
//! as far as a file system goes. The controller of an SD card may keep old blocks where no reader of the card sees them; whoever
//! fears somebody who takes the flash chips apart changes the password and the token afterwards.

pub(crate) mod admin_key;
mod files;
mod outcome;
mod steps;

use std::io;
use std::path::{Path, PathBuf};

use domain::clock::Moment;
use domain::provisioning::{Provisioning, TimeZone, text_of, without_secrets};
use domain::secret::{Digest, Secret};
use service::Idp;

pub(crate) use outcome::keep_outcome;
use steps::{ALL, CLEANING, Cleaning, Record, Work};

/// The file.
const FILE: &str = "latchkey.toml";
/// What it is called once it was applied.
const APPLIED: &str = "latchkey.applied.toml";
/// Where the system says which time zones it knows.
const ZONES: &str = "/usr/share/zoneinfo";

/// Where things lie.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    /// The boot partition, which a PC can read.
    pub(crate) boot: PathBuf,
    /// The data directory.
    pub(crate) data: PathBuf,
}

impl Card {
    fn file(&self) -> PathBuf {
        self.boot.join(FILE)
    }
}

/// What a start found on the card and did with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Began {
    /// What was applied, now or at an earlier start.
    applied: Option<Record>,
    /// Why a file was not applied, or not wholly cleaned away.
    problem: Option<String>,
}

/// Why a file was not applied: words for whoever put it there.
#[derive(Debug)]
struct Trouble(String);

impl Trouble {
    fn with(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

/// Looks at the card and does what it asks. Blocks.
pub(crate) fn begin(idp: &Idp, card: &Card, at: Moment) -> Began {
    let ended = run(idp, card, at, ALL);
    let applied = Record::read(card).filter(Record::says_something);
    let problem = ended.err().map(|Trouble(why)| why);
    if let Some(why) = &problem {
        tracing::warn!(why, "the provisioning file");
    }
    Began { applied, problem }
}

/// Does these steps, if there is anything to do.
fn run(idp: &Idp, card: &Card, at: Moment, steps: &[steps::Step]) -> Result<(), Trouble> {
    let found = files::read(&card.file()).map_err(|error| Trouble::with(&card.file(), &error))?;
    let record = Record::read(card).unwrap_or_default();
    if let Some(cleaning) = &record.cleaning
        && found.as_ref().is_none_or(|bytes| cleaning.left(bytes.expose()))
    {
        let mut work = Work { idp, card, at, file: Provisioning::default(), record };
        let rest: Vec<_> = steps.iter().copied().filter(|step| CLEANING.contains(step)).collect();
        return work.run(&rest);
    }
    let Some(bytes) = found else { return Ok(()) };
    let asked = text_of(bytes.expose()).and_then(|text| Ok((text, text.parse::<Provisioning>()?)));
    let (text, file) = asked.map_err(|error| Trouble(error.to_string()))?;
    known_zone(file.time_zone.as_ref(), Path::new(ZONES))?;
    let day = crate::api::Time(at.now).short().chars().take(10).collect::<String>();
    let clean = without_secrets(text, &day).ok_or_else(|| Trouble("the file cannot be read twice".to_owned()))?;
    let cleaning = Some(Cleaning::new(&Digest::of(bytes.expose()), clean));
    Work { idp, card, at, file, record: Record { day, applied: Vec::new(), cleaning } }.run(steps)
}

/// What a file asks for, one line each, or what is wrong with it: as a box would say it that reads this file.
pub(crate) fn check(path: &Path) -> Result<Vec<String>, String> {
    let cannot = |error: io::Error| format!("cannot read it: {error}");
    let bytes = files::read(path).map_err(cannot)?.ok_or_else(|| "there is no such file".to_owned())?;
    let file = text_of(bytes.expose()).and_then(str::parse::<Provisioning>).map_err(|error| error.to_string())?;
    known_zone(file.time_zone.as_ref(), Path::new(ZONES)).map_err(|Trouble(why)| why)?;
    Ok(steps::lines(&file, file.owner.as_ref().map(domain::provisioning::Owner::username).as_ref()))
}

/// A system without the table of zones takes any.
fn known_zone(zone: Option<&TimeZone>, table: &Path) -> Result<(), Trouble> {
    match zone {
        Some(zone) if table.is_dir() && !table.join(zone.as_str()).is_file() => {
            Err(Trouble(format!("time_zone: there is no {}; write one like Europe/Vienna", zone.as_str())))
        }
        Some(_) | None => Ok(()),
    }
}

/// The bytes of a file, which may hold secrets.
type Bytes = Secret<Vec<u8>>;

#[cfg(test)]
mod tests;
