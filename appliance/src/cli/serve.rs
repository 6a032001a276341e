//! `latchkey serve`: the server itself.

use std::path::PathBuf;

use clap::Args;

use crate::config::Config;
use crate::serve;

use super::failure::Failure;

/// Run the server, until it is told to stop
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  latchkey serve --config /etc/latchkey/latchkey.toml")]
pub(crate) struct Serve {
    /// The configuration, a TOML file
    #[arg(long, default_value = "/etc/latchkey/latchkey.toml", value_name = "FILE")]
    config: PathBuf,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = Config::load(&self.config).map_err(|error| Failure::Local(error.to_string()))?;
        serve::run(config).map_err(|error| Failure::Local(error.to_string()))
    }
}
