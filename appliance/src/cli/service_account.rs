//! `latchkey service-account`: accounts for programs, and their API tokens.

use clap::{Args, Subcommand};
use domain::name::{Label, Username};

use crate::api::{self, AccountPatch, ApiTokenSecret, NewAccount, NewApiToken, Rename};
use crate::http::Method;

use super::attributes::{ServiceAttributes, title};
use super::failure::{Failure, something};
use super::output::{Format, cell};
use super::person::Validity;
use super::shell::{Shell, path, read};
use super::value::Length;

const NOUN: &str = "service-account";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the service accounts
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey service-account list")]
    List,
    /// Show everything about a service account
    #[command(after_help = "Example:\n  latchkey service-account show backup")]
    Show(Name),
    /// Add a service account
    #[command(after_help = "Example:\n  latchkey service-account create backup --display-name \"Nightly backup\"")]
    Create(Create),
    /// Change a service account
    #[command(after_help = "Example:\n  latchkey service-account set backup --valid-until 2027-12-31")]
    Set(Set),
    /// Give a service account another name
    #[command(after_help = "Example:\n  latchkey service-account rename backup nightly-backup")]
    Rename(Renaming),
    /// Shut a service account out until `unlock`
    #[command(after_help = "Example:\n  latchkey service-account lock backup")]
    Lock(Name),
    /// Let a locked service account in again
    #[command(after_help = "Example:\n  latchkey service-account unlock backup")]
    Unlock(Name),
    /// Remove a service account and its tokens for good
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey service-account delete backup --yes")]
    Delete(Delete),
    /// The API tokens of a service account
    #[command(subcommand)]
    Token(TokenVerb),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make a token and print it, this once
    #[command(after_help = "Example:
  latchkey service-account token create backup --label \"nightly job\" --expires-in 180d > token")]
    Create(CreateToken),
    /// List the tokens, without their secrets
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey service-account token list backup")]
    List(Name),
    /// Make a token useless
    #[command(after_help = "Example:\n  latchkey service-account token revoke backup 4077318934221")]
    Revoke(RevokeToken),
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The service account
    name: Username,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The service account
    name: Username,
    #[command(flatten)]
    attributes: ServiceAttributes,
    #[command(flatten)]
    validity: Validity,
    /// If there is such a service account, make it like this instead of refusing
    #[arg(long)]
    or_update: bool,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Set {
    /// The service account
    name: Username,
    #[command(flatten)]
    attributes: ServiceAttributes,
    #[command(flatten)]
    validity: Validity,
}

#[derive(Debug, Args)]
pub(crate) struct Renaming {
    /// The name now
    name: Username,
    /// The name from now on
    new_name: Username,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The service account
    name: Username,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateToken {
    /// The service account
    name: Username,
    /// What the token is for
    #[arg(long, default_value = "command line")]
    label: Label,
    /// For how long it works: 12h, 30d, 52w
    #[arg(long, value_name = "LENGTH")]
    expires_in: Option<Length>,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeToken {
    /// The service account
    name: Username,
    /// Which one: its number from `list`
    number: i64,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List => list(shell),
            Self::Show(Name { name }) => show(shell, &name),
            Self::Create(create) => create.run(shell),
            Self::Set(Set { name, attributes, validity }) => {
                let patch = validity.into_patch(attributes.values, shell.now());
                something(patch.is_empty(), "--display-name TEXT")?;
                let answer = shell.send(Method::Patch, &one(&name), &patch)?;
                shell.changed(answer, NOUN, name.as_str())
            }
            Self::Rename(Renaming { name, new_name }) => {
                let to = Rename { name: new_name.to_string() };
                let answer = shell.send(Method::Post, &path(&["service-accounts", name.as_str(), "rename"]), &to)?;
                shell.changed(answer, NOUN, new_name.as_str())
            }
            Self::Lock(Name { name }) => lock(shell, &name, true),
            Self::Unlock(Name { name }) => lock(shell, &name, false),
            Self::Delete(Delete { name, yes }) => {
                shell.confirm(yes, &format!("Removing the service account {name}"), name.as_str())?;
                let answer = shell.bare(Method::Delete, &one(&name))?;
                shell.changed(answer, NOUN, name.as_str())
            }
            Self::Token(verb) => verb.run(shell),
        }
    }
}

fn one(name: &Username) -> String {
    path(&["service-accounts", name.as_str()])
}

fn tokens(name: &Username) -> String {
    path(&["service-accounts", name.as_str(), "tokens"])
}

fn list(shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
    let items = shell.collect(&path(&["service-accounts"]), usize::MAX)?;
    let nothing = "There are no service accounts. Add one with: latchkey service-account create NAME";
    shell.list(items, nothing, &["name", "display name", "state", "created (UTC)"], |account: api::PersonItem| {
        vec![account.name, account.display_name, account.state.as_str().to_owned(), account.created_at.short()]
    })
}

fn show(shell: &mut Shell<'_, '_>, name: &Username) -> Result<(), Failure> {
    let value = shell.get(&one(name))?;
    shell.show(value, |account: api::ServiceAccount| {
        let at = |time: Option<api::Time>| time.map(|time| format!("{} UTC", time.short())).unwrap_or_default();
        let mut fields =
            vec![("name".to_owned(), account.name), ("state".to_owned(), account.state.as_str().to_owned())];
        fields.extend(account.attributes.iter().map(|(key, value)| (title(key), cell(value))));
        fields.extend([
            ("valid from".to_owned(), at(account.valid_from)),
            ("valid until".to_owned(), at(account.valid_until)),
            ("groups".to_owned(), account.groups.join(", ")),
            ("created".to_owned(), at(Some(account.created_at))),
        ]);
        fields
    })
}

fn lock(shell: &mut Shell<'_, '_>, name: &Username, locked: bool) -> Result<(), Failure> {
    let patch = AccountPatch { locked: Some(locked), ..AccountPatch::default() };
    let answer = shell.send(Method::Patch, &one(name), &patch)?;
    shell.changed(answer, NOUN, name.as_str())
}

impl Create {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let set = self.validity.into_patch(self.attributes.values, shell.now());
        let request = NewAccount { name: self.name.to_string(), set, or_update: self.or_update };
        let answer = shell.send(Method::Post, &path(&["service-accounts"]), &request)?;
        shell.changed(answer, NOUN, self.name.as_str())
    }
}

impl TokenVerb {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Create(CreateToken { name, label, expires_in }) => {
                let expires_in = expires_in.map(|Length(span)| span.as_seconds());
                let request = NewApiToken { label: label.into(), expires_in };
                let answer = shell.send(Method::Post, &tokens(&name), &request)?;
                if shell.format() == Format::Json {
                    return shell.json(&answer);
                }
                let made: ApiTokenSecret = read(answer)?;
                let until = made.expires_at.short();
                shell.note(&format!("This token of {name} works until {until} UTC and is shown only this once:"))?;
                shell.line(&made.token)
            }
            Self::List(Name { name }) => {
                let items = shell.collect(&tokens(&name), usize::MAX)?;
                let nothing =
                    format!("{name} has no tokens. Make one with: latchkey service-account token create {name}");
                let head = ["number", "label", "created (UTC)", "expires (UTC)"];
                shell.list(items, &nothing, &head, |token: api::ApiToken| {
                    vec![token.number.to_string(), token.label, token.created_at.short(), token.expires_at.short()]
                })
            }
            Self::Revoke(RevokeToken { name, number }) => {
                let which = path(&["service-accounts", name.as_str(), "tokens", &number.to_string()]);
                let answer = shell.bare(Method::Delete, &which)?;
                shell.changed(answer, "token", &format!("{number} of {name}"))
            }
        }
    }
}
