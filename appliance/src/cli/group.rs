//! `latchkey group`: groups hold accounts and groups.

use clap::{Args, Subcommand};
use domain::name::{GroupName, Username};
use domain::strength::Strength;

use crate::api::{self, GroupPatch, NewGroup, Rename};
use crate::http::Method;

use super::failure::{Failure, something};
use super::output::yes_no;
use super::shell::{Shell, Target, path};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the groups
    #[command(visible_alias = "ls", after_help = "Example:\n  latchkey group list")]
    List,
    /// Show a group and who was added to it
    #[command(after_help = "Example:\n  latchkey group show family")]
    Show(Name),
    /// List everybody in a group, through other groups too
    #[command(after_help = "Example:\n  latchkey group members family")]
    Members(Name),
    /// Add a group
    #[command(after_help = "Examples:
  latchkey group create family --description \"Everybody who lives here\"
  latchkey group create finance --strength passkey --or-update")]
    Create(Create),
    /// Change a group
    #[command(after_help = "Example:\n  latchkey group set finance --strength passkey")]
    Set(Set),
    /// Give a group another name
    #[command(after_help = "Example:\n  latchkey group rename kids teens")]
    Rename(Renaming),
    /// Remove a group; its members stay
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey group delete kids --yes")]
    Delete(Delete),
    /// Add persons, service accounts and groups to a group
    #[command(after_help = "Examples:
  latchkey group add family anna bert
  latchkey group add family --group kids")]
    Add(Members),
    /// Take persons, service accounts and groups out of a group
    #[command(after_help = "Example:\n  latchkey group remove family bert --group kids")]
    Remove(Members),
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The group
    name: GroupName,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// What the group is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How strongly its members must sign in: any (a password is enough), mfa (two factors or a passkey) or passkey
    #[arg(long, value_name = "STRENGTH")]
    strength: Option<Strength>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The group
    name: GroupName,
    #[command(flatten)]
    settings: Settings,
    /// If there is such a group, make it like this instead of refusing
    #[arg(long)]
    or_update: bool,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Set {
    /// The group
    name: GroupName,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct Renaming {
    /// The name now
    name: GroupName,
    /// The name from now on
    new_name: GroupName,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The group
    name: GroupName,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Members {
    /// The group
    group: GroupName,
    /// Persons and service accounts
    #[arg(value_name = "ACCOUNT", required_unless_present = "groups")]
    accounts: Vec<Username>,
    /// A group; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,
}

impl Verb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::List => list(shell),
            Self::Show(Name { name }) => show(shell, &name),
            Self::Members(Name { name }) => {
                let items = shell.collect(&path(&["groups", name.as_str(), "members"]), usize::MAX)?;
                let nothing = format!("Nobody is in {name}. Add somebody with: latchkey group add {name} NAME");
                shell.list(items, &nothing, &["name", "display name", "state"], |account: api::PersonItem| {
                    vec![account.name, account.display_name, account.state.as_str().to_owned()]
                })
            }
            Self::Create(Create { name, settings, or_update }) => {
                let request = NewGroup { name: name.to_string(), set: settings.into_patch(), or_update };
                let answer = shell.send(Method::Post, &path(&["groups"]), &request)?;
                shell.changed(answer, "group", name.as_str())
            }
            Self::Set(Set { name, settings }) => {
                let patch = settings.into_patch();
                something(patch == GroupPatch::default(), "--description TEXT")?;
                let answer = shell.send(Method::Patch, &path(&["groups", name.as_str()]), &patch)?;
                shell.changed(answer, "group", name.as_str())
            }
            Self::Rename(Renaming { name, new_name }) => {
                let to = Rename { name: new_name.to_string() };
                let answer = shell.send(Method::Post, &path(&["groups", name.as_str(), "rename"]), &to)?;
                shell.changed(answer, "group", new_name.as_str())
            }
            Self::Delete(Delete { name, yes }) => {
                shell.confirm(yes, &format!("Removing the group {name}"), name.as_str())?;
                let answer = shell.bare(Method::Delete, &path(&["groups", name.as_str()]))?;
                shell.changed(answer, "group", name.as_str())
            }
            Self::Add(members) => members.run(shell, Method::Put),
            Self::Remove(members) => members.run(shell, Method::Delete),
        }
    }
}

impl Settings {
    fn into_patch(self) -> GroupPatch {
        GroupPatch { description: self.description, strength: self.strength.map(|strength| strength.to_string()) }
    }
}

impl Members {
    fn run(self, shell: &mut Shell<'_, '_>, method: Method) -> Result<(), Failure> {
        let Self { group, accounts, groups } = self;
        let mut targets: Vec<Target> = accounts.iter().map(|account| member(&group, account)).collect();
        targets.extend(groups.iter().map(|child| Target {
            path: path(&["groups", group.as_str(), "groups", child.as_str()]),
            name: format!("group {child} of {group}"),
        }));
        shell.all(method, "member", targets)
    }
}

/// An account as a member of a group.
pub(super) fn member(group: &GroupName, account: &Username) -> Target {
    Target {
        path: path(&["groups", group.as_str(), "accounts", account.as_str()]),
        name: format!("{account} of {group}"),
    }
}

fn list(shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
    let items = shell.collect(&path(&["groups"]), usize::MAX)?;
    shell.list(
        items,
        "There are no groups.",
        &["name", "strength", "built in", "description"],
        |group: api::GroupItem| vec![group.name, group.strength, yes_no(group.builtin), group.description],
    )
}

fn show(shell: &mut Shell<'_, '_>, name: &GroupName) -> Result<(), Failure> {
    let value = shell.get(&path(&["groups", name.as_str()]))?;
    shell.show(value, |group: api::Group| {
        let empty = group.accounts.is_empty() && group.groups.is_empty();
        let dynamic = group.builtin && group.name == "everyone";
        let members = match (dynamic, empty) {
            (true, _) => "every person of the house".to_owned(),
            (false, true) => "nobody".to_owned(),
            (false, false) => group.accounts.join(", ") + if group.more_accounts { ", ..." } else { "" },
        };
        let strength = if group.strength == group.effective_strength {
            group.strength
        } else {
            format!("{} ({} through the groups that it is in)", group.strength, group.effective_strength)
        };
        vec![
            ("name".to_owned(), group.name),
            ("description".to_owned(), group.description),
            ("built in".to_owned(), yes_no(group.builtin)),
            ("strength".to_owned(), strength),
            ("members".to_owned(), members),
            ("groups in it".to_owned(), group.groups.join(", ")),
            ("member of".to_owned(), group.member_of.join(", ")),
            ("created".to_owned(), format!("{} UTC", group.created_at.short())),
            ("changed".to_owned(), format!("{} UTC", group.updated_at.short())),
        ]
    })
}
