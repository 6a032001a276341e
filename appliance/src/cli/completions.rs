//! `latchkey completions`: what the shell needs to complete commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell as Kind;

use super::Cli;
use super::failure::Failure;
use super::shell::Shell;

/// Print completions for your shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  latchkey completions bash > /etc/bash_completion.d/latchkey
  latchkey completions zsh > \"${fpath[1]}/_latchkey\"
  latchkey completions fish > ~/.config/fish/completions/latchkey.fish")]
pub(crate) struct Completions {
    /// Your shell
    #[arg(value_enum)]
    shell: Kind,
}

impl Completions {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "latchkey", &mut text);
        Ok(shell.terminal.out.write_all(&text)?)
    }
}
