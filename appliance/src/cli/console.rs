//! `latchkey console`: the menu at the box.

use std::path::PathBuf;

use clap::Args;

use crate::panel::console::{self, Options, SERIAL};

use super::failure::Failure;
use super::shell::Shell;

/// Serve the menu of the box on a serial port, or on the terminal that it is started on
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  latchkey console\n  latchkey console --device /dev/ttyUSB0\n  latchkey console --tty"
)]
pub(crate) struct Console {
    /// The serial port, 115200 8N1
    #[arg(long, default_value = SERIAL, value_name = "DEVICE", conflicts_with = "tty")]
    device: PathBuf,
    /// Use the terminal of the standard input, as on a screen at the box
    #[arg(long)]
    tty: bool,
    /// The program that restarts the box
    #[arg(long, default_value = "/sbin/reboot", value_name = "PROGRAM")]
    restart: PathBuf,
}

impl Console {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self { device, tty, restart } = self;
        crate::log::start(crate::config::LogLevel::Info);
        let device = if tty { None } else { Some(device) };
        console::run(Options { socket: shell.socket()?, device, restart })
            .map_err(|error| Failure::Local(error.to_string()))
    }
}
