//! `latchkey session`: the browsers that are signed in.

use clap::{Args, Subcommand};
use domain::name::Username;

use crate::api::{self, Revoked};
use crate::http::Method;

use super::failure::Failure;
use super::output::Format;
use super::shell::{Shell, path, read};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List where a person is signed in
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey session list anna")]
    List(Person),
    /// Sign a person out: of one browser, or with --all of all of them and of the apps
    #[command(after_help = "Examples:
  latchkey session revoke anna 4077318934221
  latchkey session revoke anna --all")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct Person {
    /// The person
    person: Username,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The person
    person: Username,
    /// Which session: its number from `list`
    #[arg(required_unless_present = "all")]
    number: Option<i64>,
    /// All sessions of the person
    #[arg(long, conflicts_with = "number")]
    all: bool,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List(Person { person }) => {
                let items = shell.collect(&sessions(&person), usize::MAX)?;
                let nothing = format!("{person} is not signed in anywhere.");
                let head = ["number", "device", "address", "strength", "since (UTC)", "last seen (UTC)"];
                shell.list(items, &nothing, &head, |session: api::Session| {
                    vec![
                        session.number.to_string(),
                        session.device,
                        session.address,
                        session.strength,
                        session.created_at.short(),
                        session.last_seen_at.short(),
                    ]
                })
            }
            Self::Revoke(Revoke { person, number: Some(number), all: _ }) => {
                let which = path(&["persons", person.as_str(), "sessions", &number.to_string()]);
                let answer = shell.bare(Method::Delete, &which)?;
                shell.changed(answer, "session", &format!("{number} of {person}"))
            }
            Self::Revoke(Revoke { person, number: None, all: _ }) => {
                let answer = shell.bare(Method::Delete, &sessions(&person))?;
                if shell.format() == Format::Json {
                    return shell.json(&answer);
                }
                let Revoked { revoked } = read(answer)?;
                let text = match revoked {
                    0 => format!("unchanged: {person} is not signed in anywhere"),
                    1 => format!("removed 1 session of {person}"),
                    many => format!("removed {many} sessions of {person}"),
                };
                shell.line(&text)
            }
        }
    }
}

fn sessions(person: &Username) -> String {
    path(&["persons", person.as_str(), "sessions"])
}
