//! `latchkey key`: the keys that sign tokens.

use clap::{Args, Subcommand};

use crate::api::{self, RotateKey};
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the signing keys, without their private parts
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey key list")]
    List,
    /// Replace a signing key; tokens that it signed stay good until they end
    #[command(after_help = "Example:\n  latchkey key rotate --algorithm ES256")]
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Which kind of key
    #[arg(long, default_value = "ES256", value_parser = ["ES256", "RS256"])]
    algorithm: String,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List => {
                let items = shell.collect(&path(&["keys"]), usize::MAX)?;
                let nothing = "There are no keys yet; the first one is made with the first token.";
                let head = ["kid", "algorithm", "state", "created (UTC)", "published until (UTC)"];
                shell.list(items, nothing, &head, |key: api::SigningKey| {
                    let until = key.expires_at.map(api::Time::short).unwrap_or_default();
                    vec![key.kid, key.algorithm, key.state.as_str().to_owned(), key.created_at.short(), until]
                })
            }
            Self::Rotate(Rotate { algorithm }) => {
                let request = RotateKey { algorithm: algorithm.clone() };
                let answer = shell.send(Method::Post, &path(&["keys", "rotate"]), &request)?;
                shell.changed(answer, "key", &algorithm)
            }
        }
    }
}
