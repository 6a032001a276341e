//! `latchkey time`: what the server's clock shows, and setting it.

use clap::{Args, Subcommand};

use crate::api::{self, ClockSet, ClockView, SetClock};
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path, read};

/// Show the server's clock and how far it can be trusted
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  latchkey time
  latchkey time set 2026-12-24T18:00:00Z
  latchkey time set --from-this-computer")]
pub(crate) struct TimeCommand {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set the clock, on the machine that Latchkey runs on; it counts until that is started again
    #[command(after_help = "Examples:
  latchkey time set 2026-12-24T18:00:00Z
  latchkey time set --from-this-computer")]
    Set(Set),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Set {
    /// The time, as in 2026-12-24T18:00:00Z (RFC 3339)
    #[arg(value_name = "TIME")]
    now: Option<api::Time>,
    /// Take the time of the computer that this command runs on
    #[arg(long)]
    from_this_computer: bool,
}

impl TimeCommand {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self.verb {
            None => show(shell),
            Some(Verb::Set(Set { now, from_this_computer: _ })) => {
                let now = now.unwrap_or(api::Time(shell.now()));
                set(shell, now)
            }
        }
    }
}

fn show(shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
    let value = shell.get(&path(&["time"]))?;
    shell.show(value, |clock: ClockView| {
        let mut fields = vec![
            ("server time".to_owned(), clock.now.to_string()),
            ("trust".to_owned(), format!("{} of 2: {}", clock.level, clock.trust)),
            ("source".to_owned(), clock.source),
        ];
        if clock.level < 2 {
            fields.push(("so".to_owned(), "nobody can sign in, and apps get no tokens".to_owned()));
        }
        fields.extend(clock.advice.map(|advice| ("what to do".to_owned(), advice)));
        fields
    })
}

fn set(shell: &mut Shell<'_, '_>, now: api::Time) -> Result<(), Failure> {
    let answer = shell.send(Method::Put, &path(&["time"]), &SetClock { now })?;
    let ClockSet { now, machine } = read(answer)?;
    if !machine {
        shell.note(
            "The machine does not let Latchkey set its clock (CAP_SYS_TIME); Latchkey goes by its own from now on.",
        )?;
    }
    shell.effect(api::Effect::Changed, "clock", &now.to_string())
}
