//! `latchkey demo`: a household to play with.

use std::path::PathBuf;

use clap::Args;

use crate::demo::{self, Options};

use super::Terminal;
use super::failure::Failure;

/// Serve a household to play with on this machine, until Ctrl-C; it is kept between runs
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  latchkey demo\n  latchkey demo --fresh --port 9443\n  latchkey demo --unclaimed\n  latchkey demo --plain-port 8080"
)]
pub(crate) struct Demo {
    /// Begin without an owner, as a box that was just flashed: claim it in the browser, with Enter as its button
    #[arg(long)]
    unclaimed: bool,
    /// Throw the household away and begin with a new one
    #[arg(long)]
    fresh: bool,
    /// Where to listen on 127.0.0.1
    #[arg(long, default_value_t = 8443, value_name = "PORT")]
    port: u16,
    /// Where to listen on 127.0.0.1 for what a box says on port 80: the page about trust
    #[arg(long, value_name = "PORT")]
    plain_port: Option<u16>,
    /// Where the household is kept; ~/.local/share/latchkey-demo (or latchkey-demo-unclaimed) unless said otherwise
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let folder = self.data_dir.or_else(|| usual_folder(self.unclaimed));
        let folder = folder.ok_or_else(|| Failure::Usage("there is no home folder; give --data-dir".to_owned()))?;
        let options = Options {
            unclaimed: self.unclaimed,
            fresh: self.fresh,
            port: self.port,
            plain_port: self.plain_port,
            folder,
        };
        demo::run(&options, terminal.out).map_err(|error| Failure::Local(error.to_string()))
    }
}

fn usual_folder(unclaimed: bool) -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join(if unclaimed { "latchkey-demo-unclaimed" } else { "latchkey-demo" }))
}
