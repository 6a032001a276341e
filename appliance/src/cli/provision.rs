//! `latchkey provision`: the file that tells a new box what it needs to know.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::api::{Problem, ProblemCode};
use crate::provisioning;

use super::failure::Failure;
use super::output::Format;
use super::shell::Shell;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Say what a box would do with a file, or what is wrong with it, without a box
    #[command(after_help = "Example:\n  latchkey provision check latchkey.toml")]
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The file, as it would lie on the boot partition
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self::Check(Check { file }) = self;
        let lines = provisioning::check(&file).map_err(|why| {
            Failure::Problem(Box::new(Problem::new(ProblemCode::Invalid, format!("{}: {why}", file.display()))))
        })?;
        match shell.format() {
            Format::Json => shell.json(&json!({ "applies": lines })),
            Format::Table => {
                shell.line(&format!("{} is good. A box without an owner would take from it:", file.display()))?;
                lines.iter().try_for_each(|line| shell.line(&format!("  {line}")))
            }
        }
    }
}
