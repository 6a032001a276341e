//! `latchkey app`: the apps that people sign in to.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::name::{ClientName, GroupName};
use serde_json::Value;

use crate::api::{self, AppCreated, AppPatch, AppSecret, ExtraScope, NewApp, RotateSecret};
use crate::http::Method;

use super::app_claim::ClaimVerb;
use super::app_doctor::Doctor;
use super::app_registration::TokenVerb;
use super::app_settings::Settings;
use super::app_show;
use super::app_trial::{Preview, Try};
use super::failure::{Failure, something};
use super::output::{Format, yes_no};
use super::shell::{Shell, Target, path, read, read_picture};
use super::value::{Length, length_text};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the apps
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey app list")]
    List,
    /// Show everything about an app, and what to type into it
    #[command(after_help = "Example:\n  latchkey app show jellyfin")]
    Show(Name),
    /// Add an app and print its client secret, this once
    #[command(after_help = "Examples:
  latchkey app create jellyfin --redirect-uri https://jellyfin.home/sso/OID/redirect/latchkey --allow family
  latchkey app create notes --public --redirect-uri http://127.0.0.1/callback --allow family")]
    Create(Box<Create>),
    /// Change an app
    #[command(after_help = "Examples:
  latchkey app set jellyfin --launch-url https://jellyfin.home/ --consent skip
  latchkey app set jellyfin --add-redirect-uri https://tv.home/sso/OID/redirect/latchkey")]
    Set(Box<Set>),
    /// Remove an app and every sign-in to it
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey app delete jellyfin --yes")]
    Delete(Delete),
    /// Let groups sign in to an app
    #[command(after_help = "Example:\n  latchkey app allow jellyfin family guests")]
    Allow(Access),
    /// Do not let groups sign in to an app any more
    #[command(after_help = "Example:\n  latchkey app deny jellyfin guests")]
    Deny(Access),
    /// Scopes beyond the standard ones, for groups
    #[command(subcommand)]
    Scope(ScopeVerb),
    /// Claims that only this app gets
    #[command(subcommand)]
    Claim(ClaimVerb),
    /// The icon on the app's tile
    #[command(subcommand)]
    Icon(IconVerb),
    /// The client secret of an app
    #[command(subcommand)]
    Secret(SecretVerb),
    /// Tokens by which apps register themselves
    #[command(subcommand)]
    RegistrationToken(TokenVerb),
    /// Sign in as the app would, and see what it gets and why
    #[command(after_help = "Examples:
  latchkey app try jellyfin
  latchkey app try jellyfin --scope openid --scope groups --port 9090")]
    Try(Try),
    /// Say why an app's last logins were refused, and how to mend it
    #[command(after_help = "Examples:
  latchkey app doctor jellyfin
  latchkey app doctor jellyfin --person anna")]
    Doctor(Doctor),
    /// Show what an app would learn about a person, and why, without a sign-in
    #[command(after_help = "Example:\n  latchkey app preview jellyfin anna")]
    Preview(Preview),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScopeVerb {
    /// Give a scope to the members of a group
    #[command(after_help = "Example:\n  latchkey app scope add photos parents photos:delete")]
    Add(Scope),
    /// Take a scope from the members of a group
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey app scope remove photos parents photos:delete")]
    Remove(Scope),
}

#[derive(Debug, Subcommand)]
pub(crate) enum IconVerb {
    /// Give the app an icon: PNG, JPEG or WebP
    #[command(after_help = "Example:\n  latchkey app icon set jellyfin jellyfin.png")]
    Set(IconFile),
    /// Take the icon away
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey app icon remove jellyfin")]
    Remove(Name),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretVerb {
    /// Replace the client secret and print the new one, this once; the old one stops working at once, or when you say
    #[command(after_help = "Examples:
  latchkey app secret rotate jellyfin
  latchkey app secret rotate jellyfin --keep-old 24h")]
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The app
    name: ClientName,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The app
    name: ClientName,
    /// For how long the old secret still works, at most 30 days; not at all unless you say so, and then an app that registered itself
    /// can change its registration no more
    #[arg(long, value_name = "LENGTH")]
    keep_old: Option<Length>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The app; the name becomes its client_id
    name: ClientName,
    /// It cannot keep a secret: it runs in a browser or on a phone
    #[arg(long)]
    public: bool,
    #[command(flatten)]
    settings: Settings,
    /// Let this group sign in; may be repeated
    #[arg(long = "allow", value_name = "GROUP")]
    allow: Vec<GroupName>,
    /// If there is such an app, make it like this instead of refusing
    #[arg(long)]
    or_update: bool,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Set {
    /// The app
    name: ClientName,
    #[command(flatten)]
    settings: Settings,
    /// One more address where the answer to a sign-in may go; may be repeated
    #[arg(long, value_name = "URL", conflicts_with = "redirect_uris")]
    add_redirect_uri: Vec<String>,
    /// An address where no answer may go any more; may be repeated
    #[arg(long, value_name = "URL", conflicts_with = "redirect_uris")]
    remove_redirect_uri: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The app
    name: ClientName,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Access {
    /// The app
    name: ClientName,
    /// The groups
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<GroupName>,
}

#[derive(Debug, Args)]
pub(crate) struct Scope {
    /// The app
    name: ClientName,
    /// The group
    group: GroupName,
    /// The scope
    scope: String,
}

#[derive(Debug, Args)]
pub(crate) struct IconFile {
    /// The app
    name: ClientName,
    /// The picture
    file: PathBuf,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List => list(shell),
            Self::Show(Name { name }) => app_show::show(shell, &name),
            Self::Create(create) => create.run(shell),
            Self::Set(set) => set.run(shell),
            Self::Delete(Delete { name, yes }) => {
                shell.confirm(yes, &format!("Removing the app {name}"), name.as_str())?;
                let answer = shell.bare(Method::Delete, &one(&name))?;
                shell.changed(answer, "app", name.as_str())
            }
            Self::Allow(Access { name, groups }) => shell.all(Method::Put, "access", access(&name, &groups)),
            Self::Deny(Access { name, groups }) => shell.all(Method::Delete, "access", access(&name, &groups)),
            Self::Scope(ScopeVerb::Add(scope)) => scope.run(shell, Method::Put),
            Self::Scope(ScopeVerb::Remove(scope)) => scope.run(shell, Method::Delete),
            Self::Claim(verb) => verb.run(shell),
            Self::Icon(verb) => verb.run(shell),
            Self::RegistrationToken(verb) => verb.run(shell),
            Self::Secret(SecretVerb::Rotate(rotate)) => rotate.run(shell),
            Self::Try(trial) => trial.run(shell),
            Self::Doctor(doctor) => doctor.run(shell),
            Self::Preview(preview) => preview.run(shell),
        }
    }
}

/// The address of an app.
pub(super) fn one(name: &ClientName) -> String {
    path(&["apps", name.as_str()])
}

fn list(shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
    let items = shell.collect(&path(&["apps"]), usize::MAX)?;
    let nothing = "There are no apps. Add one with: latchkey app create NAME --redirect-uri URL --allow GROUP";
    shell.list(items, nothing, &["name", "display name", "public", "allowed groups"], |app: api::AppItem| {
        let allow = if app.allow.is_empty() { "nobody".to_owned() } else { app.allow.join(", ") };
        vec![app.name, app.display_name, yes_no(app.public), allow]
    })
}

impl Create {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self { name, public, settings, allow, or_update } = self;
        let request = NewApp { name: name.to_string(), public, set: settings.into_patch()?, or_update };
        let answer = shell.send(Method::Post, &path(&["apps"]), &request)?;
        // The secret is shown this once: it must come out, whatever else fails.
        if shell.format() == Format::Table {
            created(shell, read(answer)?)?;
            return shell.series(Method::Put, "access", access(&name, &allow)).1;
        }
        let (done, ended) = shell.series(Method::Put, "access", access(&name, &allow));
        let mut told = answer;
        if let Value::Object(fields) = &mut told {
            fields.insert("access".to_owned(), Value::Array(done));
        }
        shell.json(&told)?;
        ended
    }
}

fn created(shell: &mut Shell<'_, '_>, made: AppCreated) -> Result<(), Failure> {
    shell.effect(made.change, "app", &made.client_id)?;
    let Some(secret) = made.client_secret else { return Ok(()) };
    shell.note("Type this into the app; the secret is shown only this once:")?;
    let fields = [
        ("issuer".to_owned(), made.endpoints.issuer),
        ("discovery".to_owned(), made.endpoints.discovery),
        ("client_id".to_owned(), made.client_id),
        ("client_secret".to_owned(), secret),
    ];
    let text = super::output::sheet(None, fields);
    shell.line(&text)
}

impl Set {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let mut patch = self.settings.into_patch()?;
        if !self.add_redirect_uri.is_empty() || !self.remove_redirect_uri.is_empty() {
            let app: api::App = read(shell.get(&one(&self.name))?)?;
            let mut uris = app.redirect_uris;
            uris.retain(|uri| !self.remove_redirect_uri.contains(uri));
            for uri in self.add_redirect_uri {
                if !uris.contains(&uri) {
                    uris.push(uri);
                }
            }
            patch.redirect_uris = Some(uris);
        }
        something(patch == AppPatch::default(), "--display-name TEXT")?;
        let answer = shell.send(Method::Patch, &one(&self.name), &patch)?;
        shell.changed(answer, "app", self.name.as_str())
    }
}

fn access(app: &ClientName, groups: &[GroupName]) -> Vec<Target> {
    let target = |group: &GroupName| Target {
        path: path(&["apps", app.as_str(), "groups", group.as_str()]),
        name: format!("of {group} to {app}"),
    };
    groups.iter().map(target).collect()
}

impl Scope {
    fn run(self, shell: &mut Shell<'_, '_>, method: Method) -> Result<(), Failure> {
        let Self { name, group, scope } = self;
        let text = format!("{scope} of {name} for {group}");
        let request = ExtraScope { group: group.to_string(), scope };
        let answer = shell.send(method, &path(&["apps", name.as_str(), "scopes"]), &request)?;
        shell.changed(answer, "scope", &text)
    }
}

impl IconVerb {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let (name, answer) = match self {
            Self::Set(IconFile { name, file }) => {
                let (media_type, bytes) = read_picture(&file)?;
                let answer = shell.upload(&path(&["apps", name.as_str(), "icon"]), media_type, bytes)?;
                (name, answer)
            }
            Self::Remove(Name { name }) => {
                let answer = shell.bare(Method::Delete, &path(&["apps", name.as_str(), "icon"]))?;
                (name, answer)
            }
        };
        shell.changed(answer, "icon", name.as_str())
    }
}

impl Rotate {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self { name, keep_old } = self;
        let request = RotateSecret { keep_old_seconds: keep_old.map(|Length(span)| span.as_seconds()) };
        let answer = shell.send(Method::Post, &path(&["apps", name.as_str(), "secret"]), &request)?;
        if shell.format() == Format::Json {
            return shell.json(&answer);
        }
        let made: AppSecret = read(answer)?;
        let old = match request.keep_old_seconds {
            Some(seconds) => format!("works for another {}", length_text(seconds)),
            None => "works no more".to_owned(),
        };
        shell.note(&format!("The new client_secret of {name}, shown only this once; the old one {old}:"))?;
        shell.line(&made.client_secret)
    }
}
