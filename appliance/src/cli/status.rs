//! `latchkey status`: how the house is.

use clap::Args;
use domain::clock::Trust;

use crate::api;

use super::failure::Failure;
use super::shell::{Shell, path};

/// Show how the house is
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  latchkey status --output json")]
pub(crate) struct Status {}

/// The level, and what an owner has to know when it is not the highest.
fn clock(trust: Trust) -> String {
    match trust {
        Trust::Synchronised => trust.to_string(),
        Trust::Floor | Trust::Plausible => format!("not trusted ({trust}): nobody can sign in; see latchkey time"),
    }
}

impl Status {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self {} = self;
        let value = shell.get(&path(&["status"]))?;
        shell.show(value, |status: api::Status| {
            let states: Vec<String> = status.states.into_iter().map(|state| state.text).collect();
            vec![
                ("state".to_owned(), states.join("\n")),
                ("house".to_owned(), status.house),
                ("issuer".to_owned(), status.issuer),
                ("version".to_owned(), status.version),
                ("slot".to_owned(), status.update.as_ref().map(slot).unwrap_or_default()),
                ("update".to_owned(), status.update.as_ref().map(api::Update::words).unwrap_or_default()),
                ("certificate".to_owned(), status.certificate.as_ref().map(certificate).unwrap_or_default()),
                ("server time".to_owned(), format!("{} UTC", status.now.short())),
                ("clock".to_owned(), clock(status.clock)),
                ("persons".to_owned(), status.persons.to_string()),
                ("service accounts".to_owned(), status.service_accounts.to_string()),
                ("groups".to_owned(), status.groups.to_string()),
                ("apps".to_owned(), status.apps.to_string()),
                ("sessions".to_owned(), status.sessions.to_string()),
                ("database".to_owned(), format!("{} KiB, schema {}", status.database_bytes / 1024, status.schema)),
                ("you are".to_owned(), status.you),
            ]
        })
    }
}

fn slot(update: &api::Update) -> String {
    format!("{}, system {}", update.slot.as_str(), update.version)
}

fn certificate(shown: &api::OtherCertificate) -> String {
    let api::OtherCertificate { kind, not_after, health, .. } = shown;
    let until = format!("{}, until {} UTC", kind.words(), not_after.short());
    if health.is_good() { until } else { format!("{until}; {}: latchkey cert status", health.words()) }
}
