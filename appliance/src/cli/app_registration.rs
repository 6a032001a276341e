//! `latchkey app registration-token`: tokens by which apps register themselves.

use clap::{Args, Subcommand};
use domain::name::GroupName;

use crate::api::{self, NewRegistrationToken, RegistrationTokenSecret};
use crate::http::Method;

use super::failure::Failure;
use super::output::Format;
use super::shell::{Shell, path, read};
use super::value::Length;

const NOUN: &str = "registration-tokens";

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make a token for an app that registers itself, and print it, this once
    #[command(after_help = "Examples:
  latchkey app registration-token create --allow family
  latchkey app registration-token create --allow parents --uses 5 --expires-in 7d > token")]
    Create(Create),
    /// List the tokens that are good, without their secrets
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey app registration-token list")]
    List,
    /// Make a token useless; the apps that came by it stay
    #[command(after_help = "Example:\n  latchkey app registration-token revoke 4077318934221")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Whose members may sign in to the apps that come by it
    #[arg(long, value_name = "GROUP")]
    allow: GroupName,
    /// How many apps it registers
    #[arg(long, value_name = "N", default_value_t = 1)]
    uses: u32,
    /// For how long it works: 12h, 7d; a day when nothing is said, 90 days at the most
    #[arg(long, visible_alias = "expires", value_name = "LENGTH")]
    expires_in: Option<Length>,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Which one: its number from `list`
    number: i64,
}

impl TokenVerb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Create(Create { allow, uses, expires_in }) => {
                let expires_in = expires_in.map(|Length(span)| span.as_seconds());
                let request = NewRegistrationToken { allow: allow.to_string(), uses, expires_in };
                let answer = shell.send(Method::Post, &path(&[NOUN]), &request)?;
                if shell.format() == Format::Json {
                    return shell.json(&answer);
                }
                let made: RegistrationTokenSecret = read(answer)?;
                let (until, at) = (made.expires_at.short(), made.registration_endpoint);
                shell.note(&format!(
                    "An app registers itself at {at} with this token until {until} UTC; it is shown only this once:"
                ))?;
                shell.line(&made.token)
            }
            Self::List => {
                let items = shell.collect(&path(&[NOUN]), usize::MAX)?;
                let nothing =
                    "No app can register itself. Let one with: latchkey app registration-token create --allow GROUP";
                let head = ["number", "allowed group", "uses left", "created (UTC)", "expires (UTC)"];
                shell.list(items, nothing, &head, |token: api::RegistrationToken| {
                    let (created, expires) = (token.created_at.short(), token.expires_at.short());
                    vec![token.number.to_string(), token.allow, token.uses_left.to_string(), created, expires]
                })
            }
            Self::Revoke(Revoke { number }) => {
                let answer = shell.bare(Method::Delete, &path(&[NOUN, &number.to_string()]))?;
                shell.changed(answer, "token", &number.to_string())
            }
        }
    }
}
