//! `latchkey backup`: copies of the database.

use std::path::PathBuf;

use clap::Subcommand;

use crate::api::{Backup, BackupMade, Effect, MakeBackup};
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path, read};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a copy of the database while the server runs. On the box only
    #[command(after_help = "Examples:\n  latchkey backup create\n  latchkey backup create --to /media/stick --keep 30")]
    Create {
        /// The folder for it, as the server sees it; `backups` beside the database unless said otherwise
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// How many copies stay in that folder; older ones are removed
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
        keep: u16,
    },
    /// Show the copies beside the database, the newest first
    #[command(after_help = "Example:\n  latchkey backup list")]
    List,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        shell.socket()?;
        match self {
            Self::Create { to, keep } => create(shell, to, keep),
            Self::List => {
                let items = shell.collect(&path(&["backups"]), usize::MAX)?;
                shell.list(
                    items,
                    "there is no backup yet: latchkey backup create",
                    &["name", "made", "size"],
                    |backup: Backup| {
                        vec![backup.name, format!("{} UTC", backup.at.short()), format!("{} KiB", backup.bytes / 1024)]
                    },
                )
            }
        }
    }
}

fn create(shell: &mut Shell<'_, '_>, to: Option<PathBuf>, keep: u16) -> Result<(), Failure> {
    // The server does not know where this command was typed.
    let absolute = to.map(std::path::absolute).transpose();
    let folder = absolute.map_err(|error| Failure::Usage(format!("--to: {error}")))?;
    let request = MakeBackup { folder: folder.map(|folder| folder.display().to_string()), keep };
    let made: BackupMade = read(shell.send(Method::Post, &path(&["backups"]), &request)?)?;
    shell.effect(Effect::Created, "backup", &made.path)?;
    match made.removed {
        0 => Ok(()),
        removed => shell.note(&format!("{removed} older removed; --keep says how many stay")),
    }
}
