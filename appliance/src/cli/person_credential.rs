//! `latchkey person credential`: what a person signs in with.

use clap::{Args, Subcommand};
use domain::name::Username;

use crate::api::CredentialItem;
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path};

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialVerb {
    /// List what a person signs in with
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey person credential list anna")]
    List(Name),
    /// Remove a passkey, password, authenticator app or the recovery codes
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey person credential remove anna 4077318934221")]
    Remove(One),
    /// Let a passkey in again that may have been copied, after you looked into it
    #[command(after_help = "Example:\n  latchkey person credential trust anna 4077318934221")]
    Trust(One),
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The name that the person signs in with
    name: Username,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The name that the person signs in with
    name: Username,
    /// Which one: its number from `list`
    number: i64,
}

impl CredentialVerb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List(Name { name }) => {
                let items = shell.collect(&path(&["persons", name.as_str(), "credentials"]), usize::MAX)?;
                let nothing =
                    format!("{name} has nothing to sign in with. Make a link with: latchkey person invite {name}");
                let head = ["number", "kind", "label", "created (UTC)", "last used (UTC)", "remarks"];
                shell.list(items, &nothing, &head, |held: CredentialItem| {
                    let remarks = remarks(&held);
                    let used = held.last_used_at.map_or_else(|| "never".to_owned(), crate::api::Time::short);
                    vec![held.number.to_string(), held.kind, held.label, held.created_at.short(), used, remarks]
                })
            }
            Self::Remove(One { name, number }) => {
                let answer = shell.bare(Method::Delete, &one(&name, number, &[]))?;
                shell.changed(answer, "credential", &format!("{number} of {name}"))
            }
            Self::Trust(One { name, number }) => {
                let answer = shell.bare(Method::Post, &one(&name, number, &["trust"]))?;
                shell.changed(answer, "credential", &format!("{number} of {name}"))
            }
        }
    }
}

fn one(name: &Username, number: i64, more: &[&str]) -> String {
    let number = number.to_string();
    let mut parts = vec!["persons", name.as_str(), "credentials", &number];
    parts.extend(more);
    path(&parts)
}

/// What is worth knowing about it now.
pub(super) fn remarks(held: &CredentialItem) -> String {
    let mut remarks = Vec::new();
    if held.suspect {
        remarks.push("may have been copied; refused until `trust`".to_owned());
    }
    remarks.extend(held.blocked_until.map(|until| format!("wrong guesses; refused until {} UTC", until.short())));
    remarks.extend(held.left.map(|left| format!("{left} left")));
    remarks.join(", ")
}
