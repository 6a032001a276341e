//! Persons and service accounts: made, changed, shown, removed.
//!
//! Both are accounts with names from one pool; `kind` says which of them an operation means, so that a slip of the tongue
//! does not delete the one for the other.

use std::collections::BTreeMap;

use domain::account::{Account, AccountKind};
use domain::amend::{AmendError, Amendment};
use domain::attribute::Edit;
use domain::id::{AccountId, Subject};
use domain::name::{GroupName, Username};
use domain::permission::{Denied, Need, Roles};
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::Reader;

use crate::operation::{Abort, Refuses, Writing};
use crate::page::{Page, PageQuery};
use crate::session::end_sessions;
use crate::{Change, Context, Idp, OpError, Refusal};

/// Most persons of a house.
pub const MAX_PERSONS: usize = 20_000;
/// Most service accounts of a house.
pub const MAX_SERVICE_ACCOUNTS: usize = 500;

/// An account and where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// The groups it was added to.
    pub direct_groups: Vec<GroupName>,
    /// Every group it is in.
    pub effective_groups: Vec<GroupName>,
    /// Whether it has a picture.
    pub has_picture: bool,
}

/// Whose things are meant: pictures, keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The actor's own.
    Mine,
    /// Those of the account of that name.
    Of(Username),
}

impl Idp {
    /// Makes an account of that kind.
    pub fn create_account(
        &self,
        ctx: &Context,
        kind: AccountKind,
        name: &Username,
        amendment: &Amendment,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ManagePerson(Roles::NONE), |op| {
            if let Some(found) = op.account_by_name(name)? {
                return Err(Refusal::Exists { kind: noun(found.kind), name: name.to_string() }.into());
            }
            let (limit, what) = match kind {
                AccountKind::Person => (MAX_PERSONS, "persons"),
                AccountKind::Service => (MAX_SERVICE_ACCOUNTS, "service accounts"),
            };
            within(op.count_accounts(kind)?, limit, what)?;
            let empty = Account {
                id: AccountId(0),
                subject: Subject::random(self.entropy()),
                kind,
                name: name.clone(),
                attributes: BTreeMap::new(),
                valid_from: None,
                valid_until: None,
                locked: false,
                created_at: ctx.now,
                updated_at: ctx.now,
            };
            let wanted = Amendment { name: None, ..amendment.clone() };
            let amended = wanted.apply(&empty, Edit::Admin, ctx.now).map_err(|why| refuse_value(&why))?;
            mails_are_free(op, &amended.account)?;
            op.insert_account(&amended.account)?;
            op.record(verb(kind, Verb::Create), name.as_str(), json!({ "set": amended.changed }))?;
            Ok(Change::Created)
        })
    }

    /// Changes an account of that kind: name, attributes, validity, lock.
    pub fn set_account(
        &self,
        ctx: &Context,
        kind: AccountKind,
        name: &Username,
        amendment: &Amendment,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let account = named(op, kind, name)?;
            permit_over(op, &account, verb(kind, Verb::Set))?;
            amend(op, &account, amendment, Edit::Admin, ctx.now)
        })
    }

    /// Changes what a person may change of their own: attributes only.
    pub fn set_own_attributes(
        &self,
        ctx: &Context,
        attributes: &BTreeMap<String, Value>,
    ) -> Result<Change, OpError<Refusal>> {
        let me = ctx.actor.account().unwrap_or(AccountId(0));
        self.write(ctx, Need::ChangeSelf(me), |op| {
            let account = op.account(me)?.ok_or_else(nobody)?;
            let amendment = Amendment { attributes: attributes.clone(), ..Amendment::default() };
            amend(op, &account, &amendment, Edit::Holder, ctx.now)
        })
    }

    /// Removes an account of that kind with all that hangs on it.
    pub fn delete_account(
        &self,
        ctx: &Context,
        kind: AccountKind,
        name: &Username,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let Some(account) = op.account_by_name(name)?.filter(|found| found.kind == kind) else {
                permit(op, Need::ManagePerson(Roles::NONE), verb(kind, Verb::Delete), name.as_str())?;
                return Ok(Change::Unchanged);
            };
            permit_over(op, &account, verb(kind, Verb::Delete))?;
            // Not left to what hangs on the row: apps are told.
            end_sessions(op, account.id, None)?;
            keeping_an_owner(op, ctx.now, || Ok(op.delete_account(account.id)?))?;
            op.record(verb(kind, Verb::Delete), name.as_str(), json!({ "sub": account.subject }))?;
            Ok(Change::Removed)
        })
    }

    /// Shows an account of that kind.
    pub fn show_account(
        &self,
        ctx: &Context,
        kind: AccountKind,
        name: &Username,
    ) -> Result<AccountView, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| Ok(view(op, named(op, kind, name)?)?))
    }

    /// Shows the actor their own account.
    pub fn own_account(&self, ctx: &Context) -> Result<AccountView, OpError<Refusal>> {
        let me = ctx.actor.account().unwrap_or(AccountId(0));
        self.read(ctx, Need::SeeSelf(me), |op| Ok(view(op, op.account(me)?.ok_or_else(nobody)?)?))
    }

    /// Lists accounts of that kind by name.
    pub fn list_accounts(
        &self,
        ctx: &Context,
        kind: AccountKind,
        query: &PageQuery,
    ) -> Result<Page<Account>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let found = op.accounts(kind, &query.prefix()?, &query.after()?, query.fetch())?;
            Ok(query.page(found, |account| account.name.to_string()))
        })
    }
}

fn view(op: &Reader<'_>, account: Account) -> Result<AccountView, store::Fault> {
    let direct_groups = op.direct_groups(account.id)?;
    let effective_groups = op.effective_groups(account.id, account.kind)?.into_iter().map(|group| group.name).collect();
    let has_picture = op.has_picture(account.id)?;
    Ok(AccountView { account, direct_groups, effective_groups, has_picture })
}

fn amend(
    op: &Writing<'_>,
    account: &Account,
    amendment: &Amendment,
    by: Edit,
    now: Timestamp,
) -> Result<Change, Abort<Refusal>> {
    let amended = amendment.apply(account, by, now).map_err(|why| refuse_value(&why))?;
    if amended.changed.is_empty() {
        return Ok(Change::Unchanged);
    }
    let next = &amended.account;
    if next.name != account.name
        && let Some(taken) = op.account_by_name(&next.name)?
    {
        return Err(Refusal::Exists { kind: noun(taken.kind), name: next.name.to_string() }.into());
    }
    mails_are_free(op, next)?;
    keeping_an_owner(op, now, || Ok(op.update_account(next)?))?;
    if next.usable(now).is_err() {
        end_sessions(op, next.id, None)?;
    }
    let mut detail = json!({ "changed": amended.changed });
    if next.name != account.name {
        detail["name"] = json!(next.name);
    }
    if next.locked != account.locked {
        detail["locked"] = json!(next.locked);
    }
    op.record(verb(account.kind, Verb::Set), account.name.as_str(), detail)?;
    Ok(Change::Changed)
}

/// Refuses a mail address of another account: an app that knows persons by it would take the one for the other.
fn mails_are_free(op: &Reader<'_>, account: &Account) -> Result<(), Abort<Refusal>> {
    for mail in account.mails() {
        if op.account_by_mail(&mail)?.is_some_and(|holder| holder != account.id) {
            return Err(Refusal::Exists { kind: "mail address", name: mail }.into());
        }
    }
    Ok(())
}

enum Verb {
    Create,
    Set,
    Delete,
}

fn verb(kind: AccountKind, verb: Verb) -> &'static str {
    match (kind, verb) {
        (AccountKind::Person, Verb::Create) => "person.create",
        (AccountKind::Person, Verb::Set) => "person.set",
        (AccountKind::Person, Verb::Delete) => "person.delete",
        (AccountKind::Service, Verb::Create) => "service_account.create",
        (AccountKind::Service, Verb::Set) => "service_account.set",
        (AccountKind::Service, Verb::Delete) => "service_account.delete",
    }
}

/// What people call an account of that kind.
pub(crate) const fn noun(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Person => "person",
        AccountKind::Service => "service account",
    }
}

fn refuse_value(why: &AmendError) -> Refusal {
    Refusal::Invalid { what: why.what().to_owned(), why: why.to_string() }
}

fn nobody() -> Refusal {
    Refusal::Denied(Denied::NotSignedIn)
}

/// The account of that kind and name.
pub(crate) fn named(op: &Reader<'_>, kind: AccountKind, name: &Username) -> Result<Account, OpError<Refusal>> {
    match op.account_by_name(name)? {
        Some(account) if account.kind == kind => Ok(account),
        Some(_) | None => Err(Refusal::NotFound { kind: noun(kind), name: name.to_string() }.into()),
    }
}

/// Refuses to add one more where there are as many as there may be.
pub(crate) fn within(count: u32, limit: usize, what: &'static str) -> Result<(), Refusal> {
    at_most(count.saturating_add(1), limit, what)
}

/// Refuses what has become too many.
pub(crate) fn at_most(count: u32, limit: usize, what: &'static str) -> Result<(), Refusal> {
    if usize::try_from(count).unwrap_or(usize::MAX) > limit { Err(Refusal::TooMany { what, limit }) } else { Ok(()) }
}

/// Asks for a permit once the target is known. A no is kept in the audit log; nothing may have been written before.
pub(crate) fn permit(op: &Writing<'_>, need: Need, action: &str, target: &str) -> Result<(), Abort<Refusal>> {
    match op.authorize::<Refusal>(need) {
        Ok(_permit) => Ok(()),
        Err(refusal) if refusal == Refusal::Denied(Denied::NotAllowed) => {
            op.record_refusal(action, target, json!({ "why": "not allowed" }))?;
            Err(refusal.commit())
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// Asks for the permit to change that account, by the offices it holds.
pub(crate) fn permit_over(op: &Writing<'_>, account: &Account, action: &str) -> Result<(), Abort<Refusal>> {
    let held = op.roles(account.id, account.kind)?;
    permit(op, Need::ManagePerson(held), action, account.name.as_str())
}

/// Makes a change, unless it takes the last owner from the house.
pub(crate) fn keeping_an_owner<T>(
    op: &Writing<'_>,
    now: Timestamp,
    change: impl FnOnce() -> Result<T, Abort<Refusal>>,
) -> Result<T, Abort<Refusal>> {
    let before = op.has_lasting_owner(now)?;
    let value = change()?;
    if before && !op.has_lasting_owner(now)? {
        return Err(Refusal::LastOwner.into());
    }
    Ok(value)
}

impl Whose {
    /// What the frame of an operation on it needs.
    pub(crate) fn need_to_change(&self, ctx: &Context) -> Need {
        match self {
            Self::Mine => Need::ChangeSelf(ctx.actor.account().unwrap_or(AccountId(0))),
            Self::Of(_) => Need::ReadDirectory,
        }
    }

    /// What reading it needs.
    pub(crate) fn need_to_see(&self, ctx: &Context) -> Need {
        match self {
            Self::Mine => Need::SeeSelf(ctx.actor.account().unwrap_or(AccountId(0))),
            Self::Of(_) => Need::ReadDirectory,
        }
    }

    /// The account.
    pub(crate) fn load(&self, ctx: &Context, op: &Reader<'_>) -> Result<Account, OpError<Refusal>> {
        match self {
            Self::Mine => {
                let me = ctx.actor.account().ok_or_else(nobody)?;
                Ok(op.account(me)?.ok_or_else(nobody)?)
            }
            Self::Of(name) => Ok(op
                .account_by_name(name)?
                .ok_or_else(|| Refusal::NotFound { kind: "account", name: name.to_string() })?),
        }
    }

    /// The account, if the actor may change what is its.
    pub(crate) fn load_to_change(
        &self,
        ctx: &Context,
        op: &Writing<'_>,
        action: &str,
    ) -> Result<Account, Abort<Refusal>> {
        let account = self.load(ctx, op)?;
        match self {
            Self::Mine => {}
            Self::Of(_) => permit_over(op, &account, action)?,
        }
        Ok(account)
    }
}

impl From<OpError<Refusal>> for Abort<Refusal> {
    fn from(error: OpError<Refusal>) -> Self {
        Self::Undo(error)
    }
}

#[cfg(test)]
mod tests;
