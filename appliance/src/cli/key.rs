//! `latchkey key`: the keys that sign tokens.

use clap::{Args, Subcommand};

use crate::api::{self, Effect, KeyRotated, RotateKey};
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path, read};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the signing keys, without their private parts
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey key list")]
    List,
    /// Replace a signing key; tokens that the old one signed stay good until they end
    #[command(after_help = "Examples:
  latchkey key rotate
  latchkey key rotate --algorithm RS256 --emergency --yes")]
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Which kind of key
    #[arg(long, default_value = "ES256", value_parser = ["ES256", "RS256"])]
    algorithm: String,
    /// The old key is in wrong hands, or the card is: what it signed is worth nothing from now on, every app's access and
    /// refresh tokens end, and people have to sign in to their apps again
    #[arg(long)]
    emergency: bool,
    /// Do not ask
    #[arg(long, short, requires = "emergency")]
    yes: bool,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List => {
                let items = shell.collect(&path(&["keys"]), usize::MAX)?;
                let nothing = "There are no keys yet; the first one is made with the first token.";
                let head = ["kid", "algorithm", "state", "created (UTC)", "signs until (UTC)", "published until (UTC)"];
                shell.list(items, nothing, &head, |key: api::SigningKey| {
                    let at = |time: Option<api::Time>| time.map(api::Time::short).unwrap_or_default();
                    let state = key.state.as_str().to_owned();
                    vec![key.kid, key.algorithm, state, key.created_at.short(), at(key.retired_at), at(key.expires_at)]
                })
            }
            Self::Rotate(Rotate { algorithm, emergency, yes }) => {
                if emergency {
                    shell.confirm(yes, "Voiding what the old key signed, and every app's tokens,", &algorithm)?;
                }
                let answer =
                    shell.send(Method::Post, &path(&["keys", "rotate"]), &RotateKey { algorithm, emergency })?;
                let KeyRotated { kid } = read(answer)?;
                shell.effect(Effect::Created, "key", &kid)
            }
        }
    }
}
