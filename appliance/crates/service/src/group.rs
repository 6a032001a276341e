//! Groups: made, changed, removed, and who is in them.
//!
//! Whoever manages persons manages groups, but for what would let them reach above themselves: a group that gives an office, and
//! one that changes how strongly an office holder must sign in, or that lets an office holder into an app.

use std::collections::BTreeMap;

use domain::account::{Account, AccountKind};
use domain::group::{Builtin, Group, find_cycle};
use domain::id::GroupId;
use domain::name::{GroupName, Label, Username};
use domain::permission::{Need, Roles};
use domain::strength::Strength;
use serde_json::json;
use store::Reader;

use crate::account::{at_most, keeping_an_owner, permit, within};
use crate::operation::{Abort, Writing};
use crate::page::{Page, PageQuery};
use crate::{Change, Context, Idp, OpError, Refusal};

/// Most groups of a house.
pub const MAX_GROUPS: usize = 5_000;
/// Most accounts and groups that one group holds directly.
pub const MAX_MEMBERS: usize = 20_000;
/// Most groups that one account is added to: they are all looked at when it signs in.
pub const MAX_GROUPS_OF_ACCOUNT: usize = 200;
/// Most groups that one group holds directly, and that hold it.
pub const MAX_NESTED: usize = 200;

/// What to change of a group; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupAmendment {
    /// A new name.
    pub name: Option<GroupName>,
    /// A new description; empty for none.
    pub description: Option<String>,
    /// How strongly a member must sign in.
    pub strength: Option<Strength>,
}

/// What a group holds: accounts and groups have names of their own each, so it is said which is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A person or a service account.
    Account(Username),
    /// A group.
    Group(GroupName),
}

/// Which members are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that were added to the group itself.
    Direct,
    /// Those of the groups in it as well.
    Effective,
}

/// A group and its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// The groups that it was added to.
    pub parents: Vec<GroupName>,
    /// The groups that were added to it.
    pub children: Vec<GroupName>,
    /// What a member of it must reach, with what the groups above it demand.
    pub effective_strength: Strength,
}

impl Idp {
    /// Makes a group; its strength is `any` when nothing is said.
    pub fn create_group(
        &self,
        ctx: &Context,
        name: &GroupName,
        amendment: &GroupAmendment,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManageGroup(Roles::NONE), |op| {
            if op.group_by_name(name)?.is_some() {
                return Err(Refusal::Exists { kind: "group", name: name.to_string() }.into());
            }
            within(op.count_groups()?, MAX_GROUPS, "groups")?;
            op.insert_group(&Group {
                id: GroupId(0),
                name: name.clone(),
                description: description(amendment.description.as_deref().unwrap_or_default())?,
                builtin: None,
                strength: amendment.strength.unwrap_or_default(),
                created_at: ctx.now,
                updated_at: ctx.now,
            })?;
            op.record("group.create", name.as_str(), json!({}))?;
            Ok(Change::Created)
        })
    }

    /// Changes a group. A built-in one keeps its name.
    pub fn set_group(
        &self,
        ctx: &Context,
        name: &GroupName,
        amendment: &GroupAmendment,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let group = named(op, name)?;
            permit_over(op, &group, "group.set")?;
            let (next, changed) = amended(&group, amendment)?;
            if changed.is_empty() {
                return Ok(Change::Unchanged);
            }
            if next.name != group.name {
                if group.builtin.is_some() {
                    return Err(Refusal::Builtin(group.name).into());
                }
                if op.group_by_name(&next.name)?.is_some() {
                    return Err(Refusal::Exists { kind: "group", name: next.name.to_string() }.into());
                }
            }
            if next.strength != group.strength && (group.builtin.is_some() || op.holds_officers(group.id)?) {
                permit(op, Need::Own, "group.set", name.as_str())?;
            }
            op.update_group(&Group { updated_at: ctx.now, ..next.clone() })?;
            op.record("group.set", name.as_str(), json!({ "changed": changed, "name": next.name }))?;
            Ok(Change::Changed)
        })
    }

    /// Removes a group, not its members. A built-in one stays.
    pub fn delete_group(&self, ctx: &Context, name: &GroupName) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let Some(group) = op.group_by_name(name)? else {
                permit(op, Need::ManageGroup(Roles::NONE), "group.delete", name.as_str())?;
                return Ok(Change::Unchanged);
            };
            permit_over(op, &group, "group.delete")?;
            if group.builtin.is_some() {
                return Err(Refusal::Builtin(group.name).into());
            }
            permit_apart(op, &group, group.id, "group.delete")?;
            keeping_an_owner(op, ctx.now, || Ok(op.delete_group(group.id)?))?;
            op.record("group.delete", name.as_str(), json!({}))?;
            Ok(Change::Removed)
        })
    }

    /// Adds a member to a group.
    pub fn add_member(&self, ctx: &Context, name: &GroupName, member: &Member) -> Result<Change, OpError<Refusal>> {
        let change = self.write(ctx, Need::ReadDirectory, |op| {
            let group = named(op, name)?;
            let given = permit_over(op, &group, "group.add")?;
            let added = match member {
                Member::Account(who) => add_account(op, &group, &account_named(op, who)?)?,
                Member::Group(child) => add_group(op, &group, &named(op, child)?, given)?,
            };
            if !added {
                return Ok(Change::Unchanged);
            }
            at_most(op.count_members(group.id)?, MAX_MEMBERS, "members of a group")?;
            let mut detail = member.detail();
            if given.any_office() {
                void_entrances(op, member, &mut detail)?;
            }
            op.record("group.add", name.as_str(), detail)?;
            self.claim_at_console(op, &group)?;
            Ok(Change::Changed)
        })?;
        self.look_whether_claimed()?;
        Ok(change)
    }

    /// Takes a member out of a group.
    pub fn remove_member(&self, ctx: &Context, name: &GroupName, member: &Member) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let group = named(op, name)?;
            permit_over(op, &group, "group.remove")?;
            let removed = match member {
                Member::Account(who) => {
                    let account = account_named(op, who)?;
                    permit(op, Need::ManagePerson(op.roles(account.id, account.kind)?), "group.remove", name.as_str())?;
                    keeping_an_owner(op, ctx.now, || Ok(op.delete_account_member(group.id, account.id)?))?
                }
                Member::Group(child) => {
                    let child = named(op, child)?;
                    permit_apart(op, &group, child.id, "group.remove")?;
                    keeping_an_owner(op, ctx.now, || Ok(op.delete_group_member(group.id, child.id)?))?
                }
            };
            if !removed {
                return Ok(Change::Unchanged);
            }
            op.record("group.remove", name.as_str(), member.detail())?;
            Ok(Change::Changed)
        })
    }

    /// Shows a group.
    pub fn show_group(&self, ctx: &Context, name: &GroupName) -> Result<GroupView, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let group = named(op, name)?;
            Ok(GroupView {
                parents: op.parent_groups(group.id)?,
                children: op.child_groups(group.id)?.into_iter().map(|(_, name)| name).collect(),
                effective_strength: demanded(op, group.id)?,
                group,
            })
        })
    }

    /// Lists groups by name.
    pub fn list_groups(&self, ctx: &Context, query: &PageQuery) -> Result<Page<Group>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let found = op.groups(&query.prefix()?, &query.after()?, query.fetch())?;
            Ok(query.page(found, |group| group.name.to_string()))
        })
    }

    /// Lists the accounts in a group by name; the query's prefix is not looked at.
    pub fn list_members(
        &self,
        ctx: &Context,
        name: &GroupName,
        reach: Reach,
        query: &PageQuery,
    ) -> Result<Page<Account>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let group = named(op, name)?;
            let found = match reach {
                Reach::Direct => op.direct_members(group.id, &query.after()?, query.fetch())?,
                Reach::Effective => op.effective_members(group.id, &query.after()?, query.fetch())?,
            };
            Ok(query.page(found, |account| account.name.to_string()))
        })
    }
}

impl Member {
    fn detail(&self) -> serde_json::Value {
        match self {
            Self::Account(name) => json!({ "account": name }),
            Self::Group(name) => json!({ "group": name }),
        }
    }
}

fn add_account(op: &Writing<'_>, group: &Group, account: &Account) -> Result<bool, Abort<Refusal>> {
    // A people admin who could put an owner under a stronger demand could shut the owner out.
    permit(op, Need::ManagePerson(op.roles(account.id, account.kind)?), "group.add", group.name.as_str())?;
    if group.builtin == Some(Builtin::Everyone) {
        // Persons are in it anyway; programs never are.
        return match account.kind {
            AccountKind::Person => Ok(false),
            AccountKind::Service => Err(Refusal::Builtin(group.name.clone()).into()),
        };
    }
    let added = op.insert_account_member(group.id, account.id)?;
    at_most(op.count_direct_groups(account.id)?, MAX_GROUPS_OF_ACCOUNT, "groups of an account")?;
    Ok(added)
}

fn add_group(op: &Writing<'_>, group: &Group, child: &Group, given: Roles) -> Result<bool, Abort<Refusal>> {
    if group.builtin == Some(Builtin::Everyone) {
        return Err(Refusal::Builtin(group.name.clone()).into());
    }
    if given.any_office() && op.holds_everyone(child.id)? {
        let why = format!("{} gives an office, which not everyone can hold; add persons one by one", group.name);
        return Err(Refusal::Conflict(why).into());
    }
    let mut names = BTreeMap::from([(group.id, group.name.clone()), (child.id, child.name.clone())]);
    let cycle = find_cycle(group.id, child.id, |id| -> Result<Vec<GroupId>, store::Fault> {
        let children = op.child_groups(id)?;
        let ids = children.iter().map(|(id, _)| *id).collect();
        names.extend(children);
        Ok(ids)
    })?;
    if let Some(path) = cycle {
        return Err(Refusal::Cycle(path.into_iter().filter_map(|id| names.get(&id).cloned()).collect()).into());
    }
    if demanded(op, group.id)? > Strength::Any && op.holds_officers(child.id)? {
        permit(op, Need::Own, "group.add", group.name.as_str())?;
    }
    let nested = op.child_groups(group.id)?.len().max(op.parent_groups(child.id)?.len());
    let added = op.insert_group_member(group.id, child.id)?;
    if added && nested >= MAX_NESTED {
        return Err(Refusal::TooMany { what: "groups in or around a group", limit: MAX_NESTED }.into());
    }
    Ok(added)
}

/// Asks whether those within may leave the group: a people admin who took an office holder out of a demand would lower it, and
/// could shut them out of an app.
fn permit_apart(op: &Writing<'_>, group: &Group, within: GroupId, action: &str) -> Result<(), Abort<Refusal>> {
    let weighty = demanded(op, group.id)? > Strength::Any || op.opens_app(group.id)?;
    if weighty && op.holds_officers(within)? {
        permit(op, Need::Own, action, group.name.as_str())?;
    }
    Ok(())
}

/// Voids the links and API tokens made before the office: a people admin may have made them, and would hold the office by one.
fn void_entrances(op: &Writing<'_>, member: &Member, detail: &mut serde_json::Value) -> Result<(), Abort<Refusal>> {
    let (invites, tokens) = match member {
        Member::Account(name) => {
            let id = account_named(op, name)?.id;
            (op.delete_invites(id)?, op.delete_api_tokens(id)?)
        }
        Member::Group(name) => {
            let id = named(op, name)?.id;
            (op.delete_invites_within(id)?, op.delete_api_tokens_within(id)?)
        }
    };
    detail["voided_invites"] = json!(invites);
    detail["voided_api_tokens"] = json!(tokens);
    Ok(())
}

fn amended(group: &Group, amendment: &GroupAmendment) -> Result<(Group, Vec<&'static str>), Refusal> {
    let mut next = group.clone();
    let mut changed = Vec::new();
    if let Some(name) = &amendment.name
        && *name != group.name
    {
        next.name = name.clone();
        changed.push("name");
    }
    if let Some(raw) = &amendment.description {
        next.description = description(raw)?;
        if next.description != group.description {
            changed.push("description");
        }
    }
    if let Some(strength) = amendment.strength
        && strength != group.strength
    {
        next.strength = strength;
        changed.push("strength");
    }
    Ok((next, changed))
}

fn description(raw: &str) -> Result<String, Refusal> {
    if raw.trim().is_empty() {
        return Ok(String::new());
    }
    raw.parse::<Label>()
        .map(String::from)
        .map_err(|why| Refusal::Invalid { what: "description".to_owned(), why: why.to_string() })
}

/// The highest strength that the group and those above it demand.
fn demanded(op: &Reader<'_>, id: GroupId) -> Result<Strength, store::Fault> {
    Ok(op.groups_above(id)?.into_iter().map(|group| group.strength).max().unwrap_or_default())
}

/// The group of that name.
pub(crate) fn named(op: &Reader<'_>, name: &GroupName) -> Result<Group, OpError<Refusal>> {
    Ok(op.group_by_name(name)?.ok_or_else(|| Refusal::NotFound { kind: "group", name: name.to_string() })?)
}

fn account_named(op: &Reader<'_>, name: &Username) -> Result<Account, OpError<Refusal>> {
    Ok(op.account_by_name(name)?.ok_or_else(|| Refusal::NotFound { kind: "account", name: name.to_string() })?)
}

/// Asks for the permit to change that group, by the offices it gives; tells which those are.
fn permit_over(op: &Writing<'_>, group: &Group, action: &str) -> Result<Roles, Abort<Refusal>> {
    let given = op.roles_of_group(group.id)?;
    permit(op, Need::ManageGroup(given), action, group.name.as_str())?;
    Ok(given)
}

#[cfg(test)]
mod tests;
