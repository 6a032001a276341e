//! `latchkey update`: new versions of the whole system of a box.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::entropy;
use serde_json::json;

use crate::api::{Effect, Update, UpdateState};
use crate::update::helper::{self, Bundle, HelperError, MAX_BUNDLE, Request, Task, Verdict};

use super::failure::Failure;
use super::output::{Format, printable};
use super::shell::Shell;

/// Where root's helper listens on the image.
const DEFAULT_SOCKET: &str = "/run/latchkey-update/update.sock";

#[derive(Debug, Args)]
pub(crate) struct UpdateCommand {
    #[command(subcommand)]
    verb: Verb,
    /// The socket of the helper that installs updates
    #[arg(long, env = "LATCHKEY_UPDATE_SOCKET", default_value = DEFAULT_SOCKET, hide = true, global = true)]
    #[arg(value_name = "PATH")]
    update_socket: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Look whether an update is good for this box, and change nothing
    #[command(after_help = "Examples:\n  latchkey update check latchkey-0.2.0-arm64.raucb\n  latchkey update check -")]
    Check {
        /// The bundle; - reads it from stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write an update beside the system that runs; the next start tries it
    #[command(
        after_help = "Examples:\n  latchkey update install latchkey-0.2.0-arm64.raucb\n  latchkey update install -\n\nFrom another computer: ssh admin@BOX latchkey update install - < FILE"
    )]
    Install {
        /// The bundle; - reads it from stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show which system runs, and how the last update went
    #[command(after_help = "Example:\n  latchkey update status --output json")]
    Status,
    /// Say that a rollback was seen, so that the box stops telling of it
    #[command(after_help = "Example:\n  latchkey update acknowledge")]
    Acknowledge,
}

impl UpdateCommand {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        // Only whoever is at the box reaches root's helper.
        shell.socket()?;
        let socket = self.update_socket;
        match self.verb {
            Verb::Check { file } => send(shell, &socket, &file, Task::Check),
            Verb::Install { file } => send(shell, &socket, &file, Task::Install),
            Verb::Status => {
                let update = status(&socket)?;
                let value = serde_json::to_value(update).map_err(|error| Failure::Local(error.to_string()))?;
                shell.show(value, |update: Update| {
                    vec![
                        ("update".to_owned(), update.words()),
                        ("slot".to_owned(), update.slot.as_str().to_owned()),
                        ("version".to_owned(), update.version),
                        ("since".to_owned(), format!("{} UTC", update.at.short())),
                    ]
                })
            }
            Verb::Acknowledge => acknowledge(shell, &socket),
        }
    }
}

fn status(socket: &Path) -> Result<Update, Failure> {
    let line = done(helper::ask(socket, Request::Status, helper::SHORT_PATIENCE, &mut |_| {})?)?;
    let strange = |why| Failure::Strange(format!("the update helper's answer is not understood: {why}"));
    crate::update::parse(line.as_bytes()).map_err(strange)
}

fn acknowledge(shell: &mut Shell<'_, '_>, socket: &Path) -> Result<(), Failure> {
    let update = status(socket)?;
    if update.state != UpdateState::RolledBack {
        return shell.effect(Effect::Unchanged, "update", &update.version);
    }
    done(helper::ask(socket, Request::Acknowledge, helper::SHORT_PATIENCE, &mut |_| {})?)?;
    shell.effect(Effect::Changed, "update", &update.other_version)
}

/// Sends a bundle, tells what becomes of it, and how it ended.
fn send(shell: &mut Shell<'_, '_>, socket: &Path, file: &Path, task: Task) -> Result<(), Failure> {
    let (mut bytes, length) = if file == Path::new("-") { spool(shell)? } else { open(file)? };
    let mut written = Ok(());
    let mut progress = |line: &str| {
        if written.is_ok() {
            written = shell.note(&printable(line));
        }
    };
    let bundle = Bundle { bytes: &mut bytes, length };
    let said = done(helper::ask(socket, Request::With(task, bundle), helper::PATIENCE, &mut progress)?)?;
    written?;
    match shell.format() {
        Format::Json => shell.json(&json!({ "result": "ok", "text": said })),
        Format::Table => shell.line(&printable(&said)),
    }
}

fn open(path: &Path) -> Result<(File, u64), Failure> {
    let failed = |error: io::Error| Failure::Local(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(Failure::Usage(format!("{} is no file", path.display())));
    }
    bounded(about.len(), &path.display().to_string())?;
    Ok((file, about.len()))
}

/// The helper wants to know the length first, and what comes on stdin has none: it waits in a file without a name.
fn spool(shell: &mut Shell<'_, '_>) -> Result<(File, u64), Failure> {
    let failed = |error: io::Error| Failure::Local(format!("cannot keep what comes on stdin: {error}"));
    let number = u64::from_le_bytes(entropy::bytes(shell.terminal.entropy));
    let path = std::env::temp_dir().join(format!("latchkey-update-{number:016x}"));
    let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
    let mut file = opened.map_err(failed)?;
    fs::remove_file(&path).map_err(failed)?;
    let copied = io::copy(&mut (&mut *shell.terminal.input).take(MAX_BUNDLE + 1), &mut file);
    let length = copied.map_err(failed)?;
    bounded(length, "stdin")?;
    file.rewind().map_err(failed)?;
    Ok((file, length))
}

fn bounded(length: u64, name: &str) -> Result<(), Failure> {
    match length {
        0 => Err(Failure::Usage(format!("{name} is empty"))),
        length if length > MAX_BUNDLE => {
            let most = MAX_BUNDLE >> 20;
            Err(Failure::Usage(format!("{name} is longer than {most} MiB; is it the right file?")))
        }
        _ => Ok(()),
    }
}

fn done(verdict: Verdict) -> Result<String, Failure> {
    match verdict {
        Verdict::Done(words) => Ok(words),
        Verdict::Refused(why) => Err(Failure::Local(format!("the update is refused: {}", printable(&why)))),
        Verdict::Failed(why) => Err(Failure::Elsewhere(format!("the box could not do it: {}", printable(&why)))),
    }
}

impl From<HelperError> for Failure {
    fn from(error: HelperError) -> Self {
        let text = error.to_string();
        match error {
            HelperError::Absent(_) | HelperError::Closed(..) => Self::NotReached(text),
            HelperError::Broken(_) | HelperError::Slow => Self::Elsewhere(text),
            HelperError::Bundle(_) => Self::Local(text),
        }
    }
}
