//! The steps from a good file to a clean card. Each can be done again, and what follows it does not need the memory of a process.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use domain::clock::Moment;
use domain::name::Username;
use domain::provisioning::Provisioning;
use domain::secret::Digest;
use domain::ssh_key::ParsedKey;
use serde::{Deserialize, Serialize};
use service::{Context, Idp, OpError};

use super::{APPLIED, Card, Trouble, files};

/// What the operating system reads, in the data directory.
pub(super) const SYSTEM: &str = "system";
/// Who may sign in as `admin` over SSH.
pub(super) const AUTHORIZED_KEYS: &str = "authorized_keys";
/// What is remembered of a file.
const RECORD: &str = "provisioning.json";

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The household: names, certificate, first owner, in one transaction.
    House,
    /// Time zone, locale, Wi-Fi and keys, as files for the operating system.
    System,
    /// From here on the file counts as applied, and the card has to be cleaned.
    Record,
    /// Zeros over the file.
    Blank,
    /// The file's text without its secrets.
    Clean,
    /// The name that says that it was applied.
    Rename,
    /// The card is clean.
    Forget,
}

/// All of them, in their order.
pub(super) const ALL: &[Step] =
    &[Step::House, Step::System, Step::Record, Step::Blank, Step::Clean, Step::Rename, Step::Forget];
/// Those that an earlier start may have left undone after it had applied everything.
pub(super) const CLEANING: &[Step] = &[Step::Blank, Step::Clean, Step::Rename, Step::Forget];

/// What is remembered of a file that was applied.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// When, as far as the box knew.
    pub(super) day: String,
    /// What, one line each.
    pub(super) applied: Vec<String>,
    /// What is left to do on the card.
    pub(super) cleaning: Option<Cleaning>,
}

/// A file that is to be replaced by its text without secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cleaning {
    digest: Vec<u8>,
    text: String,
}

impl Cleaning {
    pub(super) fn new(digest: &Digest, text: String) -> Self {
        Self { digest: digest.as_bytes().to_vec(), text }
    }

    /// Whether that is what an interrupted cleaning left, and not a new file: the old text, partly zeros, or partly the new text.
    pub(super) fn left(&self, bytes: &[u8]) -> bool {
        Digest::of(bytes).as_bytes().as_slice() == self.digest
            || bytes.contains(&0)
            || self.text.as_bytes().starts_with(bytes)
    }
}

impl Record {
    pub(super) fn read(card: &Card) -> Option<Self> {
        let bytes = files::read(&card.data.join(RECORD)).ok()??;
        serde_json::from_slice(bytes.expose()).ok()
    }

    pub(super) fn says_something(&self) -> bool {
        !self.day.is_empty()
    }

    fn write(&self, card: &Card) -> io::Result<()> {
        files::write(&card.data.join(RECORD), &serde_json::to_string(self)?, 0o600)
    }
}

/// A file and where its steps are done.
pub(super) struct Work<'a> {
    pub(super) idp: &'a Idp,
    pub(super) card: &'a Card,
    pub(super) at: Moment,
    pub(super) file: Provisioning,
    pub(super) record: Record,
}

impl Work<'_> {
    /// Does these steps one after the other; the first that fails ends it.
    pub(super) fn run(&mut self, steps: &[Step]) -> Result<(), Trouble> {
        for step in steps {
            match step {
                Step::House => self.house()?,
                Step::System => self.system()?,
                Step::Record => self.note(Some(()))?,
                Step::Blank => self.on_card(files::blank)?,
                Step::Clean => {
                    let text = self.text().to_owned();
                    self.on_card(|path| files::overwrite(path, &text))?;
                }
                Step::Rename => self.on_card(|path| files::rename(path, &path.with_file_name(APPLIED)))?,
                Step::Forget => self.note(None)?,
            }
        }
        Ok(())
    }

    fn house(&mut self) -> Result<(), Trouble> {
        let done = self.idp.provision(&Context::system(self.at), &self.file).map_err(|error| match error {
            OpError::Refused(refusal) => Trouble(refusal.to_string()),
            OpError::Fault(fault) => {
                tracing::error!(%fault, "the provisioning file");
                Trouble("the box cannot write to its database; see the server's log".to_owned())
            }
        })?;
        self.record.applied = lines(&self.file, done.owner.as_ref());
        Ok(())
    }

    fn system(&self) -> Result<(), Trouble> {
        let put = |name: &str, text: &str, mode| {
            let path: PathBuf = self.card.data.join(SYSTEM).join(name);
            put_system(&self.card.data, name, text, mode).map_err(|error| Trouble::with(&path, &error))
        };
        if let Some(zone) = &self.file.time_zone {
            put("timezone", &format!("{}\n", zone.as_str()), 0o644)?;
        }
        if let Some(locale) = &self.file.locale {
            put("locale.conf", &format!("LANG={}\n", locale.as_str()), 0o644)?;
        }
        if let Some(wifi) = &self.file.wifi {
            put("wifi.conf", wifi.network_block().expose(), 0o600)?;
        }
        if !self.file.admin_keys.is_empty() {
            put(AUTHORIZED_KEYS, &self.file.admin_keys.iter().map(key_line).collect::<String>(), 0o600)?;
        }
        Ok(())
    }

    fn note(&mut self, cleaning: Option<()>) -> Result<(), Trouble> {
        if cleaning.is_none() {
            self.record.cleaning = None;
        }
        self.record.write(self.card).map_err(|error| Trouble::with(&self.card.data.join(RECORD), &error))
    }

    fn text(&self) -> &str {
        self.record.cleaning.as_ref().map_or("", |cleaning| &cleaning.text)
    }

    /// Does something to the file while it bears its old name.
    fn on_card(&self, act: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Trouble> {
        let path = self.card.file();
        if !path.exists() {
            return Ok(());
        }
        act(&path).map_err(|error| {
            let words = "all was applied, but the secrets could not be taken off the card; delete the file yourself";
            Trouble(format!("{words} ({}: {error})", path.display()))
        })
    }
}

/// Writes a file that the operating system reads.
pub(super) fn put_system(data: &Path, name: &str, text: &str, mode: u32) -> io::Result<()> {
    let folder = data.join(SYSTEM);
    DirBuilder::new().recursive(true).mode(0o755).create(&folder)?;
    files::write(&folder.join(name), text, mode)
}

/// A key as a line of `authorized_keys`.
pub(super) fn key_line(key: &ParsedKey) -> String {
    match &key.comment {
        Some(comment) => format!("{} {comment}\n", key.public_key),
        None => format!("{}\n", key.public_key),
    }
}

/// What the file asks for, one line each, without secrets.
pub(super) fn lines(file: &Provisioning, owner: Option<&Username>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |what: &str, value: Option<String>| lines.extend(value.map(|value| format!("{what}: {value}")));
    say("the name of the box", file.host.as_ref().map(ToString::to_string));
    say("the name of the house", file.house.as_ref().map(ToString::to_string));
    say("the time zone", file.time_zone.as_ref().map(|zone| zone.as_str().to_owned()));
    say("the locale", file.locale.as_ref().map(|locale| locale.as_str().to_owned()));
    say("the wireless network", file.wifi.as_ref().map(|wifi| wifi.ssid.as_str().to_owned()));
    for key in &file.admin_keys {
        say("an SSH key of admin", Some(key.fingerprint.clone()));
    }
    say("the certificate", file.certificate.as_ref().map(certificate));
    if let (Some(named), Some(username)) = (&file.owner, owner) {
        say("the first owner", Some(format!("{}, who signs in as {username}", named.name)));
    }
    lines
}

fn certificate(choice: &domain::certificate::CertificateChoice) -> String {
    use domain::certificate::CertificateChoice;
    match choice {
        CertificateChoice::OwnCa => "the box's own".to_owned(),
        CertificateChoice::Acme(acme) => format!("{}, proven at {}", acme.directory, acme.dns.title()),
        CertificateChoice::Files(files) => format!("the files {} and {}", files.certificate, files.key),
    }
}
