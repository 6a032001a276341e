//! `latchkey claim`: how a browser makes somebody the owner of this box.

use clap::Args;

use crate::api::ClaimCode;
use crate::http::Method;

use super::failure::Failure;
use super::output::Format;
use super::shell::{Shell, path, read};

/// Show the one-time code with which a browser claims this box
#[derive(Debug, Args)]
#[command(after_help = "Whoever types the code on the setup page of this box, first, sets it up and owns it.
A tap of the box's button does the same without a code.

Examples:
  latchkey claim
  latchkey claim --here
  latchkey claim --output json")]
pub(crate) struct Claim {
    /// Claim it here: the setup pages close, and you make the owner with `latchkey person create`
    #[arg(long)]
    here: bool,
}

impl Claim {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        if self.here {
            let answer = shell.bare(Method::Post, &path(&["presence", "claim"]))?;
            return shell.changed(answer, "claim of", "this box");
        }
        let answer = shell.bare(Method::Post, &path(&["presence", "code"]))?;
        if shell.format() == Format::Json {
            return shell.json(&answer);
        }
        let ClaimCode { code, url } = read(answer)?;
        shell.note(&format!("Open {url} and type this code there; it works once:"))?;
        shell.line(&code)
    }
}
