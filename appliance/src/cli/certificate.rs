//! `latchkey cert`: the certificate that browsers are shown.

mod choice;

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::api::{self, CertificateChanged, CertificateTrial, Effect, Problem, ProblemCode, RenewCertificate};
use crate::http::Method;
use crate::system;

use super::failure::Failure;
use super::output::Format;
use super::shell::{Shell, path, read};

/// How often a public authority's progress is looked at, and for how long: past that it goes on without us.
const LOOK: Duration = Duration::from_secs(2);
const LOOKS: usize = 450;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the certificate, where it comes from, and what is wrong with it
    #[command(after_help = "Example:\n  latchkey cert status")]
    Status,
    /// Have the certificate made anew now; connections that are open go on
    #[command(after_help = "Examples:\n  latchkey cert renew\n  latchkey cert renew --new-ca --yes")]
    Renew(Renew),
    /// Choose where the certificate comes from; it is tried first, and the old one stays until the new one works
    #[command(subcommand, arg_required_else_help = true)]
    Use(choice::Source),
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// Make a new authority of the house too: the old one is lost, or its key is in wrong hands. No phone trusts the new one
    /// until somebody tells it to
    #[arg(long)]
    new_ca: bool,
    /// Do not ask
    #[arg(long, short, requires = "new_ca")]
    yes: bool,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Status => {
                let value = shell.get(&path(&["certificate"]))?;
                shell.show(value, sheet)
            }
            Self::Renew(Renew { new_ca, yes }) => {
                if new_ca {
                    shell.confirm(yes, "Replacing the authority that your phones trust", "new-ca")?;
                }
                let request = RenewCertificate { new_ca };
                let answer = shell.send(Method::Post, &path(&["certificate", "renew"]), &request)?;
                finish(shell, read(answer)?)
            }
            Self::Use(source) => {
                let choice = source.choice(shell)?;
                let answer = shell.send(Method::Put, &path(&["certificate"]), &choice)?;
                finish(shell, read(answer)?)
            }
        }
    }
}

/// Waits for a public authority, if one is asked, and says what came of it.
fn finish(
    shell: &mut Shell<'_, '_>,
    CertificateChanged { change, running }: CertificateChanged,
) -> Result<(), Failure> {
    let change = if running { wait(shell)? } else { change };
    let shown: api::Certificate = read(shell.get(&path(&["certificate"]))?)?;
    shell.effect(change, "certificate", &shown.host)?;
    if shell.format() == Format::Table {
        let (kind, until) = (shown.kind.words(), shown.not_after.short());
        shell.note(&format!("It comes from {kind} and is good until {until} UTC."))?;
        if let Some(authority) = shown.authority {
            shell.note(&format!("Phones must trust {:?}, SHA-256 {}", authority.name, authority.fingerprint))?;
        }
    }
    Ok(())
}

fn wait(shell: &mut Shell<'_, '_>) -> Result<Effect, Failure> {
    shell.note("The authority is being asked. This takes a minute or two; it goes on when you leave.")?;
    for _ in 0..LOOKS {
        smol::block_on(system::after(LOOK));
        let shown: api::Certificate = read(shell.get(&path(&["certificate"]))?)?;
        match shown.trial {
            Some(CertificateTrial { running: true, .. }) => {}
            Some(CertificateTrial { failure: Some(failure), .. }) => {
                let problem = Problem::new(ProblemCode::Conflict, failure.what);
                let hint = Some(failure.hint).filter(|hint| !hint.is_empty());
                return Err(Failure::Problem(Box::new(Problem { hint, ..problem })));
            }
            Some(_) | None => return Ok(Effect::Changed),
        }
    }
    Err(Failure::Local("the authority takes very long; see how it ends with latchkey cert status".to_owned()))
}

fn sheet(shown: api::Certificate) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    row("certificate for", shown.host);
    row(
        "comes from",
        if shown.configured { "files that the configuration names".into() } else { shown.kind.words().into() },
    );
    row("state", shown.health.words().to_owned());
    row("issuer", shown.issuer);
    row("good from", format!("{} UTC", shown.not_before.short()));
    row("good until", format!("{} UTC", shown.not_after.short()));
    row("next renewal", shown.next_renewal.map(|at| format!("{} UTC", at.short())).unwrap_or_default());
    row("SHA-256", shown.fingerprint);
    if let Some(authority) = shown.authority {
        row("authority", authority.name);
        row("authority until", format!("{} UTC", authority.not_after.short()));
        row("authority SHA-256", authority.fingerprint);
    }
    if let Some(failure) = shown.last_failure {
        row("last failure", format!("{} UTC: {}", failure.at.short(), failure.what));
        row("  try", failure.hint);
    }
    for warning in shown.warnings {
        row("look at", warning.what);
        row("  try", warning.hint);
    }
    if let Some(CertificateTrial { since, running: true, .. }) = shown.trial {
        row("under way", format!("a public authority is being asked since {} UTC", since.short()));
    }
    for other in shown.others {
        let (kind, health) = (other.kind.words(), other.health.words());
        row("also for", format!("{}: {kind}, {health} until {} UTC", other.host, other.not_after.short()));
    }
    rows
}
