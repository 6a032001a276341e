//! `latchkey panel`: the process that runs LED and button, and what stands in for them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::panel::{self, PanelError};

use super::failure::Failure;
use super::shell::Shell;

/// The LED and the button of the box
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  latchkey panel\n  latchkey panel --keys\n  latchkey panel press tap")]
pub(crate) struct Panel {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Let keys of this terminal act as the button and draw the LED, on a computer that has neither
    #[arg(long)]
    keys: bool,
    /// The configuration, a TOML file; its part [panel] names the lines
    #[arg(long, default_value = "/etc/latchkey/latchkey.toml", value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Do what one press of the button does; for scripts, and for a box without a button
    #[command(after_help = "Examples:\n  latchkey panel press tap\n  latchkey panel press hold")]
    Press {
        /// How: a tap opens the window to claim the box, a hold the one to recover an account
        #[arg(value_name = "HOW")]
        how: How,
    },
}

/// How the button is pressed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    // A third of a second.
    Tap,
    // Five seconds.
    Hold,
}

impl Panel {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let socket = shell.socket()?;
        let terminal = &mut *shell.terminal;
        let ended = match (self.verb, self.keys) {
            (Some(Verb::Press { how }), _) => {
                let said = panel::press(socket, how.length())?;
                return shell.line(said);
            }
            (None, true) => panel::run_keys(socket, terminal.input, terminal.out, terminal.screen),
            (None, false) => panel::run(&self.config, socket),
        };
        Ok(ended?)
    }
}

impl How {
    const fn length(self) -> Duration {
        match self {
            Self::Tap => Duration::from_millis(300),
            Self::Hold => Duration::from_secs(5),
        }
    }
}

impl From<PanelError> for Failure {
    fn from(error: PanelError) -> Self {
        match error {
            PanelError::Server(error) => Self::Unreachable(error),
            PanelError::Output(error) => error.into(),
            PanelError::Line(text) | PanelError::Refused(text) => Self::Local(text),
            error @ PanelError::Threads(_) => Self::Local(error.to_string()),
        }
    }
}
