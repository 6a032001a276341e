//! `latchkey person`: the people of the house.

use clap::{Args, Subcommand};
use domain::name::{GroupName, Username};
use serde_json::{Value, json};

use crate::api::{self, AccountPatch, Changed, NewAccount, NewInvite, Rename, Time};
use crate::http::Method;

use super::attributes::{PersonAttributes, title};
use super::failure::{Failure, something};
use super::group::member;
use super::output::{Format, cell, yes_no};
use super::person_credential::{CredentialVerb, remarks};
use super::person_files::{PictureVerb, SshKeyVerb};
use super::shell::{Shell, path, read, segment};
use super::value::{Length, MomentOrNone};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the people of the house
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey person list --prefix an")]
    List(List),
    /// Show everything about a person
    #[command(after_help = "Example:\n  latchkey person show anna")]
    Show(Name),
    /// Add a person
    #[command(after_help = "Examples:
  latchkey person create anna --display-name \"Anna Bauer\" --mail anna@example.org --group family --invite
  latchkey person create anna --locale de-AT --or-update")]
    Create(Create),
    /// Change what is known about a person
    #[command(after_help = "Examples:
  latchkey person set anna --display-name \"Anna Gruber\" --clear phone-number
  latchkey person set nanny --valid-until 2027-06-30")]
    Set(Set),
    /// Give a person another name to sign in with; apps still know who it is
    #[command(after_help = "Example:\n  latchkey person rename anna anna.gruber")]
    Rename(Renaming),
    /// Shut a person out and end all their sessions, until `unlock`
    #[command(after_help = "Example:\n  latchkey person lock anna")]
    Lock(Name),
    /// Let a locked person in again
    #[command(after_help = "Example:\n  latchkey person unlock anna")]
    Unlock(Name),
    /// Remove a person for good
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey person delete anna --yes")]
    Delete(Delete),
    /// Make a link with which a person sets up their first passkey
    #[command(after_help = "Example:\n  latchkey person invite anna --expires-in 7d --qr")]
    Invite(Inviting),
    /// Make a link for a person who lost their phone: it adds a new passkey
    #[command(after_help = "Example:\n  latchkey person recover anna --expires-in 2h")]
    Recover(Inviting),
    /// Make every open link of a person useless
    #[command(after_help = "Example:\n  latchkey person uninvite anna")]
    Uninvite(Name),
    /// What a person signs in with
    #[command(subcommand)]
    Credential(CredentialVerb),
    /// The picture of a person
    #[command(subcommand)]
    Picture(PictureVerb),
    /// The SSH keys of a person
    #[command(subcommand)]
    SshKey(SshKeyVerb),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only names that begin like this
    #[arg(long)]
    prefix: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The name that the person signs in with
    name: Username,
}

#[derive(Debug, Args)]
pub(crate) struct Validity {
    /// Not usable before this moment; `none` for at once
    #[arg(long, value_name = "MOMENT")]
    valid_from: Option<MomentOrNone>,
    /// Not usable from this moment on; `none` for no end
    #[arg(long, value_name = "MOMENT")]
    valid_until: Option<MomentOrNone>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The name that the person is to sign in with
    name: Username,
    #[command(flatten)]
    attributes: PersonAttributes,
    #[command(flatten)]
    validity: Validity,
    /// Add the person to this group; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,
    /// If there is such a person, make them like this instead of refusing
    #[arg(long)]
    or_update: bool,
    /// Make an invite link as well
    #[arg(long)]
    invite: bool,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Set {
    /// The name that the person signs in with
    name: Username,
    #[command(flatten)]
    attributes: PersonAttributes,
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
    /// The name that the person signs in with
    name: Username,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inviting {
    /// The name that the person signs in with
    name: Username,
    /// For how long the link works: 30m, 12h, 3d, 2w
    #[arg(long, value_name = "LENGTH")]
    expires_in: Option<Length>,
    /// Draw the QR code even if nobody looks at a screen
    #[arg(long, overrides_with = "no_qr")]
    qr: bool,
    /// Do not draw the QR code
    #[arg(long)]
    no_qr: bool,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(shell),
            Self::Show(Name { name }) => show(shell, &name),
            Self::Create(create) => create.run(shell),
            Self::Set(set) => set.run(shell),
            Self::Rename(Renaming { name, new_name }) => {
                let to = Rename { name: new_name.to_string() };
                let answer = shell.send(Method::Post, &path(&["persons", name.as_str(), "rename"]), &to)?;
                shell.changed(answer, "person", new_name.as_str())
            }
            Self::Lock(Name { name }) => lock(shell, &name, true),
            Self::Unlock(Name { name }) => lock(shell, &name, false),
            Self::Delete(Delete { name, yes }) => {
                shell.confirm(yes, &format!("Removing the person {name}"), name.as_str())?;
                let answer = shell.bare(Method::Delete, &path(&["persons", name.as_str()]))?;
                shell.changed(answer, "person", name.as_str())
            }
            Self::Invite(inviting) => inviting.run(shell, false),
            Self::Recover(inviting) => inviting.run(shell, true),
            Self::Uninvite(Name { name }) => {
                let answer = shell.bare(Method::Delete, &path(&["persons", name.as_str(), "invites"]))?;
                shell.changed(answer, "invite", &format!("of {name}"))
            }
            Self::Credential(verb) => verb.run(shell),
            Self::Picture(verb) => verb.run(shell),
            Self::SshKey(verb) => verb.run(shell),
        }
    }
}

impl List {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let query = self.prefix.map(|prefix| format!("?prefix={}", segment(&prefix))).unwrap_or_default();
        let items = shell.collect(&format!("{}{query}", path(&["persons"])), self.limit)?;
        let nothing = "There is nobody of that name yet. Add somebody with: latchkey person create NAME --invite";
        shell.list(items, nothing, &["name", "display name", "state", "created (UTC)"], |person: api::PersonItem| {
            vec![person.name, person.display_name, person.state.as_str().to_owned(), person.created_at.short()]
        })
    }
}

impl Validity {
    pub(super) fn into_patch(
        self,
        attributes: std::collections::BTreeMap<String, Value>,
        now: domain::time::Timestamp,
    ) -> AccountPatch {
        AccountPatch {
            attributes,
            valid_from: MomentOrNone::patch(self.valid_from, now),
            valid_until: MomentOrNone::patch(self.valid_until, now),
            locked: None,
        }
    }
}

impl Create {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let set = self.validity.into_patch(self.attributes.values, shell.now());
        let request = NewAccount { name: self.name.to_string(), set, or_update: self.or_update };
        let answer = shell.send(Method::Post, &path(&["persons"]), &request)?;
        let members = self.groups.iter().map(|group| member(group, &self.name)).collect();
        if shell.format() == Format::Table {
            shell.changed(answer, "person", self.name.as_str())?;
            shell.series(Method::Put, "member", members).1?;
            return if self.invite { Inviting::usual(self.name).run(shell, false) } else { Ok(()) };
        }
        let Changed { change } = read(answer)?;
        let (done, mut ended) = shell.series(Method::Put, "member", members);
        let mut told = json!({ "change": change, "kind": "person", "name": self.name, "members": done });
        if self.invite && ended.is_ok() {
            match Inviting::usual(self.name).ask(shell, false) {
                Ok(invite) => told["invite"] = invite,
                Err(failure) => ended = Err(failure),
            }
        }
        shell.json(&told)?;
        ended
    }
}

impl Set {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let patch = self.validity.into_patch(self.attributes.values, shell.now());
        something(patch.is_empty(), "--display-name TEXT")?;
        let answer = shell.send(Method::Patch, &path(&["persons", self.name.as_str()]), &patch)?;
        shell.changed(answer, "person", self.name.as_str())
    }
}

impl Inviting {
    /// As long and as drawn as usual.
    fn usual(name: Username) -> Self {
        Self { name, expires_in: None, qr: false, no_qr: false }
    }

    fn ask(&self, shell: &mut Shell<'_, '_>, recover: bool) -> Result<Value, Failure> {
        let request = NewInvite { recover, expires_in: self.expires_in.map(|Length(span)| span.as_seconds()) };
        shell.send(Method::Post, &path(&["persons", self.name.as_str(), "invites"]), &request)
    }

    fn run(self, shell: &mut Shell<'_, '_>, recover: bool) -> Result<(), Failure> {
        let answer = self.ask(shell, recover)?;
        let wanted = if self.qr { Some(true) } else { self.no_qr.then_some(false) };
        let purpose = if recover { "add a new passkey" } else { "set up a passkey" };
        shell.link(answer, wanted, &format!("With this link {} can {purpose}", self.name))
    }
}

fn lock(shell: &mut Shell<'_, '_>, name: &Username, locked: bool) -> Result<(), Failure> {
    let patch = AccountPatch { locked: Some(locked), ..AccountPatch::default() };
    let answer = shell.send(Method::Patch, &path(&["persons", name.as_str()]), &patch)?;
    shell.changed(answer, "person", name.as_str())
}

fn show(shell: &mut Shell<'_, '_>, name: &Username) -> Result<(), Failure> {
    let value = shell.get(&path(&["persons", name.as_str()]))?;
    shell.show(value, |person: api::Person| {
        let at = |time: Option<Time>| time.map(|time| format!("{} UTC", time.short())).unwrap_or_default();
        let mut fields = vec![
            ("name".to_owned(), person.name.clone()),
            ("subject (sub)".to_owned(), person.subject),
            ("state".to_owned(), person.state.as_str().to_owned()),
        ];
        fields.extend(person.attributes.iter().map(|(key, value)| (title(key), cell(value))));
        fields.extend([
            ("valid from".to_owned(), at(person.valid_from)),
            ("valid until".to_owned(), at(person.valid_until)),
            ("groups".to_owned(), person.groups.join(", ")),
            ("picture".to_owned(), yes_no(person.picture)),
        ]);
        let none = person.credentials.is_empty();
        let invite = format!("nothing yet; make a link with: latchkey person invite {}", person.name);
        fields.extend(person.credentials.into_iter().map(|held| {
            let used = held.last_used_at.map_or("never used".to_owned(), |at| format!("last used {} UTC", at.short()));
            let remarks = Some(remarks(&held)).filter(|text| !text.is_empty()).map(|text| format!(" ({text})"));
            let remarks = remarks.unwrap_or_default();
            (held.kind, format!("{}, made {} UTC, {used}{remarks}", held.label, held.created_at.short()))
        }));
        if none {
            fields.push(("signs in with".to_owned(), invite));
        }
        fields.push(("created".to_owned(), at(Some(person.created_at))));
        fields.push(("changed".to_owned(), at(Some(person.updated_at))));
        fields
    })
}
